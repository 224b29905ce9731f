#include "engine/removed_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/random.h"
#include "storage/printed_seed.h"

namespace terrace::engine {
namespace {

TEST_SUITE("engine/removed_keys") {
  TEST_CASE(
      "every key that was added comes once, in the order of tables, however many lists it came "
      "in") {
    Random random(storage::PrintedSeed("engine/removed_keys"));
    std::set<std::pair<uint64_t, std::string>> model;
    RemovedKeys keys;
    uint64_t added = 0;
    for (int list = 0; list < 5; ++list) {
      RemovedKeys more;
      for (int i = 0; i < 4000; ++i) {
        // Some again, some of one hash, some larger than a chunk; bytes are unsigned.
        std::string key(random.Below(20), static_cast<char>(random.Next()));
        if (random.Below(2000) == 0) key.resize(100'000, 'x');
        const uint64_t hash = random.Below(3) == 0 ? random.Below(9) : random.Next();
        more.Add(hash, key);
        model.emplace(hash, key);
        ++added;
      }
      keys.Append(std::move(more));
      CHECK(more.count() == 0);
      CHECK(more.Sorted().empty());
    }
    CHECK(keys.count() == added);
    const std::vector<HashedKey> sorted = keys.Sorted();
    REQUIRE(sorted.size() == model.size());
    CHECK(sorted.size() < added);
    CHECK(std::equal(sorted.begin(), sorted.end(), model.begin(), [](const auto& a, const auto& b) {
      return a.hash == b.first && a.key == b.second;
    }));
  }

  TEST_CASE("a list goes on after others were appended to it") {
    RemovedKeys keys, more;
    keys.Add(2, "b");
    more.Add(1, "a");
    keys.Append(std::move(more));
    keys.Add(3, "c");
    more.Add(4, "d");
    keys.Append(std::move(more));
    const auto sorted = keys.Sorted();
    REQUIRE(sorted.size() == 4);
    for (size_t i = 0; i < 4; ++i)
      CHECK(sorted[i].key == std::string(1, static_cast<char>('a' + i)));
  }
}

}  // namespace
}  // namespace terrace::engine
