#include "server/keyspace_summary.h"

#include <algorithm>

namespace terrace::server {
namespace {

constexpr size_t kTtlSamples = 16;

struct TtlSum {
  double ms = 0;
  uint64_t count = 0;
};

// Pairs of deadlines that were changed meanwhile are among those read, so the mean leans a little to the past.
void SampleTtls(engine::Shard& shard, uint64_t now_ms, TtlSum* sum) {
  const auto& items = shard.expiry().items();
  const size_t step = std::max<size_t>(1, items.size() / kTtlSamples);
  for (size_t i = 0; i < items.size(); i += step) {
    if (items[i].deadline_ms <= now_ms) continue;
    if (shard.with_timed_items() != 0 && !shard.IsOfKey(items[i])) continue;
    sum->ms += static_cast<double>(items[i].deadline_ms - now_ms);
    ++sum->count;
  }
}

}  // namespace

double KeyspaceSummary::entries_per_bucket() const {
  return shards == 0
             ? 0
             : static_cast<double>(keys) / static_cast<double>(shards * engine::kShardBuckets);
}

KeyspaceSummary Summarize(const engine::Databases& databases, unsigned db, uint64_t now_ms) {
  engine::Keyspace& keyspace = databases.Get(db);
  KeyspaceSummary summary;
  summary.db = db;
  summary.keys = keyspace.size();
  TtlSum ttl;
  keyspace.staircase().ForEachShard(0, [&](engine::Shard& shard, uint64_t, uint64_t) {
    ++summary.shards;
    summary.deadlines += shard.deadlines();
    summary.with_timed_items += shard.with_timed_items();
    summary.acquisitions += shard.acquisitions();
    summary.contended += shard.contended();
    summary.bucket_bytes += sizeof(engine::Shard);
    if (shard.count() > 0) summary.bucket_bytes += size_t{engine::kShardBuckets} * 64;
    summary.expiry_bytes += shard.expiry().held_bytes();
    SampleTtls(shard, now_ms, &ttl);
    return true;
  });
  if (ttl.count > 0 && summary.deadlines > 0) {
    summary.ttl_ms_mean = static_cast<uint64_t>(ttl.ms / static_cast<double>(ttl.count));
  }
  return summary;
}

std::vector<KeyspaceSummary> SummarizeInUse(const engine::Databases& databases, uint64_t now_ms) {
  std::vector<KeyspaceSummary> summaries;
  for (unsigned db = 0; db < databases.count(); ++db) {
    if (databases.Get(db).size() > 0) summaries.push_back(Summarize(databases, db, now_ms));
  }
  return summaries;
}

}  // namespace terrace::server
