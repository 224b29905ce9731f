#include "storage/bloom_filter.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/random.h"

namespace terrace::storage {
namespace {

constexpr size_t kKeysOfBlock = 150;

struct Filters {
  std::vector<std::string> lines;
  std::vector<std::vector<Position>> keys;
};

// As a table has them: hashes in order, cut into blocks of neighbours.
Filters MakeFilters(size_t blocks, uint32_t bits_per_key) {
  Filters filters;
  BloomBuilder builder(bits_per_key);
  Random random(1);
  for (size_t block = 0; block < blocks; ++block) {
    std::vector<Position> keys;
    for (size_t i = 0; i < kKeysOfBlock; ++i)
      keys.push_back({7, uint64_t{block} << 48 | random.Next() >> 16});
    for (const Position key : keys) builder.Add(key);
    std::string lines;
    const uint32_t count = builder.AppendLines(&lines);
    CHECK(count * kBloomLineBytes == lines.size());
    filters.lines.push_back(std::move(lines));
    filters.keys.push_back(std::move(keys));
  }
  return filters;
}

TEST_SUITE("storage/bloom_filter") {
  TEST_CASE(
      "what was added is there, and of the rest as few get through as the head of the file says") {
    const struct {
      uint32_t bits_per_key;
      uint32_t probes;
      double percent_max;
    } cases[] = {{6, 4, 4.4}, {8, 6, 1.0}, {10, 7, 1.0}, {12, 8, 0.25}, {16, 11, 0.09}};
    for (const auto& each : cases) {
      CHECK(BloomProbes(each.bits_per_key) == each.probes);
      const Filters filters = MakeFilters(200, each.bits_per_key);
      Random random(2);
      uint64_t asked = 0;
      uint64_t passed = 0;
      size_t bytes = 0;
      for (size_t block = 0; block < filters.lines.size(); ++block) {
        const Bytes lines = filters.lines[block];
        bytes += lines.size();
        for (const Position key : filters.keys[block])
          CHECK(BloomMayContain(lines, each.probes, BloomHash(key)));
        for (size_t i = 0; i < 1000; ++i, ++asked) {
          const Position absent{7, uint64_t{block} << 48 | random.Next() >> 16};
          passed += BloomMayContain(lines, each.probes, BloomHash(absent));
        }
      }
      const double percent = 100.0 * static_cast<double>(passed) / static_cast<double>(asked);
      std::printf("%2u bits per key, %.1f with whole lines: %.3f %% false positives\n",
                  each.bits_per_key, 8.0 * static_cast<double>(bytes) / (kKeysOfBlock * 200.0),
                  percent);
      CHECK(percent < each.percent_max);
      CHECK(passed > 0);
    }
  }

  TEST_CASE("the same hash in another space is another key") {
    BloomBuilder builder(16);
    Random random(3);
    std::vector<uint64_t> hashes(1000);
    for (uint64_t& hash : hashes) {
      hash = random.Next();
      builder.Add({1, hash});
    }
    std::string lines;
    builder.AppendLines(&lines);
    size_t passed = 0;
    for (const uint64_t hash : hashes)
      passed += BloomMayContain(lines, builder.probes(), BloomHash({2, hash}));
    CHECK(passed < 10);
  }

  TEST_CASE("no bits, no keys: no lines, and everything may be there") {
    std::string lines;
    BloomBuilder none(0);
    none.Add({1, 2});
    CHECK(none.AppendLines(&lines) == 0);
    CHECK(none.probes() == 0);
    BloomBuilder builder(10);
    CHECK(builder.AppendLines(&lines) == 0);
    CHECK(lines.empty());
    CHECK(BloomMayContain(lines, 7, BloomHash({1, 2})));
  }
}

}  // namespace
}  // namespace terrace::storage
