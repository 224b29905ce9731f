// The parts that workers share. main.cc builds them; each is thread safe by itself.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "commands/command_table.h"
#include "engine/commit_log.h"
#include "engine/databases.h"
#include "engine/defragmenter.h"
#include "engine/eviction.h"
#include "engine/log_writer.h"
#include "engine/participants.h"
#include "engine/unit.h"
#include "env/clock.h"
#include "exec/environment.h"
#include "pubsub/channel_registry.h"
#include "server/client_memory.h"
#include "server/config/config_store.h"
#include "server/heap_keeper.h"
#include "server/limits.h"
#include "server/monitor.h"
#include "server/run_state.h"
#include "server/server_stats.h"
#include "server/slow_log.h"

namespace terrace::server {

class CheckpointKeeper;
class DumpKeeper;
class Persistence;
class ValueKeeper;
class Worker;

/// When each worker will next look for due keys; a worker that adds an earlier deadline rings.
struct ExpiryTimers {
  std::atomic<uint64_t> armed_ms[engine::Participants::kParticipantsMax];
  ExpiryTimers() {
    for (auto& armed : armed_ms) armed.store(UINT64_MAX, std::memory_order_relaxed);
  }
};

struct Parts {
  Clock& clock;
  config::ConfigStore& config;
  commands::CommandTable& table;
  engine::Participants& participants;
  engine::Databases& databases;
  engine::CommitLog& log;
  engine::EngineSettings& engine_settings;
  engine::EvictionSettings& eviction;
  exec::ServerGates& gates;
  pubsub::ChannelRegistry& channels;
  Limits& limits;
  ServerStats& stats;
  SlowLog& slow_log;
  ExpiryTimers& expiry;
  HeapKeeper& heap;
  std::vector<std::unique_ptr<Worker>>& workers;
  const std::string& run_id;

  std::atomic<uint64_t> next_session_id{1};
  std::atomic<uint64_t> pause_end_ms{0};
  ClientMemory client_memory = {};
  RunState run = {};
  Monitors monitors{gates};
  // The first two while the data are kept; they change in exclusive sections.
  std::atomic<const engine::LogWriter*> log_writer{nullptr};
  std::atomic<CheckpointKeeper*> checkpoints{nullptr};
  Persistence* persistence = nullptr;
  ValueKeeper* values = nullptr;
  DumpKeeper* dumps = nullptr;
  engine::Defragmenter::Counters defragmentation = {};
  /// Held by whoever has a cut through the databases under way: one at a time (engine/edit_observer.h).
  Mutex cut_turn;
};

}  // namespace terrace::server
