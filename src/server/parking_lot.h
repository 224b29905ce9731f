// ParkingLot: a worker's waits (exec/parking.h): those that have ended and were handed to it from any thread, and when
// the others' time is over.
//
// Threads: Post by anybody; the rest its worker's.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "exec/parking.h"

namespace terrace::server {

class ParkingLot {
 public:
  using SharedWait = std::shared_ptr<exec::Wait>;

  /// A wait has ended. Each comes once at the most, so there is always room. A leaf lock.
  void Post(SharedWait wait) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    posted_.push_back(std::move(wait));
    has_posted_.store(true, std::memory_order_release);
  }
  bool has_posted() const { return has_posted_.load(std::memory_order_acquire); }
  std::vector<SharedWait> TakePosted() TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    has_posted_.store(false, std::memory_order_relaxed);
    return std::exchange(posted_, {});
  }

  /// A wait has begun; true if its time is over before any other's.
  bool Add(const SharedWait& wait);
  /// It has ended.
  void Remove(const exec::Wait& wait);
  /// One whose time is over and that nobody else has ended; it has ended now. nullptr if there is none.
  SharedWait TakeTimedOut(uint64_t now_ns);
  /// Milliseconds until the next one's time is over, at least 1; 0 if there is none.
  uint64_t NextMs(uint64_t now_ns) const;
  /// How many have a timeout. Also in an exclusive section.
  size_t timeouts() const { return timeouts_.size(); }

 private:
  std::atomic<bool> has_posted_{false};
  Mutex mutex_;
  std::vector<SharedWait> posted_ TERRACE_GUARDED_BY(mutex_);
  std::map<std::pair<uint64_t, uint64_t>, SharedWait> timeouts_;  // by deadline, then place in line
  std::map<uint64_t, uint64_t> deadlines_;                        // place in line -> deadline
};

}  // namespace terrace::server
