// SipHash-1-3: the keyed hash that orders everything (Aumasson and Bernstein, "SipHash: a fast short-input PRF").
// Keyed with a secret of the data directory, so nobody outside can build colliding keys. 1-3 is the variant that
// Rust, Python and Ruby chose for hash tables: one round a block, three to finish.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace terrace {

struct HashKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

namespace siphash_internal {

struct State {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
};

}  // namespace siphash_internal

inline uint64_t SipHash13(HashKey key, Bytes data) {
  siphash_internal::State s{key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
                            key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
  const char* p = data.data();
  const char* const end = p + (data.size() & ~size_t{7});
  for (; p != end; p += 8) {
    uint64_t m;
    std::memcpy(&m, p, 8);
    s.v3 ^= m;
    s.Round();
    s.v0 ^= m;
  }
  // The last block holds the 0..7 bytes that are left and the length's low byte on top.
  uint64_t tail = 0;
  const size_t left = data.size() & 7;
  if (left != 0) std::memcpy(&tail, p, left);
  tail |= static_cast<uint64_t>(data.size()) << 56;
  s.v3 ^= tail;
  s.Round();
  s.v0 ^= tail;
  s.v2 ^= 0xff;
  s.Round();
  s.Round();
  s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace terrace
