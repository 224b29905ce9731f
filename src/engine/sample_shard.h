// SampleShard: what a random shard has in memory. Where the values of most are away, many have to be looked at to find a few: a
// slot tells without its entry (engine/shard.h), and the entries, each in a cache line of its own, are fetched some buckets ahead of
// the look.
//
// Threads: any that is in and holds no lock.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "engine/keyspace.h"

namespace terrace::engine {

/// Calls visit(const Entry&) for each whose value is in memory, the shard locked (some microseconds). Returns how many entries the
/// shard has; 0: no shard has any.
template <typename Visit>
uint64_t SampleShard(Keyspace& keyspace, Random& random, Visit visit) {
  constexpr unsigned kEntriesAhead = 16;  // buckets
  constexpr unsigned kChainsAhead = 32;
  uint64_t count = 0;
  const auto look = [&](const Shard& shard, uint64_t, uint64_t) {
    count = shard.count();
    if (count == 0) return true;
    const auto fetch = [&](unsigned bucket) {
      shard.ForEachResidentInBucket(bucket, [](const Entry* entry) { __builtin_prefetch(entry); });
    };
    for (unsigned bucket = 0; bucket < kChainsAhead; ++bucket) shard.PrefetchChain(bucket);
    for (unsigned bucket = 0; bucket < kEntriesAhead; ++bucket) fetch(bucket);
    for (unsigned bucket = 0; bucket < kShardBuckets; ++bucket) {
      if (bucket + kChainsAhead < kShardBuckets) shard.PrefetchChain(bucket + kChainsAhead);
      if (bucket + kEntriesAhead < kShardBuckets) fetch(bucket + kEntriesAhead);
      shard.ForEachResidentInBucket(bucket, [&](const Entry* entry) { visit(*entry); });
    }
    return false;
  };
  keyspace.staircase().ForEachShard(random.Next() >> 16, look);
  if (count == 0) keyspace.staircase().ForEachShard(0, look);
  return count;
}

}  // namespace terrace::engine
