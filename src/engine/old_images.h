// OldImages: keys that changed while a checkpoint walked towards them, as they were at its cut. They wait here until the
// walk comes to their place.
//
// Memory is bounded by those who write: they look at how much it is before they lock anything, and wait if need be. One unit
// that has locked already takes all the images it needs, so the budget may be overshot by what is under way.
//
// Threads: Add by whoever edits, under the lock of the key's shard; it takes a leaf lock. The rest by the walk.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "base/mutex.h"
#include "engine/captured_key.h"

namespace terrace::engine {

class OldImages {
 public:
  void Add(uint32_t space, CapturedKey image) TERRACE_EXCLUDES(mutex_);
  /// Moves the images of `space` with hashes below `end` (in units of 2^16, as the staircase counts) behind `out`.
  void TakeBelow(uint32_t space, uint64_t end, std::vector<CapturedKey>* out)
      TERRACE_EXCLUDES(mutex_);
  /// Forgets all of them, and the figures.
  void Clear() TERRACE_EXCLUDES(mutex_);

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t bytes_peak() const TERRACE_EXCLUDES(mutex_);
  /// Since Clear.
  uint64_t taken() const TERRACE_EXCLUDES(mutex_);

 private:
  using Images = std::multimap<storage::Position, CapturedKey>;
  // Of the tree around an image: three pointers, a color, the position.
  static constexpr size_t kNodeBytes = 32 + sizeof(storage::Position);

  mutable Mutex mutex_;
  Images images_ TERRACE_GUARDED_BY(mutex_);
  uint64_t taken_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_peak_ TERRACE_GUARDED_BY(mutex_) = 0;
  std::atomic<uint64_t> bytes_{0};  // written under mutex_
};

}  // namespace terrace::engine
