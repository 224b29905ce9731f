#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace terrace {

/// A run of bytes owned by someone else. Whoever keeps it past the call copies it.
using Bytes = std::string_view;

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kGiB = 1024 * kMiB;

/// Whether two runs of `size` bytes are the same. Names of keys and commands are mostly short: those are compared as two
/// words that may overlap, without the call.
inline bool SameBytes(const char* a, const char* b, size_t size) {
  const auto ends_equal = [&]<typename Word>(Word) {
    Word words[4];
    std::memcpy(&words[0], a, sizeof(Word));
    std::memcpy(&words[1], b, sizeof(Word));
    std::memcpy(&words[2], a + size - sizeof(Word), sizeof(Word));
    std::memcpy(&words[3], b + size - sizeof(Word), sizeof(Word));
    return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
  };
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return ends_equal(uint64_t{});
  if (size >= 4) return ends_equal(uint32_t{});
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

}  // namespace terrace
