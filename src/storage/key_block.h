// The records of a key block, behind its head (table_format.h). In order, each is
//
//   head      2     bits 0..3: how many bytes of hash difference follow, 0..8. Then a bit each: 4 sub, 5 flags,
//                   6 deadline, 7 size, 8 inline, 9 new block; the others are 0
//   kind      1
//   flags     1     if bit 5, else they are 0
//   hash      0..8  what has to be added to the hash of the record before; to the head's for the first. Among a million
//                   keys two neighbours differ in some 44 bits: 6 bytes
//   key       .     length as a varint, bytes
//   sub       .     if bit 4, else it is 0: varint
//   deadline  .     if bit 6, else there is none: varint, ms since the epoch
//
// and, if it is no tombstone,
//
//   length    .     of the value: varint
//   block     .     if bit 9: varint, how far the value's block is behind that of the value before (in the same key block;
//                   else from 0); and a varint, the value's offset in it
//   size      .     if bit 7, else it is the length: varint
//   value     .     if bit 8
//
// A value that is neither inline nor in a new block begins where the one before ended: most handles cost no byte.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "storage/byte_fields.h"
#include "storage/table_format.h"

namespace terrace::storage {

/// A record and where its value is. Views are good until the cursor or iterator that gave it moves.
struct StoredRecord : KeyRecord {
  ValueHandle value;
  bool is_inline = false;
  Bytes inline_value;  // if is_inline: the value itself
};

class KeyBlockBuilder {
 public:
  bool empty() const { return records_ == 0; }
  uint32_t records() const { return records_; }
  size_t bytes() const { return KeyBlockHead::kBytes + packed_.size(); }
  Position first() const { return first_; }

  /// CONTRACT: in order, of one space; `handle` is of a value in a value block.
  void Add(const KeyRecord& record, const ValueHandle& handle);
  void AddInline(const KeyRecord& record, Bytes value);
  void AddTombstone(const KeyRecord& record);

  /// The block's body; the builder is empty again.
  std::string Finish();

 private:
  void Put(const KeyRecord& record, unsigned bits);

  std::string packed_;
  uint32_t records_ = 0;
  Position first_;
  uint64_t hash_ = 0;
  ValueHandle last_;
};

/// Goes through the records of one block, and believes none of it: the checksum says that this is what was written, not
/// who wrote it.
class KeyBlockCursor {
 public:
  KeyBlockCursor() = default;
  /// `body` is that of the block at `offset`; it outlives the cursor.
  KeyBlockCursor(Bytes body, uint64_t offset);

  const KeyBlockHead& head() const { return head_; }
  /// False at the end, and at what makes no sense.
  bool Next();
  const StoredRecord& record() const { return record_; }
  /// Null as long as all is well; else what is wrong at body_offset().
  const char* error() const { return error_; }
  size_t body_offset() const { return record_at_; }

 private:
  bool Refuse(const char* why);
  bool TakeValue(unsigned bits);

  FieldReader in_;
  KeyBlockHead head_;
  StoredRecord record_;
  uint64_t block_ = 0;        // this one's offset in the file
  uint64_t value_block_ = 0;  // that of the value before
  uint64_t value_next_ = 0;   // where it ended
  bool has_value_block_ = false;
  uint32_t left_ = 0;
  size_t record_at_ = 0;
  bool first_ = true;
  const char* error_ = nullptr;
};

}  // namespace terrace::storage
