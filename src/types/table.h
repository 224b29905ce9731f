// Table: the hash table that hashes, sets and sorted sets share once they are large: strings ("members"), each with
// something behind it (a hash's value, a sorted set's score, nothing for a set).
//
// A member is one allocation, an item, and small ones pay one byte of head:
//
//   item     u8 length of the member, or 255 and a u32; the member; then what `Extra` says:
//              kNone   nothing                              kScore  a double
//              kValue  u8 length, or 255 and a u32; the value
//
// Items hang in cache-line buckets, like keys in a shard (engine/shard.h):
//
//   bucket (64 bytes)    [slot 0] ... [slot 6][slot 7 or link]      overflow (32 bytes)  [slot 0][1][2][slot 3 or link]
//   slot, 64 bits        63..48 tag: 16 bits of the hash     47..0 item        0: empty
//   link                 47..0 the overflow node with bit 0 set; stands in a last slot only
//
// Slots are filled from the front and a chain has no holes, so a lookup ends at the first empty slot.
//
// Growing never stalls: this is linear hashing. There are N + f buckets, N a power of two and f < N; a hash's low bits
// name one of N buckets, and with one bit more one of 2N if that bucket was split already (it is below f). Every
// kLoadMax-th new member splits bucket f, and when the table has shrunk enough, every erased one merges the last bucket
// back. A tag holds hash bits from a multiple of 8 below the bucket's own on, so that the bit that decides a split is in
// the tag and items need not be touched, but for one doubling in eight, where their hashes are computed again.
//
// No allocation grows with the table: buckets stand in chunks of 256 (16 KiB), the chunks under a tree of nodes with 64
// places. A first and only chunk is as large as it must be.
//
// A scan's cursor is a position in the order of the hash's bits from the lowest up (so buckets that split or merge stay
// where they were in it): it needs no state, and a member that stays is never missed.
//
// Hashes are keyed (SeedTables), so that nobody outside can build members that collide.
//
// A table under capture (types/table_capture.h) says what is about to happen to a member before it does.
//
// Threads: the lock of the key's shard.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <unordered_set>

#include "base/bytes.h"
#include "base/check.h"
#include "base/random.h"
#include "base/siphash.h"
#include "types/value.h"

namespace terrace::types {

/// The key of every table's hash, for the life of the process: the first call counts, and must come before any table.
/// Without one the hash is not keyed (tests).
void SeedTables(HashKey key);

class TableItem {
 public:
  TableItem(const TableItem&) = delete;
  TableItem& operator=(const TableItem&) = delete;

  Bytes member() const { return StringAt(raw()); }
  /// Only in a table of kValue. Good until the member's value is replaced or it is erased.
  Bytes value() const { return StringAt(behind()); }
  /// Only in a table of kScore.
  double score() const {
    double score;
    std::memcpy(&score, behind(), sizeof score);
    return score;
  }
  void set_score(double score) { std::memcpy(const_cast<char*>(behind()), &score, sizeof score); }

 private:
  friend class Table;

  static constexpr uint8_t kLong = 255;

  TableItem() = default;

  const char* raw() const { return reinterpret_cast<const char*>(this); }
  const char* behind() const {
    const Bytes own = member();
    return own.data() + own.size();
  }
  static Bytes StringAt(const char* at) {
    const auto length = static_cast<uint8_t>(*at);
    if (TERRACE_LIKELY(length != kLong)) return Bytes(at + 1, length);
    uint32_t long_length;
    std::memcpy(&long_length, at + 1, sizeof long_length);
    return Bytes(at + 5, long_length);
  }
};

class TableCapture;

/// Chooses `wanted` of `all` while they are walked over: every choice is as likely as any other.
class Sampling {
 public:
  Sampling(size_t all, size_t wanted) : left_(all), wanted_(wanted) {}
  /// Whether to take the next one.
  bool Takes(Random& random) {
    if (random.Below(left_--) >= wanted_) return false;
    --wanted_;
    return true;
  }

 private:
  size_t left_;
  size_t wanted_;
};

class Table {
 public:
  enum class Extra : uint8_t { kNone, kScore, kValue };

  /// Members a bucket holds on average before one is split, and under which buckets are merged. 6 of 8 slots: more
  /// makes chains, because buckets not yet split hold up to twice the average; the gap keeps both ends quiet.
  static constexpr size_t kLoadMax = 6;
  static constexpr size_t kLoadMin = 3;

  static Table* New(Extra extra);
  static void Delete(Table* table);
  Table* Copy() const;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  size_t Size() const { return size_; }
  Extra extra() const { return static_cast<Extra>(extra_); }

  static uint64_t HashOf(Bytes member);
  /// For a member that will be looked up soon: its bucket comes into the cache, and, when that has arrived, its item.
  void FetchBucket(uint64_t hash) const;
  void FetchItem(uint64_t hash) const;

  /// nullptr if it is not in. An item stays where it is until it is erased or its value replaced, however the table
  /// grows.
  TableItem* Find(Bytes member) const;

  // --- kNone and kScore ---
  /// The member, which is added with this score (kNone: 0) if it is not in.
  TableItem* FindOrInsert(Bytes member, double score, bool* inserted);
  TableItem* FindOrInsert(Bytes member, bool* inserted) {
    return FindOrInsert(member, 0, inserted);
  }

  // --- kValue ---
  /// The member has this value now. True if it is new.
  bool Put(Bytes member, Bytes value);

  /// False if it is not in. `member` may be the item's own.
  bool Erase(Bytes member) { return Erase(member, HashOf(member)); }
  bool Erase(Bytes member, uint64_t hash);
  /// Takes a member out and gives its item to the caller, who frees it with FreeItem; nullptr if it is not in.
  TableItem* Take(Bytes member);
  void FreeItem(TableItem* item) const;

  /// visit(const TableItem&) for every member; visit must not change the table.
  template <typename F>
  void ForEach(F&& visit) const {
    for (uint32_t i = 0; i < buckets_; ++i) VisitBucket(BucketAt(i)->slots, visit);
  }

  /// visit(const TableItem&) for at least `count` members from where the cursor stands (0: the start); returns the
  /// cursor to go on with, 0 at the end. Who is in from the first call to the last is visited; some may be twice.
  template <typename F>
  uint64_t Scan(uint64_t cursor, size_t count, F&& visit) const {
    size_t visited = 0;
    do {
      const uint32_t bucket = BucketOf(cursor);
      visited += VisitBucket(BucketAt(bucket)->slots, visit);
      cursor = NextCursor(cursor, LevelOf(bucket));
    } while (cursor != 0 && visited < count);
    return cursor;
  }

  /// Any member, each as likely as the others (but for those in chains of more than kFairChainMax). Not empty.
  const TableItem* Pick(Random& random) const;

  /// visit(const TableItem&) for `count` different members, each choice of them as likely; count <= Size().
  template <typename F>
  void Sample(Random& random, size_t count, F&& visit) const {
    // A walk that takes each with the chance that is right, or picks that are kept apart, whichever is quicker.
    if (count >= size_ / kSampleWalkFraction) {
      Sampling sampling(size_, count);
      return ForEach([&](const TableItem& item) {
        if (sampling.Takes(random)) visit(item);
      });
    }
    std::unordered_set<const TableItem*> taken;
    taken.reserve(count);
    while (taken.size() != count) {
      const TableItem* item = Pick(random);
      if (taken.insert(item).second) visit(*item);
    }
  }

  size_t MemoryBytes() const;
  size_t FreeEffort() const { return size_ + buckets_ / 8 + 1; }

  // --- captures ---
  /// nullptr: under none. It belongs to whoever made it, and outlives what it is here.
  TableCapture* capture() const { return capture_; }
  void set_capture(TableCapture* capture) { capture_ = capture; }
  /// Before something behind `item` changes that this table does not change itself.
  void WillChange(const TableItem& item) {
    if (TERRACE_UNLIKELY(capture_ != nullptr)) Note(HashOf(item.member()), item.member(), &item);
  }
  /// What the allocator holds for the items.
  size_t item_bytes() const { return item_bytes_; }
  /// A scan a bucket at a time that visits nothing twice, which a scan may do behind buckets that were merged: the members
  /// of the bucket at `cursor` that are not before it. Returns how many it looked at.
  template <typename F>
  size_t VisitAt(uint64_t cursor, F&& visit) const {
    const uint32_t bucket = BucketOf(cursor);
    const uint64_t* slots = BucketAt(bucket)->slots;
    if (cursor >> LevelOf(bucket) == 0) return VisitBucket(slots, visit);  // it begins here
    return VisitBucket(slots, [&](const TableItem& item) {
      if (IsAhead(cursor, HashOf(item.member()))) visit(item);
    });
  }
  /// 0 behind the last bucket.
  uint64_t NextCursor(uint64_t cursor) const {
    return NextCursor(cursor, LevelOf(BucketOf(cursor)));
  }
  void FetchItemsAt(uint64_t cursor) const {
    VisitBucket(BucketAt(BucketOf(cursor))->slots,
                [](const TableItem& item) { __builtin_prefetch(&item); });
  }
  /// Whether a scan that stands at `cursor` has members of this hash before it.
  static bool IsAhead(uint64_t cursor, uint64_t hash);

 private:
  static constexpr unsigned kChunkBits = 8;
  static constexpr uint32_t kChunkBuckets = 1u << kChunkBits;
  static constexpr unsigned kNodeBits = 6;
  static constexpr uint32_t kNodePlaces = 1u << kNodeBits;
  static constexpr unsigned kDepthMax = 4;
  static constexpr uint32_t kBucketsMax = 1u << 31;  // 12 thousand million members
  static constexpr unsigned kBucketSlots = 8;
  static constexpr unsigned kOverflowSlots = 4;
  static constexpr uint64_t kPointerMask = (uint64_t{1} << 48) - 1;
  static constexpr uint64_t kLink = 1;
  static constexpr uint64_t kFairChainMax = 24;
  static constexpr size_t kSampleWalkFraction =
      16;  // a pick costs about as much as walking over so many

  struct alignas(64) Bucket {
    uint64_t slots[kBucketSlots];
  };
  struct Overflow {
    uint64_t slots[kOverflowSlots];
  };
  struct Node {
    void* places[kNodePlaces];
  };

  Table() = default;
  ~Table() = default;

  static TableItem* ItemIn(uint64_t slot) {
    return reinterpret_cast<TableItem*>(slot & kPointerMask);
  }
  static Overflow* OverflowIn(uint64_t slot) {
    return reinterpret_cast<Overflow*>((slot & kPointerMask) - kLink);
  }
  static bool IsLink(uint64_t slot) { return (slot & kLink) != 0; }

  // --- which bucket, which tag ---
  unsigned SmallLevel() const {
    return static_cast<unsigned>(std::bit_width(buckets_)) - 1;
  }  // N is 1 << this
  uint32_t BucketOf(uint64_t hash) const {
    const uint32_t n = 1u << SmallLevel();
    const uint32_t bucket = static_cast<uint32_t>(hash) & (n - 1);
    return bucket < buckets_ - n ? static_cast<uint32_t>(hash) & (2 * n - 1) : bucket;
  }
  /// How many low bits of its members' hashes a bucket's number has.
  unsigned LevelOf(uint32_t bucket) const {
    const unsigned level = SmallLevel();
    const uint32_t n = 1u << level;
    return bucket < buckets_ - n || bucket >= n ? level + 1 : level;
  }
  static unsigned TagShift(unsigned level) { return level & ~7u; }
  static uint64_t TagOf(uint64_t hash, unsigned level) { return hash >> TagShift(level) & 0xffff; }
  static uint64_t MakeSlot(const TableItem* item, uint64_t tag) {
    return reinterpret_cast<uint64_t>(item) | tag << 48;
  }
  static uint64_t NextCursor(uint64_t cursor, unsigned level);

  // --- buckets ---
  static unsigned PlaceIn(uint32_t index, unsigned depth) {
    return index >> (kChunkBits + kNodeBits * depth) & (kNodePlaces - 1);
  }
  Bucket* BucketAt(uint32_t index) const {
    void* at = root_;
    for (unsigned depth = depth_; depth-- > 0;) {
      at = static_cast<Node*>(at)->places[PlaceIn(index, depth)];
    }
    return static_cast<Bucket*>(at) + (index & (kChunkBuckets - 1));
  }
  void AddBucket();
  void DropLastBucket();
  void ResizeOnlyChunk(uint32_t from, uint32_t to);

  template <typename F>
  static size_t VisitBucket(const uint64_t* slots, F&& visit) {
    size_t visited = 0;
    for (unsigned i = 0, end = kBucketSlots; i < end && slots[i] != 0;) {
      if (TERRACE_UNLIKELY(IsLink(slots[i]))) {
        slots = OverflowIn(slots[i])->slots;
        i = 0;
        end = kOverflowSlots;
        continue;
      }
      visit(const_cast<const TableItem&>(*ItemIn(slots[i])));
      ++visited;
      ++i;
    }
    return visited;
  }

  uint64_t* Lookup(uint64_t hash, Bytes member) const;
  void Insert(uint64_t hash, TableItem* item);
  void AppendSlot(Bucket* bucket, uint64_t slot);
  void RemoveSlot(Bucket* bucket, uint64_t* slot);
  TableItem* Detach(uint64_t hash, uint64_t* slot);
  [[gnu::cold]] void Note(uint64_t hash, Bytes member, const TableItem* held);
  /// take(slot) for every member of a bucket that is no more, whose overflow nodes are freed.
  template <typename F>
  void Drain(const Bucket& old, F&& take);
  void Split();
  void Merge();

  TableItem* NewItem(Bytes member, Bytes value, double score) const;
  void WriteExtra(char* at, Bytes value, double score) const;
  size_t ItemBytes(const TableItem& item) const;
  size_t ItemBytes(size_t member_size, size_t value_size) const;

  uint64_t size_ : 48;
  uint64_t extra_ : 8;
  uint64_t depth_ : 8;       // of the tree over the chunks; 0: the root is the only chunk
  uint64_t item_bytes_ = 0;  // what the allocator holds for the items
  void* root_ = nullptr;
  uint32_t buckets_ = 0;
  uint32_t overflows_ = 0;
  TableCapture* capture_ = nullptr;
};

/// A Table* as a collection: a large set, or whatever else is a table and nothing more.
extern const ValueOps kTableOps;

}  // namespace terrace::types
