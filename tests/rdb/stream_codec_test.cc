// Streams as bodies of DUMP payloads, and back.
#include "rdb/stream_codec.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/random.h"
#include "rdb/hex.h"
#include "rdb/value_decoder.h"
#include "rdb/value_encoder.h"
#include "types/stream.h"
#include "types/stream_text.h"

namespace terrace::rdb {
namespace {

using testing::StreamText;
using types::Stream;
using types::Value;

// DUMP of redis-server 7.0.15, without and with compression, of what kStockText says.
const char* const kStockPlain =
    "130210000000000000000100000000000000004055550000001800020101010101856669656c640600010201000100"
    "018676616c75653107"
    "04010301010100018676616c7565320704010001020100010201856669656c64068676616c75653307816e02cbb802"
    "0801ff100000000000"
    "00000400000000000000004056560000001800030100010101856669656c640600010201000100018676616c756534"
    "070401020101010001"
    "8676616c7565350704010001020100010201856669656c64068676616c75653607816e02f17017030801ff05070001"
    "000700070201670400"
    "81ffffffffffffffff03000000000000000100000000000000000168e5cf8b01000001000000000000000300000000"
    "000000000068e5cf8b"
    "01000005000000000000000400000000000000000168e5cf8b010000010205616c6963654ee08afea1010000010000"
    "000000000003000000"
    "000000000003626f624ee08afea1010000020000000000000001000000000000000000000000000000040000000000"
    "0000000168040081ff"
    "ffffffffffffff00000a004330e2c96351a85d";
const char* const kStockLzf =
    "13021000000000000000010000000000000000c34042405507550000001800020140000b856669656c640600010201"
    "0020010a8676616c75"
    "653107040103201dc00f0032200f80210002c03080280a3307816e02cbb8020801ff10000000000000000400000000"
    "00000000c340454056"
    "15560000001800030100010101856669656c6406000102200e0a00018676616c7565340704200f0001e0000f003520"
    "0f80210002c0308028"
    "0b3607816e02f17017030801ff0507000100070007020167040081ffffffffffffffff030000000000000001000000"
    "00000000000168e5cf"
    "8b01000001000000000000000300000000000000000068e5cf8b010000050000000000000004000000000000000001"
    "68e5cf8b0100000102"
    "05616c6963654ee08afea1010000010000000000000003000000000000000003626f624ee08afea101000002000000"
    "000000000100000000"
    "00000000000000000000000400000000000000000168040081ffffffffffffffff00000a0039ee875f973648bf";
const char* const kStockText =
    "5 last 7-0 first 1-0 deleted 7-0 added 7\n"
    "1-0 field=value1\n"
    "3-0 field=value3 n=3000\n"
    "4-0 field=value4\n"
    "5-0 field=value5\n"
    "6-0 field=value6 n=6000\n"
    "group g at 4-0 read -1\n"
    "  1-0 bob 1700000000001 1\n"
    "  3-0 alice 1700000000000 5\n"
    "  4-0 bob 1700000000001 1\n"
    "  consumer alice 1\n"
    "  consumer bob 2\n"
    "group h at 4-0 read -1";
const char* const kStockEmpty =
    "13000000000000000000010167000081ffffffffffffffff00000a00a01a953dfb9cddde";

// A value that goes with its test.
class Held {
 public:
  explicit Held(Value value) : value_(value) {}
  ~Held() { types::Destroy(value_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Value value() const { return value_; }
  std::string text(bool with_times = false) const { return StreamText(Stream(value_), with_times); }

 private:
  const Value value_;
};

std::unique_ptr<Held> Decode(Bytes body) {
  const auto value = DecodeCollection({static_cast<ValueCode>(body[0]), body.substr(1)}, {});
  if (!value.ok()) return nullptr;
  Stream(*value).Check();
  return std::make_unique<Held>(*value);
}

std::unique_ptr<Held> Require(Bytes body) {
  auto held = Decode(body);
  REQUIRE(held != nullptr);
  return held;
}

std::string BodyOf(const char* hex) {
  const std::string payload = FromHex(hex);
  const auto body = OpenDumpPayload(payload);
  REQUIRE(body.ok());
  return payload.substr(0, payload.size() - 10);
}

TEST_SUITE("rdb/stream_codec") {
  TEST_CASE("payloads of a stock server are understood, and written the same") {
    const auto held = Require(BodyOf(kStockPlain));
    CHECK(held->text() == kStockText);
    CHECK(held->value().encoding == Encoding::kStream);
    CHECK(EncodeCollection(held->value(), {.compression = Compression::kNone}) ==
          BodyOf(kStockPlain));
    CHECK(Require(BodyOf(kStockLzf))->text() == kStockText);
    CHECK(Require(EncodeCollection(held->value()))->text(true) == held->text(true));
  }

  TEST_CASE("a stream without entries is a stream, and keeps its groups") {
    const auto held = Require(BodyOf(kStockEmpty));
    CHECK(held->text() == "0 last 0-0 first 0-0 deleted 0-0 added 0\ngroup g at 0-0 read -1");
    CHECK(EncodeCollection(held->value()) == BodyOf(kStockEmpty));
    CHECK(Require(FromHex("13 00 00 00 00 00 00 00 00 00 00"))->text() ==
          "0 last 0-0 first 0-0 deleted 0-0 added 0");
  }

  TEST_CASE("the layouts before and after: what one does not say is made up") {
    // One entry, 5-1; a group at it whose consumer has it pending.
    const std::string node =
        "10 0000000000000005 0000000000000001 1c 1c000000 0a00 0101 0001 0101 816102 0001 0201 "
        "0001 0001 0101 0401 ff";
    const std::string group = "01 0167 05 01 ";
    const std::string pending =
        "01 0000000000000005 0000000000000001 0700000000000000 03 01 0163 0900000000000000 ";
    const auto first = Require(FromHex(
        ("0f 01" + node + "01 05 01" + group + pending + "01 0000000000000005 0000000000000001")
            .c_str()));
    CHECK(first->text(true) ==
          "1 last 5-1 first 5-1 deleted 0-0 added 1\n5-1 a=1\ngroup g at 5-1 read 1\n  5-1 c 7 3\n "
          " consumer c 1 9 9");
    const auto third =
        Require(FromHex(("15 01" + node + "01 05 01 05 01 04 00 08" + group + "02" + pending +
                         "0800000000000000 01 0000000000000005 0000000000000001")
                            .c_str()));
    CHECK(third->text(true) ==
          "1 last 5-1 first 5-1 deleted 4-0 added 8\n5-1 a=1\ngroup g at 5-1 read 2\n  5-1 c 7 3\n "
          " consumer c 1 9 8");
    for (const uint16_t version : {11, 12}) {
      const std::string body = EncodeCollection(third->value(), {.rdb_version = version});
      CHECK(body[0] == 0x15);
      CHECK(Require(body)->text(true) == third->text(true));
    }
    CHECK(EncodeCollection(third->value())[0] == 0x13);
  }

  TEST_CASE("what does not fit together is refused") {
    const std::string node =
        "10 0000000000000005 0000000000000001 1c 1c000000 0a00 0101 0001 0101 816102 0001 0201 "
        "0001 0001 0101 0401 ff";
    const std::string id = "0000000000000005 0000000000000001 ";
    const std::string delivery = id + "0700000000000000 03 ";
    const std::string seen = "0900000000000000 ";
    const auto decodes = [](const std::string& hex) {
      return Decode(FromHex(hex.c_str())) != nullptr;
    };
    CHECK(decodes("0f 01" + node + "01 05 01 00"));
    CHECK(!decodes("0f 01" + node + "02 05 01 00"));         // another number of entries
    CHECK(!decodes("0f 01" + node + "01 05 00 00"));         // the last id is before the last entry
    CHECK(!decodes("0f 02" + node + node + "02 05 01 00"));  // a node twice
    CHECK(!decodes("0f 01" + node + "01 05 01 00 00"));      // bytes left over
    CHECK(!decodes("0f 01 0f" + node.substr(2) + "01 05 01 00"));  // a base of 15 bytes
    CHECK(decodes("0f 00 00 05 01 02 0167 00 00 00 00 0168 00 00 00 00"));
    CHECK(!decodes("0f 00 00 05 01 02 0167 00 00 00 00 0167 00 00 00 00"));  // a group twice
    CHECK(decodes("0f 00 00 05 01 01 0167 00 00 00 02 0163" + seen + "00 0164" + seen + "00"));
    CHECK(!decodes("0f 00 00 05 01 01 0167 00 00 00 02 0163" + seen + "00 0163" + seen +
                   "00"));  // a consumer twice
    CHECK(decodes("0f 00 00 05 01 01 0167 00 00 01" + delivery + "01 0163" + seen + "01" + id));
    CHECK(!decodes("0f 00 00 05 01 01 0167 00 00 01" + delivery + "01 0163" + seen +
                   "00"));                                                          // nobody's
    CHECK(!decodes("0f 00 00 05 01 01 0167 00 00 00 01 0163" + seen + "01" + id));  // not pending
    CHECK(!decodes("0f 00 00 05 01 01 0167 00 00 02" + delivery + delivery + "01 0163" + seen +
                   "01" + id));
    CHECK(!decodes("0f 00 00 05 01 01 0167 00 00 01" + delivery + "02 0163" + seen + "01" + id +
                   "0164" + seen + "01" + id));
    CHECK(!decodes("0f ff"));
    CHECK(!decodes("0f 81ffffffffffffffff"));
  }

  TEST_CASE(
      "bodies changed at random are refused or decoded, and whatever is decoded can be encoded and "
      "walked") {
    Random random(20'240'601);
    for (const char* const stock : {kStockPlain, kStockLzf}) {
      const std::string body = BodyOf(stock);
      size_t decoded = 0;
      for (int i = 0; i < 20'000; ++i) {
        std::string damaged = body;
        for (uint64_t changes = 1 + random.Below(3); changes != 0; --changes) {
          damaged[random.Below(damaged.size())] = static_cast<char>(random.Next());
        }
        const auto held = Decode(damaged);
        if (held == nullptr) continue;
        ++decoded;
        CHECK(Require(EncodeCollection(held->value()))->text() == held->text());
      }
      CHECK(decoded > 0);
    }
  }
}

}  // namespace
}  // namespace terrace::rdb
