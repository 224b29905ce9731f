// LogProgress: how far the log has got towards what the configuration promises about a reply: appended, written, synced,
// acknowledged by followers. The one place that says so. Who brings the log forward calls Advance; replies that need
// more than has been reached wait with their worker, which is told through a Waiter.
//
//   log     1 ......................... reached() ................. end_offset()
//   replies   may leave                 wait
//
// While nothing more is promised than that a write is appended, reached() is kEverything and nobody ever waits.
//
// Invariants
//   P1  While a promise holds, reached() never goes back.
//   P2  No wake-up is lost: a waiter stores what it needs and then looks at reached(), Advance stores reached() and then
//       looks at what is needed, all sequentially consistent; so one of the two sees the other.
//
// Threads: any. Promise and EndPromise in an exclusive section.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/mutex.h"

namespace terrace::engine {

class LogProgress {
 public:
  static constexpr uint64_t kEverything = UINT64_MAX;

  /// Somebody who has replies that wait.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    /// What it waited for is reached. On the thread that brought the log forward, or its own: ring a doorbell, no more.
    virtual void OnLogReached() noexcept = 0;

   private:
    friend class LogProgress;
    std::atomic<uint64_t> needs_{kEverything};  // kEverything: nothing
  };

  uint64_t reached() const { return reached_.load(std::memory_order_acquire); }

  /// From now on replies wait; `reached` is how far the log has got already.
  void Promise(uint64_t reached) { reached_.store(reached, std::memory_order_seq_cst); }
  /// Nothing is promised any more: whoever waits is told.
  void EndPromise() { Reach(kEverything); }
  /// The log has got as far as `offset`.
  void Advance(uint64_t offset) {
    if (offset > reached()) Reach(offset);
  }

  void Join(Waiter& waiter) TERRACE_EXCLUDES(mutex_);
  void Leave(Waiter& waiter) TERRACE_EXCLUDES(mutex_);
  /// `waiter` is told once when `offset` is reached, at once if it is. One wait a waiter: the last call counts.
  void WaitFor(Waiter& waiter, uint64_t offset);

 private:
  void Reach(uint64_t offset) TERRACE_EXCLUDES(mutex_);
  void TellIfReached(Waiter& waiter);

  std::atomic<uint64_t> reached_{kEverything};
  Mutex mutex_;
  std::vector<Waiter*> waiters_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::engine
