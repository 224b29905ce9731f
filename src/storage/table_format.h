// Tables: what a checkpoint or a compaction wrote, sorted by (space, hash, key, sub), never changed afterwards.
//
// Why two kinds of blocks: a restart must know every key and no value, so the keys lie apart from the values and are
// several times less to read. Why stretches: a table is written front to back with little memory, so keys cannot wait for
// the last value; they are gathered until there are enough of them for the disk to read in one go (kKeyStretchBytes).
//
//   file    "TRCTBL\0\1"                                        8 bytes, so that no block is at offset 0
//           [ value blocks ... key blocks ]                     a stretch; as many as it takes
//           filter block                                        absent if the filter was not wanted
//           places block                                        since version 3, if there are places
//           index block
//           footer
//
//   block    0  crc       4  crc32c of bytes 4.. to the block's end and then of its own offset in the file (8 bytes): a
//                            block that was written to, or is read from, a wrong place is not taken for another
//            4  kind      1  BlockKind
//            5  codec     1  how the body is packed; 0: as it is. No other is known yet, and a reader refuses it by number
//            6  zero      2
//            8  length    8  bytes of body as they are stored
//           16  body      .
//
//   value block    values back to back, and since version 3 a directory of them (value_places.h), about kValueBlockBytes in all;
//                  what is larger has a block of its own, and what is
//                  longer than kLongBlockBytes one behind the other, without directories (version 1: one, however long):
//
//                      [ kLongBlockBytes ][ kLongBlockBytes ] ... [ the rest, at least a byte ]
//                      ^ the record names this one, and the length of the whole value
//
//   key block      0  space      4  of all its records: a new space begins a new block
//                  4  hash       8  of the first record
//                 12  records    4
//                 16  records, packed as key_block.h draws them
//
//   filter block   for each key block in order its filter, some whole lines of 64 bytes (bloom_filter.h)
//
//   places block   for each key block in order where the values of its records lie (value_places.h)
//
//   index block    for each key block in order
//                  0  space      4  of its first record
//                  4  hash       8
//                 12  records    4
//                 16  offset     8  of the block in the file
//                 24  length     4  of its body
//                 28  lines      4  of its filter
//
//   footer         0  index      8  offset of the block,  8  length of its body
//                 16  filter     8, 8                     both 0: there is none
//                 32  number     8  of the table, which its name has, too
//                 40  log offset 8  the table holds what had changed before it
//                 48  records    8  tombstones included
//                 56  tombstones 8
//                 64  key bytes  8
//                 72  value bytes 8
//                 80  smallest   4  space,  8  hash       both 0 in a table without records
//                 92  largest    4, 8
//                104  bits       2  of filter per key,  2  probes
//                108  places     4  length of the body of the block before the index; 0: there is none
//                112  crc        4  crc32c of the footer's other bytes
//                116  version    4                       3; tables of versions 1 and 2 are read
//                120  magic      8  "TRCTBL\0\2"
//
// All numbers are little-endian. Every byte of the file is under a checksum or compared with a constant.
//
// Invariants
//   T1  Records ascend strictly by (space, hash, key, sub), keys compared as unsigned bytes.
//   T2  A block is believed only after its crc matched, at every read; so is the footer.
//   T3  Nothing is written between the begin of a value block and its end, so a record can name the block that is open.
//   T4  A table is complete, or it has no footer. Which tables are in force only the manifest says.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/byte_fields.h"

namespace terrace::storage {

constexpr uint32_t kTableVersion = 3;
constexpr uint32_t kTableVersionMin = 1;
constexpr Bytes kTableHeadMagic{"TRCTBL\0\1", 8};
constexpr Bytes kTableFootMagic{"TRCTBL\0\2", 8};

// A page of the disk and of the page cache: reading one small value should not cost more than one, two at most.
constexpr size_t kValueBlockBytes = 4 * kKiB;
// So much of a long value is held in memory at a time by who writes, copies or verifies it. It is what a piece of a large
// collection has; the headers take a two-thousandth.
constexpr size_t kLongBlockBytes = 32 * kKiB;
// One look-up reads one, and goes through half of its records (some 150 of 16-byte keys); the index in memory costs 40
// bytes for each, 8 with a filter, and 24 with places.
constexpr size_t kKeyBlockBytes = 4 * kKiB;
// What a restart reads in one go, and what a writer holds back. Between two of them are the values: past a megabyte the
// way over them no longer counts, not even on a turning disk.
constexpr size_t kKeyStretchBytes = kMiB;
// Values up to this stand in the key block. Saved: in memory such a value is not larger than what would stand for it
// (entry and handle), so it never needs to leave, and the restart that reads the key has the value, too, without a random
// read. Cost: the bytes that every restart reads. In the file a handle costs nothing to speak of, so larger values gain
// nothing here; at 64 bytes a restart would read three times as much.
constexpr size_t kInlineValueBytesMax = 16;

constexpr uint64_t kKeyBytesMax = 512 * kMiB;  // the longest string of the protocol
constexpr uint64_t kValueBytesMax = uint64_t{1} << 40;
constexpr uint32_t kFilterBitsPerKeyMax = 24;

/// Where a record stands among all: first by space (a database, see manifest_format.h), then by the hash of its key.
struct Position {
  uint32_t space = 0;
  uint64_t hash = 0;
  auto operator<=>(const Position&) const = default;
};
/// "(space, hash)", the hash in hexadecimal: how errors and terrace-inspect show it.
std::string Shown(Position position);
/// As every format has it: 4 bytes of space, 8 of hash.
void PutPosition(Position position, std::string* out);
Position TakePosition(FieldReader& in);

constexpr Position kFirstPosition{0, 0};
constexpr Position kLastPosition{UINT32_MAX, UINT64_MAX};

/// From the first position to the last, both included.
struct PositionRange {
  Position first = kFirstPosition;
  Position last = kLastPosition;
};

// The kind of a record says what its value is; storage knows one of them.
constexpr uint8_t kTombstone = 0xff;

/// Where a value lies. `block` fits 40 bits in tables of up to a terabyte and `offset` 12 bits but for values that stand
/// in a key block, so whoever has many of them can pack the two.
struct ValueHandle {
  uint64_t block = 0;   // offset of the block in the file
  uint32_t offset = 0;  // in the block's body
  uint64_t length = 0;
  bool operator==(const ValueHandle&) const = default;
  /// It may have several blocks.
  bool is_long() const { return length > kLongBlockBytes; }
};

/// What a table says of a key. The key belongs to whoever filled this in.
struct KeyRecord {
  uint32_t space = 0;
  uint64_t hash = 0;
  Bytes key;
  uint64_t sub = 0;          // of a collection stored in chunks: which one
  uint8_t kind = 0;          // the caller's, or kTombstone
  uint8_t flags = 0;         // the caller's
  uint64_t deadline_ms = 0;  // 0: none
  uint64_t size = 0;         // of the value when unpacked, as the caller counts it
  Position position() const { return {space, hash}; }
  bool is_tombstone() const { return kind == kTombstone; }
};

/// The order of records in a table: T1.
inline std::strong_ordering CompareOrder(const KeyRecord& a, const KeyRecord& b) {
  if (a.hash != b.hash || a.space != b.space) return a.position() <=> b.position();
  if (const int keys = a.key.compare(b.key); keys != 0) return keys <=> 0;
  return a.sub <=> b.sub;
}

enum class BlockKind : uint8_t { kValues = 1, kKeys = 2, kFilter = 3, kIndex = 4, kPlaces = 5 };
Bytes BlockKindName(BlockKind kind);

struct BlockHeader {
  static constexpr size_t kBytes = 16;
  uint32_t crc = 0;
  BlockKind kind = BlockKind::kValues;
  uint8_t codec = 0;
  uint64_t length = 0;
};

/// The header of a block with this body at `offset`.
std::string EncodeBlockHeader(BlockKind kind, Bytes body, uint64_t offset);
/// CONTRACT: `bytes` are at least kBytes. Nothing is checked.
BlockHeader DecodeBlockHeader(Bytes bytes);
/// The checksum that belongs into `header`, of which bytes 4..15 are looked at.
uint32_t BlockCrc(Bytes header, Bytes body, uint64_t offset);

struct KeyBlockHead {
  static constexpr size_t kBytes = 16;
  Position first;
  uint32_t records = 0;
};

struct IndexEntry {
  static constexpr size_t kBytes = 32;
  Position first;
  uint32_t records = 0;
  uint64_t offset = 0;
  uint32_t length = 0;
  uint32_t filter_lines = 0;
};
void AppendIndexEntry(const IndexEntry& entry, std::string* out);
/// CONTRACT: kBytes at `at`.
IndexEntry DecodeIndexEntry(const char* at);

/// What a table says of itself.
struct TableFacts {
  uint64_t number = 0;
  uint64_t log_offset = 0;
  uint64_t records = 0;
  uint64_t tombstones = 0;
  uint64_t key_bytes = 0;
  uint64_t value_bytes = 0;
  Position smallest;
  Position largest;
  uint64_t file_bytes = 0;  // not in the footer: the file knows
  bool operator==(const TableFacts&) const = default;
};

struct BlockExtent {
  uint64_t offset = 0;
  uint64_t length = 0;  // of the body
};

struct TableFooter {
  static constexpr size_t kBytes = 128;
  static constexpr size_t kCrcAt = 112;
  uint32_t version = kTableVersion;
  BlockExtent index;
  BlockExtent filter;
  BlockExtent places;  // lies right before the index
  TableFacts facts;
  uint16_t filter_bits = 0;
  uint16_t filter_probes = 0;
};
std::string EncodeTableFooter(const TableFooter& footer);
/// CONTRACT: `bytes` are kBytes. An error says what is wrong, not where.
StatusOr<TableFooter> DecodeTableFooter(Bytes bytes);
/// The checksum that belongs into a footer.
uint32_t FooterCrc(Bytes footer);

}  // namespace terrace::storage
