// Where values lie, for those who know that a table has the value of a key: one read, of the block that has it, and none of a
// block of keys before. It is known when exactly one block of keys of all tables lets the key through its filter, which is the rule.
//
//   block of values   values back to back, and behind them the directory:
//
//                        for each value   0  tag     3  the low 24 bits of the hash of its key
//                                         3  kind    1  of its record
//                                         4  offset  2  in the body
//                        values           2  how many there are
//
//                     Pieces of long values have none.
//
//   places block      for each key block in order
//                        0  values   8  offset in the file of the first block of values that it speaks of
//                        8  shift    4
//                       12  blocks   4  of values, which lie back to back; 0: it is not told where they are
//                       16  for each    2  the hash of the first value's key, less that of the first key, >> shift
//                                       2  length of the body
//
// Invariants
//   P1  A block of values has values of one key block.
//   P2  Of the records of a key block that tells its places, those without a value in a block included, no two have the same tag.
//       So whoever has a key of it finds its value, or nothing; a key block where two have (one in fifteen hundred), or in which a long
//       value lies between others, does not tell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/block_file.h"

namespace terrace::storage {

/// Of one block of values, for who writes it.
class ValueDirectory {
 public:
  static constexpr size_t kEntryBytes = 6;
  static constexpr size_t kFootBytes = 2;

  /// What a directory with one entry more would take.
  size_t bytes_with_next() const { return entries_.size() + kEntryBytes + kFootBytes; }
  /// CONTRACT: offsets ascend, and fit.
  void Add(uint64_t hash, uint8_t kind, size_t offset);
  /// Puts it behind the values; it is empty again.
  void AppendTo(std::string* body);

 private:
  std::string entries_;
};

struct PlacedValue {
  uint8_t kind = 0;
  Bytes bytes;
};

/// The value with the tag of `hash` in the body of a block; nullopt: there is none. An error says what is wrong with the block.
StatusOr<std::optional<PlacedValue>> FindInDirectory(Bytes body, uint64_t hash);

/// The places of a table, for who writes it.
class PlacesBuilder {
 public:
  /// Each record of the key block, before its value.
  void AddRecord(uint64_t hash);
  /// A block of values begins there, with the value of the last record; and ends.
  void BeginBlock(uint64_t offset);
  void EndBlock(size_t body_bytes);
  void EndKeyBlock();

  const std::string& body() const { return body_; }

 private:
  struct PlacedBlock {
    uint64_t hash;
    uint16_t bytes;
  };
  bool IsTold();

  std::string body_;
  // Of the key block that is open.
  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> tags_;
  std::vector<PlacedBlock> blocks_;
  uint64_t first_ = 0;  // offset of blocks_[0]
  uint64_t next_ = 0;   // where the next one has to begin
  bool apart_ = false;  // and one did not
};

/// The places of a table, for who reads it.
class ValuePlaces {
 public:
  /// Without any.
  ValuePlaces() = default;
  /// An error says what is wrong with the body; blocks do not reach beyond `end`.
  static StatusOr<ValuePlaces> Decode(Bytes body, size_t key_blocks, uint64_t end);

  /// The block of values, header included, that has the value of a key that stands in `key_block`, if it has one in a block and the
  /// place is told. `first_hash` is that of the key block.
  std::optional<FileExtent> Find(size_t key_block, uint64_t first_hash, uint64_t hash) const;
  size_t resident_bytes() const {
    return key_blocks_.capacity() * sizeof(OfKeyBlock) + blocks_.capacity() * sizeof(OfBlock);
  }

 private:
  struct OfKeyBlock {
    uint64_t values;
    uint32_t begin;  // in blocks_
    uint32_t count;
    uint32_t shift;
  };
  struct OfBlock {
    uint16_t hash;
    uint16_t bytes;
  };
  std::vector<OfKeyBlock> key_blocks_;
  std::vector<OfBlock> blocks_;
};

}  // namespace terrace::storage
