#include "rdb/string_codec.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "base/numbers.h"
#include "base/random.h"
#include "rdb/hex.h"

namespace terrace::rdb {
namespace {

std::string Encoded(Bytes text, Compression compression = Compression::kLzf) {
  std::string out;
  ByteSink sink(&out);
  PutString(text, sink, compression);
  return out;
}

std::string Encoded(int64_t value) {
  std::string out;
  ByteSink sink(&out);
  PutString(value, sink);
  return out;
}

bool Refused(Bytes bytes) {
  ByteSource source(bytes);
  const DecodedString decoded = TakeString(source);
  return !source.ok() && decoded.bytes().empty();
}

TEST_SUITE("rdb/string_codec") {
  TEST_CASE("canonical int32 texts become integers, all others stay text") {
    CHECK(Encoded("0") == FromHex("c000"));
    CHECK(Encoded("-128") == FromHex("c080"));
    CHECK(Encoded("128") == FromHex("c18000"));
    CHECK(Encoded("-32769") == FromHex("c2ff7fffff"));
    CHECK(Encoded("2147483647") == FromHex("c2ffffff7f"));
    CHECK(Encoded("-2147483648") == FromHex("c200000080"));
    for (const Bytes text : {"2147483648", "-2147483649", "007", "-0", "+1", " 1", "1.0", ""}) {
      const std::string expected = static_cast<char>(text.size()) + std::string(text);
      CHECK(Encoded(text) == expected);
    }
  }

  TEST_CASE("an integer is written as its text would be") {
    Random random(17);
    for (int i = 0; i < 2'000; ++i) {
      const int64_t value = static_cast<int64_t>(random.Next()) >> random.Below(64);
      REQUIRE(Encoded(value) == Encoded(FormatInt64(value)));
    }
    CHECK(Encoded(std::numeric_limits<int64_t>::min()) == "\x14-9223372036854775808");
  }

  TEST_CASE("LZF is used from 21 bytes on and only where it saves at least four") {
    CHECK(Encoded(std::string(20, 'a')) == "\x14" + std::string(20, 'a'));
    CHECK(Encoded(std::string(21, 'a'))[0] == '\xc3');
    CHECK(Encoded(std::string(21, 'a'), Compression::kNone) == "\x15" + std::string(21, 'a'));
    const std::string distinct = "abcdefghijklmnopqrstuvwxyz";
    CHECK(Encoded(distinct) == "\x1a" + distinct);
  }

  TEST_CASE("random strings come back in every form") {
    Random random(19);
    for (int round = 0; round < 2'000; ++round) {
      std::string text;
      const size_t bytes = random.Below(round < 1'900 ? 100 : 70'000);
      const uint64_t letters = 1 + random.Below(256);
      while (text.size() < bytes) text.push_back(static_cast<char>(random.Below(letters)));
      for (const Compression compression : {Compression::kNone, Compression::kLzf}) {
        const std::string encoded = Encoded(text, compression);
        ByteSource source(encoded);
        DecodedString decoded = TakeString(source);
        REQUIRE(source.finished());
        REQUIRE(decoded.bytes() == text);
        REQUIRE(std::move(decoded).Release() == text);
      }
    }
  }

  TEST_CASE("a plain string is a view, an integer keeps its number") {
    const std::string plain = FromHex("0568656c6c6f");
    ByteSource source(plain);
    const DecodedString decoded = TakeString(source);
    CHECK(decoded.bytes().data() == plain.data() + 1);
    CHECK_FALSE(decoded.integer.has_value());

    const std::string number = FromHex("c290eefeff");
    ByteSource number_source(number);
    const DecodedString integer = TakeString(number_source);
    CHECK(integer.integer == -70000);
    CHECK(integer.bytes() == "-70000");
  }

  TEST_CASE("a cut or damaged string is refused") {
    for (const Bytes text :
         {"5", "300", "-70000", "hello", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
      const std::string encoded = Encoded(text);
      for (size_t cut = 0; cut < encoded.size(); ++cut)
        CHECK(Refused(Bytes(encoded).substr(0, cut)));
    }
    CHECK(Refused(FromHex("c4 00000000")));             // an unknown form
    CHECK(Refused(FromHex("81 ffffffffffffffff 00")));  // longer than any memory
    CHECK(Refused(
        FromHex("c3 03 81 00000000ffffffff 000000")));  // three bytes cannot stand for 4 GiB
    CHECK(
        Refused(FromHex("c3 81 ffffffffffffffff 01 0061")));  // compressed bytes that are not there
    CHECK(Refused(FromHex("c3 c001 01 0061")));               // an integer as a length
    CHECK(Refused(FromHex("c3 02 02 0061")));  // one byte comes out, two were promised
    CHECK_FALSE(Refused(FromHex("c3 02 01 0061")));
  }
}

}  // namespace
}  // namespace terrace::rdb
