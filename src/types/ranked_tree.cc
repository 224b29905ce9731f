#include "types/ranked_tree.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/memory.h"

namespace terrace::types {
namespace {

// A full leaf shares with a neighbour that has room for so many more; with less it would soon be full again.
constexpr uint32_t kRoomWorthSharing = 8;
// Neighbours are merged when one of them is down to a quarter and both fit into one with a quarter to spare, so that
// alternating insertions and erasures do not split and merge each time.
constexpr bool WorthMerging(size_t a, size_t b, size_t max) {
  return std::min(a, b) < max / 4 && a + b <= max * 3 / 4;
}

bool Precedes(double a_score, const ScoredItem* a, double b_score, Bytes b_member) {
  return a_score != b_score ? a_score < b_score : MemberOf(a) < b_member;
}

// Is an item before (score, member)?
struct Before {
  double score;
  Bytes member;
  bool operator()(double other, const ScoredItem* item) const {
    return Precedes(other, item, score, member);
  }
};

// Is an item (score, member) or before it? That is how one goes down to an item that is in.
struct UpTo {
  double score;
  Bytes member;
  bool operator()(double other, const ScoredItem* item) const {
    return other != score ? other < score : MemberOf(item) <= member;
  }
};

// Where an item stands in its leaf. Looking for the pointer reads the leaf alone; comparing would read half a dozen items,
// each from somewhere else in memory.
uint32_t IndexIn(const RankedTree::Leaf& leaf, const ScoredItem* item) {
  const auto* end = leaf.items + leaf.count;
  const auto* at = std::find(leaf.items, end, item);
  TERRACE_CHECK(at != end);
  return static_cast<uint32_t>(at - leaf.items);
}

}  // namespace

RankedTree::RankedTree() {
  static_assert(sizeof(Leaf) == 512 && AllocationSize(sizeof(Leaf)) == 512);
  static_assert(AllocationSize(sizeof(Branch)) == 1024);
  first_ = last_ = NewLeaf(nullptr, nullptr);
  root_ = first_;
}

RankedTree::~RankedTree() { FreeBelow(root_, levels_); }

// --- nodes ---

RankedTree::Leaf* RankedTree::NewLeaf(Leaf* previous, Leaf* next) {
  auto* leaf = static_cast<Leaf*>(Allocate(sizeof(Leaf)));
  ++leaves_;
  leaf->count = 0;
  leaf->previous = previous;
  leaf->next = next;
  if (previous != nullptr) previous->next = leaf;
  if (next != nullptr) next->previous = leaf;
  if (previous != nullptr && previous == last_) last_ = leaf;
  if (next != nullptr && next == first_) first_ = leaf;
  return leaf;
}

void RankedTree::FreeLeaf(Leaf* leaf) {
  (leaf->previous != nullptr ? leaf->previous->next : first_) = leaf->next;
  (leaf->next != nullptr ? leaf->next->previous : last_) = leaf->previous;
  Deallocate(leaf, sizeof(Leaf));
  --leaves_;
}

RankedTree::Branch* RankedTree::NewBranch() {
  auto* branch = static_cast<Branch*>(Allocate(sizeof(Branch)));
  ++branches_;
  branch->count = 0;
  return branch;
}

void RankedTree::FreeBranch(Branch* branch) {
  Deallocate(branch, sizeof(Branch));
  --branches_;
}

void RankedTree::FreeBelow(void* node, unsigned level) {
  if (level == 0) {
    Deallocate(node, sizeof(Leaf));
    return;
  }
  auto* branch = static_cast<Branch*>(node);
  for (uint32_t i = 0; i < branch->count; ++i) FreeBelow(branch->entries[i].child, level - 1);
  Deallocate(branch, sizeof(Branch));
}

RankedTree::Entry RankedTree::EntryOf(Leaf* leaf) {
  return {leaf, leaf->count, ScoreOf(leaf->items[0]), leaf->items[0]};
}

RankedTree::Entry RankedTree::EntryOf(Branch* branch) {
  size_t items = 0;
  for (uint32_t i = 0; i < branch->count; ++i) items += branch->entries[i].items;
  return {branch, items, branch->entries[0].score, branch->entries[0].first};
}

void RankedTree::InsertEntry(Branch* branch, uint32_t at, const Entry& entry) {
  TERRACE_DCHECK(branch->count < kBranchMax);
  std::copy_backward(branch->entries + at, branch->entries + branch->count,
                     branch->entries + branch->count + 1);
  branch->entries[at] = entry;
  ++branch->count;
}

void RankedTree::EraseEntry(Branch* branch, uint32_t at) {
  std::copy(branch->entries + at + 1, branch->entries + branch->count, branch->entries + at);
  --branch->count;
}

// --- looking ---

RankedTree::Position RankedTree::At(size_t rank) const {
  TERRACE_DCHECK(rank < size_);
  void* node = root_;
  for (unsigned level = levels_; level > 0; --level) {
    auto* branch = static_cast<Branch*>(node);
    uint32_t i = 0;
    while (rank >= branch->entries[i].items) rank -= branch->entries[i++].items;
    node = branch->entries[i].child;
  }
  return Position(static_cast<Leaf*>(node), static_cast<uint32_t>(rank));
}

size_t RankedTree::RankOf(const ScoredItem* item) const {
  const UpTo up_to{ScoreOf(item), MemberOf(item)};
  size_t rank = 0;
  const void* node = root_;
  for (unsigned level = levels_; level > 0; --level) {
    const auto* branch = static_cast<const Branch*>(node);
    const uint32_t taken = CountEntries(*branch, up_to) - 1;
    for (uint32_t i = 0; i < taken; ++i) rank += branch->entries[i].items;
    node = branch->entries[taken].child;
  }
  return rank + IndexIn(*static_cast<const Leaf*>(node), item);
}

// --- inserting ---

// Everything full on the way down is split before it is entered, so that there is always room above.
void RankedTree::Insert(ScoredItem* item) {
  const double score = ScoreOf(item);
  const Before before{score, MemberOf(item)};
  const bool root_is_full =
      levels_ == 0 ? first_->count == kLeafMax : static_cast<Branch*>(root_)->count == kBranchMax;
  if (root_is_full) RaiseRoot();
  ++size_;
  void* node = root_;
  for (unsigned level = levels_; level > 0; --level) {
    auto* branch = static_cast<Branch*>(node);
    uint32_t i = CountEntries(*branch, before) - 1;
    if (level > 1) {
      if (static_cast<Branch*>(branch->entries[i].child)->count == kBranchMax) {
        SplitBranch(branch, i);
        i = CountEntries(*branch, before) - 1;
      }
    } else if (static_cast<Leaf*>(branch->entries[i].child)->count == kLeafMax) {
      if (InsertAtEnd(branch, item)) return;
      MakeRoom(branch, i);
      i = CountEntries(*branch, before) - 1;
    }
    Entry& entry = branch->entries[i];
    ++entry.items;
    if (i == 0 && !before(entry.score, entry.first)) {  // a new smallest one
      entry.score = score;
      entry.first = item;
    }
    node = entry.child;
  }
  auto* leaf = static_cast<Leaf*>(node);
  const uint32_t at = CountItems(*leaf, before);
  std::copy_backward(leaf->items + at, leaf->items + leaf->count, leaf->items + leaf->count + 1);
  leaf->items[at] = item;
  ++leaf->count;
}

void RankedTree::RaiseRoot() {
  TERRACE_CHECK(levels_ + 1 < kHeightMax);
  Branch* root = NewBranch();
  InsertEntry(
      root, 0,
      levels_ == 0 ? EntryOf(static_cast<Leaf*>(root_)) : EntryOf(static_cast<Branch*>(root_)));
  if (levels_ > 0) SplitBranch(root, 0);
  root_ = root;
  ++levels_;
}

void RankedTree::SplitBranch(Branch* parent, uint32_t index) {
  auto* left = static_cast<Branch*>(parent->entries[index].child);
  Branch* right = NewBranch();
  const uint32_t kept = left->count / 2;
  right->count = left->count - kept;
  std::copy(left->entries + kept, left->entries + left->count, right->entries);
  left->count = kept;
  parent->entries[index] = EntryOf(left);
  InsertEntry(parent, index + 1, EntryOf(right));
}

// Insertions at an end of the tree begin a new leaf there and leave the full one as it is.
bool RankedTree::InsertAtEnd(Branch* parent, ScoredItem* item) {
  const Before before{ScoreOf(item), MemberOf(item)};
  const auto holds = [&](uint32_t at, const Leaf* leaf) {
    return parent->entries[at].child == leaf;
  };
  Leaf* leaf = nullptr;
  uint32_t at = 0;
  if (holds(parent->count - 1, last_) && last_->count == kLeafMax) {
    const ScoredItem* largest = last_->items[last_->count - 1];
    if (before(ScoreOf(largest), largest)) {
      leaf = NewLeaf(last_, nullptr);
      at = parent->count;
    }
  }
  if (leaf == nullptr && holds(0, first_) && first_->count == kLeafMax) {
    const ScoredItem* smallest = first_->items[0];
    if (!before(ScoreOf(smallest), smallest)) leaf = NewLeaf(nullptr, first_);
  }
  if (leaf == nullptr) return false;
  leaf->items[0] = item;
  leaf->count = 1;
  InsertEntry(parent, at, EntryOf(leaf));
  return true;
}

// The leaf at `index` is full, and so may be its neighbours: afterwards none of them is.
void RankedTree::MakeRoom(Branch* parent, uint32_t index) {
  const auto has_room = [&](uint32_t at) {
    return parent->entries[at].items + kRoomWorthSharing <= kLeafMax;
  };
  if (index + 1 < parent->count && has_room(index + 1)) return Spread(parent, index, 2);
  if (index > 0 && has_room(index - 1)) return Spread(parent, index - 1, 2);
  // Behind a full leaf comes an empty one, and both or, with a neighbour, all three are filled evenly.
  const uint32_t left = index + 1 < parent->count || index == 0 ? index : index - 1;
  const uint32_t leaves = parent->count == 1 ? 2 : 3;
  auto* full = static_cast<Leaf*>(parent->entries[left].child);
  Leaf* added = NewLeaf(full, full->next);
  InsertEntry(parent, left + 1, {added, 0, 0, nullptr});
  Spread(parent, left, leaves);
}

// Gives each of `leaves` leaves from `from` on the same number of items.
void RankedTree::Spread(Branch* parent, uint32_t from, uint32_t leaves) {
  ScoredItem* items[3 * kLeafMax];
  size_t count = 0;
  for (uint32_t i = 0; i < leaves; ++i) {
    const auto* leaf = static_cast<Leaf*>(parent->entries[from + i].child);
    std::copy(leaf->items, leaf->items + leaf->count, items + count);
    count += leaf->count;
  }
  size_t done = 0;
  for (uint32_t i = 0; i < leaves; ++i) {
    auto* leaf = static_cast<Leaf*>(parent->entries[from + i].child);
    const size_t until = count * (i + 1) / leaves;
    std::copy(items + done, items + until, leaf->items);
    leaf->count = static_cast<uint32_t>(until - done);
    parent->entries[from + i] = EntryOf(leaf);
    done = until;
  }
}

// --- erasing ---

void RankedTree::Erase(const ScoredItem* item) {
  const UpTo up_to{ScoreOf(item), MemberOf(item)};
  Step steps[kHeightMax];
  void* node = root_;
  for (unsigned level = levels_; level > 0; --level) {
    auto* branch = static_cast<Branch*>(node);
    const uint32_t i = CountEntries(*branch, up_to) - 1;
    --branch->entries[i].items;
    steps[level] = {branch, i};
    node = branch->entries[i].child;
  }
  auto* leaf = static_cast<Leaf*>(node);
  const uint32_t at = IndexIn(*leaf, item);
  std::copy(leaf->items + at + 1, leaf->items + leaf->count, leaf->items + at);
  --leaf->count;
  --size_;
  Shrink(steps);
}

void RankedTree::EraseFirst(size_t count) {
  TERRACE_DCHECK(count <= first_->count);
  Step steps[kHeightMax];
  void* node = root_;
  for (unsigned level = levels_; level > 0; --level) {
    auto* branch = static_cast<Branch*>(node);
    branch->entries[0].items -= count;
    steps[level] = {branch, 0};
    node = branch->entries[0].child;
  }
  std::copy(first_->items + count, first_->items + first_->count, first_->items);
  first_->count -= static_cast<uint32_t>(count);
  size_ -= count;
  Shrink(steps);
}

// From the leaf up: nodes that became empty go, small ones are merged with a neighbour, first items are made right.
// steps[level] is the branch of that level.
void RankedTree::Shrink(const Step* steps) {
  for (unsigned level = 1; level <= levels_; ++level) {
    auto [parent, i] = steps[level];
    Entry& entry = parent->entries[i];
    // Named anew: clang 14 captures no structured binding.
    const auto merge = [&, parent = parent](uint32_t left) {
      return level == 1 ? MergeLeaves(parent, left) : MergeBranches(parent, left);
    };
    if (level == 1) {
      auto* leaf = static_cast<Leaf*>(entry.child);
      if (leaf->count == 0) {
        FreeLeaf(leaf);
        EraseEntry(parent, i);
        continue;
      }
      if (entry.first != leaf->items[0]) {
        entry.first = leaf->items[0];
        entry.score = ScoreOf(leaf->items[0]);
      }
    } else {
      auto* branch = static_cast<Branch*>(entry.child);
      if (branch->count == 0) {
        FreeBranch(branch);
        EraseEntry(parent, i);
        continue;
      }
      entry.first = branch->entries[0].first;
      entry.score = branch->entries[0].score;
    }
    if (i + 1 < parent->count && merge(i)) continue;
    if (i > 0) merge(i - 1);
  }
  while (levels_ > 0 && static_cast<Branch*>(root_)->count == 1) {
    auto* root = static_cast<Branch*>(root_);
    root_ = root->entries[0].child;
    FreeBranch(root);
    --levels_;
  }
  if (levels_ > 0 && static_cast<Branch*>(root_)->count == 0) {
    FreeBranch(static_cast<Branch*>(root_));
    levels_ = 0;
    first_ = last_ = NewLeaf(nullptr, nullptr);
    root_ = first_;
  }
}

bool RankedTree::MergeLeaves(Branch* parent, uint32_t left) {
  Entry& kept = parent->entries[left];
  const Entry& gone = parent->entries[left + 1];
  if (!WorthMerging(kept.items, gone.items, kLeafMax)) return false;
  auto* into = static_cast<Leaf*>(kept.child);
  auto* from = static_cast<Leaf*>(gone.child);
  std::copy(from->items, from->items + from->count, into->items + into->count);
  into->count += from->count;
  kept.items = into->count;
  FreeLeaf(from);
  EraseEntry(parent, left + 1);
  return true;
}

bool RankedTree::MergeBranches(Branch* parent, uint32_t left) {
  Entry& kept = parent->entries[left];
  const Entry& gone = parent->entries[left + 1];
  auto* into = static_cast<Branch*>(kept.child);
  auto* from = static_cast<Branch*>(gone.child);
  if (!WorthMerging(into->count, from->count, kBranchMax)) return false;
  std::copy(from->entries, from->entries + from->count, into->entries + into->count);
  into->count += from->count;
  kept.items += gone.items;
  FreeBranch(from);
  EraseEntry(parent, left + 1);
  return true;
}

// --- figures ---

size_t RankedTree::MemoryBytes() const {
  return leaves_ * AllocationSize(sizeof(Leaf)) + branches_ * AllocationSize(sizeof(Branch));
}

size_t RankedTree::CheckBelow(const void* node, unsigned level, const ScoredItem** last) const {
  if (level == 0) {
    const auto* leaf = static_cast<const Leaf*>(node);
    TERRACE_CHECK(leaf->count <= kLeafMax && (leaf->count > 0 || node == root_));  // T3
    for (uint32_t i = 0; i < leaf->count; ++i) {
      const ScoredItem* item = leaf->items[i];
      TERRACE_CHECK(*last == nullptr ||
                    Precedes(ScoreOf(*last), *last, ScoreOf(item), MemberOf(item)));  // T1
      *last = item;
    }
    return leaf->count;
  }
  const auto* branch = static_cast<const Branch*>(node);
  TERRACE_CHECK(branch->count > 0 && branch->count <= kBranchMax);  // T3
  size_t items = 0;
  for (uint32_t i = 0; i < branch->count; ++i) {
    const Entry& entry = branch->entries[i];
    const void* child = entry.child;
    const Entry first = level == 1 ? EntryOf(static_cast<Leaf*>(entry.child))
                                   : EntryOf(static_cast<Branch*>(entry.child));
    TERRACE_CHECK(entry.first == first.first && entry.score == ScoreOf(first.first));  // T2
    const size_t below = CheckBelow(child, level - 1, last);
    TERRACE_CHECK(below == entry.items);  // T2
    items += below;
  }
  return items;
}

void RankedTree::Check() const {
  const ScoredItem* last = nullptr;
  TERRACE_CHECK(CheckBelow(root_, levels_, &last) == size_);
  size_t chained = 0, leaves = 0;
  const Leaf* previous = nullptr;
  for (const Leaf* leaf = first_; leaf != nullptr; leaf = leaf->next) {
    TERRACE_CHECK(leaf->previous == previous);
    previous = leaf;
    chained += leaf->count;
    ++leaves;
  }
  TERRACE_CHECK(previous == last_ && chained == size_ && leaves == leaves_);
}

}  // namespace terrace::types
