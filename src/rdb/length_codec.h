// Lengths, as RDB writes counts and sizes. The two top bits of the first byte choose the form:
//
//   00xxxxxx                       0..63
//   01xxxxxx yyyyyyyy              0..16383, x are the high bits
//   10000000 + 4 bytes             32 bits, big-endian
//   10000001 + 8 bytes             64 bits, big-endian
//   11xxxxxx                       no length: a special form of string follows (string_codec.h)
//
// Writers choose the shortest form, readers take any.
#pragma once

#include <cstdint>

#include "rdb/byte_sink.h"
#include "rdb/byte_source.h"

namespace terrace::rdb {

void PutLength(uint64_t length, ByteSink& sink);

struct LengthOrForm {
  /// The length or, if `special`, the number of the special form (0..63).
  uint64_t value;
  bool special;
};

/// A length where a string may start.
LengthOrForm TakeLengthOrForm(ByteSource& source);
/// A length where nothing else is allowed.
uint64_t TakeLength(ByteSource& source);

}  // namespace terrace::rdb
