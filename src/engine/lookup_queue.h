// LookupQueue: look-ups of values, many of them under way at a time, by one thread (engine/value_lookup.h says what one reads,
// env/read_queue.h who reads it).
//
//   Begin  Begin  Begin  Wait or Take ... Ended Ended
//
// Threads: one thread's, made by it; Wake is for all.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/read_in_orders.h"
#include "engine/value_lookup.h"
#include "engine/value_store.h"
#include "env/read_queue.h"

namespace terrace::engine {

class LookupQueue {
 public:
  struct Options {
    // So many under way; where the queue of reads cannot do that it is one.
    unsigned depth = 16;
    // What is read in is not wanted again from the disk soon, as it is in memory then: it need not go through the page cache.
    // But for values that others have just written, or read ahead, that would be slower.
    bool past_page_cache = false;
    // What is larger ends unread.
    size_t value_bytes_max = SIZE_MAX;
  };
  struct Ended {
    std::shared_ptr<ReadInJob> job;
    // nullopt: it is too large.
    std::optional<StatusOr<ValueStore::Value>> value;
  };

  LookupQueue(ValueStore& store, const Options& options);
  LookupQueue(const LookupQueue&) = delete;
  LookupQueue& operator=(const LookupQueue&) = delete;

  size_t depth() const { return lookings_.size(); }
  size_t under_way() const { return lookings_.size() - free_.size() + ended_.size(); }
  bool full() const { return free_.empty(); }
  /// CONTRACT: not full().
  void Begin(std::shared_ptr<ReadInJob> job);
  /// Sleeps until something has ended, or may have, or somebody wakes it; `ended` has what has.
  void Wait(std::vector<Ended>* ended);
  /// Begins what was asked for, and takes nothing.
  void Submit() { reads_->Submit(); }
  /// Something has ended already, for which the descriptor is not readable.
  bool has_ended() const { return !ended_.empty(); }
  /// As Wait, without sleeping.
  void Take(std::vector<Ended>* ended);
  /// As ReadQueue::Wake and ReadQueue::descriptor.
  void Wake() { reads_->Wake(); }
  int descriptor() { return reads_->descriptor(); }

 private:
  struct Looking {
    std::shared_ptr<ReadInJob> job;
    std::optional<ValueLookup> lookup;
    std::optional<ValueLookup::Need> need;
    std::string bytes;
  };

  void Ask(Looking& looking);
  void GoOn(const ReadQueue::Done& done);
  void End(Looking& looking, std::optional<StatusOr<ValueStore::Value>> value);

  ValueStore& store_;
  const Options options_;
  std::vector<Looking> lookings_;
  std::vector<Looking*> free_;
  std::vector<Ended> ended_;
  std::vector<ReadQueue::Done> done_;
  bool asked_ = false;                // reads that have not been begun
  std::unique_ptr<ReadQueue> reads_;  // goes first: it writes to what is above
};

}  // namespace terrace::engine
