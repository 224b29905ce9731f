#include "rdb/crc64.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"

namespace terrace::rdb {
namespace {

// The definition, one bit at a time.
uint64_t Crc64Slowly(Bytes data) {
  uint64_t crc = 0;
  for (const char byte : data) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x95ac9329ac4bc9b5 : 0);
  }
  return crc;
}

TEST_SUITE("rdb/crc64") {
  TEST_CASE("the check value of the Jones polynomial") {
    CHECK(Crc64("123456789") == 0xe9c6d914c4b8d9ca);
    CHECK(Crc64("") == 0);
  }

  TEST_CASE("every length agrees with the definition, in one piece or in two") {
    Random random(3);
    std::string data;
    for (int length = 0; length < 100; ++length) {
      const uint64_t expected = Crc64Slowly(data);
      REQUIRE(Crc64(data) == expected);
      const size_t cut = random.Below(data.size() + 1);
      REQUIRE(Crc64(Bytes(data).substr(cut), Crc64(Bytes(data).substr(0, cut))) == expected);
      data.push_back(static_cast<char>(random.Next()));
    }
  }
}

}  // namespace
}  // namespace terrace::rdb
