#include "base/sha1.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

namespace terrace {
namespace {

std::string Hex(Bytes data) {
  std::string hex;
  for (const uint8_t byte : Sha1(data)) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    hex += digits;
  }
  return hex;
}

TEST_SUITE("base/sha1") {
  TEST_CASE("the standard's own examples") {
    CHECK(Hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(Hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    CHECK(Hex(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  }

  TEST_CASE("lengths around the edge of a block") {
    CHECK(Hex(std::string(55, 'a')) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    CHECK(Hex(std::string(56, 'a')) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    CHECK(Hex(std::string(64, 'a')) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
  }
}

}  // namespace
}  // namespace terrace
