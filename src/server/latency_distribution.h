// LatencyDistribution: the latency histograms of one command, summed over workers, and what is read from them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "exec/command_stats.h"
#include "server/parts.h"

namespace terrace::server {

class LatencyDistribution {
 public:
  struct Step {
    uint64_t up_to_us;
    uint64_t calls;  // that took no longer
  };

  void Add(const exec::LatencyHistogram& histogram);
  uint64_t calls() const { return calls_; }
  /// Nanoseconds that `percent` of the calls stay within.
  uint64_t Percentile(double percent) const;
  /// LATENCY HISTOGRAM's steps: cumulative, one a doubling, only those where the count changes. The names of the steps
  /// are those of Redis, whose histogram rounds 2^k ns up to the end of its own bucket: 1, 2, 4, 8, 16, 33, 66, ...
  std::vector<Step> Steps() const;

 private:
  std::array<uint64_t, exec::LatencyHistogram::kBuckets> counts_{};
  uint64_t calls_ = 0;
};

/// Of one command or subcommand, over all workers.
LatencyDistribution LatencyOf(const Parts& parts, uint32_t command_id);

}  // namespace terrace::server
