// Listpack: a sequence of strings and integers as one run of bytes, the same bytes Redis keeps and writes, so that
// dumping and loading is a copy.
//
//   u32 LE bytes in all | u16 LE elements (65535: unknown, count by walking) | element ... | 0xff
//
//   element = encoding and data, then their length again ("backlen"), to walk backwards by
//
//   0xxxxxxx                    0 .. 127                           1110xxxx yyyyyyyy  string, 12-bit length
//   10xxxxxx                    string, 6-bit length               11110000 + u32 LE  string, 32-bit length
//   110xxxxx yyyyyyyy           13-bit signed, high bits first     11110001 i16 LE, 11110010 i24, 11110011 i32, 11110100 i64
//
//   backlen: base 128, most significant group first, bit 7 set on every byte but the first. 1 byte up to 127, 2 below
//   16383, 3 below 2097151, 4 below 268435455, else 5 (sic: 16383 takes three).
//
// Text that is the canonical form of an int64 is stored as an integer, and reads as that text again.
//
// A Listpack is a handle on bytes it does not own (types/value.h). Every edit may move them: positions are good until the
// next edit, which returns a new one.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/numbers.h"
#include "types/value.h"

namespace terrace::types {

/// One element: an integer, or a string that lies in the listpack (good until the next edit).
class Element {
 public:
  static Element OfInteger(int64_t value) { return Element(value); }
  static Element OfString(Bytes bytes) { return Element(bytes); }

  bool is_integer() const { return is_integer_; }
  int64_t integer() const { return integer_; }
  /// The string; only if it is one.
  Bytes string() const { return bytes_; }
  /// The element as text; an integer is written to `digits` (kInt64CharsMax chars).
  Bytes Text(char* digits) const {
    return is_integer_ ? Bytes(digits, FormatInt64(integer_, digits)) : bytes_;
  }
  bool operator==(Bytes text) const {
    char digits[kInt64CharsMax];
    return Text(digits) == text;
  }

 private:
  explicit Element(int64_t value) : integer_(value), is_integer_(true) {}
  explicit Element(Bytes bytes) : bytes_(bytes) {}

  Bytes bytes_;
  int64_t integer_ = 0;
  bool is_integer_ = false;
};

class Listpack {
 public:
  /// Where an element begins; nullptr is "none" or "behind the last".
  using Position = const uint8_t*;

  static constexpr size_t kHeaderBytes = 6;
  static constexpr size_t kBytesMax = kGiB;  // stock servers refuse longer ones
  static constexpr size_t kCountUnknown = 65535;

  /// An empty one.
  static Listpack New();
  /// A copy of bytes that Validate accepted.
  static Listpack Copy(Bytes bytes);
  /// Header, terminator and every element of bytes that may come from an attacker; the number of elements in `count`.
  static bool Validate(Bytes bytes, size_t* count);

  explicit Listpack(void* data) : data_(static_cast<uint8_t*>(data)) {}
  void Free();

  void* data() const { return data_; }
  Bytes bytes() const { return Bytes(reinterpret_cast<const char*>(data_), TotalBytes()); }
  size_t TotalBytes() const {
    uint32_t bytes;
    std::memcpy(&bytes, data_, sizeof bytes);
    return bytes;
  }
  size_t Count() const {
    uint16_t stored;
    std::memcpy(&stored, data_ + 4, sizeof stored);
    return TERRACE_LIKELY(stored != kCountUnknown) ? stored : CountByWalking();
  }
  bool empty() const { return First() == nullptr; }

  Position First() const;
  Position Last() const;
  Position Next(Position at) const;
  Position Previous(Position at) const;
  /// Element `index`; negative counts from the end (-1 is the last). nullptr if there is none.
  Position Seek(int64_t index) const;
  Element Get(Position at) const;
  /// The first element from `from` on that equals `text`, passing over `skip` elements after each that does not.
  Position Find(Position from, Bytes text, size_t skip = 0) const;

  void Append(Bytes text);
  void Append(int64_t value);
  void Prepend(Bytes text);
  /// Before `at` (nullptr: at the end); returns the new element.
  Position Insert(Position at, Bytes text);
  Position Replace(Position at, Bytes text);
  Position Replace(Position at, int64_t value);
  /// Takes `count` elements from `at` on (fewer if there are not so many); returns what stands there then, or nullptr.
  Position Erase(Position at, size_t count = 1);
  /// Takes elements that equal `text`, from the first on: passes over `pass_over` of them, then takes up to `max`. Returns
  /// how many it took. One pass, however many.
  size_t EraseEqual(Bytes text, size_t pass_over, size_t max);
  size_t CountEqual(Bytes text) const;
  /// Puts all elements of `other` behind its own. CONTRACT: both fit into kBytesMax.
  void AppendAll(const Listpack& other);
  /// Would an element of so many bytes still fit into kBytesMax?
  bool HasRoomFor(size_t bytes) const { return TotalBytes() + bytes + 16 <= kBytesMax; }

 private:
  size_t CountByWalking() const;

  uint8_t* data_;
};

extern const ValueOps kListpackOps;

}  // namespace terrace::types
