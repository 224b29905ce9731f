// What executors share. Built once by whoever builds the machine; everything in it outlives the executors.
#pragma once

#include <functional>

#include "commands/command_table.h"
#include "commands/context.h"
#include "engine/commit_log.h"
#include "engine/databases.h"
#include "engine/eviction.h"
#include "engine/unit.h"
#include "env/clock.h"
#include "exec/gates.h"

namespace terrace::exec {

class Session;

/// What an executor tells its surroundings; a server listens, an embedder need not.
class Observer {
 public:
  virtual ~Observer() = default;
  /// A command has run (or failed); `ns` is its time. Called when it may matter to somebody: slow, or monitored.
  virtual void OnSlowCommand(Session& session, const commands::Command& command, Args args,
                             uint64_t ns) = 0;
  virtual void OnMonitored(Session& session, const commands::Command& command, Args args) = 0;
  /// An error reply was written.
  virtual void OnErrorReply(Bytes code) = 0;
  /// Work that no command asked for took `ns`: "eviction-cycle", "handover".
  virtual void OnHousekeeping(Bytes, uint64_t) {}
};

struct Environment {
  commands::CommandTable& table;
  engine::Databases& databases;
  engine::CommitLog& log;
  engine::EngineSettings& engine_settings;
  engine::EvictionSettings& eviction;
  ServerGates& gates;
  Clock& clock;
  /// Commands that take at least this long are told to the observer; UINT64_MAX: none.
  std::atomic<uint64_t>& slow_command_ns;
};

}  // namespace terrace::exec
