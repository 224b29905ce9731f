// The lock of one shard: four bytes, spins briefly, then sleeps in the kernel.
//
//   0  free      1  held      2  held, and somebody may be asleep waiting
//
// Critical sections are tens of nanoseconds, so a waiter nearly always gets in while spinning; it sleeps only when the
// holder was preempted. Acquire and release are one atomic instruction each when nobody else wants the lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/check.h"
#include "base/thread_annotations.h"

namespace terrace::engine {

class TERRACE_CAPABILITY("shard lock") ShardLock {
 public:
  ShardLock() = default;
  ShardLock(const ShardLock&) = delete;
  ShardLock& operator=(const ShardLock&) = delete;

  /// Returns true if the lock was free at once (for the contention counters).
  bool Lock() TERRACE_ACQUIRE() {
    uint32_t free = 0;
    if (TERRACE_LIKELY(state_.compare_exchange_strong(free, 1, std::memory_order_acquire)))
      return true;
    LockSlow();
    return false;
  }
  bool TryLock() TERRACE_TRY_ACQUIRE(true) {
    uint32_t free = 0;
    return state_.compare_exchange_strong(free, 1, std::memory_order_acquire);
  }
  void Unlock() TERRACE_RELEASE() {
    if (TERRACE_UNLIKELY(state_.exchange(0, std::memory_order_release) == 2)) state_.notify_one();
  }

 private:
  void LockSlow();

  std::atomic<uint32_t> state_{0};
};

}  // namespace terrace::engine
