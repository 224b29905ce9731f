// ImageBudget: what a cut may keep in memory of keys that change before its walk has come to them. Whoever's edit goes beyond
// it says so at once: the walk may be busy with the disk for a second, in which fast writers would fill the memory.
//
// Threads: any; `full` is set before it is used.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/bytes.h"

namespace terrace::engine {

struct ImageBudget {
  std::atomic<uint64_t> bytes_max{64 * kMiB};
  /// Called under a shard's lock, so it must not wait; for every image beyond.
  std::function<void()> full = [] {};

  void Look(uint64_t image_bytes) const {
    if (image_bytes > bytes_max.load(std::memory_order_relaxed)) full();
  }
};

}  // namespace terrace::engine
