// What each command cost, per executor: calls, time, failures and a latency histogram. One writer, any reader.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

namespace terrace::exec {

/// Log-linear: eight steps a doubling of nanoseconds, so a percentile read from it is within 12.5 %.
class LatencyHistogram {
 public:
  static constexpr unsigned kSteps = 8;
  static constexpr unsigned kBuckets = 40 * kSteps;  // up to 2^42 ns, over an hour

  void Add(uint64_t ns) {
    std::atomic<uint64_t>& bucket = buckets_[IndexOf(ns)];
    bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  uint64_t at(unsigned i) const { return buckets_[i].load(std::memory_order_relaxed); }
  void Clear() {
    for (auto& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
  }
  static unsigned IndexOf(uint64_t ns) {
    if (ns < kSteps) return static_cast<unsigned>(ns);
    const unsigned exponent =
        static_cast<unsigned>(std::bit_width(ns)) - 4;  // ns >> exponent is in [8, 16)
    const unsigned index = (exponent + 1) * kSteps + static_cast<unsigned>(ns >> exponent) - kSteps;
    return index < kBuckets ? index : kBuckets - 1;
  }
  /// Largest value that falls into bucket `i`.
  static uint64_t UpperBound(unsigned i) {
    if (i < kSteps) return i;
    const unsigned exponent = i / kSteps - 1;
    return ((uint64_t{i % kSteps + kSteps} + 1) << exponent) - 1;
  }

 private:
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
};

struct CommandCounter {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> nanoseconds{0};
  std::atomic<uint64_t> rejected{0};
  std::atomic<uint64_t> failed{0};
  std::atomic<LatencyHistogram*> histogram{nullptr};

  ~CommandCounter() { delete histogram.load(); }
  void Count(uint64_t ns, bool in_histogram) {
    Bump(calls, 1);
    Bump(nanoseconds, ns);
    if (!in_histogram) return;
    LatencyHistogram* own = histogram.load(std::memory_order_relaxed);
    if (own == nullptr) {
      own = new LatencyHistogram;
      histogram.store(own, std::memory_order_release);
    }
    own->Add(ns);
  }
  static void Bump(std::atomic<uint64_t>& counter, uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

/// Indexed by Command::id.
class CommandStats {
 public:
  explicit CommandStats(uint32_t ids) : counters_(ids) {}
  CommandCounter& of(uint32_t id) { return counters_[id]; }
  const CommandCounter& of(uint32_t id) const { return counters_[id]; }
  size_t size() const { return counters_.size(); }
  /// latency-tracking: whether histograms grow. Any thread.
  bool keeps_histograms() const { return keeps_histograms_.load(std::memory_order_relaxed); }
  void set_keeps_histograms(bool keep) { keeps_histograms_.store(keep, std::memory_order_relaxed); }
  /// CONFIG RESETSTAT; in an exclusive section.
  void Clear() {
    for (CommandCounter& counter : counters_) {
      counter.calls = counter.nanoseconds = counter.rejected = counter.failed = 0;
      if (LatencyHistogram* histogram = counter.histogram.load()) histogram->Clear();
    }
  }

 private:
  std::vector<CommandCounter> counters_;
  std::atomic<bool> keeps_histograms_{true};
};

}  // namespace terrace::exec
