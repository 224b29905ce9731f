// std::mutex with annotations, for the few cold places that need a plain mutex. Shards have their own lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/thread_annotations.h"

namespace terrace {

class TERRACE_CAPABILITY("mutex") Mutex {
 public:
  void Lock() TERRACE_ACQUIRE() { mutex_.lock(); }
  void Unlock() TERRACE_RELEASE() { mutex_.unlock(); }
  bool TryLock() TERRACE_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class TERRACE_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) TERRACE_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() TERRACE_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Not std::condition_variable_any, which has a mutex of its own that whoever is woken finds taken.
class CondVar {
 public:
  /// Releases `mutex`, sleeps, holds it again on return. Wakes spuriously: callers loop over their condition.
  void Wait(Mutex& mutex) TERRACE_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  /// The same; false once `end` has come.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point end) TERRACE_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = condition_.wait_until(lock, end) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace terrace
