// Collections as bodies of DUMP payloads, and back.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "base/numbers.h"
#include "base/random.h"
#include "rdb/hex.h"
#include "rdb/value_decoder.h"
#include "rdb/value_encoder.h"
#include "types/items.h"

namespace terrace::rdb {
namespace {

using types::EncodingLimits;
using types::Value;
using Items = std::vector<std::string>;

// A value that goes with its test.
class Held {
 public:
  explicit Held(Value value) : value_(value) {}
  ~Held() { types::Destroy(value_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Value value() const { return value_; }

  // Sorted, except for a list.
  Items items() const {
    Items items;
    switch (value_.type) {
      case Type::kHash:
        types::ForEachTimedField(value_, [&](Bytes field, Bytes value, uint64_t deadline_ms) {
          items.push_back(std::string(field) + "=" + std::string(value));
          if (deadline_ms != 0) items.back() += "@" + std::to_string(deadline_ms);
        });
        break;
      case Type::kZset:
        types::ForEachScore(value_, [&](Bytes member, double score) {
          items.push_back(std::string(member) + ":" + FormatDouble(score));
        });
        break;
      default:
        types::ForEachElement(value_, [&](Bytes element) { items.emplace_back(element); });
    }
    CHECK(items.size() == types::CountItems(value_));
    if (value_.type != Type::kList) std::sort(items.begin(), items.end());
    return items;
  }

 private:
  const Value value_;
};

std::unique_ptr<Held> Decode(Bytes body, const EncodingLimits& limits = {}) {
  const auto value = DecodeCollection({static_cast<ValueCode>(body[0]), body.substr(1)}, limits);
  if (!value.ok()) return nullptr;
  return std::make_unique<Held>(*value);
}

// Of a body that must be sound.
std::unique_ptr<Held> Require(Bytes body, const EncodingLimits& limits = {}) {
  auto held = Decode(body, limits);
  REQUIRE(held != nullptr);
  return held;
}

struct StockDump {
  const char* payload;  // hexadecimal
  Type type;
  Encoding encoding;
  Items items;
  bool same_bytes;  // without compression, which is ours, we write the same
};

// What DUMP of redis-server 7.0.15 answers.
const StockDump kStockDumps[] = {
    {"1201021c1c00000005008161020101dfff02c12c02f4ffe776481700000009ff0a00ee7f82fde6a2b64a",
     Type::kList,
     Encoding::kListpack,
     {"a", "1", "-1", "300", "99999999999"},
     true},
    {"120202c3405c577f087f1700000200ebb861e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0f"
     "f00e0ff00e056000417baeb"
     "b862e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e056000217baff02c3405c5"
     "77f087f1700000200ebb863"
     "e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e056000417baebb864e0ff00e0f"
     "f00e0ff00e0ff00e0ff00e0"
     "ff00e0ff00e0ff00e0ff00e0ff00e0ff00e056000217baff0a00c48ac8fc4a5d8c8f",
     Type::kList,
     Encoding::kQuicklist,
     {std::string(3000, 'a'), std::string(3000, 'b'), std::string(3000, 'c'),
      std::string(3000, 'd')},
     false},
    {"0b0e0200000003000000010002002c010a00e510b28e7b9529aa",
     Type::kSet,
     Encoding::kIntset,
     {"1", "2", "300"},
     true},
    {"02020178c0010a0016faac4f543ce1e9", Type::kSet, Encoding::kListpack, {"1", "x"}, true},
    {"1012120000000400816602817602816e020a01ff0a0045f842d8ea0693ca",
     Type::kHash,
     Encoding::kListpack,
     {"f=v", "n=10"},
     true},
    {"0402c3094041016666e034000166660176016ec0010a00825dc072e739688f",
     Type::kHash,
     Encoding::kHashTable,
     {std::string(65, 'f') + "=v", "n=1"},
     false},
    {"11c32c3516350000000800816302842d696e660581640293302e3130e005000f3114816102010181620283322e350"
     "4ff0a005eb3cbc453e672a3",
     Type::kZset,
     Encoding::kListpack,
     {"a:1", "b:2.5", "c:-inf", "d:0.1"},
     false},
    {"0502c3094041016d6de03400016d6d000000000000f83f016e00000000000000c00a002bcdc41c8829e161",
     Type::kZset,
     Encoding::kSkiplist,
     {std::string(65, 'm') + ":1.5", "n:-2"},
     false},
};

std::string Numbered(const char* prefix, uint64_t i) { return prefix + std::to_string(i); }

// A body in one of the plain layouts, which need nothing but strings.
std::string PlainBody(Type type, uint64_t items, size_t bytes) {
  std::string body;
  ByteSink sink(&body);
  const ValueCode code = type == Type::kList   ? ValueCode::kList
                         : type == Type::kSet  ? ValueCode::kSet
                         : type == Type::kHash ? ValueCode::kHash
                                               : ValueCode::kZset2;
  sink.PutByte(static_cast<uint8_t>(code));
  sink.PutByte(0x80);
  sink.PutBig(static_cast<uint32_t>(items));
  for (uint64_t i = 0; i < items; ++i) {
    PutString(Numbered("item:", i) + std::string(bytes, 'x'), sink);
    if (type == Type::kHash) PutString(static_cast<int64_t>(i), sink);
    if (type == Type::kZset) sink.PutLittle(std::bit_cast<uint64_t>(static_cast<double>(i) / 4));
  }
  return body;
}

TEST_SUITE("rdb/value_codec") {
  TEST_CASE("payloads of a stock server are understood, and written the same") {
    for (const StockDump& stock : kStockDumps) {
      CAPTURE(stock.payload);
      const std::string payload = FromHex(stock.payload);
      const auto body = OpenDumpPayload(payload);
      REQUIRE(body.ok());
      const auto value = DecodeCollection(*body, EncodingLimits());
      REQUIRE(value.ok());
      const Held held(*value);
      CHECK(value->type == stock.type);
      CHECK(value->encoding == stock.encoding);
      Items items = stock.items;
      if (stock.type != Type::kList) std::sort(items.begin(), items.end());
      CHECK(held.items() == items);
      if (stock.same_bytes)
        CHECK(SealDumpPayload(EncodeCollection(*value)).size() == payload.size());
    }
  }

  TEST_CASE("what is packed is written as it lies in memory") {
    for (const char* hex :
         {"1201020b 0b000000 0100 826161 03 ff", "0b0e 02000000 03000000 0100 0200 2c01",
          "1012 12000000 0400 816602 817602 816e02 0a01 ff",
          "111d 1d000000 0600 816302 842d696e6605 816102 0101 816202 83322e3504 ff"}) {
      const std::string body = FromHex(hex);
      const auto held = Decode(body);
      REQUIRE(held != nullptr);
      CHECK(EncodeCollection(held->value(), {.compression = Compression::kNone}) == body);
    }
  }

  TEST_CASE("a small set of strings is a listpack for readers that know it only") {
    const auto held = Decode(FromHex("02 02 0161 0162"));
    REQUIRE(held != nullptr);
    CHECK(EncodeCollection(held->value())[0] == static_cast<char>(ValueCode::kSet));
    CHECK(EncodeCollection(held->value(), {.rdb_version = 11})[0] ==
          static_cast<char>(ValueCode::kSetListpack));
  }

  TEST_CASE("a collection beyond the limits in force is converted, however it was packed") {
    EncodingLimits limits;
    limits.hash_listpack_entries = limits.zset_listpack_entries = limits.set_listpack_entries = 1;
    limits.set_intset_entries = 2;
    limits.list_listpack_size = 1;
    CHECK(Require(FromHex("1012 12000000 0400 816602 817602 816e02 0a01 ff"), limits)
              ->value()
              .encoding == Encoding::kHashTable);
    CHECK(
        Require(FromHex("111d 1d000000 0600 816302 842d696e6605 816102 0101 816202 83322e3504 ff"),
                limits)
            ->value()
            .encoding == Encoding::kSkiplist);
    CHECK(Require(FromHex("0b0e 02000000 03000000 0100 0200 2c01"), limits)->value().encoding ==
          Encoding::kHashTable);
    CHECK(Require(FromHex("140d 0d000000 0200 816102 816202 ff"), limits)->value().encoding ==
          Encoding::kHashTable);
    CHECK(Require(FromHex("01 02 0161 0162"), limits)->value().encoding == Encoding::kQuicklist);
    EncodingLimits narrow;
    narrow.hash_listpack_value_bytes = narrow.zset_listpack_value_bytes =
        narrow.set_listpack_value_bytes = 1;
    CHECK(Require(FromHex("10 0d 0d000000 0200 826666 03 0101 ff"), narrow)->value().encoding ==
          Encoding::kHashTable);
    CHECK(Require(FromHex("14 0b 0b000000 0100 826666 03 ff"), narrow)->value().encoding ==
          Encoding::kHashTable);
  }

  TEST_CASE("plain layouts become packed as far as the limits allow") {
    for (const Type type : {Type::kList, Type::kSet, Type::kHash, Type::kZset}) {
      CHECK(Require(PlainBody(type, 100, 10))->value().encoding == Encoding::kListpack);
      CHECK(Require(PlainBody(type, 1000, 10))->value().encoding != Encoding::kListpack);
    }
    CHECK(Require(FromHex("02 03 c001 c002 0133"))->value().encoding == Encoding::kIntset);
  }

  TEST_CASE("a sorted set that was packed out of order, or with other texts, is put in order") {
    const auto held = Decode(FromHex("11 14 14000000 0400 816202 0201 816102 83302e35 04 ff"));
    REQUIRE(held != nullptr);
    Items in_order;
    types::ForEachScore(held->value(),
                        [&](Bytes member, double) { in_order.emplace_back(member); });
    CHECK(in_order == Items{"a", "b"});
  }

  TEST_CASE("a member or field that is there twice is refused in every layout") {
    for (const char* hex :
         {"02 02 0161 0161", "02 02 c005 0135", "04 02 0166 0176 0166 0177",
          "05 02 0161 0000000000000000 0161 000000000000f03f", "03 02 0161 0131 0161 0132",
          "0d 15 15000000 12000000 0400 000166 030176 030166 0301 77 ff",
          "0c 14 14000000 11000000 0400 000161 03f2 020161 03f3 ff",
          "09 0b 02 0166 01 00 76 0166 01 00 77 ff",
          "10 13 13000000 0400 816602 817602 816602 817702 ff",
          "11 11 11000000 0400 816102 0101 816102 0201 ff", "14 0d 0d000000 0200 816102 816102 ff",
          // 5 as an integer and as a string.
          "14 0c 0c000000 0200 0501 813502 ff"}) {
      CAPTURE(hex);
      CHECK(Decode(FromHex(hex)) == nullptr);
    }
  }

  TEST_CASE(
      "a list may hold an element twice, and a damaged layout next to a sound one is refused") {
    CHECK(Require(FromHex("12 01 02 0d 0d000000 0200 816102 816102 ff"))->items() ==
          Items{"a", "a"});
    CHECK(Decode(FromHex("12 02 02 0a 0a000000 0100 816102 ff 02 0a 0a000000 0100 816202 fe")) ==
          nullptr);
    CHECK(Decode(FromHex("00 0161")) == nullptr);
    CHECK(Decode(FromHex("18 00")) == nullptr);
  }

  TEST_CASE(
      "hashes with deadlines of fields, in the layouts of 7.4 and of its release candidates") {
    const Items items = {"f=v", "n=5@1000"};
    const std::string packed =
        FromHex("19 e803000000000000 17 17000000 0600 816e02 0501 c3e802 816602 817602 0001 ff");
    const auto held = Require(packed);
    CHECK(held->value().encoding == Encoding::kListpackEx);
    CHECK(held->items() == items);
    CHECK(RdbVersionFor(held->value()) == 12);
    CHECK(EncodeCollection(held->value(), {.compression = Compression::kNone}) == packed);
    EncodingLimits limits;
    limits.hash_listpack_entries = 1;
    for (const char* hex : {"19 e803000000000000 17 17000000 0600 816e02 0501 c3e802 816602 817602 "
                            "0001 ff",
                            "19 0000000000000000 17 17000000 0600 816602 817602 0001 816e02 0501 "
                            "c3e802 ff",  // not in order
                            "17 17 17000000 0600 816e02 0501 c3e802 816602 817602 0001 ff",
                            "18 de03000000000000 02 00 0166 0176 0b 016e c005",
                            "16 02 00 0166 0176 43e8 016e c005"}) {
      CAPTURE(hex);
      CHECK(Require(FromHex(hex))->items() == items);
      CHECK(Require(FromHex(hex))->value().encoding == Encoding::kListpackEx);
      const auto large = Require(FromHex(hex), limits);
      CHECK(large->value().encoding == Encoding::kTimedTable);
      CHECK(large->items() == items);
      const std::string body = EncodeCollection(large->value());
      CHECK(body[0] == static_cast<char>(ValueCode::kHashMetadata));
      CHECK(Require(body, limits)->items() == items);
    }
    // Without any deadline left it is written for every reader.
    const auto plain =
        Require(FromHex("19 0000000000000000 0f 0f000000 0300 816602 817602 0001 ff"));
    CHECK(plain->value().encoding == Encoding::kListpackEx);
    CHECK(RdbVersionFor(plain->value()) == kRdbVersionDefault);
    CHECK(EncodeCollection(plain->value(), {.compression = Compression::kNone}) ==
          FromHex("10 0d 0d000000 0200 816602 817602 ff"));
    for (const char* hex :
         {"19 e803000000000000 17 17000000 0600 816602 817602 c3e802 816602 "
          "817602 0001 ff",  // twice the same field
          "19 e803000000000000 19 19000000 0300 816602 817602 f40000000000000100 "
          "09 ff",  // 2^48
          "18 0000000000000100 01 01 0166 0176", "16 00", "17 07 07000000 0000 ff"}) {
      CAPTURE(hex);
      CHECK(Decode(FromHex(hex)) == nullptr);
    }
    CHECK(Require(FromHex("18 ffffffffffff0000 01 01 0166 0176"))->items() ==
          Items{"f=v@281474976710655"});
  }

  TEST_CASE("large collections come back as they were") {
    for (const Type type : {Type::kList, Type::kSet, Type::kHash, Type::kZset}) {
      for (const uint64_t count : {1, 127, 129, 20'000}) {
        const auto held = Decode(PlainBody(type, count, 3));
        REQUIRE(held != nullptr);
        CHECK(held->items().size() == count);
        for (const uint16_t version : {10, 11, 12}) {
          const auto again = Decode(EncodeCollection(held->value(), {.rdb_version = version}));
          REQUIRE(again != nullptr);
          CHECK(again->items() == held->items());
          CHECK(again->value().encoding == held->value().encoding);
        }
      }
    }
  }

  TEST_CASE("an element longer than a node, and one longer than any packed value") {
    std::string body;
    ByteSink sink(&body);
    sink.PutByte(static_cast<uint8_t>(ValueCode::kList));
    sink.PutByte(3);
    for (const size_t bytes : {10, 100'000, 20}) PutString(std::string(bytes, 'e'), sink);
    const auto held = Decode(body);
    REQUIRE(held != nullptr);
    CHECK(Require(EncodeCollection(held->value()))->items() == held->items());
  }

  TEST_CASE(
      "bodies changed at random are refused or decoded, and whatever is decoded can be encoded") {
    Random random(20'240'601);
    for (const StockDump& stock : kStockDumps) {
      const std::string payload = FromHex(stock.payload);
      const std::string body = payload.substr(0, payload.size() - 10);
      for (int i = 0; i < 2000; ++i) {
        std::string damaged = body;
        for (uint64_t changes = 1 + random.Below(3); changes != 0; --changes) {
          damaged[random.Below(damaged.size())] = static_cast<char>(random.Next());
        }
        const auto held = Decode(damaged);
        if (held == nullptr) continue;
        const auto again = Decode(EncodeCollection(held->value()));
        REQUIRE(again != nullptr);
        CHECK(again->items() == held->items());
      }
    }
  }
}

}  // namespace
}  // namespace terrace::rdb
