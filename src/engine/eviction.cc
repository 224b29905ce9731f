#include "engine/eviction.h"

#include <algorithm>
#include <utility>

#include "engine/residency.h"

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
  const uint32_t wanted = std::max(1u, settings_.samples.load(std::memory_order_relaxed));
  const bool values_only = settings_.values_only.load(std::memory_order_relaxed);
  uint32_t seen = 0;
  const auto offer = [&](const Entry& entry) {
    if (seen >= wanted || (VolatileOnly(policy) && !entry.has_deadline())) return;
    if (values_only) {
      if (!Residency::IsWorthReading(entry)) return;
      if (entry.changed()) ++seen_changed_;
      if (!Residency::CanLetGo(keyspace, entry)) return;
      ++seen_clean_;
    }
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

bool Evictor::PickVictim(Unit& unit, unsigned* db, std::string* key) {
  // Most buckets may hold nothing that could go: what is away is away.
  constexpr int kRounds = 8;
  const bool values_only = settings_.values_only.load(std::memory_order_relaxed);
  EvictionPolicy policy = settings_.policy.load(std::memory_order_relaxed);
  if (values_only) policy = ForValues(policy);
  if (policy == EvictionPolicy::kNoEviction) return false;
  if (policy != pool_policy_) {
    pool_.clear();
    pool_policy_ = policy;
  }
  for (int round = 0; round == 0 || (values_only && pool_.empty() && round < kRounds); ++round) {
    for (unsigned i = 0; i < unit.databases.count(); ++i) {
      if (unit.databases.Get(i).size() > 0) SampleDatabase(unit, i, policy);
    }
  }
  if (pool_.empty()) return false;
  *db = pool_.back().db;
  *key = std::move(pool_.back().key);
  pool_.pop_back();
  return true;
}

bool Evictor::TakeMostlyChanged() {
  const uint64_t clean = std::exchange(seen_clean_, 0);
  return std::exchange(seen_changed_, 0) > clean;
}

}  // namespace terrace::engine
