// The numbers of our own files: little-endian fields, and varints of seven bits a byte, low ones first, where small
// numbers are the rule. (rdb/byte_source.h does the same for the formats that strangers defined.)
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <string>

#include "base/bytes.h"

namespace terrace::storage {

static_assert(std::endian::native == std::endian::little, "fields are copied as they are");

template <std::unsigned_integral T>
void PutField(T value, std::string* out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

/// The low `count` (0..8) bytes of `value`.
inline void PutLowBytes(uint64_t value, size_t count, std::string* out) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out->append(bytes, count);
}

inline void PutVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

template <std::unsigned_integral T>
T FieldAt(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// Reads fields one after another. Nothing is read past the end: the first that does not fit latches a failure, after
/// which every Take gives zero or nothing, so a decoder reads straight on and asks ok() before it believes a result.
class FieldReader {
 public:
  FieldReader() = default;
  /// CONTRACT: `bytes` outlive the reader and every view it hands out.
  explicit FieldReader(Bytes bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  bool ok() const { return !failed_; }
  /// Nothing failed and nothing is left.
  bool finished() const { return !failed_ && at_ == end_; }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  void Fail() {
    failed_ = true;
    at_ = end_;
  }

  template <std::unsigned_integral T>
  T Take() {
    if (remaining() < sizeof(T)) return Fail(), T{0};
    const T value = FieldAt<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  /// `count` is 0..8.
  uint64_t TakeLowBytes(size_t count) {
    uint64_t value = 0;
    if (remaining() >= sizeof value) {  // one load instead of a copy of unknown length
      value = FieldAt<uint64_t>(at_);
      value = count == 0 ? 0 : value & (~uint64_t{0} >> (64 - 8 * count));
    } else if (remaining() >= count) {
      std::memcpy(&value, at_, count);
    } else {
      return Fail(), 0;
    }
    at_ += count;
    return value;
  }

  uint64_t TakeVarint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    return Fail(), 0;
  }

  Bytes TakeBytes(uint64_t count) {
    if (count > remaining()) return Fail(), Bytes();
    const Bytes taken(at_, count);
    at_ += count;
    return taken;
  }

 private:
  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool failed_ = false;
};

}  // namespace terrace::storage
