// Reads what ByteSink wrote, or what somebody claims it did: the bytes may come from an attacker. Nothing is
// read past the end; the first thing that does not fit latches a failure, after which every Take gives zero
// or nothing. So a decoder reads straight on and asks ok() where it matters: before it believes a result or
// loops by a count.
#pragma once

#include <concepts>

#include "base/bytes.h"

namespace terrace::rdb {

class ByteSource {
 public:
  /// CONTRACT: `bytes` outlive the source and every view it hands out.
  explicit ByteSource(Bytes bytes) : bytes_(bytes) {}

  bool ok() const { return !failed_; }
  /// Nothing failed and nothing is left.
  bool finished() const { return ok() && remaining() == 0; }
  size_t remaining() const { return failed_ ? 0 : bytes_.size() - next_; }
  /// Bytes taken so far; after a failure, where it happened.
  size_t offset() const { return next_; }
  /// What was read makes no sense to the caller.
  void Fail() { failed_ = true; }

  uint8_t TakeByte() {
    const Bytes byte = TakeBytes(1);
    return byte.empty() ? uint8_t{0} : static_cast<uint8_t>(byte[0]);
  }

  /// A view of the next `count` bytes, or an empty one and a failure when there are fewer.
  Bytes TakeBytes(uint64_t count) {
    if (count > remaining()) Fail();
    if (failed_) return {};
    const Bytes taken = bytes_.substr(next_, count);
    next_ += taken.size();
    return taken;
  }

  template <std::unsigned_integral T>
  T TakeLittle() {
    T value = 0;
    const Bytes taken = TakeBytes(sizeof(T));
    for (size_t i = 0; i < taken.size(); ++i)
      value = static_cast<T>(value | T{Byte(taken[i])} << (8 * i));
    return value;
  }

  template <std::unsigned_integral T>
  T TakeBig() {
    T value = 0;
    for (const char byte : TakeBytes(sizeof(T)))
      value = static_cast<T>(uint64_t{value} << 8 | Byte(byte));
    return value;
  }

 private:
  static constexpr uint8_t Byte(char c) { return static_cast<uint8_t>(c); }

  const Bytes bytes_;
  size_t next_ = 0;
  bool failed_ = false;
};

}  // namespace terrace::rdb
