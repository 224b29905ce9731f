// RateMeter: how fast a counter grows: the average over the last 16 samples, which somebody takes every 100 ms. INFO's
// instantaneous_* fields are such averages.
//
// Threads: Sample by one, per_second by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace terrace::server {

class RateMeter {
 public:
  static constexpr size_t kSamples = 16;

  /// The counter stands at `value` now. A counter that was reset starts anew.
  void Sample(uint64_t value, uint64_t now_ns) {
    if (last_ns_ != 0 && now_ns > last_ns_) {
      const uint64_t grown = value >= last_value_ ? value - last_value_ : 0;
      const double rate = static_cast<double>(grown) * 1e9 / static_cast<double>(now_ns - last_ns_);
      sum_ += rate - rates_[next_];
      rates_[next_] = rate;
      next_ = (next_ + 1) % kSamples;
      if (next_ == 0) sum_ = Sum();  // rounding errors do not pile up
      per_second_.store(sum_ > 0 ? sum_ / kSamples : 0, std::memory_order_relaxed);
    }
    last_value_ = value;
    last_ns_ = now_ns;
  }
  double per_second() const { return per_second_.load(std::memory_order_relaxed); }

 private:
  double Sum() const {
    double sum = 0;
    for (const double rate : rates_) sum += rate;
    return sum;
  }

  std::array<double, kSamples> rates_{};
  double sum_ = 0;
  size_t next_ = 0;
  uint64_t last_value_ = 0;
  uint64_t last_ns_ = 0;
  std::atomic<double> per_second_{0};
};

}  // namespace terrace::server
