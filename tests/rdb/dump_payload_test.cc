#include "rdb/dump_payload.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "rdb/hex.h"

namespace terrace::rdb {
namespace {

struct Golden {
  std::string text;
  Bytes hex;
};

// What DUMP of a stock 7.0.15 answers.
const Golden kStockDumps[] = {
    {"-5", "00 c0fb 0a00 49c4c6f4d7263f68"},
    {"300", "00 c12c01 0a00 954261f265825c10"},
    {"-70000", "00 c290eefeff 0a00 2875de7b13eb2800"},
    {"12345678901", "00 0b3132333435363738393031 0a00 304e52d727176510"},
    {"hello", "00 0568656c6c6f 0a00 6372df766534200a"},
    {"007", "00 03303037 0a00 7258e27b4c69bad9"},
    {std::string(64, 'a'), "00 c3 09 4040 016161 e03300 016161 0a00 c3659612ce1cc46c"},
};

bool FailsWith(Bytes payload, PayloadError error) {
  const auto opened = OpenDumpPayload(payload);
  if (!opened.ok()) return opened.error() == error;
  const auto decoded = DecodeStringValue(*opened);
  return !decoded.ok() && decoded.error() == error;
}

TEST_SUITE("rdb/dump_payload") {
  TEST_CASE("payloads of a stock server are understood") {
    for (const Golden& golden : kStockDumps) {
      const std::string payload = FromHex(golden.hex);
      const auto opened = OpenDumpPayload(payload);
      REQUIRE(opened.ok());
      CHECK(opened->code == ValueCode::kString);
      const auto decoded = DecodeStringValue(*opened);
      REQUIRE(decoded.ok());
      CHECK(decoded->bytes() == golden.text);
    }
  }

  TEST_CASE("what needs no compression is written to the byte as a stock server writes it") {
    for (const Golden& golden : kStockDumps) {
      const std::string sealed = SealDumpPayload(EncodeStringValue(golden.text));
      if (golden.text.size() <= 20) CHECK(sealed == FromHex(golden.hex));
      // Our LZF finds a longer match than theirs, which leaves the last two bytes alone.
      if (golden.text.size() > 20) CHECK(sealed.size() < FromHex(golden.hex).size());
    }
    CHECK(SealDumpPayload(EncodeStringValue(int64_t{-70000})) == FromHex(kStockDumps[2].hex));
    CHECK(SealDumpPayload(EncodeStringValue(int64_t{12345678901})) == FromHex(kStockDumps[3].hex));
  }

  TEST_CASE("a payload cut at any byte is refused") {
    for (const Golden& golden : kStockDumps) {
      const std::string payload = FromHex(golden.hex);
      for (size_t cut = 0; cut < payload.size(); ++cut) {
        CHECK(FailsWith(Bytes(payload).substr(0, cut), PayloadError::kVersionOrChecksum));
      }
    }
  }

  TEST_CASE("a payload with any one bit flipped is refused") {
    for (const Golden& golden : kStockDumps) {
      std::string payload = FromHex(golden.hex);
      for (size_t bit = 0; bit < payload.size() * 8; ++bit) {
        const char mask = static_cast<char>(1 << (bit % 8));
        payload[bit / 8] ^= mask;
        CHECK(FailsWith(payload, PayloadError::kVersionOrChecksum));
        payload[bit / 8] ^= mask;
      }
    }
  }

  TEST_CASE("versions up to 12 are taken, newer ones and a checksum of zero are not") {
    const std::string body = EncodeStringValue("hello");
    for (uint16_t version = 0; version <= kRdbVersionMax; ++version) {
      CHECK(OpenDumpPayload(SealDumpPayload(body, version)).ok());
    }
    CHECK(FailsWith(SealDumpPayload(body, 13), PayloadError::kVersionOrChecksum));
    CHECK(FailsWith(SealDumpPayload(body, 0x100 | 10), PayloadError::kVersionOrChecksum));
    std::string zero = SealDumpPayload(body);
    zero.replace(zero.size() - 8, 8, std::string(8, '\0'));
    CHECK(FailsWith(zero, PayloadError::kVersionOrChecksum));
  }

  TEST_CASE("an intact payload without a readable string is bad format") {
    CHECK(FailsWith(SealDumpPayload(""), PayloadError::kBadFormat));
    CHECK(FailsWith(SealDumpPayload(FromHex("00")), PayloadError::kBadFormat));
    CHECK(FailsWith(SealDumpPayload(FromHex("00 0561")), PayloadError::kBadFormat));
    CHECK(FailsWith(SealDumpPayload(FromHex("00 0161 62")), PayloadError::kBadFormat));
    CHECK(FailsWith(SealDumpPayload(FromHex("00 c3 02 7fff 0061")), PayloadError::kBadFormat));
  }

  TEST_CASE("other values are named by their code") {
    // SADD of a stock server: a set as an intset.
    const std::string payload = SealDumpPayload(FromHex("0b 0e 02000000 03000000 0100 0200 2c01"));
    const auto opened = OpenDumpPayload(payload);
    REQUIRE(opened.ok());
    CHECK(opened->code == ValueCode::kSetIntset);
    CHECK(TypeOf(opened->code) == Type::kSet);
    CHECK(FailsWith(payload, PayloadError::kBadFormat));
    CHECK_FALSE(TypeOf(ValueCode::kModule2).has_value());
    CHECK_FALSE(TypeOf(static_cast<ValueCode>(8)).has_value());
    CHECK_FALSE(TypeOf(static_cast<ValueCode>(255)).has_value());
    CHECK(TypeOf(ValueCode::kHashListpackEx) == Type::kHash);
    CHECK(TypeOf(ValueCode::kStreamListpacks) == Type::kStream);
  }

  TEST_CASE("random bodies never lead outside, whatever they say") {
    Random random(23);
    for (int round = 0; round < 20'000; ++round) {
      std::string body(1, '\0');
      for (size_t left = random.Below(24); left > 0; --left)
        body.push_back(static_cast<char>(random.Next()));
      const std::string payload = SealDumpPayload(body);
      const auto opened = OpenDumpPayload(payload);
      REQUIRE(opened.ok());
      const auto decoded = DecodeStringValue(*opened);
      if (!decoded.ok()) continue;
      const std::string text(decoded->bytes());
      const std::string again = SealDumpPayload(EncodeStringValue(text));
      REQUIRE(DecodeStringValue(*OpenDumpPayload(again))->bytes() == text);
    }
  }
}

}  // namespace
}  // namespace terrace::rdb
