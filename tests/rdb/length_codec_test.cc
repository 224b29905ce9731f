#include "rdb/length_codec.h"

#include <doctest/doctest.h>

#include <string>

#include "rdb/hex.h"

namespace terrace::rdb {
namespace {

std::string Encoded(uint64_t length) {
  std::string out;
  ByteSink sink(&out);
  PutLength(length, sink);
  return out;
}

TEST_SUITE("rdb/length_codec") {
  TEST_CASE("the shortest form is written and read back") {
    const struct {
      uint64_t length;
      Bytes hex;
    } cases[] = {{0, "00"},
                 {63, "3f"},
                 {64, "4040"},
                 {16383, "7fff"},
                 {16384, "80 00004000"},
                 {0xffffffff, "80 ffffffff"},
                 {0x100000000, "81 0000000100000000"},
                 {UINT64_MAX, "81 ffffffffffffffff"}};
    for (const auto& [length, hex] : cases) {
      const std::string bytes = Encoded(length);
      CHECK(bytes == FromHex(hex));
      ByteSource source(bytes);
      CHECK(TakeLength(source) == length);
      CHECK(source.finished());
      for (size_t cut = 0; cut < bytes.size(); ++cut) {
        ByteSource truncated(Bytes(bytes).substr(0, cut));
        (void)TakeLength(truncated);
        CHECK_FALSE(truncated.ok());
      }
    }
  }

  TEST_CASE("longer forms than needed are read, unknown ones are refused") {
    for (const Bytes hex : {"4005", "8000000005", "810000000000000005"}) {
      const std::string bytes = FromHex(hex);
      ByteSource source(bytes);
      CHECK(TakeLength(source) == 5);
    }
    for (int first = 0x82; first < 0xc0; ++first) {
      const std::string bytes = static_cast<char>(first) + std::string(16, '\0');
      ByteSource source(bytes);
      (void)TakeLength(source);
      CHECK_FALSE(source.ok());
    }
  }

  TEST_CASE("a special form is a length only where strings may start") {
    const std::string bytes = FromHex("c3");
    ByteSource source(bytes), strict(bytes);
    const LengthOrForm taken = TakeLengthOrForm(source);
    CHECK(taken.special);
    CHECK(taken.value == 3);
    (void)TakeLength(strict);
    CHECK_FALSE(strict.ok());
  }
}

TEST_SUITE("rdb/byte_source") {
  TEST_CASE("integers come back in both byte orders") {
    std::string bytes;
    ByteSink sink(&bytes);
    sink.PutLittle(uint16_t{0x1234});
    sink.PutBig(uint16_t{0x1234});
    sink.PutLittle(uint64_t{0xfedcba9876543210});
    sink.PutBig(uint32_t{0xfedcba98});
    CHECK(bytes == FromHex("3412 1234 1032547698badcfe fedcba98"));
    ByteSource source(bytes);
    CHECK(source.TakeLittle<uint16_t>() == 0x1234);
    CHECK(source.TakeBig<uint16_t>() == 0x1234);
    CHECK(source.TakeLittle<uint64_t>() == 0xfedcba9876543210);
    CHECK(source.TakeBig<uint32_t>() == 0xfedcba98);
    CHECK(source.finished());
  }

  TEST_CASE("after the first thing that does not fit nothing more is given") {
    ByteSource source("abc");
    CHECK(source.TakeByte() == 'a');
    CHECK(source.TakeBytes(UINT64_MAX).empty());
    CHECK_FALSE(source.ok());
    CHECK(source.remaining() == 0);
    CHECK(source.offset() == 1);
    CHECK(source.TakeByte() == 0);
    CHECK(source.TakeLittle<uint16_t>() == 0);
  }
}

}  // namespace
}  // namespace terrace::rdb
