#include "engine/key_locks.h"

#include <algorithm>
#include <functional>

namespace terrace::engine {

void KeyRef::LookAgain() { Look(); }

void KeyLocks::AcquireMany(KeyRef* refs, size_t count, KeyRef* more, size_t more_count) {
  order_.clear();
  for (size_t i = 0; i < count + more_count; ++i) {
    KeyRef& ref = i < count ? refs[i] : more[i - count];
    order_.push_back(&ref);
    ref.keyspace->staircase().Guess(ref.hash)->PrefetchSelf();
  }
  std::sort(order_.begin(), order_.end(), [](const KeyRef* a, const KeyRef* b) {
    if (a->keyspace != b->keyspace) return std::less<>()(a->keyspace, b->keyspace);
    return a->hash < b->hash;
  });
  while (true) {
    bool all_live = true;
    for (KeyRef* ref : order_) {
      Shard* shard = ref->keyspace->staircase().Guess(ref->hash);
      if (shards_.empty() || shards_.back() != shard) {
        shard->Lock();
        shards_.push_back(shard);
        if (shard->state() != Shard::State::kLive) {
          all_live = false;
          break;
        }
      }
      ref->shard = shard;
    }
    if (all_live) break;
    ReleaseMany();
  }
  // One key's miss behind the others': buckets, then what they lead to, then what stands behind chains.
  for (KeyRef* ref : order_) ref->shard->PrefetchBucket(ref->hash);
  const auto chained = std::partition(order_.begin(), order_.end(), [](const KeyRef* ref) {
    return !ref->shard->PrefetchEntry(ref->hash);
  });
  for (auto ref = chained; ref != order_.end(); ++ref)
    (*ref)->shard->PrefetchChainedLocked((*ref)->hash);
  for (KeyRef* ref : order_) ref->Look();
}

void KeyLocks::ReleaseMany() {
  for (size_t i = shards_.size(); i > 0; --i) shards_[i - 1]->Unlock();
  shards_.clear();
}

}  // namespace terrace::engine
