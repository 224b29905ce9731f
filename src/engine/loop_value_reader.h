// LoopValueReader: reads values in for the commands of a thread that has a loop to wait in, by that thread itself.
//
//   Read ... -> [ jobs ] -> Advance: begun, all at once -> the loop sleeps -> descriptor() is readable -> Advance: who may go on
//                        -> Begin: the same, and who may go on is known in the next turn
//
// Nothing is handed to another thread and back: that cost a value as much CPU as reading it (docs/residency.md). What is large is
// left to the pool, which decodes it beside the loop. Where the kernel has no queue of reads for us there is no use for it.
//
// Threads: its thread's, which is in whenever it calls.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/lookup_queue.h"
#include "engine/read_in_orders.h"
#include "engine/residency.h"

namespace terrace::engine {

class LoopValueReader final : public ValueReader {
 public:
  /// `others` read what this does not, and outlive it.
  LoopValueReader(Residency& residency, ValueReader& others, unsigned depth, bool past_page_cache);
  /// Waits for what is under way; who waits for that is forgotten.
  ~LoopValueReader() override;
  LoopValueReader(const LoopValueReader&) = delete;
  LoopValueReader& operator=(const LoopValueReader&) = delete;

  /// False: there is no queue of reads for us. CONTRACT: then nothing is asked of it.
  bool reads() { return queue_.descriptor() >= 0; }
  int descriptor() { return queue_.descriptor(); }
  size_t depth() const { return queue_.depth(); }

  std::shared_ptr<ReadValues> Read(std::vector<AwayKey> keys,
                                   std::shared_ptr<Waiter> waiter) override;
  bool has_time() const override { return jobs_.size() < queue_.depth(); }
  void ReadAhead(std::vector<AwayKey> keys) override;
  /// Something was asked for that has not been begun, and could be; or there is something for Advance to take, and the
  /// descriptor does not tell.
  bool has_work() const { return has_to_begin() || queue_.has_ended(); }
  void Begin();
  /// `ready` has those who may start anew, which is the caller's to tell them.
  void Advance(std::vector<std::shared_ptr<Waiter>>* ready);

 private:
  class HandedOn;

  void BeginJobs();
  bool has_to_begin() const { return !jobs_.empty() && !queue_.full(); }

  std::shared_ptr<ReadInOrder> Order(std::vector<AwayKey> keys, std::shared_ptr<Waiter> waiter);
  void End(ReadInJob& job, std::optional<StatusOr<ValueStore::Value>> value,
           std::vector<std::shared_ptr<Waiter>>* ready);
  void HandOn(const ReadInJob& job, const std::shared_ptr<ReadInOrder>& order);

  Residency& residency_;
  ValueReader& others_;
  OpenReadIns open_;
  std::deque<std::shared_ptr<ReadInJob>> jobs_;
  std::vector<LookupQueue::Ended> ended_;
  LookupQueue queue_;
};

}  // namespace terrace::engine
