#include "types/intset.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "rdb/hex.h"

namespace terrace::types {
namespace {

using rdb::FromHex;

class OwnedIntset {
 public:
  OwnedIntset() : intset_(Intset::New()) {}
  explicit OwnedIntset(Bytes bytes) : intset_(Intset::Copy(bytes)) {}
  ~OwnedIntset() { intset_.Free(); }
  OwnedIntset(const OwnedIntset&) = delete;
  OwnedIntset& operator=(const OwnedIntset&) = delete;

  Intset* operator->() { return &intset_; }
  Intset& operator*() { return intset_; }

 private:
  Intset intset_;
};

std::vector<int64_t> Elements(const Intset& set) {
  std::vector<int64_t> out;
  for (size_t i = 0; i < set.Count(); ++i) out.push_back(set.At(i));
  return out;
}

TEST_SUITE("types/intset") {
  TEST_CASE("its bytes are a stock server's, at both ends of every width") {
    const struct {
      std::vector<int64_t> added;
      const char* hex;  // SADD s ..., DUMP s
    } kGolden[] = {
        {{1, 2, 300}, "02000000 03000000 0100 0200 2c01"},
        {{1, 70000}, "04000000 02000000 01000000 70110100"},
        {{-1, 32767, -32768}, "02000000 03000000 0080 ffff ff7f"},
        {{32768}, "04000000 01000000 00800000"},
        {{-32769, 5}, "04000000 02000000 ff7fffff 05000000"},
        {{2147483648, 0, -7},
         "08000000 03000000 f9ffffffffffffff 0000000000000000 0000008000000000"},
        {{-2147483649}, "08000000 01000000 ffffff7fffffffff"},
        {{INT64_MAX, INT64_MIN, 1},
         "08000000 03000000 0000000000000080 0100000000000000 ffffffffffffff7f"},
    };
    for (const auto& golden : kGolden) {
      CAPTURE(golden.hex);
      OwnedIntset set;
      for (const int64_t value : golden.added) CHECK(set->Add(value));
      CHECK(set->bytes() == FromHex(golden.hex));
      CHECK(Intset::Validate(set->bytes()));
    }
  }

  TEST_CASE("a width stays when what needed it goes") {
    OwnedIntset set;
    set->Add(1);
    set->Add(70000);
    CHECK(set->Remove(70000));
    CHECK(set->bytes() == FromHex("04000000 01000000 01000000"));
  }

  TEST_CASE("what is wider than the set is not in it") {
    OwnedIntset set;
    for (const int64_t value : {int64_t{-1}, int64_t{0}, int64_t{7}}) set->Add(value);
    for (const int64_t value :
         {int64_t{65535}, int64_t{65536}, int64_t{1} << 32, INT64_MIN, INT64_MAX}) {
      CHECK_FALSE(set->Contains(value));
      CHECK_FALSE(set->Remove(value));
    }
    CHECK(set->Contains(-1));
    CHECK_FALSE(set->Add(7));
    CHECK(Elements(*set) == std::vector<int64_t>{-1, 0, 7});
  }

  TEST_CASE("a random run of edits is what a std::set makes of it") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      OwnedIntset set;
      std::set<int64_t> model;
      const unsigned widest = 20 + static_cast<unsigned>(random.Below(44));
      for (int step = 0; step < 2000; ++step) {
        // Mostly narrow ones, so that they meet; signs come from the shift.
        const unsigned bits = random.Below(20) == 0 ? widest : 9;
        const int64_t value = static_cast<int64_t>(random.Next()) >> (63 - bits);
        if (random.Below(5) < (model.size() > 300 ? 1u : 3u)) {
          REQUIRE(set->Add(value) == model.insert(value).second);
        } else {
          REQUIRE(set->Remove(value) == (model.erase(value) == 1));
        }
        REQUIRE(set->Count() == model.size());
        const int64_t asked = static_cast<int64_t>(random.Next()) >> 54;
        REQUIRE(set->Contains(asked) == model.contains(asked));
        if (step % 64 == 0) {
          REQUIRE(Elements(*set) == std::vector<int64_t>(model.begin(), model.end()));
          REQUIRE(Intset::Validate(set->bytes()) == !model.empty());
        }
      }
    }
  }

  TEST_CASE("what is cut short, in disorder or of no width is refused") {
    const std::string good = FromHex("04000000 03000000 fbffffff 01000000 70110100");
    CHECK(Intset::Validate(good));
    for (size_t size = 0; size < good.size(); ++size) {
      const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK_FALSE(Intset::Validate(Bytes(cut.data(), cut.size())));
    }
    CHECK_FALSE(Intset::Validate(good + "x"));
    CHECK_FALSE(Intset::Validate(FromHex("02000000 00000000")));  // an empty set is no set
    CHECK_FALSE(Intset::Validate(FromHex("00000000 01000000 0100")));
    CHECK_FALSE(Intset::Validate(FromHex("01000000 01000000 01")));
    CHECK_FALSE(Intset::Validate(FromHex("03000000 01000000 010000")));
    CHECK_FALSE(Intset::Validate(FromHex("02000000 02000000 0200 0100")));  // descending
    CHECK_FALSE(Intset::Validate(FromHex("02000000 02000000 0100 0100")));  // twice
    CHECK_FALSE(Intset::Validate(
        FromHex("02000000 02000080 0100 0200")));  // a count that overflows when multiplied
    CHECK_FALSE(Intset::Validate(FromHex("08000000 00000020 0100000000000000")));
    // Every bit: refused, or still in order.
    for (size_t i = 0; i < good.size(); ++i) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::string bent = good;
        bent[i] = static_cast<char>(static_cast<uint8_t>(bent[i]) ^ (1u << bit));
        if (!Intset::Validate(bent)) continue;
        OwnedIntset set(bent);
        const auto elements = Elements(*set);
        CHECK(elements.size() == 3);
        CHECK(std::set<int64_t>(elements.begin(), elements.end()).size() == 3);
        for (const int64_t value : elements) CHECK(set->Contains(value));
      }
    }
  }
}

}  // namespace
}  // namespace terrace::types
