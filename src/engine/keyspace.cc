#include "engine/keyspace.h"

#include <algorithm>
#include <utility>

#include "base/sampled_sum.h"

namespace terrace::engine {

Keyspace::Keyspace(HashKey hash_key, Participants& participants)
    : participants_(participants), staircase_(hash_key, participants) {}

Slot Keyspace::Insert(Shard& shard, uint64_t hash, Entry* entry, unsigned participant) {
  std::atomic<int64_t>& counter = shares_[participant].entries;
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const uint64_t due = entry->due_ms();
  const Slot slot = shard.Insert(hash, entry);
  if (TERRACE_UNLIKELY(due != 0)) staircase_.NoteDeadline(hash, due);
  return slot;
}

Entry* Keyspace::Replace(Shard& shard, Slot slot, uint64_t hash, Entry* entry) {
  const uint64_t due = entry->due_ms();
  Entry* old = shard.Replace(slot, hash, entry);
  if (TERRACE_UNLIKELY(old->in_table())) {
    entry->MarkInTable();  // it is the key that tables have
    CountGone(*old);
  }
  if (TERRACE_UNLIKELY(due != 0)) staircase_.NoteDeadline(hash, due);
  return old;
}

void Keyspace::Rewrite(Shard& shard, Slot slot, uint64_t hash, uint64_t deadline_ms) {
  Entry* old = Shard::At(slot);
  const uint16_t epoch = old->epoch();
  Entry* rewritten = Entry::NewMoved(old, old->key(), deadline_ms);
  rewritten->set_epoch(epoch);
  Entry::Delete(Replace(shard, slot, hash, rewritten));
}

Entry* Keyspace::Remove(Shard& shard, Slot slot, uint64_t hash, unsigned participant) {
  std::atomic<int64_t>& counter = shares_[participant].entries;
  counter.store(counter.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  Entry* removed = shard.Remove(slot, hash);
  if (TERRACE_UNLIKELY(removed->in_table())) {
    RememberRemoved(hash, *removed, shares_[participant]);
    CountGone(*removed);
    removed->LeaveTables();  // it may go on under another name, or in another keyspace
  }
  return removed;
}

void Keyspace::RememberRemoved(uint64_t hash, const Entry& entry, Share& share) {
  if (share.removed == nullptr) share.removed = std::make_unique<RemovedKeys>();
  share.removed->Add(hash, entry.key());
  share.removed_count.store(share.removed->count(), std::memory_order_relaxed);
}

RemovedKeys Keyspace::TakeRemovedKeys() {
  RemovedKeys all;
  for (Share& share : shares_) {
    if (share.removed == nullptr) continue;
    all.Append(std::move(*share.removed));
    share.removed.reset();
    share.removed_count.store(0, std::memory_order_relaxed);
  }
  return all;
}

void Keyspace::ReturnRemovedKeys(RemovedKeys removed) {
  if (removed.count() == 0) return;
  Share& share = shares_[0];
  if (share.removed == nullptr) share.removed = std::make_unique<RemovedKeys>();
  share.removed->Append(std::move(removed));
  share.removed_count.store(share.removed->count(), std::memory_order_relaxed);
}

uint64_t Keyspace::removed_keys() const {
  uint64_t sum = 0;
  const unsigned slots = participants_.slots();
  for (unsigned i = 0; i < slots; ++i)
    sum += shares_[i].removed_count.load(std::memory_order_relaxed);
  return sum;
}

void Keyspace::DeadlineChanged(Shard& shard, uint64_t hash, uint64_t before, uint64_t after) {
  shard.DeadlineChanged(hash, before, after);
  if (after != 0) staircase_.NoteDeadline(hash, after);
}

namespace {

// Chains and entries are fetched some buckets ahead, nearer ones deeper: the first rounds only fetch.
constexpr unsigned kEntriesBehind = 4, kVisitBehind = 7;

// visit(Entry&) for the entries of bucket `first` and on, until it has returned false and its bucket is finished. Returns the
// bucket behind.
template <typename Visit>
unsigned ForEachFetched(const Shard& shard, unsigned first, Visit visit) {
  for (unsigned at = first; at < kShardBuckets + kVisitBehind; ++at) {
    if (at < kShardBuckets) shard.PrefetchChain(at);
    if (at >= first + kEntriesBehind && at - kEntriesBehind < kShardBuckets) {
      shard.ForEachInBucket(at - kEntriesBehind,
                            [](const Entry* entry) { __builtin_prefetch(entry, 1); });
    }
    if (at < first + kVisitBehind) continue;
    bool more = true;
    shard.ForEachInBucket(at - kVisitBehind, [&](Entry* entry) { more = visit(*entry) && more; });
    if (!more) return at - kVisitBehind + 1;
  }
  return kShardBuckets;
}

}  // namespace

// After a merge the bucket may begin before `from`: what lies there carries the cut's number and is passed over.
uint64_t Keyspace::CaptureShard(uint64_t from, const std::function<bool(Entry&)>& capture) {
  uint64_t next = from;
  const uint16_t number = epoch();
  staircase_.ForEachShard(from, [&](Shard& shard, uint64_t begin, uint64_t end) {
    next = end;
    if (shard.count() == 0) return false;
    const uint64_t width = (end - begin) >> kShardBucketBits;
    const auto first = static_cast<unsigned>((from - begin) / width);
    next = begin + width * ForEachFetched(shard, first, [&](Entry& entry) {
                     if (entry.epoch() == number) return true;
                     const bool more = capture(entry);
                     entry.set_epoch(number);
                     return more;
                   });
    return false;
  });
  return next;
}

uint64_t Keyspace::VisitShard(uint64_t from, const std::function<void(Entry&)>& visit) {
  uint64_t next = from;
  staircase_.ForEachShard(from, [&](Shard& shard, uint64_t, uint64_t end) {
    if (shard.count() != 0) {
      ForEachFetched(shard, 0, [&](Entry& entry) {
        visit(entry);
        entry.set_epoch(epoch());
        return true;
      });
    }
    next = end;
    return false;
  });
  return next;
}

uint64_t Keyspace::size() const {
  int64_t sum = 0;
  const unsigned slots = participants_.slots();
  for (unsigned i = 0; i < slots; ++i) sum += shares_[i].entries.load(std::memory_order_relaxed);
  return sum > 0 ? static_cast<uint64_t>(sum) : 0;
}

void Keyspace::WatchContention(uint64_t shards_max) {
  constexpr uint64_t kAcquisitionsMin = 10'000;  // fewer say nothing
  constexpr uint64_t kTolerated = 1000;          // one in so many may wait
  // Beyond shards_max contention is left to the load's own growth, and nothing has to be looked at; but for a keyspace that
  // holds more than its load asks for and may have lost its reason.
  const bool may_shrink = size() == 0 && shards_min() > 1;
  if (staircase_.shards() >= shards_max && !may_shrink) return;
  uint64_t acquisitions = 0, contended = 0;
  staircase_.ForEachShard(0, [&](Shard& shard, uint64_t, uint64_t) {
    acquisitions += shard.acquisitions();
    contended += shard.contended();
    return true;
  });
  // Shards that were handed over took their counts with them: then start again from what is there now.
  const bool comparable = acquisitions >= acquisitions_seen_ && contended >= contended_seen_;
  const uint64_t more = comparable ? acquisitions - acquisitions_seen_ : 0;
  const uint64_t waited = comparable ? contended - contended_seen_ : 0;
  acquisitions_seen_ = acquisitions;
  contended_seen_ = contended;
  // Empty and quiet: back to one shard. Empty but busy (keys that live for a moment) is no reason, or it would lose its
  // shards and win them back once a second.
  if (may_shrink && comparable && more < kAcquisitionsMin)
    shards_min_.store(1, std::memory_order_relaxed);
  if (staircase_.shards() >= shards_max || more < kAcquisitionsMin || waited * kTolerated <= more)
    return;
  shards_min_.store(std::min(shards_max, 2 * staircase_.shards()), std::memory_order_relaxed);
}

uint64_t Keyspace::deadlines() {
  uint64_t sum = 0;
  staircase_.ForEachShard(0, [&](Shard& shard, uint64_t, uint64_t) {
    sum += shard.deadlines();
    return true;
  });
  return sum;
}

uint64_t Keyspace::Scan(uint64_t cursor, uint64_t count,
                        const std::function<void(const Entry&)>& visit) {
  if (cursor >= Staircase::kEnd) return 0;
  uint64_t visited = 0, buckets = 0;
  uint64_t stopped_at = 0;
  staircase_.ForEachShard(cursor, [&](Shard& shard, uint64_t begin, uint64_t end) {
    const uint64_t width = (end - begin) >> kShardBucketBits;
    const uint64_t from = std::max(cursor, begin);
    if (shard.count() == 0) {
      ++buckets;
      stopped_at = end;
    } else {
      for (uint64_t bucket = (from - begin) / width; bucket < kShardBuckets; ++bucket) {
        shard.ForEachInBucket(static_cast<unsigned>(bucket), [&](const Entry* entry) {
          visit(*entry);
          ++visited;
        });
        stopped_at = begin + (bucket + 1) * width;
        if (visited >= count || ++buckets >= 10 * count) break;
      }
    }
    return visited < count && buckets < 10 * count;
  });
  return stopped_at >= Staircase::kEnd ? 0 : stopped_at;
}

size_t Keyspace::MemoryEstimate() {
  // The first in the order of hashes are as good as any drawn at random: the hash is keyed.
  constexpr size_t kSamples = 128;
  constexpr int kScansMax = 4;  // where deletions have left many buckets empty
  SampledSum<kSamples> sum;
  const auto sample = [&sum](const Entry& entry) {
    if (!sum.full()) sum.Add(entry.MemoryEstimate());
  };
  uint64_t cursor = 0;
  for (int i = 0; i < kScansMax && !sum.full(); ++i) {
    cursor = Scan(cursor, kSamples - sum.size(), sample);
    if (cursor == 0) break;
  }
  return sum.Of(size());
}

bool Keyspace::Sample(Random& random, const std::function<void(Shard&, const Entry&)>& visit) {
  bool found = false;
  // From a random bucket on to the first that is not empty, around the end of hash space once.
  const uint64_t start = random.Next() >> 16;
  for (const uint64_t from : {start, uint64_t{0}}) {
    staircase_.ForEachShard(from, [&](Shard& shard, uint64_t begin, uint64_t end) {
      const uint64_t width = (end - begin) >> kShardBucketBits;
      if (shard.count() == 0) return true;
      for (uint64_t bucket = (std::max(from, begin) - begin) / width;
           bucket < kShardBuckets && !found; ++bucket) {
        shard.ForEachInBucket(static_cast<unsigned>(bucket), [&](const Entry* entry) {
          visit(shard, *entry);
          found = true;
        });
      }
      return !found;
    });
    if (found) return true;
  }
  return false;
}

}  // namespace terrace::engine
