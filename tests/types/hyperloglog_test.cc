#include "types/hyperloglog.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace terrace::types {
namespace {

constexpr uint64_t kSparseMax = 3000;

std::string HllOf(uint64_t from, uint64_t to, uint64_t sparse_max = kSparseMax) {
  std::string image = NewHll();
  for (uint64_t i = from; i < to; ++i) {
    REQUIRE(HllRaise(&image, HllMarkOf("element " + std::to_string(i)), sparse_max) !=
            HllChange::kDamaged);
  }
  return image;
}

HllEncoding EncodingOf(Bytes image) { return HllEncodingOf(image).value(); }

// FNV-1a, to compare twelve kilobytes with what a stock server made of the same elements.
uint64_t Fingerprint(Bytes bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

// Everything one can do with bytes that say they are a HyperLogLog. What matters is that nothing outside is touched.
void Exercise(const std::string& image) {
  if (!HllEncodingOf(image)) return;
  const auto estimate = HllEstimate(image);
  HllRegisters registers;
  const bool sound = registers.Merge(image);
  CHECK(sound == estimate.has_value());
  if (sound) CHECK(registers.Estimate() == *estimate);
  std::string dense = image;
  CHECK(HllMakeDense(&dense) == sound);
  if (sound) {
    for (size_t i = 0; i < kHllRegisters; ++i) REQUIRE(HllDenseRank(dense, i) == registers[i]);
  }
  if (EncodingOf(image) == HllEncoding::kSparse)
    CHECK(HllDescribeSparse(image).has_value() == sound);
  for (uint64_t i = 0; i < 40; ++i) {
    std::string raised = image;
    const HllMark mark{static_cast<uint16_t>(i * 419 % kHllRegisters), static_cast<uint8_t>(1 + i)};
    const HllChange change = HllRaise(&raised, mark, i % 2 == 0 ? kSparseMax : 0);
    if (!sound) continue;
    REQUIRE(change == (registers[mark.index] < mark.rank ? HllChange::kRaised : HllChange::kNone));
    REQUIRE(HllMakeDense(&raised));
    REQUIRE(HllDenseRank(raised, mark.index) == std::max(registers[mark.index], mark.rank));
  }
}

}  // namespace

TEST_SUITE("types/hyperloglog") {
  TEST_CASE("the bytes are those a stock server makes of the same elements") {
    std::string image = NewHll();
    CHECK(image == std::string("HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18));
    for (const Bytes element : {"a", "b", "c", "d", "e", "f", "g", "", "hello"}) {
      CHECK(HllRaise(&image, HllMarkOf(element), kSparseMax) == HllChange::kRaised);
    }
    CHECK(HllDescribeSparse(image) ==
          "Z:1646 v:1,1 Z:4291 v:2,1 Z:1353 v:1,1 Z:1085 v:2,1 z:57 v:1,1 Z:779 v:1,1 Z:3494 v:2,1 "
          "Z:2445 v:1,1 Z:622 v:1,1 Z:603");
    CHECK(HllEstimate(image) == 9);
    CHECK(HllOf(1, 2).size() == 21);
    CHECK(HllOf(1, 11).size() == 48);
    CHECK(HllOf(1, 101).size() == 287);
    CHECK(HllOf(1, 1001).size() == 1910);
    CHECK(HllOf(1, 1501).size() == 2709);
    CHECK(HllEstimate(HllOf(1, 101)) == 100);
    CHECK(HllEstimate(HllOf(1, 1001)) == 1003);
    CHECK(HllEstimate(HllOf(1, 1501)) == 1499);
    CHECK(HllEstimate(HllOf(1, 10'001)) == 10'008);
    CHECK(HllEstimate(HllOf(1, 100'001)) == 99'658);
    CHECK(Fingerprint(HllOf(1, 1001).substr(kHllHeaderBytes)) == 0x6c292aa4e4b4003d);
    CHECK(Fingerprint(HllOf(1, 100'001).substr(kHllHeaderBytes)) == 0x5029a37ad5cdb9ac);
  }

  TEST_CASE("the sparse form becomes dense at its limit, or when a register is too high for it") {
    const std::string small = HllOf(0, 50);
    std::string image = small;
    CHECK(EncodingOf(image) == HllEncoding::kSparse);
    CHECK(EncodingOf(HllOf(0, 50, 100)) == HllEncoding::kDense);
    CHECK(EncodingOf(HllOf(0, 1, 0)) == HllEncoding::kDense);
    CHECK(HllRaise(&image, {7, 32}, kSparseMax) == HllChange::kRaised);
    CHECK(EncodingOf(image) == HllEncoding::kSparse);
    CHECK(HllRaise(&image, {7, 33}, kSparseMax) == HllChange::kRaised);
    REQUIRE(EncodingOf(image) == HllEncoding::kDense);
    CHECK(image.size() == kHllDenseBytes);
    CHECK(HllDenseRank(image, 7) == 33);
    // Which form it is in changes neither estimate nor registers.
    std::string dense = small;
    CHECK(HllMakeDense(&dense));
    CHECK(HllEstimate(dense) == HllEstimate(small));
    CHECK(dense == HllOf(0, 50, 0));
  }

  TEST_CASE("registers raised in any order are those of a plain array, in both forms") {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      // Few registers, close together: runs are split and joined all the time.
      const uint64_t spread = seed % 2 == 0 ? 40 : kHllRegisters;
      const uint64_t offset = random() % (kHllRegisters - spread + 1);
      const uint64_t ranks = 1 + random() % 40;
      std::string image = NewHll();
      std::array<uint8_t, kHllRegisters> model{};
      for (int step = 0; step < 600; ++step) {
        const HllMark mark{static_cast<uint16_t>(offset + random() % spread),
                           static_cast<uint8_t>(1 + random() % ranks)};
        const bool raises = model[mark.index] < mark.rank;
        REQUIRE(HllRaise(&image, mark, kSparseMax) ==
                (raises ? HllChange::kRaised : HllChange::kNone));
        model[mark.index] = std::max(model[mark.index], mark.rank);
      }
      HllRegisters registers;
      REQUIRE(registers.Merge(image));
      REQUIRE(HllMakeDense(&image));
      for (size_t i = 0; i < kHllRegisters; ++i) {
        REQUIRE(registers[i] == model[i]);
        REQUIRE(HllDenseRank(image, i) == model[i]);
      }
    }
  }

  TEST_CASE("a union is what one would be that has seen everything") {
    HllRegisters both;
    CHECK(both.Merge(HllOf(0, 800)));
    CHECK(both.Merge(HllOf(500, 20'000)));
    CHECK(both.Estimate() == HllEstimate(HllOf(0, 20'000)));
  }

  TEST_CASE("the estimate is kept in the header until it is forgotten") {
    std::string image = NewHll();
    CHECK(HllKeptEstimate(image) == 0);
    HllForgetEstimate(image.data());
    CHECK(HllKeptEstimate(image) == std::nullopt);
    HllKeepEstimate(image.data(), 0x123456789A);
    CHECK(HllKeptEstimate(image) == 0x123456789A);
    CHECK(image.substr(8, 8) == std::string("\x9a\x78\x56\x34\x12\0\0\0", 8));
    CHECK(HllMakeDense(&image));
    CHECK(HllKeptEstimate(image) == 0x123456789A);
  }

  TEST_CASE("what is none is told by its header") {
    const std::string sparse = HllOf(0, 10);
    const std::string dense = HllOf(0, 10, 0);
    CHECK(HllEncodingOf(sparse) == HllEncoding::kSparse);
    CHECK(HllEncodingOf(dense) == HllEncoding::kDense);
    CHECK_FALSE(HllEncodingOf("").has_value());
    CHECK_FALSE(HllEncodingOf("HYLL").has_value());
    CHECK_FALSE(HllEncodingOf(sparse.substr(0, 15)).has_value());
    CHECK_FALSE(HllEncodingOf("HYLX" + sparse.substr(4)).has_value());
    CHECK_FALSE(HllEncodingOf("HYLL\x02" + sparse.substr(5)).has_value());
    CHECK_FALSE(HllEncodingOf(dense + "x").has_value());
    CHECK_FALSE(HllEncodingOf(dense.substr(1)).has_value());
  }

  TEST_CASE("damaged bytes are told from sound ones and nothing outside of them is touched") {
    const std::string images[] = {NewHll(), HllOf(0, 3), HllOf(0, 200), HllOf(0, 1500),
                                  HllOf(0, 10, 0)};
    for (const std::string& image : images) Exercise(image);
    for (uint64_t seed = 1; seed <= 400; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      std::string image = images[seed % std::size(images)];
      for (uint64_t i = 0; i < 1 + random() % 3; ++i) {
        const size_t at = kHllHeaderBytes + random() % (image.size() - kHllHeaderBytes);
        switch (random() % 4) {
          case 0:
            image[at] = static_cast<char>(random());
            break;
          case 1:
            image.insert(at, 1, static_cast<char>(random()));
            break;
          case 2:
            image.resize(at + 1);
            break;
          case 3:
            image.erase(at, 1 + random() % 3);
            break;
        }
        if (image.size() <= kHllHeaderBytes) image += '\x40';
      }
      image.shrink_to_fit();  // so that a sanitizer sees a step over the end
      Exercise(image);
    }
    // Too short by one register, too long by one, half of a two-byte run, nothing at all.
    const std::string header = NewHll().substr(0, kHllHeaderBytes);
    for (const Bytes runs :
         {Bytes("\x7f\xfe", 2), Bytes("\x7f\xff\x00", 3), Bytes("\x7f", 1), Bytes("", 0)}) {
      CHECK_FALSE(HllEstimate(header + std::string(runs)).has_value());
    }
  }
}

}  // namespace terrace::types
