// SampledSum: about what many figures add up to, when looking at each would take too long.
//
// Those that were not looked at count as the mean of those that were, but in that mean nothing counts for more than
// kOutlierFactor times the median: one giant among the samples says little about the rest. So what is heavily skewed
// comes out too small rather than too large.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/check.h"

namespace terrace {

template <size_t kSamplesMax>
class SampledSum {
 public:
  static constexpr size_t kOutlierFactor = 8;

  bool full() const { return size_ == kSamplesMax; }
  size_t size() const { return size_; }
  /// CONTRACT: not full.
  void Add(size_t figure) {
    TERRACE_DCHECK(!full());
    samples_[size_++] = figure;
  }
  /// The sum of `count` figures, those added among them: exact if all have been added, 0 if none.
  size_t Of(size_t count) {
    if (size_ == 0) return 0;
    const auto end = samples_.begin() + static_cast<ptrdiff_t>(size_);
    size_t exact = 0;
    for (auto at = samples_.begin(); at != end; ++at) exact += *at;
    if (count <= size_) return exact;
    const auto middle = samples_.begin() + static_cast<ptrdiff_t>(size_ / 2);
    std::nth_element(samples_.begin(), middle, end);
    const size_t most = *middle * kOutlierFactor;
    double ordinary = 0;
    for (auto at = samples_.begin(); at != end; ++at)
      ordinary += static_cast<double>(std::min(*at, most));
    return exact + static_cast<size_t>(ordinary / static_cast<double>(size_) *
                                       static_cast<double>(count - size_));
  }

 private:
  std::array<size_t, kSamplesMax> samples_;
  size_t size_ = 0;
};

}  // namespace terrace
