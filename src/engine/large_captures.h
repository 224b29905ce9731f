// LargeCaptures: the large collections that a checkpoint has begun to capture, in the order of tables.
//
// Threads: any, under the lock of the key's shard; it takes a leaf lock. What is in a capture has its own rule.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "engine/large_capture.h"
#include "storage/table_format.h"

namespace terrace::engine {

class LargeCaptures {
 public:
  void Add(uint32_t space, std::unique_ptr<LargeCapture> capture) TERRACE_EXCLUDES(mutex_);
  /// nullptr: it is none of these.
  LargeCapture* Find(uint32_t space, HashedKey name) TERRACE_EXCLUDES(mutex_);
  /// The first of `space` with a hash below `end` (in units of 2^16, as the staircase counts); nullptr: there is none.
  LargeCapture* FirstBelow(uint32_t space, uint64_t end) TERRACE_EXCLUDES(mutex_);
  std::unique_ptr<LargeCapture> Remove(uint32_t space, const LargeCapture& capture)
      TERRACE_EXCLUDES(mutex_);
  std::vector<std::unique_ptr<LargeCapture>> RemoveAll() TERRACE_EXCLUDES(mutex_);

  /// What edits make them keep.
  types::CaptureBytes& bytes() { return bytes_; }
  const types::CaptureBytes& bytes() const { return bytes_; }

 private:
  using Captures = std::multimap<storage::Position, std::unique_ptr<LargeCapture>>;

  mutable Mutex mutex_;
  Captures captures_ TERRACE_GUARDED_BY(mutex_);
  types::CaptureBytes bytes_;
};

}  // namespace terrace::engine
