#include "base/crc32c.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace terrace {
namespace {

struct Way {
  const char* name;
  uint32_t (*compute)(Bytes data, uint32_t before);
};

std::vector<Way> Ways() {
  std::vector<Way> ways = {{"table", Crc32cByTable}, {"chosen", Crc32c}};
  if (HasCrc32cInstruction()) ways.push_back({"instruction", Crc32cByInstruction});
  return ways;
}

std::string Counting(size_t size, bool down) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text.push_back(static_cast<char>(down ? size - 1 - i : i));
  return text;
}

// One bit at a time, straight from the definition.
uint32_t BitByBit(Bytes data) {
  uint32_t crc = 0xffffffff;
  for (const char byte : data) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

TEST_SUITE("base/crc32c") {
  // The check value of the catalogues of CRCs, and the examples of RFC 3720, B.4.
  TEST_CASE("known texts have their known checksums, whichever way they are computed") {
    const std::string scsi_read(
        "\x01\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0\x04\0\0\0\0\x14\0\0"
        "\0\x18\x28\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        48);
    for (const Way& way : Ways()) {
      CAPTURE(way.name);
      CHECK(way.compute("", 0) == 0);
      CHECK(way.compute("123456789", 0) == 0xe3069283);
      CHECK(way.compute(std::string(32, '\0'), 0) == 0x8a9136aa);
      CHECK(way.compute(std::string(32, '\xff'), 0) == 0x62a8ab43);
      CHECK(way.compute(Counting(32, false), 0) == 0x46dd794e);
      CHECK(way.compute(Counting(32, true), 0) == 0x113fdb5c);
      CHECK(way.compute(scsi_read, 0) == 0xd9963a56);
    }
  }

  TEST_CASE("every length, alignment and cut gives what the definition gives") {
    Random random(7);
    std::string text;
    for (int i = 0; i < 200; ++i) text.push_back(static_cast<char>(random.Next()));
    for (const Way& way : Ways()) {
      CAPTURE(way.name);
      for (size_t begin = 0; begin < 9; ++begin) {
        for (size_t size = 0; size + begin <= text.size(); size += 1 + size / 20) {
          const Bytes part = Bytes(text).substr(begin, size);
          const uint32_t whole = BitByBit(part);
          CHECK(way.compute(part, 0) == whole);
          const size_t cut = random.Below(size + 1);
          CHECK(way.compute(part.substr(cut), way.compute(part.substr(0, cut), 0)) == whole);
        }
      }
    }
  }
}

}  // namespace
}  // namespace terrace
