// KeyspaceSummary: one database in numbers, found by walking its shards: some 100 ns a shard of a thousand keys.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/databases.h"

namespace terrace::server {

struct KeyspaceSummary {
  unsigned db = 0;
  uint64_t keys = 0;
  uint64_t deadlines = 0;         // keys that have one
  uint64_t with_timed_items = 0;  // hashes with fields that have one
  uint64_t ttl_ms_mean = 0;       // see Summarize
  uint64_t shards = 0;
  uint64_t bucket_bytes = 0;  // bucket arrays and the shards themselves
  uint64_t expiry_bytes = 0;  // pairs of the expiry indexes
  uint64_t acquisitions = 0;  // of shard locks
  uint64_t contended = 0;     // of these: had to wait

  double entries_per_bucket() const;
};

/// Mean TTL: of a few keys of every shard, read off its expiry index, so it is a sample, and one that costs nothing:
/// the shard is locked anyway, and no entry is touched. Exact while a shard has no more than kTtlSamples such keys.
KeyspaceSummary Summarize(const engine::Databases& databases, unsigned db, uint64_t now_ms);

/// All databases that hold keys.
std::vector<KeyspaceSummary> SummarizeInUse(const engine::Databases& databases, uint64_t now_ms);

}  // namespace terrace::server
