// MONITOR: who watches, and what a watched command looks like.
//
//   +1339518083.107412 [0 127.0.0.1:60866] "keys" "*"\r\n
//    seconds.microseconds [database client] the arguments, quoted
//
// Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/args.h"
#include "base/mutex.h"
#include "exec/gates.h"
#include "pubsub/worker_counts.h"

namespace terrace::server {

/// How many monitors each worker has. While there is one, the gate kGateMonitored is closed.
class Monitors {
 public:
  explicit Monitors(exec::ServerGates& gates) : gates_(gates) {}
  Monitors(const Monitors&) = delete;
  Monitors& operator=(const Monitors&) = delete;

  void Add(unsigned worker) TERRACE_EXCLUDES(mutex_);
  void Remove(unsigned worker) TERRACE_EXCLUDES(mutex_);
  /// Bit w: worker w has a monitor.
  uint64_t workers() const { return workers_.load(std::memory_order_acquire); }

 private:
  exec::ServerGates& gates_;
  std::atomic<uint64_t> workers_{0};
  // Guards the gate, too: the last one to leave and the first one to come must not cross.
  Mutex mutex_;
  std::array<uint32_t, pubsub::kWorkersMax> counts_ TERRACE_GUARDED_BY(mutex_){};
};

/// The line for a command that ran at `wall_us` (microseconds since the epoch) on database `db`; `client` is its
/// address. Passwords are not shown.
std::string MonitorLine(uint64_t wall_us, unsigned db, Bytes client,
                        const commands::Command& command, Args args);

}  // namespace terrace::server
