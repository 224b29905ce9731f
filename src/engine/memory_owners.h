// MemoryOwners: the threads whose memory others free.
//
// The allocator gives every thread memory of its own. A block that another thread frees goes onto a list, and the owner
// takes back all that is on it at once, with its next allocation that is not one of the quick ones: after a collection of
// a million elements that is 30 ms, in the middle of some command. So who frees much (the Reaper) frees a slice, and goes
// on when the owners have taken it back.
//
//   freeing thread   frees a slice, Settle() ............ frees a slice, Settle()
//   owner                      TakeBackSoon() ... TakeBackFreed(), TookBack()
//
// Threads: Settle by one at a time, the rest by all.
#pragma once

#include <vector>

#include "base/mutex.h"

namespace terrace::engine {

class MemoryOwner {
 public:
  /// From any thread: the owner is to call TakeBackFreed and then TookBack on its own thread, soon and without waiting for
  /// anything. Holds a lock, so it must not come back to MemoryOwners.
  virtual void TakeBackSoon() = 0;

 protected:
  ~MemoryOwner() = default;
};

class MemoryOwners {
 public:
  void Join(MemoryOwner& owner) TERRACE_EXCLUDES(mutex_);
  void Leave(MemoryOwner& owner) TERRACE_EXCLUDES(mutex_);
  void TookBack(MemoryOwner& owner) TERRACE_EXCLUDES(mutex_);
  /// Asks all owners and waits until they have taken back what was freed, but no longer than kSettleMs: one that cannot
  /// (DEBUG SLEEP) only meets more at once afterwards.
  void Settle() TERRACE_EXCLUDES(mutex_);

  static constexpr unsigned kSettleMs = 100;

 private:
  struct Place {
    MemoryOwner* owner;
    bool asked;
  };
  void Answered(MemoryOwner& owner, bool leaves) TERRACE_REQUIRES(mutex_);

  Mutex mutex_;
  CondVar answered_;
  std::vector<Place> places_ TERRACE_GUARDED_BY(mutex_);
  size_t asked_ TERRACE_GUARDED_BY(mutex_) = 0;
};

}  // namespace terrace::engine
