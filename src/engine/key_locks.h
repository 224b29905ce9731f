// KeyLocks: the shards of a unit's keys, locked in order.
//
// The order is (address of the keyspace, hash): any total order over databases will do as long as everybody uses the same,
// and within a keyspace hash order is shard order, so a shard is never met twice from different sides. After locking,
// each shard must still be live; if one was handed over meanwhile, everything is released and locked again.
//
// Nothing is waited for while these are held but leaf locks (docs/threads.md has the list).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/keyspace.h"

namespace terrace::engine {

/// One key of a command, found and locked.
struct KeyRef {
  Bytes key;
  uint64_t hash = 0;
  Keyspace* keyspace = nullptr;
  unsigned db = 0;
  Shard* shard = nullptr;
  Slot slot = nullptr;   // nullptr: the key does not exist
  uint32_t version = 0;  // of the shard when the slot was looked up

  void Look() {
    slot = shard->Lookup(hash, key);
    version = shard->version();
  }
  /// The entry now, even if an edit of another key moved it.
  Entry* entry() {
    if (TERRACE_UNLIKELY(version != shard->version())) LookAgain();
    return slot == nullptr ? nullptr : Shard::At(slot);
  }
  /// Look, where it is rarely needed: every handler asks for entries, and what is inlined there takes its registers.
  [[gnu::noinline]] void LookAgain();
};

class KeyLocks {
 public:
  KeyLocks() = default;
  ~KeyLocks() { Release(); }
  KeyLocks(const KeyLocks&) = delete;
  KeyLocks& operator=(const KeyLocks&) = delete;

  /// Locks the shards of all refs (key, hash and keyspace are set), fills in shard and slot.
  void Acquire(KeyRef* refs, size_t count) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    if (TERRACE_LIKELY(count == 1)) {
      refs->shard = refs->keyspace->staircase().Lock(refs->hash);
      single_ = refs->shard;
      refs->Look();
      return;
    }
    AcquireMany(refs, count, nullptr, 0);
  }
  /// The same for a ref that these locks, or others, have filled in during this stay inside (engine/participants.h), and
  /// whose key may now be another one of the same hash. While we are in, its shard is not freed, and no other keyspace
  /// takes the place of its own; so if it is live it is the right one (S2). Slots and what they hold change together with
  /// the shard's version: an entry comes, goes or is replaced by Insert, Remove and Replace only, and each of them counts.
  /// For the 32 bits to come round somebody else would have to do that four billion times in one turn.
  void AcquireAgain(KeyRef* ref) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    Shard* shard = ref->shard;
    shard->Lock();
    if (TERRACE_UNLIKELY(shard->state() != Shard::State::kLive)) {
      shard->Unlock();
      return AcquireMany(ref, 1, nullptr, 0);
    }
    single_ = shard;
    if (TERRACE_UNLIKELY(ref->version != shard->version() || ref->slot == nullptr ||
                         !Shard::At(ref->slot)->HasKey(ref->key)))
      ref->LookAgain();
  }
  /// As the first, for two lists.
  void Acquire(KeyRef* refs, size_t count, KeyRef* more, size_t more_count) {
    AcquireMany(refs, count, more, more_count);
  }
  /// Whether this shard is among those locked.
  bool Holds(const Shard* shard) const {
    return shard == single_ || std::find(shards_.begin(), shards_.end(), shard) != shards_.end();
  }
  void Release() TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    if (TERRACE_LIKELY(single_ != nullptr)) {
      single_->Unlock();
      single_ = nullptr;
    } else if (!shards_.empty()) {
      ReleaseMany();
    }
  }
  bool empty() const { return single_ == nullptr && shards_.empty(); }

 private:
  void AcquireMany(KeyRef* refs, size_t count, KeyRef* more,
                   size_t more_count) TERRACE_NO_THREAD_SAFETY_ANALYSIS;
  void ReleaseMany() TERRACE_NO_THREAD_SAFETY_ANALYSIS;

  Shard* single_ = nullptr;
  std::vector<Shard*> shards_;
  std::vector<KeyRef*> order_;
};

}  // namespace terrace::engine
