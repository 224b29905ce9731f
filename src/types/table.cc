#include "types/table.h"

#include <algorithm>
#include <bit>
#include <mutex>
#include <new>

#include "base/check.h"
#include "base/memory.h"
#include "types/table_capture.h"

namespace terrace::types {
namespace {

HashKey table_key;

uint64_t ReverseBits(uint64_t v) {
  v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
  v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
  v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
  return __builtin_bswap64(v);
}

size_t StringBytes(size_t size) { return (size < 255 ? 1 : 5) + size; }

char* WriteString(char* at, Bytes text) {
  if (text.size() < 255) {
    *at++ = static_cast<char>(text.size());
  } else {
    *at++ = static_cast<char>(255);
    const auto length = static_cast<uint32_t>(text.size());
    std::memcpy(at, &length, sizeof length);
    at += sizeof length;
  }
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// Apart, so that who asks for it pays for the question only.
[[gnu::cold, gnu::noinline]] void NoteItem(TableCapture& capture, uint64_t hash,
                                           const TableItem& item) {
  capture.Note(hash, item.member(), &item);
}

}  // namespace

void SeedTables(HashKey key) {
  static std::once_flag once;
  std::call_once(once, [key] { table_key = key; });
}

uint64_t Table::HashOf(Bytes member) { return SipHash13(table_key, member); }

void Table::FetchBucket(uint64_t hash) const { __builtin_prefetch(BucketAt(BucketOf(hash)), 1); }

void Table::FetchItem(uint64_t hash) const {
  const uint32_t index = BucketOf(hash);
  const uint64_t tag = TagOf(hash, LevelOf(index));
  for (const uint64_t slot : BucketAt(index)->slots) {
    if (slot == 0) return;
    if (slot >> 48 == tag && !IsLink(slot)) return __builtin_prefetch(ItemIn(slot), 1);
    if (IsLink(slot)) return __builtin_prefetch(OverflowIn(slot), 1);
  }
}

// --- items ---

size_t Table::ItemBytes(size_t member_size, size_t value_size) const {
  switch (extra()) {
    case Extra::kNone:
      return StringBytes(member_size);
    case Extra::kScore:
      return StringBytes(member_size) + sizeof(double);
    case Extra::kValue:
      return StringBytes(member_size) + StringBytes(value_size);
  }
  return 0;
}

size_t Table::ItemBytes(const TableItem& item) const {
  return ItemBytes(item.member().size(), extra() == Extra::kValue ? item.value().size() : 0);
}

void Table::WriteExtra(char* at, Bytes value, double score) const {
  if (extra() == Extra::kScore) std::memcpy(at, &score, sizeof score);
  if (extra() == Extra::kValue) WriteString(at, value);
}

TableItem* Table::NewItem(Bytes member, Bytes value, double score) const {
  auto* raw = static_cast<char*>(Allocate(ItemBytes(member.size(), value.size())));
  WriteExtra(WriteString(raw, member), value, score);
  return reinterpret_cast<TableItem*>(raw);
}

void Table::FreeItem(TableItem* item) const { Deallocate(item, ItemBytes(*item)); }

// --- life ---

Table* Table::New(Extra extra) {
  auto* table = new (Allocate(sizeof(Table))) Table;
  table->size_ = 0;
  table->extra_ = static_cast<uint8_t>(extra);
  table->depth_ = 0;
  table->root_ = AllocateAligned(sizeof(Bucket));
  std::memset(table->root_, 0, sizeof(Bucket));
  table->buckets_ = 1;
  return table;
}

void Table::Delete(Table* table) {
  if (TERRACE_UNLIKELY(table->capture_ != nullptr)) table->capture_->LoseSource();
  for (;;) {
    // From the back: each bucket is emptied, then dropped with whatever stands above it.
    table->Drain(*table->BucketAt(table->buckets_ - 1),
                 [table](uint64_t slot) { table->FreeItem(ItemIn(slot)); });
    if (table->buckets_ == 1) break;
    table->DropLastBucket();
  }
  DeallocateAligned(table->root_, sizeof(Bucket));
  table->~Table();
  Deallocate(table, sizeof(Table));
}

Table* Table::Copy() const {
  Table* copy = New(extra());
  ForEach([this, copy](const TableItem& item) {
    const size_t bytes = ItemBytes(item);
    void* raw = Allocate(bytes);
    std::memcpy(raw, &item, bytes);
    copy->Insert(HashOf(item.member()), static_cast<TableItem*>(raw));
  });
  return copy;
}

// --- one member ---

uint64_t* Table::Lookup(uint64_t hash, Bytes member) const {
  const uint32_t index = BucketOf(hash);
  const uint64_t tag = TagOf(hash, LevelOf(index));
  uint64_t* slot = BucketAt(index)->slots;
  for (uint64_t* end = slot + kBucketSlots; slot != end && *slot != 0;) {
    if (TERRACE_UNLIKELY(IsLink(*slot))) {
      slot = OverflowIn(*slot)->slots;
      end = slot + kOverflowSlots;
      continue;
    }
    if (*slot >> 48 == tag && ItemIn(*slot)->member() == member) return slot;
    ++slot;
  }
  return nullptr;
}

TableItem* Table::Find(Bytes member) const {
  const uint64_t* slot = Lookup(HashOf(member), member);
  return slot == nullptr ? nullptr : ItemIn(*slot);
}

void Table::Insert(uint64_t hash, TableItem* item) {
  const uint32_t index = BucketOf(hash);
  AppendSlot(BucketAt(index), MakeSlot(item, TagOf(hash, LevelOf(index))));
  item_bytes_ += AllocationSize(ItemBytes(*item));
  ++size_;
  if (size_ > size_t{buckets_} * kLoadMax) Split();
}

TableItem* Table::FindOrInsert(Bytes member, double score, bool* inserted) {
  TERRACE_DCHECK(extra() != Extra::kValue);
  const uint64_t hash = HashOf(member);
  const uint64_t* slot = Lookup(hash, member);
  *inserted = slot == nullptr;
  if (slot != nullptr) return ItemIn(*slot);
  if (TERRACE_UNLIKELY(capture_ != nullptr)) Note(hash, member, nullptr);
  TableItem* item = NewItem(member, {}, score);
  Insert(hash, item);
  return item;
}

bool Table::Put(Bytes member, Bytes value) {
  TERRACE_DCHECK(extra() == Extra::kValue);
  const uint64_t hash = HashOf(member);
  uint64_t* slot = Lookup(hash, member);
  if (TERRACE_UNLIKELY(capture_ != nullptr))
    Note(hash, member, slot == nullptr ? nullptr : ItemIn(*slot));
  if (slot == nullptr) {
    Insert(hash, NewItem(member, value, 0));
    return true;
  }
  TableItem* item = ItemIn(*slot);
  const size_t before = AllocationSize(ItemBytes(*item));
  const size_t after = AllocationSize(ItemBytes(member.size(), value.size()));
  const Bytes old = item->value();
  // A value that is a view of the one it replaces must not be written over itself.
  const bool within = value.data() >= old.data() && value.data() <= old.data() + old.size();
  if (before == after && !within) {
    WriteExtra(const_cast<char*>(item->behind()), value, 0);
    return false;
  }
  *slot = MakeSlot(NewItem(member, value, 0), *slot >> 48);
  FreeItem(item);
  item_bytes_ += after - before;
  return false;
}

TableItem* Table::Take(Bytes member) {
  const uint64_t hash = HashOf(member);
  uint64_t* slot = Lookup(hash, member);
  return slot == nullptr ? nullptr : Detach(hash, slot);
}

bool Table::Erase(Bytes member, uint64_t hash) {
  uint64_t* slot = Lookup(hash, member);
  if (slot == nullptr) return false;
  TableItem* item = Detach(hash, slot);
  FreeItem(item);
  return true;
}

TableItem* Table::Detach(uint64_t hash, uint64_t* slot) {
  TableItem* item = ItemIn(*slot);
  if (TERRACE_UNLIKELY(capture_ != nullptr)) NoteItem(*capture_, hash, *item);
  RemoveSlot(BucketAt(BucketOf(hash)), slot);
  item_bytes_ -= AllocationSize(ItemBytes(*item));
  --size_;
  if (buckets_ > 1 && size_ < size_t{buckets_} * kLoadMin) Merge();
  return item;
}

void Table::Note(uint64_t hash, Bytes member, const TableItem* held) {
  capture_->Note(hash, member, held);
}

// --- chains ---

void Table::AppendSlot(Bucket* bucket, uint64_t added) {
  uint64_t* slot = bucket->slots;
  uint64_t* end = slot + kBucketSlots;
  while (slot != end && *slot != 0) {
    if (IsLink(*slot)) {
      slot = OverflowIn(*slot)->slots;
      end = slot + kOverflowSlots;
    } else {
      ++slot;
    }
  }
  if (slot != end) {
    *slot = added;
    return;
  }
  // Full: the last one makes room for a link.
  auto* node = static_cast<Overflow*>(Allocate(sizeof(Overflow)));
  *node = {{end[-1], added, 0, 0}};
  end[-1] = reinterpret_cast<uint64_t>(node) | kLink;
  ++overflows_;
}

void Table::RemoveSlot(Bucket* bucket, uint64_t* removed) {
  uint64_t* slots = bucket->slots;
  unsigned capacity = kBucketSlots;
  uint64_t* link = nullptr;  // to the node `slots` is of
  while (IsLink(slots[capacity - 1])) {
    link = &slots[capacity - 1];
    slots = OverflowIn(*link)->slots;
    capacity = kOverflowSlots;
  }
  unsigned used = capacity;
  while (slots[used - 1] == 0) --used;  // no node is empty, and the bucket has `removed`
  *removed = slots[used - 1];
  slots[used - 1] = 0;
  if (link != nullptr && used == 2) {
    // One is left in the node, and fits where the link is.
    Overflow* node = OverflowIn(*link);
    *link = slots[0];
    Deallocate(node, sizeof(Overflow));
    --overflows_;
  }
}

// --- growing and shrinking ---

template <typename F>
void Table::Drain(const Bucket& old, F&& take) {
  const uint64_t* slots = old.slots;
  Overflow* node = nullptr;
  for (unsigned i = 0, end = kBucketSlots; i < end && slots[i] != 0;) {
    const uint64_t slot = slots[i];
    if (TERRACE_UNLIKELY(IsLink(slot))) {
      if (node != nullptr) Deallocate(node, sizeof(Overflow));
      node = OverflowIn(slot);
      --overflows_;
      slots = node->slots;
      i = 0;
      end = kOverflowSlots;
      continue;
    }
    take(slot);
    ++i;
  }
  if (node != nullptr) Deallocate(node, sizeof(Overflow));
}

void Table::Split() {
  const unsigned level = SmallLevel();
  const uint32_t index = buckets_ - (1u << level);
  AddBucket();
  Bucket* from = BucketAt(index);
  Bucket* to = BucketAt(buckets_ - 1);
  const Bucket old = *from;
  *from = {};
  const unsigned shift = TagShift(level);
  if (TERRACE_LIKELY(shift == TagShift(level + 1))) {
    Drain(old, [&](uint64_t slot) {
      AppendSlot((slot >> (48 + level - shift) & 1) != 0 ? to : from, slot);
    });
    return;
  }
  Drain(old, [&](uint64_t slot) {
    const uint64_t hash = HashOf(ItemIn(slot)->member());
    AppendSlot((hash >> level & 1) != 0 ? to : from,
               MakeSlot(ItemIn(slot), TagOf(hash, level + 1)));
  });
}

void Table::Merge() {
  const uint32_t last = buckets_ - 1;
  const unsigned level = static_cast<unsigned>(std::bit_width(last)) - 1;  // of the merged bucket
  const bool same_tags = TagShift(level) == TagShift(level + 1);
  Bucket* to = BucketAt(last - (1u << level));
  const Bucket halves[] = {*to, *BucketAt(last)};
  *to = {};
  for (const Bucket& half : halves) {
    Drain(half, [&](uint64_t slot) {
      TableItem* item = ItemIn(slot);
      AppendSlot(to, same_tags ? slot : MakeSlot(item, TagOf(HashOf(item->member()), level)));
    });
  }
  DropLastBucket();
}

void Table::ResizeOnlyChunk(uint32_t from, uint32_t to) {
  void* moved = AllocateAligned(to * sizeof(Bucket));
  std::memcpy(moved, root_, std::min(from, to) * sizeof(Bucket));
  DeallocateAligned(root_, from * sizeof(Bucket));
  root_ = moved;
}

void Table::AddBucket() {
  const uint32_t index = buckets_;
  TERRACE_CHECK(index < kBucketsMax);
  if (index < kChunkBuckets) {
    if (std::has_single_bit(index)) ResizeOnlyChunk(index, 2 * index);
  } else if (index % kChunkBuckets == 0) {
    if (index >> kChunkBits ==
        1u << (kNodeBits * depth_)) {  // the tree is full: a new root over it
      root_ = new (Allocate(sizeof(Node))) Node{{root_}};
      ++depth_;
    }
    void** place = &root_;
    for (unsigned depth = depth_; depth-- > 0;) {
      if (*place == nullptr) *place = new (Allocate(sizeof(Node))) Node{};
      place = &static_cast<Node*>(*place)->places[PlaceIn(index, depth)];
    }
    *place = AllocateAligned(kChunkBuckets * sizeof(Bucket));
  }
  ++buckets_;
  *BucketAt(index) = {};
}

void Table::DropLastBucket() {
  const uint32_t index = --buckets_;
  if (index < kChunkBuckets) {
    if (std::has_single_bit(index)) ResizeOnlyChunk(2 * index, index);
    return;
  }
  if (index % kChunkBuckets != 0) return;
  Node* path[kDepthMax];
  void* at = root_;
  for (unsigned depth = depth_; depth-- > 0;) {
    path[depth] = static_cast<Node*>(at);
    at = path[depth]->places[PlaceIn(index, depth)];
  }
  DeallocateAligned(at, kChunkBuckets * sizeof(Bucket));
  for (unsigned depth = 0; depth < depth_; ++depth) {
    const unsigned place = PlaceIn(index, depth);
    path[depth]->places[place] = nullptr;
    if (place != 0) break;
    Deallocate(path[depth], sizeof(Node));  // places fill from the left: it was the only one
  }
  if (index >> kChunkBits == 1u << (kNodeBits * (depth_ - 1))) {
    auto* root = static_cast<Node*>(root_);
    root_ = root->places[0];
    Deallocate(root, sizeof(Node));
    --depth_;
  }
}

// --- all members ---

uint64_t Table::NextCursor(uint64_t cursor, unsigned level) {
  // Counted in the order of reversed bits: the bucket is the range of all that begin with its `level` bits.
  const uint64_t last = ReverseBits(cursor) | (level == 0 ? ~uint64_t{0} : ~uint64_t{0} >> level);
  return ReverseBits(last + 1);
}

bool Table::IsAhead(uint64_t cursor, uint64_t hash) {
  return ReverseBits(hash) >= ReverseBits(cursor);
}

const TableItem* Table::Pick(Random& random) const {
  TERRACE_DCHECK(size_ != 0);
  // A place among as many as a long chain has, again and again until there is a member: so every member's chance is the
  // same, however many share its bucket. Most tries find none, and each waits for a bucket from memory: so some are drawn
  // and fetched at once.
  constexpr size_t kDrawsAtOnce = 6;
  const size_t draws = buckets_ < kChunkBuckets ? 1 : kDrawsAtOnce;
  const uint64_t places = buckets_ == 1 ? 1 : kFairChainMax;
  const uint64_t* drawn[kDrawsAtOnce];
  for (size_t i = draws;; ++i) {
    if (i == draws) {
      for (i = 0; i < draws; ++i) {
        drawn[i] = BucketAt(static_cast<uint32_t>(random.Below(buckets_)))->slots;
        __builtin_prefetch(drawn[i]);
      }
      i = 0;
    }
    const uint64_t* slots = drawn[i];
    uint64_t place = random.Below(places);
    const TableItem* found = nullptr;
    uint64_t seen = 0;
    const auto look = [&](const TableItem& item) {
      if (seen++ == place) found = &item;
    };
    VisitBucket(slots, look);
    if (seen > places) {
      place = random.Below(seen);
      seen = 0;
      VisitBucket(slots, look);
    }
    if (found != nullptr) return found;
  }
}

size_t Table::MemoryBytes() const {
  size_t bytes =
      AllocationSize(sizeof(Table)) + item_bytes_ + overflows_ * AllocationSize(sizeof(Overflow));
  if (depth_ == 0) return bytes + std::bit_ceil(buckets_) * sizeof(Bucket);
  size_t count = (buckets_ + kChunkBuckets - 1) / kChunkBuckets;
  bytes += count * kChunkBuckets * sizeof(Bucket);
  for (unsigned depth = 0; depth < depth_; ++depth) {
    count = (count + kNodePlaces - 1) / kNodePlaces;
    bytes += count * AllocationSize(sizeof(Node));
  }
  return bytes;
}

const ValueOps kTableOps = {
    .destroy = [](void* data) { Table::Delete(static_cast<Table*>(data)); },
    .copy = [](const void* data) -> void* { return static_cast<const Table*>(data)->Copy(); },
    .memory_bytes = [](const void* data) { return static_cast<const Table*>(data)->MemoryBytes(); },
    .free_effort = [](const void* data) { return static_cast<const Table*>(data)->FreeEffort(); },
};

}  // namespace terrace::types
