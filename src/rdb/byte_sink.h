// Appends bytes and integers of fixed width to a string.
#pragma once

#include <bit>
#include <concepts>
#include <string>

#include "base/bytes.h"

namespace terrace::rdb {

class ByteSink {
 public:
  /// Appends behind what `out` already holds.
  explicit ByteSink(std::string* out) : out_(out) {}

  void PutByte(uint8_t byte) { out_->push_back(static_cast<char>(byte)); }
  void PutBytes(Bytes bytes) { out_->append(bytes); }

  /// The low sizeof(T) bytes, least significant first.
  template <std::unsigned_integral T>
  void PutLittle(T value) {
    char bytes[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    out_->append(bytes, sizeof bytes);
  }

  /// Most significant byte first.
  template <std::unsigned_integral T>
  void PutBig(T value) {
    for (size_t i = sizeof(T); i-- > 0;) PutByte(static_cast<uint8_t>(value >> (8 * i)));
  }

 private:
  std::string* out_;
};

}  // namespace terrace::rdb
