#include "server/latency_distribution.h"

#include <algorithm>

#include "server/worker.h"

namespace terrace::server {

using exec::LatencyHistogram;

void LatencyDistribution::Add(const LatencyHistogram& histogram) {
  for (unsigned i = 0; i < LatencyHistogram::kBuckets; ++i) {
    const uint64_t count = histogram.at(i);
    counts_[i] += count;
    calls_ += count;
  }
}

uint64_t LatencyDistribution::Percentile(double percent) const {
  const double share = std::min(percent, 100.0) / 100 * static_cast<double>(calls_);
  const uint64_t wanted = std::max<uint64_t>(1, static_cast<uint64_t>(share + 0.5));
  uint64_t seen = 0;
  for (unsigned i = 0; i < LatencyHistogram::kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return LatencyHistogram::UpperBound(i);
  }
  return 0;
}

std::vector<LatencyDistribution::Step> LatencyDistribution::Steps() const {
  std::vector<Step> steps;
  uint64_t seen = 0, told = 0;
  unsigned i = 0;
  for (unsigned bits = 10; told < calls_ && bits < 64; ++bits) {
    const uint64_t edge = uint64_t{1} << bits;
    while (i < LatencyHistogram::kBuckets && LatencyHistogram::UpperBound(i) < edge)
      seen += counts_[i++];
    if (seen != told) steps.push_back({(edge + edge / 128 - 1) / 1000, seen});
    told = seen;
  }
  return steps;
}

LatencyDistribution LatencyOf(const Parts& parts, uint32_t command_id) {
  LatencyDistribution latency;
  for (const auto& worker : parts.workers) {
    const exec::CommandCounter& counter = worker->executor().stats().of(command_id);
    const LatencyHistogram* histogram = counter.histogram.load(std::memory_order_acquire);
    if (histogram != nullptr) latency.Add(*histogram);
  }
  return latency;
}

}  // namespace terrace::server
