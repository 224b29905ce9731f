// What an executor does of its own accord: keys that are due, room for new ones, steps of the staircase.
#include <algorithm>

#include "exec/executor.h"

namespace terrace::exec {

using engine::KeyRef;

namespace {

// For letting values go, in database mode. When a compaction begins, or a checkpoint, room is needed at once for megabytes of
// buffers: everybody does his share of that, and no client waits for all of it.
constexpr uint64_t kLettingGoNs = 500'000;

// How a unit's own clock is read by the staircase, which knows no Clock.
uint64_t SteadyNs() { return SystemClock().MonotonicNs(); }

}  // namespace

void Executor::StepCrowded() {
  const uint64_t start = NowNs();
  unit_.crowded->Step(&SteadyNs);
  unit_.crowded = nullptr;
  if (observer_ != nullptr) observer_->OnHousekeeping("handover", NowNs() - start);
}

uint64_t Executor::ExpireDueKeys(unsigned part, unsigned parts, uint64_t budget_ns) {
  BeginBatch();
  uint64_t earliest = engine::ExpiryIndex::kNever;
  const engine::EngineSettings& settings = env_.engine_settings;
  if (!settings.active_expire.load(std::memory_order_relaxed) || settings.paused.load())
    return earliest;
  constexpr size_t kFieldsAtOnce = 256;
  // So long others wait for a shard at the most; what is left of it is due at once in the next call.
  constexpr uint64_t kShardBudgetNs = 500'000;
  const uint64_t end = last_ns_ + budget_ns;
  for (unsigned db = 0; db < env_.databases.count(); ++db) {
    engine::Keyspace& keyspace = env_.databases.Get(db);
    const auto expire = [&](engine::Shard& shard) {
      uint64_t hash;
      const uint64_t now = NowNs();
      const uint64_t shard_end = std::min(end, now + kShardBudgetNs);
      for (uint64_t at = now; at < shard_end; at = NowNs()) {
        const engine::Slot slot = shard.FindDue(
            unit_.now_ms, [&](Bytes key) { return env_.databases.HashOf(key); }, &hash);
        if (slot == nullptr) return;
        // One key, one unit: DELs of expiry are never wrapped together. A hash with more due fields is found again.
        KeyRef ref;
        const std::string key(engine::Shard::At(slot)->key());
        ref.key = key;
        ref.hash = hash;
        ref.keyspace = &keyspace;
        ref.db = db;
        ref.shard = &shard;
        ref.Look();
        if (engine::ExpireOne(unit_, ref, kFieldsAtOnce) == 0)
          engine::EngineCounters::Add(counters_.expired_actively);
        SettleOwn(ref);
      }
    };
    unit_.Begin(WallMs(), engine::Origin::kClient);
    earliest =
        std::min(earliest, keyspace.staircase().ForEachDue(unit_.now_ms, part, parts, expire));
    StepIfCrowded();
  }
  return earliest;
}

// One value leaves memory; nothing changes.
bool Executor::LetOneGo() {
  unsigned db;
  std::string key;
  unit_.Begin(WallMs(), engine::Origin::kClient);
  if (!evictor_.PickVictim(unit_, &db, &key)) return false;
  KeyRef ref = RefFor(db, key);
  locks_.Acquire(&ref, 1);
  const engine::Entry* entry = ref.entry();
  if (entry != nullptr && engine::Residency::CanLetGo(*ref.keyspace, *entry))
    env_.databases.residency()->LetGo(ref);
  locks_.Release();
  return true;
}

bool Executor::EvictOne() {
  if (env_.eviction.values_only.load(std::memory_order_relaxed)) return LetOneGo();
  unsigned db;
  std::string key;
  unit_.Begin(WallMs(), engine::Origin::kClient);
  if (!evictor_.PickVictim(unit_, &db, &key)) return false;
  KeyRef ref;
  ref.key = key;
  ref.hash = env_.databases.HashOf(key);
  ref.keyspace = &env_.databases.Get(db);
  ref.db = db;
  locks_.Acquire(&ref, 1);
  if (ref.entry() != nullptr) {
    unit_.LogWords(db, {"DEL", ref.key});
    unit_.Notify(engine::kNotifyEvicted, db, "evicted", ref.key);
    engine::EngineCounters::Add(counters_.evicted);
    engine::Edit(unit_, ref).Delete();
    SettleOwn(ref);
  }
  locks_.Release();
  StepIfCrowded();
  return true;
}

bool Executor::MakeRoom() {
  if ((env_.gates.closed.load(std::memory_order_relaxed) & kGateLoading) != 0) return true;
  if (env_.engine_settings.paused.load(std::memory_order_relaxed)) return true;
  if (!env_.eviction.OverLimit(env_.databases.reaper(), env_.log.memory_bytes())) return true;
  const uint64_t start = NowNs();
  const bool made = EvictUntilUnderLimit();
  if (env_.eviction.values_only.load(std::memory_order_relaxed) && evictor_.TakeMostlyHeld()) {
    using engine::EarlyCheckpoint;
    EarlyCheckpoint none = EarlyCheckpoint::kNone;
    env_.eviction.early_checkpoint.compare_exchange_strong(none, EarlyCheckpoint::kWanted);
  }
  if (observer_ != nullptr) observer_->OnHousekeeping("eviction-cycle", NowNs() - start);
  return made;
}

bool Executor::EvictUntilUnderLimit() {
  // A candidate may have gone meanwhile, so an attempt need not free anything; without progress there is an end.
  const engine::Reaper& reaper = env_.databases.reaper();
  int64_t before = env_.eviction.KeptMemory(reaper);
  const bool values_only = env_.eviction.values_only.load(std::memory_order_relaxed);
  const uint64_t end_ns = NowNs() + kLettingGoNs;
  for (int idle = 0; env_.eviction.OverLimit(reaper, env_.log.memory_bytes());) {
    if (!EvictOne()) return false;
    if (values_only && NowNs() >= end_ns) return true;
    const int64_t after = env_.eviction.KeptMemory(reaper);
    idle = after < before ? 0 : idle + 1;
    before = after;
    if (idle > 1000) return false;
  }
  return true;
}

bool Executor::RunIdle(uint64_t budget_ns) {
  const uint64_t end = NowNs() + budget_ns;
  bool more = false;
  for (unsigned db = 0; db < env_.databases.count(); ++db) {
    engine::Keyspace& keyspace = env_.databases.Get(db);
    while (keyspace.NeedsStep()) {
      more = true;
      if (NowNs() >= end) break;
      more = keyspace.Step(&SteadyNs) && keyspace.NeedsStep();
      if (!more) break;  // done, or somebody else is at it
    }
  }
  return more;
}

}  // namespace terrace::exec
