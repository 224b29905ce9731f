#include "engine/eviction.h"

#include <algorithm>
#include <utility>

#include "engine/residency.h"
#include "engine/sample_shard.h"

namespace terrace::engine {
namespace {

bool VolatileOnly(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileLru || policy == EvictionPolicy::kVolatileLfu ||
         policy == EvictionPolicy::kVolatileRandom || policy == EvictionPolicy::kVolatileTtl;
}

// What the policy means for values that can come back.
EvictionPolicy ForValues(EvictionPolicy policy) {
  switch (policy) {
    case EvictionPolicy::kAllKeysLfu:
    case EvictionPolicy::kVolatileLfu:
      return EvictionPolicy::kAllKeysLfu;
    case EvictionPolicy::kAllKeysRandom:
    case EvictionPolicy::kVolatileRandom:
      return EvictionPolicy::kAllKeysRandom;
    default:
      return EvictionPolicy::kAllKeysLru;
  }
}

uint64_t ScoreOf(const Entry& entry, EvictionPolicy policy, const Unit& unit, Random& random) {
  switch (policy) {
    case EvictionPolicy::kAllKeysLru:
    case EvictionPolicy::kVolatileLru:
      return LruIdleSeconds(entry.access(), unit.now_ms);
    case EvictionPolicy::kAllKeysLfu:
    case EvictionPolicy::kVolatileLfu:
      return 255u - LfuCounter(entry.access(), unit.now_ms, unit.lfu_settings());
    case EvictionPolicy::kVolatileTtl:
      return UINT64_MAX - entry.deadline_ms();
    case EvictionPolicy::kAllKeysRandom:
    case EvictionPolicy::kVolatileRandom:
    case EvictionPolicy::kNoEviction:
      return random.Next() >> 1;
  }
  return 0;
}

}  // namespace

void Evictor::Offer(uint64_t score, unsigned db, Bytes key) {
  const auto same = [&](const Candidate& c) { return c.db == db && c.key == key; };
  std::erase_if(pool_, same);
  if (pool_.size() == kPoolKeys) {
    if (pool_.front().score >= score) return;
    pool_.erase(pool_.begin());
  }
  const auto at = std::upper_bound(pool_.begin(), pool_.end(), score,
                                   [](uint64_t s, const Candidate& c) { return s < c.score; });
  pool_.insert(at, Candidate{score, db, std::string(key)});
}

void Evictor::SampleDatabase(Unit& unit, unsigned db, EvictionPolicy policy) {
  Keyspace& keyspace = unit.databases.Get(db);
  const uint32_t wanted = samples();
  uint32_t seen = 0;
  const auto offer = [&](const Entry& entry) {
    if (seen >= wanted || (VolatileOnly(policy) && !entry.has_deadline())) return;
    ++seen;
    Offer(ScoreOf(entry, policy, unit, unit.random), db, entry.key());
  };
  // Keys with a deadline may be rare: look at more buckets for them, but not for ever.
  for (uint32_t tries = 0; seen < wanted && tries < 4 * wanted + 16; ++tries) {
    if (!keyspace.Sample(unit.random, [&](Shard&, const Entry& entry) { offer(entry); })) return;
  }
  if (seen != 0 || !VolatileOnly(policy)) return;
  // They are: then from the first shard whose index says that it has some, behind a random place.
  constexpr unsigned kShardsMax = 1024;  // some 50 us; all there are for half a million keys
  unsigned shards = 0;
  const auto look = [&](Shard& shard, uint64_t, uint64_t) {
    if (shard.next_due_ms() != ExpiryIndex::kNever) {
      for (unsigned bucket = 0; bucket < kShardBuckets; ++bucket)
        shard.ForEachInBucket(bucket, [&](const Entry* entry) { offer(*entry); });
    }
    return seen == 0 && ++shards < kShardsMax;
  };
  keyspace.staircase().ForEachShard(unit.random.Below(Staircase::kEnd), look);
  if (seen == 0 && shards < kShardsMax) keyspace.staircase().ForEachShard(0, look);
}

bool Evictor::PickKey(Unit& unit, EvictionPolicy policy) {
  if (policy == EvictionPolicy::kNoEviction) return false;
  for (unsigned i = 0; i < unit.databases.count(); ++i) {
    if (unit.databases.Get(i).size() > 0) SampleDatabase(unit, i, policy);
  }
  return !pool_.empty();
}

void Evictor::SampleValues(Unit& unit, unsigned db, EvictionPolicy policy) {
  Keyspace& keyspace = unit.databases.Get(db);
  SampleShard(keyspace, unit.random, [&](const Entry& entry) {
    if (!Residency::IsWorthReading(entry)) return;
    const bool loose = Residency::CanLetGo(keyspace, entry);
    ++(loose ? seen_loose_ : seen_held_);
    if (!loose) return;
    ++unused_;
    Offer(ScoreOf(entry, policy, unit, unit.random), db, entry.key());
  });
}

// Most entries may be without a value that could go. So whole shards are looked at, and as many victims taken of what was found
// as would have been with so many samples for each.
bool Evictor::PickValue(Unit& unit, EvictionPolicy policy) {
  constexpr int kRounds = 8;
  const uint32_t wanted = samples();
  for (int round = 0; round < kRounds && (unused_ < wanted || pool_.empty()); ++round) {
    for (unsigned i = 0; i < unit.databases.count(); ++i) {
      if (unit.databases.Get(i).size() > 0) SampleValues(unit, i, policy);
    }
  }
  unused_ -= std::min(unused_, wanted);
  // What was loose before has gone: whatever there is besides is held.
  if (pool_.empty()) seen_loose_ = 0;
  return !pool_.empty();
}

bool Evictor::PickVictim(Unit& unit, unsigned* db, std::string* key) {
  const bool values_only = settings_.values_only.load(std::memory_order_relaxed);
  EvictionPolicy policy = settings_.policy.load(std::memory_order_relaxed);
  if (values_only) policy = ForValues(policy);
  if (policy != pool_policy_) {
    pool_.clear();
    pool_policy_ = policy;
  }
  if (!(values_only ? PickValue(unit, policy) : PickKey(unit, policy))) return false;
  *db = pool_.back().db;
  *key = std::move(pool_.back().key);
  pool_.pop_back();
  return true;
}

bool Evictor::TakeMostlyHeld() {
  const uint64_t loose = std::exchange(seen_loose_, 0);
  return std::exchange(seen_held_, 0) > loose;
}

}  // namespace terrace::engine
