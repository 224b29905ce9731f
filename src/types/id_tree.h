// IdTree: things in order of stream ids: a stream's nodes, what is pending in a group, what is pending at a consumer.
//
// A B+-tree of about a kilobyte a node, with the items in its leaves:
//
//                 branch   [ id, child ] ...                 up to kBranchMax
//                 /            |
//   leaf [ item ... ] <-> leaf [ item ... ] <-> leaf         up to kLeafMax
//
//   I1  ids ascend, within a leaf and along the chain of leaves
//   I2  a branch's id is no larger than any below it, and larger than all before it; that of its first child is not
//       looked at and may be anything
//   I3  no node is empty, and a root that is a branch has at least two children
//   I4  every leaf has room for kLeafMax, but one that is the root grows to it, twice as large each time
//
// Ids mostly come in ascending order: appending looks at the last leaf only, and leaves full leaves behind. Taking from
// the front, as trimming and acknowledging do, gives leaf by leaf back. Neighbours are merged when both are rather empty.
//
// Threads: like the value it is part of.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "types/stream_id.h"

namespace terrace::types {

template <typename T>
class IdTree {
  static_assert(std::is_trivially_copyable_v<T>, "items are moved as bytes");

 public:
  struct Item {
    StreamId id;
    [[no_unique_address]] T value;  // may be empty
  };

 private:
  struct Leaf {
    uint32_t count;
    uint32_t capacity;
    Leaf* previous;
    Leaf* next;
    Item* items() { return reinterpret_cast<Item*>(this + 1); }
  };

 public:
  static constexpr size_t kLeafMax = (1024 - sizeof(Leaf)) / sizeof(Item);
  static constexpr size_t kBranchMax = 42;  // a branch takes 1016 bytes

  /// Where an item stands, or nowhere: before the first or behind the last. Good until the tree changes.
  class Position {
   public:
    Position() = default;
    explicit operator bool() const { return leaf_ != nullptr; }
    // CONTRACT of all: there is an item here.
    StreamId id() const { return item().id; }
    T& value() const { return item().value; }
    void Next() {
      if (++index_ == leaf_->count) *this = Position(leaf_->next, 0);
    }
    void Previous() {
      if (index_-- != 0) return;
      Leaf* before = leaf_->previous;
      *this = before == nullptr ? Position() : Position(before, before->count - 1);
    }

   private:
    friend class IdTree;
    Position(Leaf* leaf, uint32_t index) : leaf_(leaf), index_(index) {}
    Item& item() const { return leaf_->items()[index_]; }
    Leaf* leaf_ = nullptr;
    uint32_t index_ = 0;
  };

  IdTree() = default;
  ~IdTree() { Clear(); }
  IdTree(const IdTree&) = delete;
  IdTree& operator=(const IdTree&) = delete;

  size_t size() const { return size_; }
  Position First() const { return first_ == nullptr ? Position() : Position(first_, 0); }
  Position Last() const {
    return last_ == nullptr ? Position() : Position(last_, last_->count - 1);
  }
  /// The item with this id, or nothing.
  T* Find(StreamId id) const {
    const Position at = AtOrAfter(id);
    return at && at.id() == id ? &at.value() : nullptr;
  }
  /// The first item that is not before `id`.
  Position AtOrAfter(StreamId id) const;
  /// The last item that is not behind `id`.
  Position AtOrBefore(StreamId id) const;

  /// CONTRACT: the id is not in.
  void Insert(StreamId id, const T& value);
  /// False if the id is not in.
  bool Erase(StreamId id);
  void Clear();

  /// Bytes the allocator holds for it.
  size_t MemoryBytes() const { return bytes_; }
  /// Allocations it is made of.
  size_t nodes() const { return nodes_; }
  /// Aborts unless I1 to I4 hold; for tests.
  void Check() const;

 private:
  struct Entry {
    StreamId id;
    void* child;  // a Leaf below level 1, else a Branch
  };
  struct Branch {
    uint32_t count;
    Entry entries[kBranchMax];
  };
  // The way from the root to a leaf: the entry taken in each branch, the lowest branch first.
  struct Step {
    Branch* branch;
    uint32_t index;
  };
  static constexpr unsigned kHeightMax = 24;  // two children a branch at least, on average

  static size_t LeafBytes(size_t capacity) { return sizeof(Leaf) + capacity * sizeof(Item); }
  Leaf* NewLeaf(size_t capacity, Leaf* previous, Leaf* next);
  void FreeLeaf(Leaf* leaf);
  Branch* NewBranch();
  void FreeBranch(Branch* branch);
  void FreeBelow(void* node, unsigned level);

  static uint32_t CountBefore(Leaf* leaf, StreamId id);
  Leaf* Descend(StreamId id, Step* steps) const;
  Leaf* GrowRoot();
  void InsertInto(Leaf* leaf, uint32_t at, StreamId id, const T& value);
  void AddChild(const Step* steps, StreamId id, void* child);
  void RemoveChild(Step* steps, unsigned level);
  void MergeLeaf(Step* steps);
  bool MergeBranch(Step* steps, unsigned level);
  size_t CheckBelow(void* node, unsigned level, const StreamId* least, const StreamId** last) const;

  void* root_ = nullptr;
  Leaf* first_ = nullptr;
  Leaf* last_ = nullptr;
  size_t size_ = 0;
  size_t bytes_ = 0;
  uint32_t nodes_ = 0;
  uint32_t levels_ = 0;  // of branches above the leaves
};

template <typename T>
auto IdTree<T>::NewLeaf(size_t capacity, Leaf* previous, Leaf* next) -> Leaf* {
  auto* leaf = static_cast<Leaf*>(Allocate(LeafBytes(capacity)));
  *leaf = {0, static_cast<uint32_t>(capacity), previous, next};
  (previous == nullptr ? first_ : previous->next) = leaf;
  (next == nullptr ? last_ : next->previous) = leaf;
  bytes_ += AllocationSize(LeafBytes(capacity));
  ++nodes_;
  return leaf;
}

template <typename T>
void IdTree<T>::FreeLeaf(Leaf* leaf) {
  (leaf->previous == nullptr ? first_ : leaf->previous->next) = leaf->next;
  (leaf->next == nullptr ? last_ : leaf->next->previous) = leaf->previous;
  const size_t bytes = LeafBytes(leaf->capacity);
  bytes_ -= AllocationSize(bytes);
  --nodes_;
  Deallocate(leaf, bytes);
}

template <typename T>
auto IdTree<T>::NewBranch() -> Branch* {
  auto* branch = static_cast<Branch*>(Allocate(sizeof(Branch)));
  branch->count = 0;
  bytes_ += AllocationSize(sizeof(Branch));
  ++nodes_;
  return branch;
}

template <typename T>
void IdTree<T>::FreeBranch(Branch* branch) {
  bytes_ -= AllocationSize(sizeof(Branch));
  --nodes_;
  Deallocate(branch, sizeof(Branch));
}

template <typename T>
void IdTree<T>::FreeBelow(void* node, unsigned level) {
  if (level == 0) return FreeLeaf(static_cast<Leaf*>(node));
  auto* branch = static_cast<Branch*>(node);
  for (uint32_t i = 0; i < branch->count; ++i) FreeBelow(branch->entries[i].child, level - 1);
  FreeBranch(branch);
}

template <typename T>
void IdTree<T>::Clear() {
  if (root_ != nullptr) FreeBelow(root_, levels_);
  root_ = nullptr;
  levels_ = 0;
  size_ = 0;
}

// How many items of the leaf are before `id`.
template <typename T>
uint32_t IdTree<T>::CountBefore(Leaf* leaf, StreamId id) {
  const Item* items = leaf->items();
  return static_cast<uint32_t>(
      std::lower_bound(items, items + leaf->count, id,
                       [](const Item& item, StreamId key) { return item.id < key; }) -
      items);
}

// The leaf that has `id` if any has. CONTRACT: the tree is not empty.
template <typename T>
auto IdTree<T>::Descend(StreamId id, Step* steps) const -> Leaf* {
  void* node = root_;
  for (unsigned level = levels_; level > 0; --level) {
    auto* branch = static_cast<Branch*>(node);
    // The first child is where everything goes that is before the second (I2).
    const Entry* taken =
        std::upper_bound(branch->entries + 1, branch->entries + branch->count, id,
                         [](StreamId key, const Entry& entry) { return key < entry.id; }) -
        1;
    steps[level - 1] = {branch, static_cast<uint32_t>(taken - branch->entries)};
    node = taken->child;
  }
  return static_cast<Leaf*>(node);
}

template <typename T>
auto IdTree<T>::AtOrAfter(StreamId id) const -> Position {
  if (root_ == nullptr) return {};
  Step steps[kHeightMax];
  Leaf* leaf = Descend(id, steps);
  const uint32_t at = CountBefore(leaf, id);
  return at < leaf->count ? Position(leaf, at) : Position(leaf->next, 0);
}

template <typename T>
auto IdTree<T>::AtOrBefore(StreamId id) const -> Position {
  if (root_ == nullptr) return {};
  Step steps[kHeightMax];
  Leaf* leaf = Descend(id, steps);
  const uint32_t at = CountBefore(leaf, id);
  if (at < leaf->count && leaf->items()[at].id == id) return Position(leaf, at);
  if (at > 0) return Position(leaf, at - 1);
  Leaf* before = leaf->previous;
  return before == nullptr ? Position() : Position(before, before->count - 1);
}

// The root is a leaf that is full but small: twice the room (I4).
template <typename T>
auto IdTree<T>::GrowRoot() -> Leaf* {
  auto* small = static_cast<Leaf*>(root_);
  Leaf* grown = NewLeaf(std::min<size_t>(kLeafMax, size_t{small->capacity} * 2), nullptr, small);
  grown->count = small->count;
  std::memcpy(static_cast<void*>(grown->items()), small->items(), small->count * sizeof(Item));
  FreeLeaf(small);
  root_ = grown;
  return grown;
}

template <typename T>
void IdTree<T>::InsertInto(Leaf* leaf, uint32_t at, StreamId id, const T& value) {
  Item* place = leaf->items() + at;
  std::memmove(static_cast<void*>(place + 1), place, (leaf->count - at) * sizeof(Item));
  new (place) Item{id, value};
  ++leaf->count;
  ++size_;
}

template <typename T>
void IdTree<T>::Insert(StreamId id, const T& value) {
  if (root_ == nullptr) root_ = NewLeaf(2, nullptr, nullptr);
  if (last_->count < last_->capacity && last_->count > 0 &&
      last_->items()[last_->count - 1].id < id) {
    return InsertInto(last_, last_->count, id, value);
  }
  Step steps[kHeightMax];
  Leaf* leaf = Descend(id, steps);
  uint32_t at = CountBefore(leaf, id);
  TERRACE_DCHECK(at == leaf->count || leaf->items()[at].id != id);
  if (leaf->count < leaf->capacity) return InsertInto(leaf, at, id, value);
  if (leaf->capacity < kLeafMax) return InsertInto(GrowRoot(), at, id, value);
  // Behind the last one a new leaf begins; elsewhere the leaf gives half of what it has.
  const bool appends = leaf == last_ && at == leaf->count;
  const uint32_t moved = appends ? 0 : leaf->count / 2;
  Leaf* right = NewLeaf(kLeafMax, leaf, leaf->next);
  leaf->count -= moved;
  right->count = moved;
  std::memcpy(static_cast<void*>(right->items()), leaf->items() + leaf->count,
              moved * sizeof(Item));
  if (at > leaf->count || appends) {
    InsertInto(right, at - leaf->count, id, value);
  } else {
    InsertInto(leaf, at, id, value);
  }
  AddChild(steps, right->items()[0].id, right);
}

// `child`, all behind `id`, comes behind the child that the steps took.
template <typename T>
void IdTree<T>::AddChild(const Step* steps, StreamId id, void* child) {
  for (unsigned level = 0; level < levels_; ++level) {
    Branch* branch = steps[level].branch;
    uint32_t at = steps[level].index + 1;
    Branch* right = nullptr;
    if (branch->count == kBranchMax) {
      right = NewBranch();
      const uint32_t moved = at == kBranchMax ? 0 : kBranchMax / 2;
      branch->count -= moved;
      right->count = moved;
      std::memcpy(right->entries, branch->entries + branch->count, moved * sizeof(Entry));
      if (at > branch->count || moved == 0) {
        at -= branch->count;
        branch = right;
      }
    }
    std::memmove(branch->entries + at + 1, branch->entries + at,
                 (branch->count - at) * sizeof(Entry));
    branch->entries[at] = {id, child};
    ++branch->count;
    if (right == nullptr) return;
    id = right->entries[0].id;
    child = right;
  }
  TERRACE_CHECK(levels_ < kHeightMax);
  Branch* root = NewBranch();
  root->count = 2;
  root->entries[0] = {{}, root_};
  root->entries[1] = {id, child};
  root_ = root;
  ++levels_;
}

template <typename T>
bool IdTree<T>::Erase(StreamId id) {
  if (root_ == nullptr) return false;
  Step steps[kHeightMax];
  Leaf* leaf = Descend(id, steps);
  const uint32_t at = CountBefore(leaf, id);
  Item* place = leaf->items() + at;
  if (at == leaf->count || place->id != id) return false;
  --leaf->count;
  --size_;
  std::memmove(static_cast<void*>(place), place + 1, (leaf->count - at) * sizeof(Item));
  if (leaf->count == 0) {
    FreeLeaf(leaf);
    if (levels_ == 0) {
      root_ = nullptr;
    } else {
      RemoveChild(steps, 0);
    }
  } else if (levels_ > 0 && leaf->count < kLeafMax / 4) {
    MergeLeaf(steps);
  }
  return true;
}

// The child that the steps took at `level` is no more.
template <typename T>
void IdTree<T>::RemoveChild(Step* steps, unsigned level) {
  for (; level < levels_; ++level) {
    auto& [branch, index] = steps[level];
    --branch->count;
    std::memmove(branch->entries + index, branch->entries + index + 1,
                 (branch->count - index) * sizeof(Entry));
    if (branch->count == 0) {
      FreeBranch(branch);
    } else if (level + 1 == levels_ || branch->count >= kBranchMax / 4 ||
               !MergeBranch(steps, level)) {
      break;
    }
  }
  while (levels_ > 0 && static_cast<Branch*>(root_)->count == 1) {
    auto* root = static_cast<Branch*>(root_);
    root_ = root->entries[0].child;
    FreeBranch(root);
    --levels_;
  }
}

template <typename T>
void IdTree<T>::MergeLeaf(Step* steps) {
  auto& [parent, index] = steps[0];
  // With the one behind it, else with the one before it.
  for (const uint32_t left_at : {index, index - 1}) {
    if (left_at >= parent->count || left_at + 1 >= parent->count) continue;
    auto* left = static_cast<Leaf*>(parent->entries[left_at].child);
    auto* right = static_cast<Leaf*>(parent->entries[left_at + 1].child);
    if (left->count + right->count > kLeafMax * 3 / 4) continue;
    std::memcpy(static_cast<void*>(left->items() + left->count), right->items(),
                right->count * sizeof(Item));
    left->count += right->count;
    FreeLeaf(right);
    index = left_at + 1;
    return RemoveChild(steps, 0);
  }
}

// Merges a branch with a neighbour if both fit into one; then the steps lead to the one that is no more.
template <typename T>
bool IdTree<T>::MergeBranch(Step* steps, unsigned level) {
  auto& [parent, index] = steps[level + 1];
  for (const uint32_t left_at : {index, index - 1}) {
    if (left_at >= parent->count || left_at + 1 >= parent->count) continue;
    auto* left = static_cast<Branch*>(parent->entries[left_at].child);
    auto* right = static_cast<Branch*>(parent->entries[left_at + 1].child);
    if (left->count + right->count > kBranchMax * 3 / 4) continue;
    std::memcpy(left->entries + left->count, right->entries, right->count * sizeof(Entry));
    left->entries[left->count].id =
        parent->entries[left_at + 1].id;  // it is no first child any more (I2)
    left->count += right->count;
    FreeBranch(right);
    index = left_at + 1;
    return true;
  }
  return false;
}

template <typename T>
void IdTree<T>::Check() const {
  const StreamId* last = nullptr;
  const size_t items = root_ == nullptr ? 0 : CheckBelow(root_, levels_, nullptr, &last);
  TERRACE_CHECK(items == size_);
  size_t chained = 0;
  for (Leaf* leaf = first_; leaf != nullptr; leaf = leaf->next) {
    chained += leaf->count;
    TERRACE_CHECK((leaf->next == nullptr ? last_ : leaf->next->previous) == leaf);
  }
  TERRACE_CHECK(chained == size_);
  TERRACE_CHECK(levels_ == 0 || static_cast<Branch*>(root_)->count >= 2);  // I3
}

template <typename T>
size_t IdTree<T>::CheckBelow(void* node, unsigned level, const StreamId* least,
                             const StreamId** last) const {
  size_t items = 0;
  if (level > 0) {
    auto* branch = static_cast<Branch*>(node);
    TERRACE_CHECK(branch->count > 0 && branch->count <= kBranchMax);  // I3
    for (uint32_t i = 0; i < branch->count; ++i) {
      const StreamId* id = i == 0 ? least : &branch->entries[i].id;
      TERRACE_CHECK(i == 0 || *last == nullptr || **last < *id);  // I2
      items += CheckBelow(branch->entries[i].child, level - 1, id, last);
    }
    return items;
  }
  auto* leaf = static_cast<Leaf*>(node);
  TERRACE_CHECK(leaf->count > 0 && leaf->count <= leaf->capacity);  // I3
  TERRACE_CHECK(levels_ == 0 || leaf->capacity == kLeafMax);        // I4
  for (uint32_t i = 0; i < leaf->count; ++i) {
    const StreamId& id = leaf->items()[i].id;
    TERRACE_CHECK(*last == nullptr || **last < id);     // I1
    TERRACE_CHECK(least == nullptr || !(id < *least));  // I2
    *last = &id;
  }
  return leaf->count;
}

}  // namespace terrace::types
