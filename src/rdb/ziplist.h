// Ziplist: what small lists, hashes and sorted sets were packed into before there were listpacks (Redis 2.2 to 6.2). It is
// only read, and what is read may come from an attacker.
//
//   u32 bytes in all | u32 offset of the last entry | u16 entries (65535: unknown) | entry ... | 0xff
//
//   entry = length of the entry before it (one byte below 254, else 0xfe and u32), then
//
//   00pppppp                  string of 6-bit length      11000000 i16, 11010000 i32, 11100000 i64
//   01pppppp qqqqqqqq         14 bits, high bits first    11110000 i24, 11111110 i8
//   10000000 + u32 BE         32 bits                     1111xxxx  xxxx - 1, xxxx from 0001 to 1101
#pragma once

#include <cstdint>

#include "rdb/byte_source.h"
#include "types/listpack.h"

namespace terrace::rdb {

/// Reads entry by entry and checks on the way: what was read before a failure is worth nothing.
class ZiplistReader {
 public:
  /// CONTRACT: `bytes` outlive the reader and the strings it hands out.
  explicit ZiplistReader(Bytes bytes);

  /// False at the end, and at the first thing that is wrong.
  bool Next(types::Element* element);
  /// Asked after the end: everything fitted.
  bool ok() const { return source_.ok(); }

 private:
  void Finish();
  types::Element TakeElement();

  ByteSource source_;
  uint32_t tail_ = 0;
  uint32_t announced_ = 0;
  uint32_t read_ = 0;
  size_t last_entry_ = 0;
  size_t last_length_ = 0;
};

}  // namespace terrace::rdb
