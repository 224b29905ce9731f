// Settings that connections read on every turn, as atomics; CONFIG SET changes them through config listeners.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "server/config/options.h"

namespace terrace::server {

class Limits {
 public:
  std::atomic<uint64_t> clients_max{10000};
  std::atomic<uint64_t> query_buffer_max{kGiB};
  std::atomic<uint64_t> bulk_bytes_max{512 * kMiB};
  std::atomic<uint32_t> idle_timeout_s{0};
  std::atomic<uint32_t> keepalive_s{300};
  std::atomic<uint64_t> slow_log_ns{UINT64_MAX};
  /// What the executors tell of: the lower of the slow log's and the latency monitor's threshold.
  std::atomic<uint64_t> slow_command_ns{UINT64_MAX};
  std::atomic<bool> latency_tracking{true};
  std::atomic<bool> password_set{false};
  std::atomic<bool> protected_mode{true};
  /// How much longer than the data the log may get before a checkpoint; 0 percent: none by itself.
  std::atomic<uint64_t> log_growth_percent{100};
  std::atomic<uint64_t> log_growth_bytes{64 * kMiB};
  /// What old images may take before writers wait.
  std::atomic<uint64_t> image_bytes{64 * kMiB};
  /// And how long in any case.
  std::atomic<uint64_t> log_bytes_max{UINT64_MAX};

  /// After so many seconds with so many changes a checkpoint is made.
  std::vector<config::SavePoint> save_points() const TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return save_points_;
  }
  void set_save_points(const std::vector<config::SavePoint>& points) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    save_points_ = points;
  }

  config::OutputBufferLimits output() const TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return output_;
  }
  void set_output(const config::OutputBufferLimits& limits) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    output_ = limits;
    output_version_.fetch_add(1, std::memory_order_release);
  }
  uint32_t output_version() const { return output_version_.load(std::memory_order_acquire); }

 private:
  mutable Mutex mutex_;
  config::OutputBufferLimits output_ TERRACE_GUARDED_BY(mutex_);
  std::vector<config::SavePoint> save_points_ TERRACE_GUARDED_BY(mutex_);
  std::atomic<uint32_t> output_version_{1};
};

}  // namespace terrace::server
