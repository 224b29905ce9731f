#include "rdb/item_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/numbers.h"
#include "rdb/hex.h"

namespace terrace::rdb {
namespace {

// Writes down what it is given.
class Recorder final : public ItemTaker {
 public:
  bool TakeElement(Bytes element) override { return Add(std::string(element)); }
  bool TakeField(Bytes field, Bytes value) override {
    return Add(std::string(field) + "=" + std::string(value));
  }
  bool TakeFieldUntil(Bytes field, Bytes value, uint64_t deadline_ms) override {
    return Add(std::string(field) + "=" + std::string(value) + "@" + std::to_string(deadline_ms));
  }
  bool TakeScore(Bytes member, double score) override {
    return Add(std::string(member) + ":" + FormatDouble(score));
  }

  std::vector<std::string> items;
  size_t wanted = SIZE_MAX;

 private:
  bool Add(std::string item) {
    items.push_back(std::move(item));
    return items.size() < wanted;
  }
};

using Items = std::vector<std::string>;

bool Read(Bytes body, Recorder* recorder) {
  return ReadItems({static_cast<ValueCode>(body[0]), body.substr(1)}, *recorder);
}

Items ItemsOf(Bytes hex) {
  Recorder recorder;
  REQUIRE(Read(FromHex(hex), &recorder));
  return recorder.items;
}

// Each layout once. Stock 7.0.15 restores all of them but the last three, which are newer, and reads the same from them.
const char* const kBodies[] = {
    "01 03 0161 c0fb 0162",                               // list
    "02 03 0161 c005 0162",                               // set
    "03 03 0161 03312e35 0162 ff 0163 fe",                // sorted set, scores as text
    "04 02 0166 0176 016e c005",                          // hash
    "05 02 0162 0000000000000440 0161 000000000000f0bf",  // sorted set
    "09 0f 020166010076016e010335000000ff",               // hash, zipmap with unused bytes
    // list, ziplist with an integer of every width
    "0a3b3b000000300000000b0000016103f102fd02fe0d03feff03c02c0104f090eefe05f0ffff7f05f000008005d0ff"
    "ffff7f"
    "06e0000efad5feffffffff",
    "0b 14 04000000 03000000 90eefeff 01000000 2c010000",  // intset
    "0c 21 21000000 1b000000 0600 000163 03042d696e66 060161 03f2 020162 0303322e35 ff",
    "0d 16 16000000 13000000 0400 000166 030176 03016e 03f6 ff",
    "0e 02 10 10000000 0d000000 0200 000161 03f6 ff 10 10000000 0d000000 0200 000162 03f1 ff",
    "10 12 12000000 0400 816602 817602 816e02 0a01 ff",
    "11 1d 1d000000 0600 816302 842d696e6605 816102 0101 816202 83322e3504 ff",
    "12 02 02 0b 0b000000 0100 82616103 ff 01 0162",
    "14 0a 0a000000 0100 816102 ff",
    "18 e803000000000000 02 00 0166 0176 0b 016e c005",
    "19 e803000000000000 17 17000000 0600 816602 817602 0001 816e02 0501 c3e802 ff",
};

TEST_SUITE("rdb/item_reader") {
  TEST_CASE("every layout is read") {
    CHECK(ItemsOf(kBodies[0]) == Items{"a", "-5", "b"});
    CHECK(ItemsOf(kBodies[1]) == Items{"a", "5", "b"});
    CHECK(ItemsOf(kBodies[2]) == Items{"a:1.5", "b:-inf", "c:inf"});
    CHECK(ItemsOf(kBodies[3]) == Items{"f=v", "n=5"});
    CHECK(ItemsOf(kBodies[4]) == Items{"b:2.5", "a:-1"});
    CHECK(ItemsOf(kBodies[5]) == Items{"f=v", "n=5"});
    CHECK(ItemsOf(kBodies[6]) == Items{"a", "0", "12", "13", "-1", "300", "-70000", "8388607",
                                       "-8388608", "2147483647", "-5000000000"});
    CHECK(ItemsOf(kBodies[7]) == Items{"-70000", "1", "300"});
    CHECK(ItemsOf(kBodies[8]) == Items{"c:-inf", "a:1", "b:2.5"});
    CHECK(ItemsOf(kBodies[9]) == Items{"f=v", "n=5"});
    CHECK(ItemsOf(kBodies[10]) == Items{"a", "5", "b", "0"});
    CHECK(ItemsOf(kBodies[11]) == Items{"f=v", "n=10"});
    CHECK(ItemsOf(kBodies[12]) == Items{"c:-inf", "a:1", "b:2.5"});
    CHECK(ItemsOf(kBodies[13]) == Items{"aa", "b"});
    CHECK(ItemsOf(kBodies[14]) == Items{"a"});
    CHECK(ItemsOf(kBodies[15]) == Items{"f=v", "n=5@1010"});
    CHECK(ItemsOf(kBodies[16]) == Items{"f=v", "n=5@1000"});
  }

  TEST_CASE("a body cut at any byte, and one with a byte too many, is refused") {
    for (const char* hex : kBodies) {
      const std::string body = FromHex(hex);
      for (size_t size = 1; size < body.size(); ++size) {
        Recorder recorder;
        CAPTURE(hex);
        CAPTURE(size);
        CHECK_FALSE(Read(Bytes(body).substr(0, size), &recorder));
      }
      Recorder recorder;
      CHECK_FALSE(Read(body + '\0', &recorder));
    }
  }

  TEST_CASE("whatever a byte is changed to, what is read ends") {
    for (const char* hex : kBodies) {
      const std::string body = FromHex(hex);
      for (size_t at = 1; at < body.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
          std::string damaged = body;
          damaged[at] = static_cast<char>(byte);
          Recorder recorder;
          const bool read = Read(damaged, &recorder);
          if (damaged == body) CHECK(read);
          CHECK(recorder.items.size() <= body.size());
        }
      }
    }
  }

  TEST_CASE("an empty collection, a lonely field and a score that is none are refused") {
    for (const char* hex : {"01 00",
                            "02 00",
                            "04 00",
                            "05 00",
                            "12 00",
                            "0a 0b 0b000000 0a000000 0000 ff",
                            "10 07 07000000 0000 ff",
                            "14 07 07000000 0000 ff",
                            "09 02 00 ff",
                            "0b 08 02000000 00000000",
                            "12 01 02 07 07000000 0000 ff",          // a quicklist of an empty node
                            "10 0a 0a000000 0100 816602 ff",         // a field without a value
                            "11 0d 0d000000 0200 816102 816202 ff",  // a score that is no number
                            "05 01 0161 000000000000f87f",           // NaN
                            "03 01 0161 fd",
                            "03 01 0161 036e616e",  // NaN, as text
                            "12 01 03 0161",
                            "12 01 00 0161",                     // no such container
                            "0b 0c 02000000 02000000 02000100",  // not ascending
                            "19 e803000000000000 0d 0d000000 0200 816602 817602 ff",  // no third
                            "18 0000000000000080 01 02 0166 0176"}) {  // a deadline before all time
      CAPTURE(hex);
      Recorder recorder;
      CHECK_FALSE(Read(FromHex(hex), &recorder));
    }
  }

  TEST_CASE("strings, streams and modules have no items") {
    for (const int code : {0, 6, 7, 8, 15, 19, 21, 22, 23, 26, 200}) {
      Recorder recorder;
      CHECK_FALSE(Read(std::string(1, static_cast<char>(code)) + FromHex("01 0161"), &recorder));
    }
  }

  TEST_CASE("a count that promises more than there is costs nothing") {
    for (const char* hex : {"01 81ffffffffffffffff 0161", "05 80ffffffff 0161 000000000000f03f",
                            "04 81ffffffffffffffff"}) {
      Recorder recorder;
      CHECK_FALSE(Read(FromHex(hex), &recorder));
      CHECK(recorder.items.size() <= 1);
    }
  }

  TEST_CASE("what the taker refuses ends the reading") {
    for (const char* hex : kBodies) {
      Recorder recorder;
      recorder.wanted = 1;
      CHECK_FALSE(Read(FromHex(hex), &recorder));
      CHECK(recorder.items.size() == 1);
    }
  }
}

}  // namespace
}  // namespace terrace::rdb
