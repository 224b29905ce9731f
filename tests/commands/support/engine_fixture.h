// A whole engine in a test's hands: command table, databases, log, executor and one session, without a socket. Time
// stands until the test moves it.
//
//   EngineFixture engine({StringCommands()});
//   CHECK(engine.Run({"SET", "k", "v", "EX", "10"}) == "OK");
//   CHECK(engine.Run({"GET", "k"}) == "\"v\"");
//   CHECK(engine.Log() == Lines{"SET k v PXAT 1700000010000"});
//
// Notifications are off until Notify() says which classes are wanted.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "commands/command_spec.h"
#include "commands/command_table.h"
#include "commands/families.h"
#include "engine/commit_log.h"
#include "engine/databases.h"
#include "engine/participants.h"
#include "env/clock.h"
#include "exec/environment.h"
#include "exec/executor.h"
#include "exec/session.h"
#include "exec/stream_applier.h"
#include "resp/reply_value.h"

namespace terrace::testing {

using Lines = std::vector<std::string>;

/// Where the clock stands when a fixture begins.
constexpr uint64_t kStartMs = 1'700'000'000'000;

/// Keeps what was published, one line a message: "channel payload".
class RecordingPublisher : public commands::Publisher {
 public:
  uint64_t Publish(pubsub::Kind kind, Bytes channel, Bytes payload) override;

  Lines published;
};

class EngineFixture {
 public:
  explicit EngineFixture(std::initializer_list<std::span<const commands::CommandSpec>> families,
                         unsigned database_count = 16)
      : EngineFixture(std::vector<std::span<const commands::CommandSpec>>(families),
                      database_count) {}
  explicit EngineFixture(const std::vector<std::span<const commands::CommandSpec>>& families,
                         unsigned database_count = 16);
  ~EngineFixture();
  EngineFixture(const EngineFixture&) = delete;
  EngineFixture& operator=(const EngineFixture&) = delete;

  /// Runs one command as a client's and returns its reply as one line: OK, 3, "text", null, [1, "two"], {"a": 1},
  /// (error) ERR no. Strings are shown as they are, without escapes.
  std::string Run(std::initializer_list<Bytes> args) { return Run(std::vector<Bytes>(args)); }
  std::string Run(const std::vector<Bytes>& args) { return Ask(args).ToString(); }
  /// The same, with the reply as a tree.
  resp::ReplyValue Ask(const std::vector<Bytes>& args);
  /// The same, with the last argument in an allocation of its own, as a socket would deliver a large one.
  resp::ReplyValue AskWithBlob(const std::vector<Bytes>& args);
  /// The reply's bytes.
  std::string Wire(const std::vector<Bytes>& args);
  /// Applies a command as one of a stream that the log holds already; false if it was refused.
  bool Apply(const std::vector<Bytes>& args);

  /// The commands appended to the log since the last call, words separated by blanks; a word that is empty or has blanks
  /// or control characters is in quotes. SELECT is shown only when it changes the database (which begins as 0).
  Lines Log();
  /// Notifications published since the last call, as "event key" (from __keyevent@0__:event); those of other databases
  /// as "@1 event key".
  Lines Events();
  /// Switches keyevent notifications on: letters as in notify-keyspace-events ("A", "Amn"), "" for off.
  void Notify(Bytes classes);

  void AdvanceMs(uint64_t ms) { clock.AdvanceMs(ms); }
  uint64_t now_ms() { return clock.WallMs(); }
  uint64_t hits() { return executor.counters().keyspace_hits.load(); }
  uint64_t misses() { return executor.counters().keyspace_misses.load(); }
  uint64_t changes() { return executor.counters().changes.load(); }

  ManualClock clock{kStartMs};
  engine::Participants participants;
  engine::Participant* participant;
  engine::Databases databases;
  engine::CommitLog log;
  engine::EngineSettings settings;
  engine::EvictionSettings eviction;
  exec::ServerGates gates;
  commands::CommandTable table;
  std::atomic<uint64_t> slow_command_ns{UINT64_MAX};
  RecordingPublisher publisher;
  exec::Environment environment;
  exec::Executor executor;
  exec::Session session{1};

 private:
  std::string TakeReply();
  void Execute(const std::vector<Bytes>& args, bool last_in_blob);

  exec::Session stream_{2};
  exec::StreamApplier applier_{executor, stream_};
  uint64_t log_offset_ = 0;
  std::string log_db_ = "0";
};

}  // namespace terrace::testing
