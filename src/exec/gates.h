// Gates: what may keep a command from running, in order; the first that objects answers the client. Each looks at the
// command's flags and at conditions, never at the command's identity. While no condition holds, one test passes them
// all, so the list costs the hot path nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/args.h"
#include "base/mutex.h"
#include "commands/command_table.h"

namespace terrace::exec {

class Session;
class Executor;

/// Conditions of the whole server. Set by whoever knows, read by everybody.
enum ServerGate : uint32_t {
  kGateLoading = 1 << 8,
  kGateMaxMemory = 1 << 9,  // maxmemory is set: writes may have to make room first
  kGatePauseWrites = 1 << 10,
  kGatePauseAll = 1 << 11,
  kGateMonitored = 1 << 12,  // somebody runs MONITOR
  kGateLogFails = 1 << 13,   // the log cannot be written, or has room for deletes only
  kGateLogBehind = 1 << 14,  // more waits to be written than memory should hold
  kGateImages = 1 << 15,     // a checkpoint holds as many images of what changed as it may
  kGateBrake = 1 << 16,      // database mode with maxmemory: writers go no faster than the disk
};

/// Conditions of the command itself: flags of it that stand beside the others' bits.
enum CommandGate : uint32_t {
  kGateProtected = commands::kProtected,  // the configuration says who may run it
};

struct ServerGates {
  std::atomic<uint32_t> closed{0};
  /// What clients are told while kGateLogFails is closed; "MISCONF " and words.
  std::string log_failure() const TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return log_failure_;
  }
  void set_log_failure(std::string words) TERRACE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    log_failure_ = std::move(words);
  }

  void Close(uint32_t gate) { closed.fetch_or(gate, std::memory_order_release); }
  void Open(uint32_t gate) { closed.fetch_and(~gate, std::memory_order_release); }

 private:
  mutable Mutex mutex_;
  std::string log_failure_ TERRACE_GUARDED_BY(mutex_);
};

enum class Passage : uint8_t {
  kRun,       // nothing objects
  kAnswered,  // a gate has written the reply (an error, or QUEUED)
  kPark,      // not now: copy what is needed and come again
  kWait,      // the session has a wait that takes care of that
};

struct Gate {
  const char* name;
  uint32_t conditions;  // session and server conditions under which it is asked
  Passage (*pass)(Executor&, Session&, const commands::Command&, Args, Bytes raw);
};

/// In order.
extern const Gate kGates[];
extern const unsigned kGateCount;

/// Asks the gates whose conditions hold.
Passage PassGates(Executor& executor, Session& session, const commands::Command& command, Args args,
                  Bytes raw, uint32_t conditions);

}  // namespace terrace::exec
