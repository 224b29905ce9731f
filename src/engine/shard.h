// Shard: a lock and a fixed number of cache-line buckets: one slice of hash space.
//
//   bucket (64 bytes)    [slot 0][slot 1] ... [slot 6][slot 7 or link]
//   overflow (32 bytes)  [slot 0][slot 1][slot 2][slot 3 or link]
//
//   slot, 64 bits        63..48 tag: the hash's low 16 bits     47..0 Entry*, with bit 1 set if its value is away   0: empty
//   link                 47..0 Overflow* with bit 0 set: the chain goes on there
//
// Slots are filled from the front, a link only ever stands in the last one, and a chain has no holes before its end:
// a lookup stops at the first empty slot. The ninth key of a bucket makes the last slot a link to a node that holds the
// displaced eighth and the ninth; a node that would be left with one entry dissolves again.
//
// Which bucket: the hash bits right after the shard's prefix (engine/shard_engine.h). So walking the shards and their
// buckets in order is walking in hash order, which is what SCAN, hand-over and checkpoints rely on.
//
// Invariants
//   H1  Every key whose hash lies in the shard's range is in this shard while it is kLive, in its own bucket's chain.
//   H2  The expiry index has a current pair for every entry with a due_ms(): its key, or some of its items, have a deadline.
//   H3  A value comes and goes by Replace, so that its slot knows.
//   H4  Outside the lock only bucket words may be read (atomically, to prefetch); no entry or node is dereferenced.
//
// Threads: everything through lock(), but for PrefetchBucket, PrefetchEntry and the relaxed counters.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/memory.h"
#include "engine/entry.h"
#include "engine/expiry_index.h"
#include "engine/interest.h"
#include "engine/shard_lock.h"

namespace terrace::engine {

constexpr unsigned kShardBucketBits = 6;
constexpr unsigned kShardBuckets = 1u << kShardBucketBits;
/// Entries a bucket holds on average over the whole keyspace. 7 of 8 slots: fewer wastes buckets, more costs overflow
/// nodes and a second miss on lookups; bench/engine_bench shows both.
constexpr unsigned kBucketLoad = 8;
constexpr unsigned kShardEntriesTarget = kShardBuckets * kBucketLoad;

/// Where an entry stands. Valid until the shard's structure changes (see Shard::version).
using Slot = std::atomic<uint64_t>*;

class alignas(64) Shard {
 public:
  enum class State : uint8_t {
    kFuture,  // its range still belongs to the other engine
    kLive,
    kMoved,  // handed over: whoever waited for this lock looks the key up again
  };

  Shard() = default;
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  ShardLock& lock() TERRACE_RETURN_CAPABILITY(lock_) { return lock_; }
  /// Takes the lock and counts whether it had to wait.
  void Lock() TERRACE_ACQUIRE(lock_) {
    const bool at_once = lock_.Lock();
    acquisitions_.store(acquisitions_.load(std::memory_order_relaxed) + 1,
                        std::memory_order_relaxed);
    if (!at_once)
      contended_.store(contended_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void Unlock() TERRACE_RELEASE(lock_) { lock_.Unlock(); }

  State state() const { return state_; }
  void set_state(State state) { state_ = state; }
  /// Bits of the hash that name this shard; set once by its engine.
  void set_prefix_bits(unsigned bits) { prefix_bits_ = static_cast<uint8_t>(bits); }

  /// nullptr if the key is not here.
  Slot Lookup(uint64_t hash, Bytes key) const {
    std::atomic<uint64_t>* slots = buckets_.load(std::memory_order_relaxed);
    if (slots == nullptr) return nullptr;
    slots += size_t{kBucketSlots} * BucketOf(hash);
    const std::atomic<uint64_t>* last = slots + kBucketSlots - 1;
    const uint64_t tag = Tag(hash);
    for (uint32_t matches = MatchTags<kBucketSlots>(slots, tag);;
         matches = MatchTags<kNodeSlots>(slots, tag)) {
      for (; matches != 0; matches &= matches - 1) {
        const Slot slot = slots + std::countr_zero(matches);
        const uint64_t word = slot->load(std::memory_order_relaxed);
        if (TERRACE_LIKELY(word != 0 && (word & kLink) == 0) && EntryOf(word)->HasKey(key))
          return slot;
      }
      const uint64_t link = last->load(std::memory_order_relaxed);
      if ((link & kLink) == 0) return nullptr;
      slots = LinkOf(link);
      last = slots + kNodeSlots - 1;
    }
  }
  static Entry* At(Slot slot) { return EntryOf(slot->load(std::memory_order_relaxed)); }

  /// Makes the bucket array beforehand, so that the memory it touches first is not touched under the lock. False if it is
  /// there already.
  bool Prepare() {
    if (buckets_.load(std::memory_order_relaxed) != nullptr) return false;
    MakeBuckets();
    return true;
  }
  /// Adds a key that is not here; takes over the entry.
  Slot Insert(uint64_t hash, Entry* entry);
  /// Puts another entry for the same key into the slot; returns the old one, which the caller owns.
  Entry* Replace(Slot slot, uint64_t hash, Entry* entry);
  /// Takes the entry out; the caller owns it. Other slots of the bucket become invalid.
  Entry* Remove(Slot slot, uint64_t hash);
  /// An entry's due_ms() went from `before` to `after` (0: none) in place.
  void DeadlineChanged(uint64_t hash, uint64_t before, uint64_t after);

  /// Calls visit(Entry*) for every entry of bucket `index`.
  template <typename Visit>
  void ForEachInBucket(unsigned index, Visit visit) const {
    ForEachSlot(index, [&visit](Slot, uint64_t word) { visit(EntryOf(word)); });
  }
  /// The same for those whose value is in memory; the others' entries are not touched.
  template <typename Visit>
  void ForEachResidentInBucket(unsigned index, Visit visit) const {
    ForEachSlot(index, [&visit](Slot, uint64_t word) {
      if ((word & kAway) == 0) visit(EntryOf(word));
    });
  }
  /// move(Entry*) for every entry of bucket `index`: what it returns is in the slot from now on. Not nullptr.
  template <typename Move>
  void MoveInBucket(unsigned index, Move move) {
    ForEachSlot(index, [&](Slot slot, uint64_t word) {
      Entry* entry = EntryOf(word);
      Entry* moved = move(entry);
      if (moved == entry) return;
      ++version_;
      slot->store((word & ~kEntryMask) | reinterpret_cast<uint64_t>(moved),
                  std::memory_order_relaxed);
    });
  }

  /// The entry that is due the longest, or nullptr. Drops stale pairs on the way.
  template <typename HashOf>
  Slot FindDue(uint64_t now_ms, HashOf hash_of, uint64_t* hash);

  uint32_t count() const { return count_; }
  /// How many of them have a deadline.
  uint32_t deadlines() const { return deadlines_; }
  /// How many of them have items with deadlines.
  uint32_t with_timed_items() const { return expiry_.with_timed_items(); }
  /// Whether a current pair of the expiry index tells a key's deadline, and not one of its items'.
  bool IsOfKey(const ExpiryIndex::Item& item) const {
    const Slot slot = FindByTag(
        item.hash, [&](const Entry* entry) { return entry->due_ms() == item.deadline_ms; });
    return slot != nullptr && At(slot)->deadline_ms() == item.deadline_ms;
  }
  /// Changes whenever slots may have moved: a Slot found at one version is good while it stays the same.
  uint32_t version() const { return version_; }
  ExpiryIndex& expiry() { return expiry_; }
  /// Lower bound of the earliest deadline, readable without the lock.
  uint64_t next_due_ms() const { return next_due_ms_.load(std::memory_order_seq_cst); }
  void UpdateNextDue() { next_due_ms_.store(expiry_.next_due_ms(), std::memory_order_release); }

  /// Who wants to know about changes of keys of this shard; nullptr if nobody (the usual case).
  InterestTable* interest() const { return interest_.get(); }
  InterestTable& MakeInterest() {
    if (interest_ == nullptr) interest_ = std::make_unique<InterestTable>();
    return *interest_;
  }
  std::unique_ptr<InterestTable>& interest_slot() { return interest_; }

  uint64_t acquisitions() const { return acquisitions_.load(std::memory_order_relaxed); }
  uint32_t contended() const { return contended_.load(std::memory_order_relaxed); }

  unsigned BucketOf(uint64_t hash) const {
    return static_cast<unsigned>((hash << prefix_bits_) >> (64 - kShardBucketBits));
  }

  /// With the lock: fetches the first overflow node of bucket `index`, or the second, whose link lies in the first.
  void PrefetchChain(unsigned index) const {
    const std::atomic<uint64_t>* buckets = buckets_.load(std::memory_order_relaxed);
    if (buckets == nullptr) return;
    const uint64_t word = buckets[size_t{8} * index + 7].load(std::memory_order_relaxed);
    if ((word & kLink) != 0) __builtin_prefetch(LinkOf(word));
  }
  void PrefetchChainEnd(unsigned index) const {
    const std::atomic<uint64_t>* buckets = buckets_.load(std::memory_order_relaxed);
    if (buckets == nullptr) return;
    const uint64_t word = buckets[size_t{8} * index + 7].load(std::memory_order_relaxed);
    if ((word & kLink) == 0) return;
    const uint64_t next = LinkOf(word)[3].load(std::memory_order_relaxed);
    if ((next & kLink) != 0) __builtin_prefetch(LinkOf(next));
  }
  /// Without the lock: fetches what PrefetchBucket and a lookup read of the shard itself. There are too many shards for
  /// them to stay in the cache.
  void PrefetchSelf() const { __builtin_prefetch(this, 1); }
  /// Without the lock: fetches the key's bucket into the cache.
  void PrefetchBucket(uint64_t hash) const {
    const std::atomic<uint64_t>* buckets = buckets_.load(std::memory_order_acquire);
    if (buckets != nullptr) __builtin_prefetch(buckets + size_t{8} * BucketOf(hash), 1);
  }
  /// Without the lock: fetches what is probably the key's entry into the cache. True if the bucket holds no such entry
  /// but goes on in a chain: its first node is fetched instead, and PrefetchChained finds the entry.
  bool PrefetchEntry(uint64_t hash) const;
  /// Fetches the entry of a key whose bucket has a chain. Chain nodes may be read under the lock only (H4), so this takes
  /// it, unless somebody else holds it.
  void PrefetchChained(uint64_t hash);
  /// The same by whoever holds the lock.
  void PrefetchChainedLocked(uint64_t hash) const;

  /// Unlinks the bucket array (its entries have been handed over) and returns it for retirement.
  std::atomic<uint64_t>* TakeBuckets() {
    return buckets_.exchange(nullptr, std::memory_order_acq_rel);
  }
  static void FreeBuckets(void* buckets);
  void FreeChains();
  /// After the entries of the bucket array have been handed over to other shards.
  void ForgetEntries() {
    count_ = 0;
    deadlines_ = 0;
    expiry_.Clear();
    UpdateNextDue();
  }

 private:
  static constexpr uint64_t kLink = 1;
  static constexpr uint64_t kAway = 2;
  static constexpr uint64_t kPointerMask = (uint64_t{1} << 48) - 1;
  static constexpr uint64_t kEntryMask = kPointerMask & ~kAway;
  static constexpr size_t kBucketArrayBytes = size_t{kShardBuckets} * 64;
  static constexpr size_t kNodeBytes = 32;

  static constexpr unsigned kBucketSlots = 8;
  static constexpr unsigned kNodeSlots = 4;

  static uint64_t Tag(uint64_t hash) { return hash & 0xffff; }
  /// A bit for each slot that has this tag. No branch: which slot it will be cannot be foreseen, and a wrong guess costs
  /// more than eight comparisons. Empty slots and links have tag 0 and match it.
  template <unsigned count>
  static uint32_t MatchTags(const std::atomic<uint64_t>* slots, uint64_t tag) {
    uint32_t matches = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < count; ++i) {
      matches |= static_cast<uint32_t>(slots[i].load(std::memory_order_relaxed) >> 48 == tag) << i;
    }
    return matches;
  }
  static uint64_t Word(uint64_t hash, const Entry* entry) {
    return Tag(hash) << 48 | reinterpret_cast<uint64_t>(entry) | (entry->is_away() ? kAway : 0);
  }
  static Entry* EntryOf(uint64_t word) { return reinterpret_cast<Entry*>(word & kEntryMask); }
  static std::atomic<uint64_t>* LinkOf(uint64_t word) {
    return reinterpret_cast<std::atomic<uint64_t>*>(word & kPointerMask & ~kLink);
  }

  /// Calls visit(Slot, word) for the slots of bucket `index` that hold an entry.
  template <typename Visit>
  void ForEachSlot(unsigned index, Visit visit) const {
    std::atomic<uint64_t>* slot = buckets_.load(std::memory_order_relaxed);
    if (slot == nullptr) return;
    slot += size_t{8} * index;
    for (std::atomic<uint64_t>* end = slot + 8; slot != end; ++slot) {
      const uint64_t word = slot->load(std::memory_order_relaxed);
      if (word == 0) return;
      if ((word & kLink) != 0) {
        slot = LinkOf(word) - 1;
        end = slot + 5;
        continue;
      }
      visit(slot, word);
    }
  }

  void MakeBuckets();
  /// The index and the counts follow when an entry (nullptr: none) is replaced by another one.
  void DueChanged(uint64_t hash, const Entry* before, const Entry* after);

  /// The first entry of the hash's chain that has its tag and that `matches`; nullptr if there is none.
  template <typename Matches>
  Slot FindByTag(uint64_t hash, Matches matches) const {
    std::atomic<uint64_t>* slot = buckets_.load(std::memory_order_relaxed);
    if (slot == nullptr) return nullptr;
    slot += size_t{8} * BucketOf(hash);
    for (std::atomic<uint64_t>* end = slot + 8; slot != end; ++slot) {
      const uint64_t word = slot->load(std::memory_order_relaxed);
      if (word == 0) return nullptr;
      if ((word & kLink) != 0) {
        slot = LinkOf(word) - 1;
        end = slot + 5;
        continue;
      }
      if (word >> 48 == Tag(hash) && matches(EntryOf(word))) return slot;
    }
    return nullptr;
  }

  // All of it is one cache line.
  ShardLock lock_;
  State state_ = State::kFuture;
  uint8_t prefix_bits_ = 0;
  std::atomic<std::atomic<uint64_t>*> buckets_{
      nullptr};  // written under the lock, prefetched without
  uint32_t count_ = 0;
  uint32_t version_ = 0;
  std::atomic<uint64_t> next_due_ms_{ExpiryIndex::kNever};
  std::atomic<uint64_t> acquisitions_{0};  // written under the lock only
  std::atomic<uint32_t> contended_{0};
  uint32_t deadlines_ = 0;
  std::unique_ptr<InterestTable> interest_;
  ExpiryIndex expiry_;
};
static_assert(sizeof(Shard) == 64);

template <typename HashOf>
Slot Shard::FindDue(uint64_t now_ms, HashOf hash_of, uint64_t* hash) {
  while (expiry_.next_due_ms() < now_ms) {
    const ExpiryIndex::Item item = expiry_.top();
    const Slot found = FindByTag(item.hash, [&](const Entry* entry) {
      return entry->due_ms() == item.deadline_ms && hash_of(entry->key()) == item.hash;
    });
    if (found != nullptr) {
      *hash = item.hash;
      return found;
    }
    expiry_.Pop(true);
  }
  UpdateNextDue();
  return nullptr;
}

}  // namespace terrace::engine
