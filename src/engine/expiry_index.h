// ExpiryIndex: which keys of one shard are due, exactly and cheaply.
//
// A binary heap of (deadline, hash) pairs: 16 bytes a key with a deadline, nothing for the others. It holds no pointers,
// so entries may move freely, and it is corrected lazily: when a deadline changes or a key goes, its old pair stays
// behind as a *stale* one and is thrown out when it reaches the top. Somebody who re-arms one key for ever would pile up
// stale pairs, so the shard rebuilds the heap when more than half of it is stale.
//
// Threads: reached through the lock of the shard that holds it.
#pragma once

#include <cstddef>
#include <cstdint>
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
  void MarkStale() { ++stale_; }

  /// Deadline of the top pair, kNever if there is none. The pair may be stale: a lower bound.
  uint64_t next_due_ms() const { return heap_.empty() ? kNever : heap_.front().deadline_ms; }
  const Item& top() const { return heap_.front(); }
  /// Takes the top pair off; `was_stale` is what the caller found out about it.
  void Pop(bool was_stale);

  bool empty() const { return heap_.empty(); }
  /// Pairs that hold: keys of the shard that have a deadline.
  size_t live() const { return heap_.size() - stale_; }
  bool WantsRebuild() const { return stale_ > 32 && stale_ * 2 > heap_.size(); }
  /// Keeps the pairs `holds(item)` says are current, once each.
  template <typename Holds>
  void Rebuild(Holds holds) {
    std::vector<Item> all;
    all.swap(heap_);
    stale_ = 0;
    for (const Item& item : all) {
      if (holds(item)) Add(item.deadline_ms, item.hash);
    }
    RemoveDuplicates();
  }
  /// All pairs, in no order (handing over a shard).
  const std::vector<Item>& items() const { return heap_; }
  void Clear();

 private:
  void RemoveDuplicates();

  std::vector<Item> heap_;
  size_t stale_ = 0;
};

}  // namespace terrace::engine
