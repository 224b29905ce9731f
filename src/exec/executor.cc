#include "exec/executor.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "exec/arity.h"
#include "exec/transaction.h"

namespace terrace::exec {

using commands::Command;
using engine::KeyRef;

namespace {

// COPY and MOVE: moves the last reference of the command, or a second one to its only key, into the target's database.
void PlaceTarget(const commands::CommandSpec& spec, Args args, engine::Databases& databases,
                 size_t first, std::vector<KeyRef>* refs) {
  const auto db = spec.target_db(args);
  if (!db || *db >= databases.count()) return;
  if (refs->size() == first + 1) refs->push_back(refs->back());
  refs->back().keyspace = &databases.Get(*db);
  refs->back().db = *db;
}

// Some 0.3 ms of erasing, while a command's keys are locked.
constexpr size_t kDueFieldsAtOnce = 2048;

// The command runs anew at once, which is when everybody's requests of this turn have run.
struct NextTurn final : commands::Readiness {
  void Enlist(std::shared_ptr<engine::Waiter> waiter) override { waiter->Restart(); }
} next_turn;

}  // namespace

Executor::Executor(Environment& env, engine::Participant& self, commands::Publisher& publisher,
                   Observer* observer, Host* host, uint64_t seed)
    : env_(env),
      self_(self),
      publisher_(publisher),
      observer_(observer),
      host_(host),
      unit_(env.databases, env.log, env.engine_settings, counters_, self, seed),
      evictor_(env.eviction),
      stats_(env.table.ids()) {
  BeginBatch();
}

void Executor::BeginBatch() {
  last_ns_ = env_.clock.MonotonicNs();
  wall_ahead_ns_ = env_.clock.WallUs() * 1000 - last_ns_;
}

Executor::Outcome Executor::Execute(Session& session, const Invocation& invocation) {
  const Command* command = invocation.command;
  if (TERRACE_UNLIKELY(command == nullptr)) {
    RejectUnknown(session, nullptr, invocation.args);
    return Outcome::kDone;
  }
  if (TERRACE_UNLIKELY(!command->subcommands.empty())) {
    const Command* sub = commands::CommandTable::FindSubcommand(*command, invocation.args);
    if (sub == nullptr) {
      RejectUnknown(session, command, invocation.args);
      return Outcome::kDone;
    }
    command = sub;
  }
  if (TERRACE_UNLIKELY(!FitsArity(*command, invocation.args.size()))) {
    std::string text = "ERR wrong number of arguments for '";
    text += command->full_name();
    text += "' command";
    Reject(session, command, text);
    return Outcome::kDone;
  }
  session.last_command = command;
  uint32_t conditions;
  bool done;
  do {
    restart_ = false;
    conditions = session.gates | env_.gates.closed.load(std::memory_order_acquire) |
                 (command->flags & kGateProtected);
    if (TERRACE_UNLIKELY(conditions != 0)) {
      switch (PassGates(*this, session, *command, invocation.args, invocation.raw, conditions)) {
        case Passage::kRun:
          break;
        case Passage::kAnswered:
          return Outcome::kDone;
        case Passage::kPark:
          session.parking.reason = ParkReason::kPaused;
          return Outcome::kParked;
        case Passage::kWait:
          return Outcome::kParked;
      }
    }
    passed_conditions_ = conditions;
    done = Run(session, *command, invocation);
  } while (TERRACE_UNLIKELY(restart_));
  // Afterwards, as Redis does: EXEC stands behind what it ran, SELECT with the database it chose.
  if (TERRACE_UNLIKELY((conditions & kGateMonitored) != 0) && observer_ != nullptr &&
      session.parking.reason != ParkReason::kOutside) {  // it starts anew, and is told of then
    observer_->OnMonitored(session, *command, invocation.args);
  }
  return TERRACE_LIKELY(done) ? Outcome::kDone : Outcome::kParked;
}

// Execute, Run and RunKeyed are one piece: the first two have little to do themselves.
[[gnu::always_inline]] inline bool Executor::Run(Session& session, const Command& command,
                                                 const Invocation& invocation) {
  const uint32_t errors_before = session.reply.errors();
  if (TERRACE_LIKELY(command.spec->session == nullptr)) {
    if (TERRACE_UNLIKELY(!RunKeyed(session, command, invocation))) return false;
  } else {
    const uint64_t begin = session.out.mark();
    unit_.Begin(WallMs(), engine::Origin::kClient);
    needed_offset_ = 0;
    RunSession(session, command, invocation.args);
    if (TERRACE_UNLIKELY(restart_)) return true;
    if (TERRACE_UNLIKELY(session.parking.reason == ParkReason::kOutside)) return false;
    if (TERRACE_UNLIKELY(wish_.wanted)) {
      BeginWait(session, command, invocation.args, invocation.raw, nullptr, 0);
      return false;
    }
    StepIfCrowded();
    if (TERRACE_UNLIKELY(unit_.gated)) {
      constexpr uint32_t kLooksAround = commands::kReadonly | commands::kWholeKeyspace;
      const bool reads =
          (command.flags & kLooksAround) != 0 && (command.flags & commands::kLockFree) == 0;
      if (reads) needed_offset_ = env_.log.end_offset();
      HoldReply(session, begin);
    }
  }
  Finish(session, command, invocation.args, errors_before);
  return true;
}

void Executor::RunSession(Session& session, const Command& command, Args args) {
  SessionContext context(session, *this, command);
  command.spec->session(context, args);
}

[[gnu::always_inline]] inline bool Executor::RunKeyed(Session& session, const Command& command,
                                                      const Invocation& invocation) {
  const Args& args = invocation.args;
  unit_.Begin(WallMs(), engine::Origin::kClient);
  unit_.no_touch = session.no_touch;
  bool again = false;
  // One plain key, whose hash is known. A command with others elsewhere (SORT ... STORE, ZUNIONSTORE) is looked through.
  if (TERRACE_LIKELY(invocation.hashed && command.first_key == command.last_key &&
                     (command.flags & commands::kMovableKeys) == 0 &&
                     command.spec->target_db == nullptr)) {
    again = NameKey(args[static_cast<size_t>(command.first_key)], invocation.hash, session.db);
  } else if (TERRACE_UNLIKELY(Reaches(command, args))) {
    return RunReaching(session, command, invocation);
  } else {
    refs_.clear();
    // Malformed: the handler says what is wrong before it asks for a key.
    if (!FindRefs(command, args, session.db, &refs_)) refs_.clear();
  }
  const uint64_t begin = unit_.gated ? session.out.mark() : 0;
  KeyRef* const refs = refs_.data();
  const size_t count = refs_.size();
  waiters_ = false;
  if (TERRACE_LIKELY(count != 0)) {
    again ? locks_.AcquireAgain(refs) : locks_.Acquire(refs, count);
    refs_stay_ = self_.stay();
    if (!BringsNothing(command)) LockForWaiters(refs, count);
    if (TERRACE_UNLIKELY((invocation.next_place | invocation.next_element) != 0)) {
      FetchElements(refs[0], invocation);
    }
  }
  commands::WaitWish* wish = session.waker != nullptr ? &wish_ : nullptr;
  waiters_ |=
      RunHandler(session.db, session.reply, command, args, invocation.raw, refs, count, wish);
  Settle(command, refs, count);
  if (TERRACE_UNLIKELY(waiters_)) ServeWaiters(refs, count);
  const bool waits = wish_.wanted;
  if (TERRACE_UNLIKELY(waits)) BeginWait(session, command, args, invocation.raw, refs, count);
  locks_.Release();
  if (TERRACE_UNLIKELY(!unit_.due_met.empty())) ExpireMet();
  if (TERRACE_UNLIKELY(unit_.gated) && !waits) HoldReply(session, begin);
  StepIfCrowded();
  return !waits;
}

// Makes refs_ this key alone. True if that is what it was for the command before, and what was found then may still hold:
// clients of a queue or a leaderboard name the same key again and again.
inline bool Executor::NameKey(Bytes key, uint64_t hash, unsigned db) {
  engine::Keyspace* keyspace = &env_.databases.Get(db);
  const bool again = refs_.size() == 1 && refs_[0].hash == hash && refs_[0].keyspace == keyspace &&
                     refs_stay_ == self_.stay();
  if (!again) {
    refs_.resize(1);
    refs_[0].hash = hash;
    refs_[0].keyspace = keyspace;
    refs_[0].db = db;
  }
  refs_[0].key = key;
  return again;
}

void Executor::FetchElements(KeyRef& ref, const Invocation& invocation) {
  const engine::Entry* entry = ref.entry();
  if (entry == nullptr || !IsCollection(entry->encoding())) return;
  const types::Value value = entry->collection();
  using types::FetchStep;
  if (invocation.next_place != 0) {
    types::FetchElement(value, invocation.next_place, FetchStep::kPlace);
  }
  if (invocation.next_element != 0) {
    types::FetchElement(value, invocation.next_element, FetchStep::kElement);
  }
}

bool Executor::RunReaching(Session& session, const Command& command, const Invocation& invocation) {
  const uint64_t begin = session.out.mark();
  const bool ran = RunScope(session, nullptr, 0, true, [&] {
    unit_.no_touch = session.no_touch;
    RunAlone(session, command, invocation.args, invocation.raw);
  });
  if (ran && TERRACE_UNLIKELY(unit_.gated)) HoldReply(session, begin);
  return ran;
}

bool Executor::RunHandler(unsigned db, resp::Reply& reply, const Command& command, const Args& args,
                          Bytes raw, KeyRef* refs, size_t count, commands::WaitWish* wish) {
  // A session that can stop looks again in the next turn if fields are left that are due; its keys are free meanwhile.
  const engine::Expired expired =
      engine::ExpireDue(unit_, refs, count, command.spec->read != nullptr,
                        wish != nullptr ? kDueFieldsAtOnce : SIZE_MAX);
  if (TERRACE_UNLIKELY(expired.more) && wish != nullptr) {
    wish->wanted = true;
    wish->readiness = &next_turn;
    return expired.any;
  }
  if (TERRACE_UNLIKELY(expired.away) && !BringValues(reply, command, args, refs, count, wish))
    return expired.any;
  if (command.spec->read != nullptr) {
    commands::ReadContext context(unit_, db, reply, refs, count);
    context.set_wish(wish);
    command.spec->read(context, args);
    return expired.any;
  }
  commands::WriteContext context(unit_, db, reply, refs, count, publisher_);
  context.set_wish(wish);
  const commands::Effect effect = command.spec->write(context, args);
  if (const uint64_t changes = effect.changes(); changes != 0) unit_.CountChanges(changes);
  if (TERRACE_LIKELY(!unit_.logging) || !effect.logs_request()) return expired.any;
  if (!raw.empty()) {
    unit_.LogRaw(db, raw);
  } else {
    unit_.LogArgs(db, args.begin(), args.size());
  }
  return expired.any;
}

void Executor::SettleFurther(const Command& command, const KeyRef* refs, size_t count) {
  if (TERRACE_UNLIKELY(unit_.gated)) {
    needed_offset_ = unit_.offset;
    if (unit_.offset != 0) {
      RecordWrites(refs, count);
    } else if ((command.flags & commands::kWholeKeyspace) != 0) {
      needed_offset_ = env_.log.end_offset();
    } else {
      for (size_t i = 0; i < count; ++i) {
        needed_offset_ = std::max(needed_offset_, env_.log.write_offsets().Of(refs[i].hash));
      }
    }
  }
  if (!unit_.events.empty()) PublishEvents();
}

void Executor::SettleOwn(const KeyRef& ref) {
  unit_.Commit();
  if (TERRACE_UNLIKELY(unit_.gated)) RecordWrites(&ref, 1);
  if (!unit_.events.empty()) PublishEvents();
  ServeGone(ref);
}

// Before the locks are released: who sees the keys' new state finds the offset that state needs. Keys of the unit that
// it only read are among them, which makes their readers wait a little longer than they must.
void Executor::RecordWrites(const KeyRef* refs, size_t count) {
  if (unit_.offset == 0) return;
  for (size_t i = 0; i < count; ++i) env_.log.write_offsets().Record(refs[i].hash, unit_.offset);
}

// The reply that begins at `begin` leaves when the log has got far enough for it.
void Executor::HoldReply(Session& session, uint64_t begin) {
  if (needed_offset_ <= env_.log.progress().reached()) return;
  session.reply_gate.Hold(begin, needed_offset_);
}

// The due keys that a walk has met, now that it holds no lock: found again, and each a unit of its own, logged and
// announced while its shard is locked, as when a timer deletes it. Inside an EXEC they are part of its unit.
void Executor::ExpireMet() {
  const std::vector<engine::DueKey> met = std::exchange(unit_.due_met, {});
  for (const engine::DueKey& due : met) {
    KeyRef ref = RefFor(due.db, due.key);
    locks_.Acquire(&ref, 1);
    if (engine::ExpireDue(unit_, &ref, 1, true).any)
      in_unit_ ? NoteTouched(&ref, 1) : SettleOwn(ref);
    locks_.Release();
  }
  needed_offset_ = std::max(needed_offset_, unit_.offset);
}

void Executor::PublishEvents() {
  std::string channel;
  for (const engine::KeyEvent& event : unit_.events) {
    const std::string db = std::to_string(event.db);
    if ((unit_.notify_flags & engine::kNotifyKeyspace) != 0) {
      channel.assign("__keyspace@").append(db).append("__:").append(event.key);
      publisher_.Publish(pubsub::Kind::kChannel, channel, event.event);
    }
    if ((unit_.notify_flags & engine::kNotifyKeyevent) != 0) {
      channel.assign("__keyevent@").append(db).append("__:").append(event.event);
      publisher_.Publish(pubsub::Kind::kChannel, channel, event.key);
    }
  }
  unit_.events.clear();
}

inline void Executor::Finish(Session& session, const Command& command, const Args& args,
                             uint32_t errors_before) {
  const uint64_t now = env_.clock.MonotonicNs();
  const uint64_t ns = now - last_ns_;
  last_ns_ = now;
  CommandCounter& counter = stats_.of(command.id);
  counter.Count(ns, stats_.keeps_histograms());
  if (TERRACE_UNLIKELY(session.reply.errors() != errors_before)) {
    CommandCounter::Bump(counter.failed, 1);
    if (observer_ != nullptr) observer_->OnErrorReply(session.reply.last_error_code());
  }
  if (TERRACE_UNLIKELY(ns >= env_.slow_command_ns.load(std::memory_order_relaxed)) &&
      observer_ != nullptr) {
    observer_->OnSlowCommand(session, command, args, ns);
  }
}

void Executor::Reject(Session& session, const Command* command, Bytes error) {
  if (command != nullptr) CommandCounter::Bump(stats_.of(command->id).rejected, 1);
  if (session.in_multi()) session.queue_broken = true;
  if (command != nullptr && command->spec->name == Bytes("exec")) {
    // An EXEC that may not run ends its transaction all the same.
    DiscardTransaction(session, *this);
    constexpr Bytes kPlain = "ERR ";
    if (error.starts_with(kPlain)) error.remove_prefix(kPlain.size());
    session.reply.Error("EXECABORT Transaction discarded because of: " + std::string(error));
  } else {
    session.reply.Error(error);
  }
  if (observer_ != nullptr) observer_->OnErrorReply(session.reply.last_error_code());
}

void Executor::RejectUnknown(Session& session, const Command* parent, Args args) {
  constexpr size_t kShownMax = 128;
  std::string text;
  if (parent != nullptr) {
    std::string upper(parent->full_name());
    for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    text = "ERR unknown subcommand '" + std::string(args[1].substr(0, kShownMax)) + "'. Try " +
           upper + " HELP.";
  } else {
    text = "ERR unknown command '" + std::string(args[0].substr(0, kShownMax)) +
           "', with args beginning with: ";
    std::string shown;
    for (size_t i = 1; i < args.size() && shown.size() < kShownMax; ++i) {
      shown += "'" + std::string(args[i].substr(0, kShownMax - shown.size())) + "' ";
    }
    text += shown;
  }
  Reject(session, nullptr, text);
}

bool Executor::FindRefs(const Command& command, Args args, unsigned db,
                        std::vector<KeyRef>* refs) const {
  engine::Keyspace& keyspace = env_.databases.Get(db);
  const auto add = [&](size_t index) {
    KeyRef& ref = refs->emplace_back();
    ref.key = args[index];
    ref.hash = env_.databases.HashOf(ref.key);
    ref.keyspace = &keyspace;
    ref.db = db;
  };
  if ((command.flags & commands::kMovableKeys) == 0) {
    if (command.first_key == 0) return true;
    const auto size = static_cast<int64_t>(args.size());
    const int64_t last = command.last_key >= 0 ? command.last_key : size + command.last_key;
    const size_t first = refs->size();
    for (int64_t i = command.first_key; i <= last && i < size; i += command.key_step)
      add(static_cast<size_t>(i));
    if (command.spec->target_db != nullptr)
      PlaceTarget(*command.spec, args, env_.databases, first, refs);
    return true;
  }
  positions_.keys.clear();
  if (!commands::FindKeys(command, args, &positions_)) return false;
  for (const auto& position : positions_.keys) {
    if ((position.flags & commands::kKeyNotKey) == 0) add(position.index);
  }
  return true;
}

bool Executor::RunScope(const Session& session, KeyRef* refs, size_t count, bool exclusive,
                        const std::function<void()>& body) {
  TERRACE_CHECK(scope_ == Scope::kNone);
  unit_.Begin(WallMs(), origin_);
  const auto run = [&] {
    in_unit_ = true;
    body();
    in_unit_ = false;
    unit_.Commit();
    if (TERRACE_UNLIKELY(unit_.gated)) {
      if (!exclusive) {
        RecordWrites(refs, count);
      } else if (unit_.offset != 0) {
        env_.log.write_offsets().RecordAll(unit_.offset);
      }
      // What its commands have read is not looked at one by one.
      needed_offset_ = unit_.offset != 0 ? unit_.offset : env_.log.end_offset();
    }
    if (!unit_.events.empty()) PublishEvents();
    if (exclusive) {
      ServeTouched();
    } else if (TERRACE_UNLIKELY(waiters_)) {
      ServeWaiters(refs, count);
    }
  };
  if (exclusive) {
    self_.group().Exclusive(&self_, [&] {
      if (GatesClosedMeanwhile(session)) return;
      scope_ = Scope::kExclusive;
      BeginExclusive();
      run();
      unit_.crowded = nullptr;  // others may replace the keyspace before we look at it again
    });
  } else {
    scope_ = Scope::kLocked;
    LockKeys(refs, count);
    run();
    locks_.Release();
  }
  scope_ = Scope::kNone;
  StepIfCrowded();
  return !restart_;
}

void Executor::RunInScope(Session& session, const Command& command, Args args, Bytes raw,
                          KeyRef* refs, size_t count) {
  TERRACE_DCHECK(scope_ != Scope::kNone);
  const uint32_t errors_before = session.reply.errors();
  unit_.no_touch = session.no_touch;
  if (command.spec->session != nullptr) {
    RunSession(session, command, args);
  } else if (scope_ == Scope::kLocked) {
    RunHandler(session.db, session.reply, command, args, raw, refs, count, nullptr);
  } else {
    RunAlone(session, command, args, raw);
  }
  if (origin_ == engine::Origin::kStream)
    return;  // no client's command: nobody's statistics, no MONITOR
  Finish(session, command, args, errors_before);
  if ((env_.gates.closed.load(std::memory_order_relaxed) & kGateMonitored) != 0 &&
      observer_ != nullptr) {
    observer_->OnMonitored(session, command, args);
  }
}

void Executor::RunAlone(Session& session, const Command& command, Args args, Bytes raw) {
  std::vector<KeyRef> own;
  if (!FindRefs(command, args, session.db, &own)) own.clear();
  if (!own.empty()) locks_.Acquire(own.data(), own.size());
  RunHandler(session.db, session.reply, command, args, raw, own.data(), own.size(), nullptr);
  NoteTouched(own.data(), own.size());
  locks_.Release();
  for (const engine::DueKey& gone : std::exchange(unit_.gone_beyond, {})) {
    KeyRef ref = RefFor(gone.db, gone.key);
    ref.shard = ref.keyspace->staircase().Guess(ref.hash);
    NoteTouched(&ref, 1);
  }
  if (!unit_.due_met.empty()) ExpireMet();
}

void Executor::Exclusive(const std::function<void()>& body) {
  if (scope_ == Scope::kExclusive) return body();
  TERRACE_CHECK(scope_ == Scope::kNone);
  self_.group().Exclusive(&self_, [&] {
    scope_ = Scope::kExclusive;
    BeginExclusive();
    body();
    unit_.crowded = nullptr;
  });
  scope_ = Scope::kNone;
}

bool Executor::ExclusiveOrRestart(const Session& session, const std::function<void()>& body) {
  Exclusive([&] {
    // Inside an EXEC it was looked at when the EXEC got the section.
    if (!in_unit_ && GatesClosedMeanwhile(session)) return;
    body();
    if (in_unit_) return;
    if (unit_.gated && unit_.offset != 0) {
      env_.log.write_offsets().RecordAll(unit_.offset);
      needed_offset_ = unit_.offset;
    }
    ServeTouched();
  });
  return !restart_;
}

// A condition that did not hold when the command passed holds now: its gate has not been asked.
bool Executor::GatesClosedMeanwhile(const Session& session) {
  const uint32_t now = session.gates | env_.gates.closed.load(std::memory_order_acquire);
  restart_ = (now & ~passed_conditions_) != 0;
  return restart_;
}

// The wait for the section may have been long: the unit begins when it is over, with the clock and the log as they are
// then.
void Executor::BeginExclusive() { unit_.Begin(env_.clock.WallMs(), origin_); }

void Executor::BeginApplying(Bytes raw) {
  origin_ = engine::Origin::kStream;
  passed_conditions_ = ~uint32_t{0};  // a stream passes no gates, so none can have closed behind it
  unit_.Begin(WallMs(), origin_);
  unit_.received = raw;
}

bool Executor::ApplyOne(Session& session, const Command* command, Args args, Bytes raw) {
  const uint32_t errors_before = session.reply.errors();
  bool runs = command != nullptr;
  BeginApplying(raw);
  if (runs && command->spec->session != nullptr) {
    RunSession(session, *command, args);
    unit_.Commit();  // if its handler has not
  } else if (runs && Reaches(*command, args)) {
    const bool ran =
        RunScope(session, nullptr, 0, true, [&] { RunAlone(session, *command, args, Bytes()); });
    TERRACE_DCHECK(ran);
  } else {
    refs_.clear();
    if (runs && !FindRefs(*command, args, session.db, &refs_)) {
      refs_.clear();
      runs = false;
    }
    waiters_ = false;
    LockKeys(refs_.data(), refs_.size());
    if (runs) {
      RunHandler(session.db, session.reply, *command, args, Bytes(), refs_.data(), refs_.size(),
                 nullptr);
    }
    unit_.Commit();
    if (TERRACE_UNLIKELY(unit_.gated)) RecordWrites(refs_.data(), refs_.size());
    if (!unit_.events.empty()) PublishEvents();
    if (TERRACE_UNLIKELY(waiters_)) ServeWaiters(refs_.data(), refs_.size());
    locks_.Release();
  }
  StepIfCrowded();
  origin_ = engine::Origin::kClient;
  return session.reply.errors() == errors_before && runs == (command != nullptr);
}

bool Executor::ApplyQueue(Session& session, Bytes raw) {
  const uint32_t errors_before = session.reply.errors();
  BeginApplying(raw);
  TransactionPlan plan = PlanTransaction(session, *this);
  const bool ran = RunScope(session, plan.refs.data(), plan.refs.size(), plan.exclusive, [&] {
    for (size_t i = 0; i < session.queue.size(); ++i) {
      const OwnedRequest& request = session.queue[i];
      RunInScope(session, *request.command(), request.args(), Bytes(),
                 plan.refs.data() + plan.begins[i], plan.begins[i + 1] - plan.begins[i]);
    }
  });
  TERRACE_DCHECK(ran);
  origin_ = engine::Origin::kClient;
  return ran && session.reply.errors() == errors_before;
}

}  // namespace terrace::exec
