// ExpiryIndex: which keys of one shard are due, exactly and cheaply.
//
// A binary heap of (deadline, hash) pairs: 16 bytes a key with a deadline, nothing for the others. It holds no pointers,
// so entries may move freely, and it is corrected lazily: when a deadline changes or a key goes, its old pair stays
// behind as a *stale* one and is thrown out when it reaches the top. Somebody who re-arms one key for ever would pile up
// stale pairs, so the shard rebuilds the heap when more than half of it is stale.
//
// A shard without deadlines carries one pointer for it: shards are many, and fit a cache line so.
//
// Threads: reached through the lock of the shard that holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace terrace::engine {

class ExpiryIndex {
 public:
  struct Item {
    uint64_t deadline_ms;
    uint64_t hash;
  };
  static constexpr uint64_t kNever = UINT64_MAX;

  void Add(uint64_t deadline_ms, uint64_t hash);
  /// A pair added before no longer holds (deadline changed, key deleted).
  void MarkStale() {
    if (pairs_ != nullptr) ++pairs_->stale;
  }

  /// Deadline of the top pair, kNever if there is none. The pair may be stale: a lower bound.
  uint64_t next_due_ms() const { return empty() ? kNever : top().deadline_ms; }
  const Item& top() const { return pairs_->heap.front(); }
  /// Takes the top pair off; `was_stale` is what the caller found out about it.
  void Pop(bool was_stale);

  bool empty() const { return pairs_ == nullptr || pairs_->heap.empty(); }
  /// Pairs that hold: keys of the shard that have a deadline.
  size_t live() const { return pairs_ == nullptr ? 0 : pairs_->heap.size() - pairs_->stale; }
  bool WantsRebuild() const {
    return pairs_ != nullptr && pairs_->stale > 32 && pairs_->stale * 2 > pairs_->heap.size();
  }
  /// Keeps the pairs `holds(item)` says are current, once each.
  template <typename Holds>
  void Rebuild(Holds holds) {
    if (pairs_ == nullptr) return;
    std::vector<Item> all;
    all.swap(pairs_->heap);
    pairs_->stale = 0;
    for (const Item& item : all) {
      if (holds(item)) Add(item.deadline_ms, item.hash);
    }
    RemoveDuplicates();
  }
  /// All pairs, in no order (counting, sampling).
  std::span<const Item> items() const {
    return pairs_ == nullptr ? std::span<const Item>() : std::span<const Item>(pairs_->heap);
  }
  /// How many keys of the shard have items with deadlines. Each has a pair, so the count is kept with the pairs.
  uint32_t with_timed_items() const { return pairs_ == nullptr ? 0 : pairs_->with_timed_items; }
  /// CONTRACT: the key concerned has a pair.
  void CountTimedItems(int32_t change) {
    pairs_->with_timed_items += static_cast<uint32_t>(change);
  }
  /// Bytes it holds.
  size_t held_bytes() const {
    return pairs_ == nullptr ? 0 : sizeof(Pairs) + pairs_->heap.capacity() * sizeof(Item);
  }
  void Clear() { pairs_.reset(); }

 private:
  struct Pairs {
    std::vector<Item> heap;
    size_t stale = 0;
    uint32_t with_timed_items = 0;
  };

  void RemoveDuplicates();

  std::unique_ptr<Pairs> pairs_;
};

}  // namespace terrace::engine
