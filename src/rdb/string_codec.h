// Strings, as RDB writes keys, values, members and whole listpacks:
//
//   length, bytes                                          plain
//   0xc0 int8 | 0xc1 int16 | 0xc2 int32, little-endian     the decimal text of that number
//   0xc3, length compressed, length original, bytes        LZF (base/lzf.h)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "rdb/byte_sink.h"
#include "rdb/byte_source.h"

namespace terrace::rdb {

/// `rdbcompression`.
enum class Compression : uint8_t { kNone, kLzf };

/// Writes the form a stock server would: an integer if the text is the canonical form of an int32, LZF if it
/// is longer than 20 bytes and LZF saves at least 4 of them, plain otherwise.
void PutString(Bytes text, ByteSink& sink, Compression compression = Compression::kLzf);
/// The decimal text of `value`, in its shortest form.
void PutString(int64_t value, ByteSink& sink);

/// A string as it was read.
struct DecodedString {
  /// Set when the string was written as an integer; bytes() is its text all the same.
  std::optional<int64_t> integer;

  /// CONTRACT: a plain string lies in the source's bytes and lives as long as they do.
  Bytes bytes() const { return owned.has_value() ? Bytes(*owned) : view; }
  /// The bytes without a copy where that is possible.
  std::string Release() && { return owned.has_value() ? std::move(*owned) : std::string(view); }

  Bytes view;
  std::optional<std::string> owned;
};

/// Takes any form. On failure the source is no longer ok() and the string is empty. Allocates no more than
/// the bytes that are really there can stand for.
DecodedString TakeString(ByteSource& source);

}  // namespace terrace::rdb
