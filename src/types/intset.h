// Intset: a set of integers as a sorted array, byte for byte as Redis keeps and writes it.
//
//   u32 LE width in bytes (2, 4, 8) | u32 LE count | count signed LE integers, ascending
//
// The width is the smallest that fits all at the largest insertion; it never shrinks. A handle, like Listpack.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "types/value.h"

namespace terrace::types {

class Intset {
 public:
  static constexpr size_t kHeaderBytes = 8;

  static Intset New();
  /// A copy of bytes that Validate accepted.
  static Intset Copy(Bytes bytes);
  static bool Validate(Bytes bytes);

  explicit Intset(void* data) : data_(static_cast<uint8_t*>(data)) {}
  void Free();

  void* data() const { return data_; }
  Bytes bytes() const;
  size_t Count() const;
  /// The `index`-th smallest; index < Count().
  int64_t At(size_t index) const;
  bool Contains(int64_t value) const;
  /// False if it is in already.
  bool Add(int64_t value);
  /// False if it is not in.
  bool Remove(int64_t value);

 private:
  uint8_t* data_;
};

extern const ValueOps kIntsetOps;

}  // namespace terrace::types
