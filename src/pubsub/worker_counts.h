// How many subscribers each worker has for one name. Most names are known to one worker only, and a server
// may hold a million names, so the array of counts exists only from the second worker on.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace terrace::pubsub {

constexpr unsigned kWorkersMax = 64;

class WorkerCounts {
 public:
  void Add(unsigned worker) {
    TERRACE_CHECK(worker < kWorkersMax);
    const uint64_t bit = uint64_t{1} << worker;
    if ((mask_ & bit) == 0) {
      if (std::has_single_bit(mask_)) counts_.assign(1, total_);
      if (mask_ != 0) counts_.insert(counts_.begin() + Slot(bit), 0);
      mask_ |= bit;
    }
    if (!counts_.empty()) ++counts_[Slot(bit)];
    ++total_;
  }

  void Remove(unsigned worker) {
    TERRACE_CHECK(worker < kWorkersMax);
    const uint64_t bit = uint64_t{1} << worker;
    TERRACE_CHECK((mask_ & bit) != 0);
    --total_;
    if (counts_.empty()) {
      if (total_ == 0) mask_ = 0;
      return;
    }
    if (--counts_[Slot(bit)] != 0) return;
    counts_.erase(counts_.begin() + Slot(bit));
    mask_ &= ~bit;
    if (counts_.size() == 1) std::vector<uint32_t>().swap(counts_);
  }

  /// Bit w is set when worker w has a subscriber.
  uint64_t mask() const { return mask_; }
  uint32_t total() const { return total_; }

 private:
  std::ptrdiff_t Slot(uint64_t bit) const { return std::popcount(mask_ & (bit - 1)); }

  uint64_t mask_ = 0;
  uint32_t total_ = 0;
  // One count per bit of mask_, in bit order; empty while at most one worker is there and total_ says it all.
  std::vector<uint32_t> counts_;
};

}  // namespace terrace::pubsub
