// The part of Executor that is about clients who wait for keys (exec/parking.h).
//
// A waiter is served by the unit that brings what it waits for, after the whole unit and before its locks are released:
// so nobody can take the element in between, and of several waiters the one that has waited longest gets it. What holds
// whenever a shard is unlocked: no key with a waiter has a value that the waiter could use. So nobody has to say that
// a key has become ready: whoever had it locked looks.
//
// Serving is running the waiter's command again, with its reply kept for its own thread. A command that changes a second
// key (BLMOVE's destination) needs that one locked, too, and locks are taken in order: so a unit that meets waiters
// takes, before it begins, the closure of what they may change. Keys a waiter only waits for besides need no lock:
// nothing can be in them but what this unit brought, so they are shown to the handler as empty. One that wants to know when a
// key has gone (WaitForm::also_when_gone) has to see all its keys as they are, and needs them like those it changes.
//
// With serving, more waiters may become ready, and so on; each is served once, so there is an end. A waiter's command may
// also find nothing for it yet (a consumer group whose entries another consumer has taken) and waits on.
//
// A unit of a stream (exec/stream_applier.h) serves those whose command only reads. The others would change keys, which is
// the leader's to do: they wait on, although their key may have what they wait for.
//
// Who expires or evicts a key holds no other key's lock: a waiter that wants to know and has several keys starts anew.
#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "exec/executor.h"

namespace terrace::exec {

using commands::Command;
using engine::InterestTable;
using engine::KeyRef;

namespace {

// A unit locks no more keys than this for the sake of waiters, and looks at no more waiters of a key for what they need. Those
// whose keys are beyond it are not served: their own threads run their commands anew, and they may find that others have been
// faster.
constexpr size_t kWidenedMax = 1024;

// How often a command waits for its values. Where hardly anything fits into memory, what was read in has to go again for the
// next one's sake, and may have gone before the command has seen it.
constexpr unsigned kReadInsMax = 3;

// When a timeout that begins now is over. Beyond what the clock can count it is for ever.
uint64_t DeadlineNs(uint64_t now_ns, uint64_t timeout_ms) {
  constexpr uint64_t kNsPerMs = 1'000'000;
  if (timeout_ms == 0 || timeout_ms > (std::numeric_limits<uint64_t>::max() - now_ns) / kNsPerMs)
    return 0;
  return now_ns + timeout_ms * kNsPerMs;
}

InterestTable* WaitsOf(const engine::Shard* shard) {
  InterestTable* table = shard->interest();
  return table != nullptr && table->has_waits() ? table : nullptr;
}

// Calls visit(Waits::iterator) for those who wait for the key, in order; it returns the iterator to go on with, the end to stop.
template <typename Visit>
void ForEachWait(InterestTable& table, const KeyRef& ref, Visit visit) {
  InterestTable::Waits& waits = table.waits();
  for (auto it = waits.lower_bound({ref.hash, 0});
       it != waits.end() && it->first.first == ref.hash;) {
    it = it->second.key == ref.key ? visit(it) : std::next(it);
  }
}

bool HasWaits(const KeyRef& ref) {
  InterestTable* table = WaitsOf(ref.shard);
  bool found = false;
  if (table != nullptr) {
    ForEachWait(*table, ref, [&](auto it) {
      found = it != table->waits().end();
      return table->waits().end();
    });
  }
  return found;
}

}  // namespace

void Executor::LockNeeds(KeyRef* refs, size_t count) {
  kept_.clear();
  widened_.clear();
  while (true) {
    const size_t before = widened_.size();
    for (size_t i = 0; i < count; ++i) NoteNeeds(refs[i]);
    // What was just added is not locked yet; what it leads to is seen in the next round.
    for (size_t i = 0; i < before; ++i) NoteNeeds(KeyRef(widened_[i]));
    if (widened_.size() == before) break;
    // While nothing is locked new waiters may come; they are found in the next round, too.
    locks_.Release();
    locks_.Acquire(refs, count, widened_.data(), widened_.size());
  }
}

void Executor::NoteNeeds(const KeyRef& ref) {
  InterestTable* table = WaitsOf(ref.shard);
  if (table == nullptr || !table->some_need_others()) return;
  size_t looked_at = 0;
  ForEachWait(*table, ref, [&](auto it) {
    if (++looked_at > kWidenedMax) return table->waits().end();
    if (!it->second.who->needs_others) return std::next(it);
    const auto wait = std::static_pointer_cast<Wait>(it->second.who);
    if (wait->state() != Wait::State::kWaiting) return std::next(it);
    for (const NamedKey& need : wait->needs) {
      const auto is_it = [&](const KeyRef& each) {
        return each.hash == need.hash && each.db == wait->db && each.key == need.key;
      };
      if (widened_.size() >= kWidenedMax || std::any_of(widened_.begin(), widened_.end(), is_it))
        continue;
      KeyRef& added = widened_.emplace_back();
      added.key = need.key;
      added.hash = need.hash;
      added.keyspace = &env_.databases.Get(wait->db);
      added.db = wait->db;
      kept_.push_back(wait);
    }
    return std::next(it);
  });
}

std::shared_ptr<Wait> Executor::WaitOutside(Session& session, const Command& command, Args args) {
  auto wait = std::make_shared<Wait>(env_.databases.NextInLine(), 0,
                                     OwnedRequest(&command, args, Bytes()), session, Type::kString);
  session.parking.reason = ParkReason::kOutside;
  session.parking.wait = wait;
  return wait;
}

void Executor::WaitUntil(uint64_t time_ns, Session& session, const Command& command, Args args,
                         Bytes raw) {
  auto wait = std::make_shared<Wait>(env_.databases.NextInLine(), time_ns,
                                     OwnedRequest(&command, args, raw), session, Type::kString);
  wait->anew_in_time = true;
  session.parking.reason = ParkReason::kOutside;
  session.parking.wait = std::move(wait);
}

// The command could do nothing yet, and its keys are still locked.
void Executor::BeginWait(Session& session, const Command& command, Args args, Bytes raw,
                         const KeyRef* refs, size_t count) {
  const commands::WaitWish wish = std::exchange(wish_, {});
  if (wish.readiness != nullptr) {
    if (wish.readiness == &read_in_ && ++session.parking.read_ins == kReadInsMax)
      session.gates |= kGateWaitedEnough;
    auto wait = std::make_shared<Wait>(env_.databases.NextInLine(), 0,
                                       OwnedRequest(&command, args, raw), session, wish.type);
    session.parking.reason = ParkReason::kOutside;
    session.parking.wait = wait;
    wish.readiness->Enlist(std::move(wait));
    return;
  }
  OwnedRequest request;
  if (wish.form.request.empty()) {
    request = OwnedRequest(&command, args, raw);
  } else {
    const std::vector<Bytes> words(wish.form.request.begin(), wish.form.request.end());
    request = OwnedRequest(&command, Args(words.data(), words.size()), Bytes());
  }
  const Resumed place =
      std::exchange(session.parking.resumed, std::nullopt)
          .value_or(Resumed{env_.databases.NextInLine(), DeadlineNs(NowNs(), wish.timeout_ms)});
  auto wait = std::make_shared<Wait>(place.place_in_line, place.deadline_ns, std::move(request),
                                     session, wish.type);
  // A command may name a key twice, and any number of keys.
  const std::unordered_set<Bytes> awaited(wish.keys.begin(), wish.keys.end());
  std::unordered_set<Bytes> met;
  std::vector<const KeyRef*> places;
  for (size_t i = 0; i < count; ++i) {
    const KeyRef& ref = refs[i];
    if (!met.insert(ref.key).second) continue;
    if (!awaited.contains(ref.key)) {
      wait->needs.push_back({ref.hash, std::string(ref.key)});
      continue;
    }
    wait->keys.push_back({ref.hash, std::string(ref.key)});
    places.push_back(&ref);
  }
  wait->also_when_gone = wish.form.also_when_gone;
  if (wait->also_when_gone && met.size() > 1)
    wait->needs.insert(wait->needs.end(), wait->keys.begin(), wait->keys.end());
  wait->needs_others = !wait->needs.empty();
  for (const KeyRef* ref : places) {
    ref->shard->MakeInterest().AddWait(ref->hash, {std::string(ref->key), wait});
  }
  session.parking.reason = ParkReason::kKeys;
  session.parking.wait = std::move(wait);
}

bool Executor::EndWait(Session& session) {
  Parking& parking = session.parking;
  const std::shared_ptr<Wait> wait = std::exchange(parking.wait, nullptr);
  const ParkReason reason = std::exchange(parking.reason, ParkReason::kNone);
  wait->session = nullptr;
  ForgetWait(*wait);
  if (const auto values = std::exchange(wait->values, nullptr)) values->PutIn();
  if (wait->state() != Wait::State::kRestarted) {
    FinishWait(session, *wait);
    return true;
  }
  if (reason == ParkReason::kKeys) parking.resumed = Resumed{wait->number, wait->deadline_ns};
  // A copy: who told it to start anew may still use the names in it.
  parking.PutFirst(
      OwnedRequest(wait->request.command(), wait->request.args(), wait->request.raw()));
  return false;
}

// If somebody serves it at this moment, what it is given is lost with the session, as a reply on its way would be.
void Executor::AbandonWait(Session& session) {
  const std::shared_ptr<Wait> wait = std::exchange(session.parking.wait, nullptr);
  session.parking.reason = ParkReason::kNone;
  static_cast<void>(wait->TryEnd(Wait::State::kGone));
  wait->session = nullptr;
  ForgetWait(*wait);
}

// Takes a wait that has ended out of the shards' tables.
void Executor::ForgetWait(const Wait& wait) {
  for (const NamedKey& key : wait.keys) {
    KeyRef ref = RefFor(wait.db, key.key);
    WithLocked(&ref, 1, [&] {
      InterestTable* table = ref.shard->interest();
      if (table == nullptr) return;
      table->RemoveWait(ref.hash, ref.key, wait);
      if (table->empty()) ref.shard->interest_slot().reset();
    });
  }
}

void Executor::FinishWait(Session& session, Wait& wait) {
  const uint32_t errors_before = session.reply.errors();
  const uint64_t begin = session.out.mark();
  uint32_t served_errors = 0;
  switch (wait.state()) {
    case Wait::State::kServed:
      if (!session.reply.muted()) session.out.Append(wait.out);
      if (wait.offset > env_.log.progress().reached()) session.reply_gate.Hold(begin, wait.offset);
      served_errors = wait.reply.errors();
      break;
    case Wait::State::kRefused:
      session.reply.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
      break;
    default:
      session.reply.NullArray();
      break;
  }
  // The time it waited is not the command's.
  CommandCounter& counter = stats_.of(wait.request.command()->id);
  counter.Count(0, stats_.keeps_histograms());
  if (TERRACE_UNLIKELY(env_.slow_command_ns.load(std::memory_order_relaxed) == 0) &&
      observer_ != nullptr) {
    observer_->OnSlowCommand(session, *wait.request.command(), wait.request.args(), 0);
  }
  if (served_errors == 0 && session.reply.errors() == errors_before) return;
  CommandCounter::Bump(counter.failed, 1);
  if (observer_ == nullptr) return;
  observer_->OnErrorReply(served_errors != 0 ? wait.reply.last_error_code()
                                             : session.reply.last_error_code());
}

// --- in an exclusive unit: any key can be reached, but only those that were touched have to be looked at ---

void Executor::NoteTouched(const KeyRef* refs, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (HasWaits(refs[i]))
      touched_.push_back({refs[i].db, {refs[i].hash, std::string(refs[i].key)}});
  }
}

void Executor::NoteKeysOfWaiters(unsigned db) {
  env_.databases.Get(db).staircase().ForEachShard(0, [&](engine::Shard& shard, uint64_t, uint64_t) {
    if (InterestTable* table = WaitsOf(&shard)) {
      for (const auto& [place, wait] : table->waits())
        touched_.push_back({db, {place.first, wait.key}});
    }
    return true;
  });
}

void Executor::ServeTouched() {
  if (TERRACE_LIKELY(touched_.empty())) return;
  for (const TouchedKey& touched : touched_) {
    KeyRef ref;
    ref.key = touched.key.key;
    ref.hash = touched.key.hash;
    ref.keyspace = &env_.databases.Get(touched.db);
    ref.db = touched.db;
    ReachForServing(ref);
    ready_.push_back(ref);
  }
  ServeReady();
  kept_.clear();
  touched_.clear();
}

// --- serving ---

void Executor::ServeWaiters(const KeyRef* refs, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (HasWaits(refs[i])) ready_.push_back(refs[i]);
  }
  ServeReady();
  kept_.clear();
}

void Executor::ServeReady() {
  for (size_t i = 0; i < ready_.size(); ++i) ServeKey(ready_[i]);
  ready_.clear();
}

void Executor::ServeKey(KeyRef ref) {
  InterestTable* table = WaitsOf(ref.shard);
  if (table == nullptr) return;
  ForEachWait(*table, ref, [&](auto it) {
    const engine::Entry* entry = ref.entry();
    const bool gone = entry == nullptr || entry->IsGone(unit_.now_ms);
    if (gone && !table->some_want_gone()) return table->waits().end();
    const auto wait = std::static_pointer_cast<Wait>(it->second.who);
    const bool of_interest = wait->also_when_gone || (!gone && entry->type() == wait->type);
    // What a stream brings is for readers: what others would do with it is not in the stream.
    const bool may_run =
        origin_ == engine::Origin::kClient || wait->request.command()->spec->read != nullptr;
    if (!of_interest || !may_run || !wait->TryEnd(Wait::State::kClaimed)) return std::next(it);
    kept_.push_back(wait);  // the names of what becomes ready now are its own
    return ServeOne(wait) ? table->EraseWait(it) : std::next(it);
  });
  if (table->empty()) ref.shard->interest_slot().reset();
}

// A key has gone for which no unit of a client stands: it was due, or had to make room. Its shard is locked.
void Executor::ServeGone(const KeyRef& ref) {
  if (TERRACE_LIKELY(!HasWaits(ref))) return;
  visited_ = ref.shard;
  ServeWaiters(&ref, 1);
  visited_ = nullptr;
}

// Where the key is, if the unit may touch it; nowhere otherwise.
bool Executor::ReachForServing(KeyRef& ref) {
  ref.shard = ref.keyspace->staircase().Guess(ref.hash);
  const bool reached =
      scope_ == Scope::kExclusive || ref.shard == visited_ || locks_.Holds(ref.shard);
  if (!reached) ref.shard = &nowhere_;
  ref.Look();
  return reached;
}

// Runs the command of a waiter that has been claimed; false if there is nothing for it yet.
bool Executor::ServeOne(const std::shared_ptr<Wait>& wait) {
  const Command& command = *wait->request.command();
  serve_refs_.clear();
  const bool found = FindRefs(command, wait->request.args(), wait->db, &serve_refs_);
  TERRACE_DCHECK(found);
  bool all_needs = found;
  for (KeyRef& ref : serve_refs_) {
    if (ReachForServing(ref)) continue;
    const auto is_it = [&](const NamedKey& key) { return key.key == ref.key; };
    all_needs &= std::none_of(wait->needs.begin(), wait->needs.end(), is_it);
  }
  const auto restart = [&] {
    wait->Settle(Wait::State::kRestarted);
    wait->waker.Wake(wait);
    return true;
  };
  if (TERRACE_UNLIKELY(!all_needs)) return restart();
  unit_.offset = 0;
  unit_.no_touch = wait->no_touch;
  serve_wish_ = {};
  const bool expired =
      RunHandler(wait->db, wait->reply, command, wait->request.args(), wait->request.raw(),
                 serve_refs_.data(), serve_refs_.size(), &serve_wish_);
  const bool served = !serve_wish_.wanted;
  TERRACE_DCHECK(served || wait->out.empty());
  unit_.Commit();
  if (TERRACE_UNLIKELY(unit_.gated)) {
    wait->offset = unit_.offset;
    RecordWrites(serve_refs_.data(), serve_refs_.size());
    if (unit_.offset == 0) {
      for (const KeyRef& ref : serve_refs_) {
        wait->offset = std::max(wait->offset, env_.log.write_offsets().Of(ref.hash));
      }
    }
  }
  if ((served && !BringsNothing(command)) || TERRACE_UNLIKELY(expired)) {
    for (const KeyRef& ref : serve_refs_) {
      if (ref.shard != &nowhere_ && HasWaits(ref)) ready_.push_back(ref);
    }
  }
  // Something outside is not ready: its own thread waits for that.
  if (TERRACE_UNLIKELY(serve_wish_.readiness != nullptr)) return restart();
  // Woken before the events leave: a push about what it did must not overtake its reply.
  wait->Settle(served ? Wait::State::kServed : Wait::State::kWaiting);
  if (served) wait->waker.Wake(wait);
  if (TERRACE_UNLIKELY(!unit_.events.empty())) PublishEvents();
  return served;
}

}  // namespace terrace::exec
