// Executor: runs units of work on the engine, from gates to reply. One for every thread that runs commands.
//
//   Execute   look up -> gates -> Run
//   Run       keys -> locks -> what is due goes -> handler -> effect to the log -> events -> unlock -> load
//
// A read or write handler finds its keys locked; a session handler locks what it needs itself. EXEC and scripts hold
// all their keys' shards at once, or everybody out (Scope), and what runs inside them joins their unit.
//
// Threads: its participant's, which is in.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "commands/key_positions.h"
#include "engine/eviction.h"
#include "engine/residency.h"
#include "exec/command_stats.h"
#include "exec/environment.h"
#include "exec/session.h"

namespace terrace::exec {

/// What the session handlers of higher rows need; they know what to cast it to.
class Host {
 public:
  virtual ~Host() = default;
};

/// The reply of a command that needs a value which cannot be read.
std::string UnreadableText(const Status& why);

/// Has a session wait for values that are away (engine/residency.h).
class ReadInWish final : public commands::Readiness {
 public:
  void Enlist(std::shared_ptr<engine::Waiter> waiter) override {
    // It may end at once, but to its thread that is told later, and that is ours.
    const auto wait = std::static_pointer_cast<Wait>(waiter);
    engine::ValueReader* own = wait->waker.value_reader();
    wait->values =
        (own != nullptr ? own : reader)->Read(std::exchange(keys, {}), std::move(waiter));
  }
  engine::ValueReader* reader = nullptr;  // for all
  std::vector<engine::AwayKey> keys;
};

/// One request, looked up and, if its first key is plain, hashed.
struct Invocation {
  const commands::Command* command = nullptr;  // nullptr: unknown
  Args args;
  Bytes raw;  // the request as one RESP command, if it came so
  uint64_t hash = 0;
  bool hashed = false;
  /// Table::HashOf the elements that later requests will look up in the value of this one's key, 0 for none: fetched into
  /// the cache while the key is locked.
  uint64_t next_place = 0;
  uint64_t next_element = 0;
};

class Executor {
 public:
  enum class Outcome : uint8_t {
    kDone,
    kParked,  // the session's `parking` says why; paused, it keeps the request and offers it again
  };

  Executor(Environment& env, engine::Participant& self, commands::Publisher& publisher,
           Observer* observer, Host* host, uint64_t seed);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Reads the clock anew; call before a batch of Execute calls.
  void BeginBatch();
  /// Runs one request of a session and writes its reply.
  Outcome Execute(Session& session, const Invocation& invocation);
  /// For a StreamApplier: runs a command of a stream as a unit of its own (nullptr: nothing to run), without gates and
  /// expiry; `raw` is appended to the log in place of its effects. False if its handler answered with an error.
  bool ApplyOne(Session& session, const commands::Command* command, Args args, Bytes raw);
  /// The same for the session's queue, as one unit.
  bool ApplyQueue(Session& session, Bytes raw);

  /// Runs `body` while everybody else is out. Inside a unit that is exclusive already, it just runs.
  void Exclusive(const std::function<void()>& body);
  /// The same for a session handler that changes data: other conditions may hold after the wait than when the gates let
  /// its command pass (a pause was announced). Then `body` does not run and the command starts again from its gates;
  /// the handler gets false and returns at once, without a reply.
  [[nodiscard]] bool ExclusiveOrRestart(const Session& session, const std::function<void()>& body);
  /// Runs a command inside the unit that is under way (EXEC); its keys are covered by the scope.
  void RunInScope(Session& session, const commands::Command& command, Args args, Bytes raw,
                  engine::KeyRef* refs, size_t count);
  /// For a session handler whose commands will need the values of `refs`: true if the session has to wait for them; the
  /// handler returns at once, without a reply, and is called anew. What is away after that is read while keys are locked.
  [[nodiscard]] bool WaitsForValues(const Session& session, engine::KeyRef* refs, size_t count);
  /// For the requests that wait behind one of the session's that waits for values: theirs are read meanwhile.
  void ReadAhead(Session& session);
  /// A unit around several commands: `body` runs with the shards of `refs` locked, or, if `exclusive`, with everybody
  /// else out; its effects are one unit of the log. Then who waits for its keys is served, so the names of `refs` live
  /// until this returns. False as with ExclusiveOrRestart.
  [[nodiscard]] bool RunScope(const Session& session, engine::KeyRef* refs, size_t count,
                              bool exclusive, const std::function<void()>& body);
  // --- clients that wait for keys (exec/waiters.cc) ---
  /// In an exclusive section: what a database's waiters wait for may be there now; they are served when the unit is done.
  void NoteKeysOfWaiters(unsigned db);
  /// On the session's own thread, when its wait has ended: the session gets its reply; or, to start anew, its request, which
  /// is then the first that it has parked. False: the latter.
  bool EndWait(Session& session);
  /// The same for a session that is about to go.
  void AbandonWait(Session& session);

  /// A session handler that cannot answer yet ends with this, without a reply: its session waits until somebody claims the
  /// wait, writes its reply, settles it as served and wakes its waker.
  std::shared_ptr<Wait> WaitOutside(Session& session, const commands::Command& command, Args args);
  /// For a gate: the session waits until then, and its command starts anew.
  void WaitUntil(uint64_t time_ns, Session& session, const commands::Command& command, Args args,
                 Bytes raw);

  /// A key that is no argument of a command (WATCH's, DEBUG OBJECT's), not locked yet.
  engine::KeyRef RefFor(unsigned db, Bytes key) const {
    engine::KeyRef ref;
    ref.key = key;
    ref.hash = env_.databases.HashOf(key);
    ref.keyspace = &env_.databases.Get(db);
    ref.db = db;
    return ref;
  }
  /// Runs `body` with the shards of `refs` locked. Inside an EXEC that holds its own locks, the refs must be its keys.
  template <typename Body>
  void WithLocked(engine::KeyRef* refs, size_t count, Body body) {
    engine::KeyLocks locks;
    locks.Acquire(refs, count);
    body();
  }
  /// A unit is under way around the current command: what it logs is committed by whoever began it.
  bool in_unit() const { return in_unit_; }
  bool in_scope() const { return scope_ != Scope::kNone; }
  bool exclusive() const { return scope_ == Scope::kExclusive; }

  /// Removes due keys among those this executor looks after; returns the earliest deadline left.
  uint64_t ExpireDueKeys(unsigned part, unsigned parts, uint64_t budget_ns);
  /// Earliest deadline that units added since the last call; UINT64_MAX if none.
  uint64_t TakeNewDeadline() { return std::exchange(unit_.new_deadline_ms, UINT64_MAX); }
  /// Makes room until memory is under its limit; false if it cannot.
  bool MakeRoom();
  /// Idle work: steps of staircases. True if there is more to do.
  bool RunIdle(uint64_t budget_ns);

  /// Writes the reply to a request that may not run: counts it as rejected, breaks a MULTI.
  void Reject(Session& session, const commands::Command* command, Bytes error);
  /// Finds the keys of a request and fills in hash, keyspace and database; false if their positions are unknown.
  bool FindRefs(const commands::Command& command, Args args, unsigned db,
                std::vector<engine::KeyRef>* refs) const;

  Environment& env() const { return env_; }
  engine::Unit& unit() { return unit_; }
  commands::Publisher& publisher() { return publisher_; }
  Host* host() { return host_; }
  CommandStats& stats() { return stats_; }
  engine::EngineCounters& counters() { return counters_; }
  /// Wall clock of the unit under way, or now if none is.
  uint64_t now_ms() const { return unit_.now_ms; }
  uint64_t NowNs() { return env_.clock.MonotonicNs(); }

 private:
  enum class Scope : uint8_t { kNone, kLocked, kExclusive };

  uint64_t WallMs() const { return (last_ns_ + wall_ahead_ns_) / 1'000'000; }
  void RejectUnknown(Session& session, const commands::Command* parent, Args args);
  // False: the session waits for keys now, or the command starts again (restart_).
  bool Run(Session& session, const commands::Command& command, const Invocation& invocation);
  bool RunKeyed(Session& session, const commands::Command& command, const Invocation& invocation);
  bool NameKey(Bytes key, uint64_t hash, unsigned db);
  static void FetchElements(engine::KeyRef& ref, const Invocation& invocation);
  /// A command that reads keys which it does not name. False: it starts again.
  bool RunReaching(Session& session, const commands::Command& command,
                   const Invocation& invocation);
  static bool Reaches(const commands::Command& command, Args args) {
    return command.spec->reaches_beyond != nullptr && command.spec->reaches_beyond(args);
  }
  /// In an exclusive section.
  void RunAlone(Session& session, const commands::Command& command, Args args, Bytes raw);
  /// True if a key of the command was due and has gone.
  bool RunHandler(unsigned db, resp::Reply& reply, const commands::Command& command,
                  const Args& args, Bytes raw, engine::KeyRef* refs, size_t count,
                  commands::WaitWish* wish);
  /// Some values of the refs are away. False: the command must not run; `wish` says what its session waits for, or it
  /// has an error for a reply.
  bool BringValues(resp::Reply& reply, const commands::Command& command, Args args,
                   engine::KeyRef* refs, size_t count, commands::WaitWish* wish);
  void ReadAhead(engine::ValueReader& reader, const Session& session, const OwnedRequest& request);
  void BeginApplying(Bytes raw);
  void RunSession(Session& session, const commands::Command& command, Args args);
  void Finish(Session& session, const commands::Command& command, const Args& args,
              uint32_t errors_before);
  /// Commits the unit of a keyed command and publishes its events; locks are still held.
  void Settle(const commands::Command& command, const engine::KeyRef* refs, size_t count) {
    unit_.Commit();
    if (TERRACE_UNLIKELY(unit_.gated || !unit_.events.empty())) SettleFurther(command, refs, count);
  }
  void SettleFurther(const commands::Command& command, const engine::KeyRef* refs, size_t count);
  /// Commits a unit that has no session of its own (expiry, eviction) and publishes its events.
  void SettleOwn(const engine::KeyRef& ref);
  void RecordWrites(const engine::KeyRef* refs, size_t count);
  void HoldReply(Session& session, uint64_t begin);
  void ExpireMet();
  void StepIfCrowded() {
    if (TERRACE_UNLIKELY(unit_.crowded != nullptr) && scope_ == Scope::kNone) StepCrowded();
  }
  void StepCrowded();
  /// Locks a unit's keys and, if there are waiters among them, what serving those may change.
  void LockKeys(engine::KeyRef* refs, size_t count) {
    waiters_ = false;
    if (count == 0) return;
    locks_.Acquire(refs, count);
    LockForWaiters(refs, count);
  }
  /// The second half, when the keys are locked.
  void LockForWaiters(engine::KeyRef* refs, size_t count) {
    for (size_t i = 0; i < count; ++i) waiters_ |= refs[i].shard->interest() != nullptr;
    if (TERRACE_UNLIKELY(waiters_)) LockNeeds(refs, count);
  }
  void LockNeeds(engine::KeyRef* refs, size_t count);
  void NoteNeeds(const engine::KeyRef& ref);
  void BeginWait(Session& session, const commands::Command& command, Args args, Bytes raw,
                 const engine::KeyRef* refs, size_t count);
  void NoteTouched(const engine::KeyRef* refs, size_t count);
  void ServeTouched();
  void FinishWait(Session& session, Wait& wait);
  void ForgetWait(const Wait& wait);
  void ServeWaiters(const engine::KeyRef* refs, size_t count);
  void ServeReady();
  void ServeKey(engine::KeyRef ref);
  bool ServeOne(const std::shared_ptr<Wait>& wait);
  void ServeGone(const engine::KeyRef& ref);
  // Those who wait for its keys need not be asked whether they are ready.
  static bool BringsNothing(const commands::Command& command) {
    return command.spec->read != nullptr || (command.flags & commands::kBringsNothing) != 0;
  }
  bool ReachForServing(engine::KeyRef& ref);
  void BeginExclusive();
  bool GatesClosedMeanwhile(const Session& session);
  void PublishEvents();
  bool EvictOne();
  bool LetOneGo();
  bool EvictUntilUnderLimit();

  Environment& env_;
  engine::Participant& self_;
  commands::Publisher& publisher_;
  Observer* observer_;
  Host* host_;
  engine::EngineCounters counters_;
  engine::Unit unit_;
  engine::Evictor evictor_;
  CommandStats stats_;
  engine::KeyLocks locks_;
  std::vector<engine::KeyRef> refs_;          // of the command under way, or of the last one
  uint64_t refs_stay_ = 0;                    // during which stay inside they were locked
  mutable commands::KeyPositions positions_;  // kept for its memory
  ReadInWish read_in_;                        // of the command under way
  std::vector<engine::KeyRef> ahead_refs_;    // kept for its memory
  // --- serving those who wait ---
  struct TouchedKey {
    unsigned db;
    NamedKey key;
  };
  commands::WaitWish wish_;        // of the command under way; not wanted between commands
  commands::WaitWish serve_wish_;  // of the waiter's that is being served
  bool waiters_ = false;           // among the locked keys are some with waiters
  std::vector<engine::KeyRef>
      widened_;  // what is locked besides the unit's keys, for the waiters' sake
  std::vector<std::shared_ptr<engine::Waiter>> kept_;  // whose names those are
  std::vector<TouchedKey> touched_;                    // with waiters, in an exclusive unit
  std::vector<engine::KeyRef> ready_;
  std::vector<engine::KeyRef> serve_refs_;
  const engine::Shard* visited_ = nullptr;  // locked by whoever walks over the keyspace
  engine::Shard nowhere_;  // where keys seem to be that are not locked: always empty
  Scope scope_ = Scope::kNone;
  engine::Origin origin_ = engine::Origin::kClient;
  bool in_unit_ = false;
  bool restart_ = false;        // the session handler that has just returned wants to start again
  uint64_t needed_offset_ = 0;  // of a gated unit: what its reply waits for
  uint32_t passed_conditions_ = 0;  // what held when the gates let the command under way pass
  uint64_t wall_ahead_ns_ = 0;      // of the monotonic clock, when the batch began
  uint64_t last_ns_ = 0;
};

/// What a session handler gets.
class SessionContext {
 public:
  SessionContext(Session& client, Executor& runner, const commands::Command& spec)
      : session(client), executor(runner), reply(client.reply), command(spec) {}

  Session& session;
  Executor& executor;
  resp::Reply& reply;
  const commands::Command& command;

  Environment& env() { return executor.env(); }
  uint64_t now_ms() const { return executor.now_ms(); }
};

}  // namespace terrace::exec
