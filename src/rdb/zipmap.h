// Zipmap: what small hashes were packed into by Redis up to 2.4. It is only read, and what is read may come from an
// attacker.
//
//   u8 pairs (254 and above: unknown) | length, field, length, unused (u8), value, unused bytes ... | 0xff
//
//   length = one byte below 254, or 0xfe and u32 LE
#pragma once

#include <cstdint>

#include "rdb/byte_source.h"

namespace terrace::rdb {

/// Reads pair by pair and checks on the way: what was read before a failure is worth nothing.
class ZipmapReader {
 public:
  /// CONTRACT: `bytes` outlive the reader and the strings it hands out.
  explicit ZipmapReader(Bytes bytes) : source_(bytes), announced_(source_.TakeByte()) {}

  /// False at the end, and at the first thing that is wrong.
  bool Next(Bytes* field, Bytes* value);
  /// Asked after the end: everything fitted.
  bool ok() const { return source_.ok(); }

 private:
  uint64_t TakeLength(uint8_t first);

  ByteSource source_;
  uint8_t announced_;
  uint64_t read_ = 0;
};

}  // namespace terrace::rdb
