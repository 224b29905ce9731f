// SampleShard: the entries of a random shard. Where the values of most are away, many have to be looked at to find a few, and
// each lies in a cache line of its own: so a whole shard's are fetched, some buckets ahead of the look.
//
// Threads: any that is in and holds no lock.
#pragma once

#include "base/random.h"
#include "engine/keyspace.h"

namespace terrace::engine {

/// Calls visit(const Entry&) for each, the shard locked (some microseconds); false if there is none.
template <typename Visit>
bool SampleShard(Keyspace& keyspace, Random& random, Visit visit) {
  constexpr unsigned kAhead = 4;  // buckets: some twenty fetches under way
  bool found = false;
  const auto look = [&](const Shard& shard, uint64_t, uint64_t) {
    if (shard.count() == 0) return true;
    const auto fetch = [&](unsigned bucket) {
      shard.ForEachInBucket(bucket, [](const Entry* entry) { __builtin_prefetch(entry); });
    };
    for (unsigned bucket = 0; bucket < kAhead; ++bucket) fetch(bucket);
    for (unsigned bucket = 0; bucket < kShardBuckets; ++bucket) {
      if (bucket + kAhead < kShardBuckets) fetch(bucket + kAhead);
      shard.ForEachInBucket(bucket, [&](const Entry* entry) { visit(*entry); });
    }
    found = true;
    return false;
  };
  keyspace.staircase().ForEachShard(random.Next() >> 16, look);
  if (!found) keyspace.staircase().ForEachShard(0, look);
  return found;
}

}  // namespace terrace::engine
