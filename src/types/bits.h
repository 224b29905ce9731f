// Strings as arrays of bits, and of small integers at any bit. Bit 0 is the highest of the first byte:
//
//   byte      0                 1
//   bit       0 1 2 3 4 5 6 7   8 9 ...        the field u4 at bit 6 is made of bits 6, 7, 8, 9, highest first
//
// What lies behind the end of a string reads as zero.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace terrace::types {

/// Positions of bits, both included.
struct BitRange {
  uint64_t first = 0;
  uint64_t last = 0;
};

/// Ones in the whole string.
uint64_t CountBits(Bytes bytes);
/// Ones in a range. CONTRACT: the range is not empty and inside the string.
uint64_t CountBits(Bytes bytes, BitRange range);
/// The first bit in the range that is `bit`. CONTRACT: as above.
std::optional<uint64_t> FindBit(Bytes bytes, bool bit, BitRange range);

/// False behind the end.
bool GetBit(Bytes bytes, uint64_t position);

enum class BitOperation : uint8_t { kAnd, kOr, kXor, kNot };

/// Combines the sources into `out`, which has the length of the longest. CONTRACT: one source at least, exactly one for
/// kNot; `out` overlaps none of them.
void CombineBits(BitOperation operation, const std::vector<Bytes>& sources, char* out, size_t size);

/// An integer of 1 to 64 bits (unsigned: up to 63, so that every value is an int64).
struct FieldType {
  bool is_signed = false;
  uint8_t width = 0;
};

/// "i16", "u63".
std::optional<FieldType> ParseFieldType(Bytes text);

enum class Overflow : uint8_t { kWrap, kSaturate, kFail };

/// The field that begins at bit `position`.
int64_t GetField(Bytes bytes, FieldType type, uint64_t position);
/// Writes the low bits of `value`. CONTRACT: the field is inside the string.
void SetField(char* bytes, FieldType type, uint64_t position, int64_t value);

/// What a field holds after an addition: nullopt if the sum does not fit and that is to fail.
std::optional<int64_t> AddToField(FieldType type, int64_t value, int64_t delta, Overflow overflow);
/// What a field holds when it is set to `value`. An unsigned field takes a negative one for a very large one.
std::optional<int64_t> FitField(FieldType type, int64_t value, Overflow overflow);

}  // namespace terrace::types
