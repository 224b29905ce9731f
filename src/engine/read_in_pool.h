// ReadInPool: threads that read values in for clients who wait (engine/residency.h).
//
// What is asked for at once is read side by side. Where the kernel lets us, one thread has many reads under way
// (engine/lookup_queue.h) and sleeps once for all of them; elsewhere there is a thread for each. How much may be queued follows from
// who asks: a client waits for one command at a time. A key that several ask for, before it is there, is read once for all of them.
//
//   Read -> [ jobs ] -> a thread: reads, one or two -> decoded, or left to who asked -> Restart
//                       |<-- LookupQueue -->|
//
// Who asked puts in what is small, and makes the entry of its bytes: an allocator's blocks belong to the thread that has asked
// for them, and values that went left holes among the workers' blocks, which only workers can fill. (With entries that the pool's
// threads made a server held twice what it used, until the last of the older values had gone.) What is large is decoded here,
// so that no loop waits for that.
//
// Threads: Read by any; Start and Stop by whoever owns it. Waiters that are still queued at Stop are forgotten.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "engine/participants.h"
#include "engine/read_in_orders.h"
#include "engine/residency.h"

namespace terrace::engine {

class ReadInPool final : public ValueReader {
 public:
  explicit ReadInPool(Residency& residency);
  ~ReadInPool() override;
  ReadInPool(const ReadInPool&) = delete;
  ReadInPool& operator=(const ReadInPool&) = delete;

  struct Options {
    unsigned threads = 1;
    // That a thread has under way; where that has to be one there are more threads.
    unsigned reads_each = 16;
    bool past_page_cache = false;  // LookupQueue::Options
  };
  void Start(const Options& options);
  void Stop();

  std::shared_ptr<ReadValues> Read(std::vector<AwayKey> keys,
                                   std::shared_ptr<Waiter> waiter) override
      TERRACE_EXCLUDES(mutex_);
  /// Reads that can be under way; and whether a thread has several of them.
  unsigned readers() const { return readers_.load(std::memory_order_relaxed); }
  bool queued() const { return queued_.load(std::memory_order_relaxed); }

 private:
  class Thread;

  /// A job; nullptr: there is none, and `thread` is called when there is.
  std::shared_ptr<ReadInJob> Take(Thread& thread) TERRACE_EXCLUDES(mutex_);
  void CallFor(size_t jobs) TERRACE_REQUIRES(mutex_);
  void End(ReadInJob& job, StatusOr<ValueStore::Value> value, Participant& self)
      TERRACE_EXCLUDES(mutex_);
  void PutInHere(ReadInJob& job, StatusOr<ValueStore::Value> value, Participant& self);

  Residency& residency_;
  std::atomic<unsigned> readers_{0};
  std::atomic<bool> queued_{false};
  std::vector<std::unique_ptr<Thread>> threads_;
  Mutex mutex_;
  std::vector<Thread*> idle_ TERRACE_GUARDED_BY(mutex_);  // who has found no job
  std::deque<std::shared_ptr<ReadInJob>> jobs_ TERRACE_GUARDED_BY(mutex_);
  OpenReadIns open_ TERRACE_GUARDED_BY(mutex_);
  bool stopping_ TERRACE_GUARDED_BY(mutex_) = false;
};

}  // namespace terrace::engine
