// RankedTree: the members of a sorted set in order of (score, member), found by rank and by bound in O(log n).
//
// A B+-tree whose leaves hold pointers to items (types/scored_item.h). The items belong to the table that finds them by
// name, so a member exists once; the tree adds some ten bytes to it. Every branch knows how many items lie below each of
// its children, which is what ranks are added up from:
//
//                    branch   [ child, items below, smallest (score, item) ] ...      up to kBranchMax
//                    /                    |
//   leaf [ item item ... ] <-> leaf [ item ... ] <-> leaf                              up to kLeafMax
//
//   T1  items ascend by (score, member), within a leaf and along the chain of leaves
//   T2  an entry's count is the number of items below it, and its (score, item) is the first of them
//   T3  no node is empty but the root leaf of an empty tree
//
// The score stands beside the pointer in branches, so a search reads no item before it has reached a leaf, unless scores
// are equal. A full leaf first shares with a neighbour; two full neighbours become three. Insertions at either end leave
// full leaves behind them. That keeps leaves about 80 % full whatever the order, 98 % if it was ascending.
//
// Erasing merges neighbours that fit into one with room to spare.
//
// Threads: like the value it is part of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "types/scored_item.h"

namespace terrace::types {

class RankedTree {
 public:
  static constexpr size_t kLeafMax = 61;    // a leaf takes 512 bytes
  static constexpr size_t kBranchMax = 31;  // a branch takes 1008, served from the 1024-byte class

  struct Leaf {
    uint32_t count;
    Leaf* previous;
    Leaf* next;
    ScoredItem* items[kLeafMax];
  };

  /// Where an item stands, or nowhere: before the first or behind the last. Good until the tree changes.
  class Position {
   public:
    Position() = default;
    ScoredItem* item() const { return leaf_ == nullptr ? nullptr : leaf_->items[index_]; }
    explicit operator bool() const { return leaf_ != nullptr; }
    // CONTRACT of both: there is an item here.
    void Next() {
      if (++index_ == leaf_->count) *this = Position(leaf_->next, 0);
    }
    void Previous() {
      if (index_-- != 0) return;
      Leaf* before = leaf_->previous;
      *this = before == nullptr ? Position() : Position(before, before->count - 1);
    }

   private:
    friend class RankedTree;
    Position(Leaf* leaf, uint32_t index) : leaf_(leaf), index_(index) {}
    Leaf* leaf_ = nullptr;
    uint32_t index_ = 0;
  };

  RankedTree();
  ~RankedTree();
  RankedTree(const RankedTree&) = delete;
  RankedTree& operator=(const RankedTree&) = delete;

  size_t size() const { return size_; }
  /// CONTRACT: no item with this score and member is in.
  void Insert(ScoredItem* item);
  /// CONTRACT: it is in, and its score is what it was when it came.
  void Erase(const ScoredItem* item);
  /// The items of the first leaf, in order; empty if there are none.
  std::span<ScoredItem* const> FirstItems() const { return {first_->items, first_->count}; }
  /// Erases the first `count` of those: as much work as erasing one. Reads no item that goes.
  void EraseFirst(size_t count);

  Position First() const { return size_ == 0 ? Position() : Position(first_, 0); }
  Position Last() const { return size_ == 0 ? Position() : Position(last_, last_->count - 1); }
  /// The item with `rank` items before it; rank < size().
  Position At(size_t rank) const;
  /// How many items come before this one, which is in.
  size_t RankOf(const ScoredItem* item) const;
  /// How many items `before` is true of. It must be true of the first so many and false of all others: it is asked
  /// before(score, item) and need not look at the item if the score says enough.
  template <typename Before>
  size_t CountBefore(Before before) const;

  /// Bytes the allocator holds for it, items not counted.
  size_t MemoryBytes() const;
  /// Allocations it is made of.
  size_t nodes() const { return leaves_ + branches_; }
  /// Aborts unless T1 to T3 hold; for tests.
  void Check() const;

 private:
  struct Entry {
    void* child;  // a Leaf below level 1, else a Branch
    size_t items;
    double score;
    const ScoredItem* first;
  };
  struct Branch {
    uint32_t count;
    Entry entries[kBranchMax];
  };
  // The way from the root to a leaf: the entry taken in each branch.
  struct Step {
    Branch* branch;
    uint32_t index;
  };
  // Merging keeps branches a quarter full on average: 7^16 leaves are out of reach.
  static constexpr unsigned kHeightMax = 16;

  template <typename Before>
  static uint32_t CountEntries(const Branch& branch, Before before);
  template <typename Before>
  static uint32_t CountItems(const Leaf& leaf, Before before);

  Leaf* NewLeaf(Leaf* previous, Leaf* next);
  void FreeLeaf(Leaf* leaf);
  Branch* NewBranch();
  void FreeBranch(Branch* branch);
  void FreeBelow(void* node, unsigned level);

  static Entry EntryOf(Leaf* leaf);
  static Entry EntryOf(Branch* branch);
  static void InsertEntry(Branch* branch, uint32_t at, const Entry& entry);
  static void EraseEntry(Branch* branch, uint32_t at);
  void RaiseRoot();
  void SplitBranch(Branch* parent, uint32_t index);
  bool InsertAtEnd(Branch* parent, ScoredItem* item);
  void MakeRoom(Branch* parent, uint32_t index);
  static void Spread(Branch* parent, uint32_t from, uint32_t leaves);
  bool MergeLeaves(Branch* parent, uint32_t left);
  bool MergeBranches(Branch* parent, uint32_t left);
  void Shrink(const Step* steps);
  size_t CheckBelow(const void* node, unsigned level, const ScoredItem** last) const;

  void* root_ = nullptr;
  unsigned levels_ = 0;  // of branches above the leaves
  size_t size_ = 0;
  Leaf* first_ = nullptr;
  Leaf* last_ = nullptr;
  size_t leaves_ = 0;
  size_t branches_ = 0;
};

// How many entries' first items `before` is true of; the first entry is taken to be one, whatever it holds, so that at
// least 1 comes out: the last such entry is where to go down.
template <typename Before>
uint32_t RankedTree::CountEntries(const Branch& branch, Before before) {
  uint32_t low = 1, high = branch.count;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const Entry& entry = branch.entries[middle];
    if (before(entry.score, entry.first)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <typename Before>
uint32_t RankedTree::CountItems(const Leaf& leaf, Before before) {
  uint32_t low = 0, high = leaf.count;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const ScoredItem* item = leaf.items[middle];
    if (before(ScoreOf(item), item)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <typename Before>
size_t RankedTree::CountBefore(Before before) const {
  size_t rank = 0;
  const void* node = root_;
  for (unsigned level = levels_; level > 0; --level) {
    const auto* branch = static_cast<const Branch*>(node);
    const uint32_t taken = CountEntries(*branch, before) - 1;
    for (uint32_t i = 0; i < taken; ++i) rank += branch->entries[i].items;
    node = branch->entries[taken].child;
  }
  return rank + CountItems(*static_cast<const Leaf*>(node), before);
}

}  // namespace terrace::types
