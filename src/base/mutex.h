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

  // BasicLockable, so that std::condition_variable_any can wait on it.
  void lock() TERRACE_ACQUIRE() { mutex_.lock(); }
  void unlock() TERRACE_RELEASE() { mutex_.unlock(); }

 private:
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

class CondVar {
 public:
  /// Releases `mutex`, sleeps, holds it again on return. Wakes spuriously: callers loop over their condition.
  void Wait(Mutex& mutex) TERRACE_REQUIRES(mutex) { condition_.wait(mutex); }
  /// The same; false once `end` has come.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point end) TERRACE_REQUIRES(mutex) {
    return condition_.wait_until(mutex, end) == std::cv_status::no_timeout;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace terrace
