#include "types/bits.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace terrace::types {
namespace {

std::string RandomBytes(std::mt19937_64& random, size_t size) {
  std::string bytes(size, '\0');
  // Long runs of the same bits, too: that is where words are skipped.
  const uint64_t style = random() % 3;
  for (char& byte : bytes) {
    byte = style == 0 ? '\0' : style == 1 ? '\xff' : static_cast<char>(random());
    if (random() % 50 == 0) byte = static_cast<char>(random());
  }
  return bytes;
}

bool BitOf(const std::string& bytes, uint64_t position) {
  if (position / 8 >= bytes.size()) return false;
  return (static_cast<uint8_t>(bytes[position / 8]) & (128U >> position % 8)) != 0;
}

}  // namespace

TEST_SUITE("types/bits") {
  TEST_CASE("counting and finding agree with looking at every bit") {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      const std::string bytes = RandomBytes(random, 1 + random() % 120);
      const uint64_t bits = bytes.size() * 8;
      uint64_t all = 0;
      for (uint64_t i = 0; i < bits; ++i) all += BitOf(bytes, i);
      REQUIRE(CountBits(bytes) == all);
      for (int round = 0; round < 20; ++round) {
        uint64_t first = random() % bits, last = random() % bits;
        if (first > last) std::swap(first, last);
        CAPTURE(first);
        CAPTURE(last);
        uint64_t ones = 0;
        std::optional<uint64_t> found[2];
        for (uint64_t i = first; i <= last; ++i) {
          const bool bit = BitOf(bytes, i);
          ones += bit;
          if (!found[bit]) found[bit] = i;
        }
        REQUIRE(CountBits(bytes, {first, last}) == ones);
        REQUIRE(FindBit(bytes, false, {first, last}) == found[0]);
        REQUIRE(FindBit(bytes, true, {first, last}) == found[1]);
        REQUIRE(GetBit(bytes, first) == BitOf(bytes, first));
      }
      REQUIRE_FALSE(GetBit(bytes, bits));
      REQUIRE_FALSE(GetBit(bytes, UINT64_MAX));
    }
    CHECK(CountBits("") == 0);
  }

  TEST_CASE("strings of different lengths are combined as if zeros followed them") {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      // Now and then longer than the pieces in which it is done.
      const size_t longest = seed % 10 == 0 ? 40'000 : 100;
      std::vector<std::string> strings;
      size_t size = 0;
      for (uint64_t i = 0; i < 1 + random() % 4; ++i) {
        strings.push_back(RandomBytes(random, random() % longest));
        size = std::max(size, strings.back().size());
      }
      const std::vector<Bytes> sources(strings.begin(), strings.end());
      const auto expect = [&](BitOperation operation, auto combine) {
        std::string out(size, 'x');
        CombineBits(operation, sources, out.data(), size);
        for (size_t i = 0; i < size; ++i) {
          const auto byte = [&](const std::string& from) {
            return i < from.size() ? static_cast<uint8_t>(from[i]) : 0U;
          };
          unsigned expected = byte(strings[0]);
          for (size_t s = 1; s < strings.size(); ++s)
            expected = combine(expected, byte(strings[s]));
          REQUIRE(static_cast<uint8_t>(out[i]) == expected);
        }
      };
      expect(BitOperation::kAnd, [](unsigned a, unsigned b) { return a & b; });
      expect(BitOperation::kOr, [](unsigned a, unsigned b) { return a | b; });
      expect(BitOperation::kXor, [](unsigned a, unsigned b) { return a ^ b; });
    }
    std::string out(3, 'x');
    CombineBits(BitOperation::kNot, {Bytes("\x00\xff\x0f", 3)}, out.data(), 3);
    CHECK(out == std::string("\xff\x00\xf0", 3));
  }

  TEST_CASE("field types have 1 to 64 bits, unsigned ones one less") {
    CHECK(ParseFieldType("i64")->width == 64);
    CHECK(ParseFieldType("u63")->width == 63);
    CHECK_FALSE(ParseFieldType("u1")->is_signed);
    for (const Bytes text :
         {"", "u", "i", "u0", "i0", "u64", "i65", "i-1", "u08", "U8", "x8", "8", "u8 ", "u 8"}) {
      CAPTURE(text);
      CHECK_FALSE(ParseFieldType(text).has_value());
    }
  }

  TEST_CASE("a field is written where it is read and touches no other bit") {
    for (uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      const bool is_signed = random() % 2 == 0;
      const FieldType type{is_signed, static_cast<uint8_t>(1 + random() % (is_signed ? 64 : 63))};
      std::string bytes = RandomBytes(random, 24);
      const uint64_t position = random() % (24 * 8 - type.width + 1);
      const std::string before = bytes;

      uint64_t expected = 0;
      for (uint64_t i = 0; i < type.width; ++i)
        expected = expected << 1 | BitOf(bytes, position + i);
      if (is_signed && type.width < 64 && (expected >> (type.width - 1)) != 0)
        expected |= ~uint64_t{0} << type.width;
      REQUIRE(static_cast<uint64_t>(GetField(bytes, type, position)) == expected);

      const int64_t value = *FitField(type, static_cast<int64_t>(random()), Overflow::kWrap);
      SetField(bytes.data(), type, position, value);
      REQUIRE(GetField(bytes, type, position) == value);
      for (uint64_t i = 0; i < bytes.size() * 8; ++i) {
        if (i < position || i >= position + type.width)
          REQUIRE(BitOf(bytes, i) == BitOf(before, i));
      }
    }
    CHECK(GetField("\xff", {false, 16}, 4) == 0xF000);
    CHECK(GetField("", {true, 64}, UINT64_MAX - 64) == 0);
  }

  TEST_CASE("what does not fit wraps, stays at the end of the range, or fails") {
    constexpr FieldType kI8{true, 8}, kU8{false, 8}, kI64{true, 64}, kU63{false, 63}, kI1{true, 1};
    CHECK(AddToField(kI8, 127, 1, Overflow::kWrap) == -128);
    CHECK(AddToField(kI8, -128, -1, Overflow::kWrap) == 127);
    CHECK(AddToField(kI8, 100, 100, Overflow::kSaturate) == 127);
    CHECK(AddToField(kI8, -100, -100, Overflow::kSaturate) == -128);
    CHECK(AddToField(kI8, 100, 28, Overflow::kFail) == std::nullopt);
    CHECK(AddToField(kI8, 100, 27, Overflow::kFail) == 127);
    CHECK(AddToField(kU8, 255, 1, Overflow::kWrap) == 0);
    CHECK(AddToField(kU8, 0, -1, Overflow::kWrap) == 255);
    CHECK(AddToField(kU8, 5, -6, Overflow::kSaturate) == 0);
    CHECK(AddToField(kU8, 250, 6, Overflow::kSaturate) == 255);
    CHECK(AddToField(kU8, 5, -6, Overflow::kFail) == std::nullopt);
    CHECK(AddToField(kI64, INT64_MAX, 1, Overflow::kWrap) == INT64_MIN);
    CHECK(AddToField(kI64, INT64_MIN, INT64_MIN, Overflow::kWrap) == 0);
    CHECK(AddToField(kI64, INT64_MIN, -1, Overflow::kSaturate) == INT64_MIN);
    CHECK(AddToField(kI64, INT64_MAX, INT64_MAX, Overflow::kSaturate) == INT64_MAX);
    CHECK(AddToField(kU63, INT64_MAX, 1, Overflow::kWrap) == 0);
    CHECK(AddToField(kU63, INT64_MAX, 1, Overflow::kSaturate) == INT64_MAX);
    CHECK(AddToField(kI1, 0, 1, Overflow::kWrap) == -1);
    CHECK(FitField(kU8, -1, Overflow::kSaturate) == 255);
    CHECK(FitField(kU8, -1, Overflow::kWrap) == 255);
    CHECK(FitField(kU8, -1, Overflow::kFail) == std::nullopt);
    CHECK(FitField(kI8, -129, Overflow::kSaturate) == -128);
    CHECK(FitField(kI8, 128, Overflow::kWrap) == -128);
  }
}

}  // namespace terrace::types
