// RunState: what the running server knows about itself beyond its parts: since when it runs, how fast, under which ids,
// and how it is stopped.
//
// Threads: what is not atomic or guarded is set before the workers start, or in an exclusive section, and stays.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/mutex.h"
#include "env/entropy.h"
#include "server/latency_monitor.h"
#include "server/load_progress.h"
#include "server/rate_meter.h"

namespace terrace::server {

class RunState {
 public:
  uint64_t started_ms = 0;
  int64_t startup_bytes = 0;  // held when the server was ready and empty
  std::function<void()> request_stop;
  LoadProgress load;
  // Of the files that this server began with, if it did.
  std::atomic<uint64_t> loaded_keys{0};
  std::atomic<uint64_t> loaded_keys_due{0};  // that were left out

  /// The history that the log had before this start, and its last offset: what a follower may have of it, up to there, is good.
  std::string second_replication_id = std::string(40, '0');
  int64_t second_replication_end = -1;

  LatencyMonitor latency;
  RateMeter commands;
  RateMeter input_bytes;
  RateMeter output_bytes;
  RateMeter turns;
  RateMeter turn_ns;
  /// CPU time of worker 0's thread, which is the process' main one.
  std::atomic<uint64_t> main_user_us{0};
  std::atomic<uint64_t> main_system_us{0};
  /// DEBUG PAUSE-CRON: ticks do no idle work.
  std::atomic<bool> cron_paused{false};

  std::string replication_id() const TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return replication_id_;
  }
  void ChangeReplicationId() TERRACE_EXCLUDES(mutex_) {
    std::string id = RandomHexId();
    MutexLock lock(mutex_);
    replication_id_ = std::move(id);
  }

 private:
  mutable Mutex mutex_;
  std::string replication_id_ TERRACE_GUARDED_BY(mutex_) = RandomHexId();
};

}  // namespace terrace::server
