#include "server/latency_monitor.h"

#include <algorithm>

namespace terrace::server {

void LatencyMonitor::Note(Bytes event, uint64_t ns, uint64_t unix_seconds) {
  const uint64_t ms = ns / 1'000'000;
  const uint64_t threshold = threshold_ms();
  if (threshold == 0 || ms < threshold) return;
  MutexLock lock(mutex_);
  LatencySeries& series = series_[std::string(event)];
  series.ms_max = std::max(series.ms_max, ms);
  if (!series.samples.empty() && series.samples.back().unix_seconds == unix_seconds) {
    series.samples.back().ms = std::max(series.samples.back().ms, ms);
    return;
  }
  if (series.samples.size() == kSamplesMax) series.samples.erase(series.samples.begin());
  series.samples.push_back({unix_seconds, ms});
}

std::map<std::string, LatencySeries> LatencyMonitor::All() const {
  MutexLock lock(mutex_);
  return series_;
}

std::optional<LatencySeries> LatencyMonitor::Find(Bytes event) const {
  MutexLock lock(mutex_);
  const auto found = series_.find(std::string(event));
  if (found == series_.end()) return std::nullopt;
  return found->second;
}

size_t LatencyMonitor::Reset() {
  MutexLock lock(mutex_);
  const size_t kinds = series_.size();
  series_.clear();
  return kinds;
}

size_t LatencyMonitor::Reset(Bytes event) {
  MutexLock lock(mutex_);
  return series_.erase(std::string(event));
}

}  // namespace terrace::server
