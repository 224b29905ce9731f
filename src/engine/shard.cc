#include "engine/shard.h"

#include <algorithm>
#include <new>

namespace terrace::engine {

Shard::~Shard() {
  std::atomic<uint64_t>* buckets = buckets_.load(std::memory_order_relaxed);
  if (buckets == nullptr) return;
  for (unsigned i = 0; i < kShardBuckets; ++i)
    ForEachInBucket(i, [](Entry* entry) { Entry::Delete(entry); });
  FreeChains();
  FreeBuckets(buckets);
}

void Shard::MakeBuckets() {
  auto* words = static_cast<std::atomic<uint64_t>*>(AllocateAligned(kBucketArrayBytes));
  for (size_t i = 0; i < kBucketArrayBytes / 8; ++i) new (&words[i]) std::atomic<uint64_t>(0);
  buckets_.store(words, std::memory_order_release);
}

void Shard::FreeBuckets(void* buckets) { DeallocateAligned(buckets, kBucketArrayBytes); }

void Shard::FreeChains() {
  std::atomic<uint64_t>* buckets = buckets_.load(std::memory_order_relaxed);
  if (buckets == nullptr) return;
  for (unsigned i = 0; i < kShardBuckets; ++i) {
    uint64_t word = buckets[size_t{8} * i + 7].load(std::memory_order_relaxed);
    buckets[size_t{8} * i + 7].store(0, std::memory_order_relaxed);
    while ((word & kLink) != 0) {
      std::atomic<uint64_t>* node = LinkOf(word);
      word = node[3].load(std::memory_order_relaxed);
      Deallocate(node, kNodeBytes);
    }
  }
}

Slot Shard::Insert(uint64_t hash, Entry* entry) {
  if (TERRACE_UNLIKELY(buckets_.load(std::memory_order_relaxed) == nullptr)) MakeBuckets();
  ++count_;
  ++version_;
  if (TERRACE_UNLIKELY(entry->due_ms() != 0)) DueChanged(hash, nullptr, entry);
  const uint64_t added = Word(hash, entry);
  std::atomic<uint64_t>* slot =
      buckets_.load(std::memory_order_relaxed) + size_t{8} * BucketOf(hash);
  for (std::atomic<uint64_t>* last = slot + 7;; ++slot) {
    const uint64_t word = slot->load(std::memory_order_relaxed);
    if (word == 0) {
      slot->store(added, std::memory_order_relaxed);
      return slot;
    }
    if (slot != last) continue;
    if ((word & kLink) != 0) {
      slot = LinkOf(word) - 1;
      last = slot + 4;
      continue;
    }
    auto* node = static_cast<std::atomic<uint64_t>*>(Allocate(kNodeBytes));
    for (int i = 0; i < 4; ++i) new (&node[i]) std::atomic<uint64_t>(0);
    node[0].store(word, std::memory_order_relaxed);
    node[1].store(added, std::memory_order_relaxed);
    slot->store(reinterpret_cast<uint64_t>(node) | kLink, std::memory_order_release);
    return &node[1];
  }
}

Entry* Shard::Replace(Slot slot, uint64_t hash, Entry* entry) {
  Entry* old = At(slot);
  ++version_;
  if (TERRACE_UNLIKELY((old->due_ms() | entry->due_ms()) != 0)) DueChanged(hash, old, entry);
  slot->store(Word(hash, entry), std::memory_order_relaxed);
  return old;
}

Entry* Shard::Remove(Slot hole, uint64_t hash) {
  Entry* removed = At(hole);
  --count_;
  ++version_;
  if (TERRACE_UNLIKELY(removed->due_ms() != 0)) DueChanged(hash, removed, nullptr);

  // Find the chain's last entry, and the link that leads to its node.
  std::atomic<uint64_t>* slot =
      buckets_.load(std::memory_order_relaxed) + size_t{8} * BucketOf(hash);
  std::atomic<uint64_t>* first = slot;
  std::atomic<uint64_t>* end = slot + 8;
  std::atomic<uint64_t>* link = nullptr;
  std::atomic<uint64_t>* last = slot;
  for (; slot != end; ++slot) {
    const uint64_t word = slot->load(std::memory_order_relaxed);
    if (word == 0) break;
    if ((word & kLink) != 0) {
      link = slot;
      first = LinkOf(word);
      slot = first - 1;
      end = first + 4;
      continue;
    }
    last = slot;
  }
  hole->store(last->load(std::memory_order_relaxed), std::memory_order_relaxed);
  last->store(0, std::memory_order_relaxed);
  // A node keeps at least two entries (it was made with two): with one left, that one takes the link's place.
  if (link != nullptr && last == first + 1) {
    link->store(first[0].load(std::memory_order_relaxed), std::memory_order_relaxed);
    Deallocate(first, kNodeBytes);
  }
  return removed;
}

void Shard::DueChanged(uint64_t hash, const Entry* before, const Entry* after) {
  if (before != nullptr) {
    deadlines_ -= before->has_deadline() ? 1 : 0;
    if (before->has_timed_items()) expiry_.CountTimedItems(-1);
  }
  DeadlineChanged(hash, before == nullptr ? 0 : before->due_ms(),
                  after == nullptr ? 0 : after->due_ms());
  if (after == nullptr) return;
  deadlines_ += after->has_deadline() ? 1 : 0;
  if (after->has_timed_items()) expiry_.CountTimedItems(1);
}

void Shard::DeadlineChanged(uint64_t hash, uint64_t before, uint64_t after) {
  if (before == after) return;
  if (before != 0) expiry_.MarkStale();
  if (after != 0) expiry_.Add(after, hash);
  if (TERRACE_UNLIKELY(expiry_.WantsRebuild())) {
    // A pair is current if some entry of its bucket has exactly this deadline and tag; that is all that can be said
    // without hashing every key, and a wrong "yes" only leaves a stale pair behind. The tag matters: many keys share
    // a deadline ("midnight"), and a bucket that keeps one of them would keep the pairs of all that have gone.
    expiry_.Rebuild([&](const ExpiryIndex::Item& item) {
      if (item.deadline_ms == after && item.hash == hash)
        return true;  // its entry may not be in its slot yet
      const auto has_deadline = [&](const Entry* entry) {
        return entry->due_ms() == item.deadline_ms;
      };
      return FindByTag(item.hash, has_deadline) != nullptr;
    });
  }
  const uint64_t next = expiry_.next_due_ms();
  // Seldom changes, so the order it needs costs nothing (ShardEngine::RefreshSegmentDue).
  if (next != next_due_ms_.load(std::memory_order_relaxed))
    next_due_ms_.store(next, std::memory_order_seq_cst);
}

namespace {

// A string entry of up to two cache lines; what is larger streams in by itself once its head is there.
void PrefetchEntryAt(const void* entry) {
  __builtin_prefetch(entry, 1);
  __builtin_prefetch(static_cast<const char*>(entry) + 64, 1);
}

}  // namespace

bool Shard::PrefetchEntry(uint64_t hash) const {
  const std::atomic<uint64_t>* slots = buckets_.load(std::memory_order_acquire);
  if (slots == nullptr) return false;
  slots += size_t{kBucketSlots} * BucketOf(hash);
  const uint32_t matches = MatchTags<kBucketSlots>(slots, Tag(hash));
  if (matches != 0) {
    PrefetchEntryAt(EntryOf(slots[std::countr_zero(matches)].load(std::memory_order_relaxed)));
    return false;
  }
  const uint64_t link = slots[kBucketSlots - 1].load(std::memory_order_relaxed);
  if ((link & kLink) == 0) return false;
  __builtin_prefetch(LinkOf(link));
  return true;
}

void Shard::PrefetchChained(uint64_t hash) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  if (!lock_.TryLock()) return;
  PrefetchChainedLocked(hash);
  lock_.Unlock();
}

void Shard::PrefetchChainedLocked(uint64_t hash) const {
  const std::atomic<uint64_t>* slots = buckets_.load(std::memory_order_relaxed);
  if (slots == nullptr) return;
  uint64_t link = slots[size_t{kBucketSlots} * BucketOf(hash) + kBucketSlots - 1].load(
      std::memory_order_relaxed);
  while ((link & kLink) != 0) {
    const std::atomic<uint64_t>* node = LinkOf(link);
    const uint32_t matches = MatchTags<kNodeSlots>(node, Tag(hash));
    if (matches != 0)
      return PrefetchEntryAt(
          EntryOf(node[std::countr_zero(matches)].load(std::memory_order_relaxed)));
    link = node[kNodeSlots - 1].load(std::memory_order_relaxed);
  }
}

}  // namespace terrace::engine
