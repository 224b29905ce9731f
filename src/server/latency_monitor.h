// LatencyMonitor: what took longer than it should, by kind of event, second by second. Off while the threshold is 0.
//
//   command         a command that is not flagged as fast        expire-cycle    removing due keys in the background
//   fast-command    one that is                                  eviction-cycle  making room under maxmemory
//                                                                handover        a step of a keyspace's staircase
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"

namespace terrace::server {

/// One second of one kind of event: the longest of it.
struct LatencySample {
  uint64_t unix_seconds;
  uint64_t ms;
};

struct LatencySeries {
  std::vector<LatencySample> samples;  // oldest first, never empty
  uint64_t ms_max = 0;                 // of all time, also of samples that were dropped
};

class LatencyMonitor {
 public:
  /// Seconds remembered of each kind; older ones are dropped.
  static constexpr size_t kSamplesMax = 160;

  uint64_t threshold_ms() const { return threshold_ms_.load(std::memory_order_relaxed); }
  void set_threshold_ms(uint64_t ms) { threshold_ms_.store(ms, std::memory_order_relaxed); }

  /// Something took `ns`; remembered if that reaches the threshold.
  void Note(Bytes event, uint64_t ns, uint64_t unix_seconds) TERRACE_EXCLUDES(mutex_);

  std::map<std::string, LatencySeries> All() const TERRACE_EXCLUDES(mutex_);
  std::optional<LatencySeries> Find(Bytes event) const TERRACE_EXCLUDES(mutex_);
  /// Forgets all kinds, or one; returns how many there were.
  size_t Reset() TERRACE_EXCLUDES(mutex_);
  size_t Reset(Bytes event) TERRACE_EXCLUDES(mutex_);

 private:
  std::atomic<uint64_t> threshold_ms_{0};
  mutable Mutex mutex_;
  std::map<std::string, LatencySeries> series_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::server
