#include "engine/expiry_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

using namespace terrace;
using namespace terrace::engine;

TEST_SUITE("engine/expiry_index") {
  TEST_CASE("an empty index is never due") {
    const ExpiryIndex index;
    CHECK(index.empty());
    CHECK(index.next_due_ms() == ExpiryIndex::kNever);
    CHECK(index.live() == 0);
    CHECK(!index.WantsRebuild());
  }

  TEST_CASE("pairs come off in the order of their deadlines") {
    Random random(1);
    ExpiryIndex index;
    std::vector<uint64_t> deadlines;
    for (int i = 0; i < 2000; ++i) {
      deadlines.push_back(1 + random.Below(500));
      index.Add(deadlines.back(), random.Next());
    }
    std::sort(deadlines.begin(), deadlines.end());
    for (const uint64_t deadline : deadlines) {
      REQUIRE(index.next_due_ms() == deadline);
      REQUIRE(index.top().deadline_ms == deadline);
      index.Pop(false);
    }
    CHECK(index.empty());
  }

  TEST_CASE("a stale pair is not alive, and the count is right again when it comes off") {
    ExpiryIndex index;
    index.Add(10, 1);
    index.Add(20, 2);
    index.MarkStale();
    CHECK(index.live() == 1);
    index.Pop(true);
    CHECK(index.live() == 1);
    index.Pop(false);
    CHECK(index.live() == 0);
    CHECK(index.empty());
  }

  TEST_CASE("it wants a rebuild when more than half of many pairs are stale") {
    ExpiryIndex index;
    for (uint64_t i = 1; i <= 100; ++i) index.Add(i, i);
    for (int i = 0; i < 50; ++i) index.MarkStale();
    CHECK(!index.WantsRebuild());
    index.MarkStale();
    CHECK(index.WantsRebuild());
    index.Rebuild([](const ExpiryIndex::Item& item) { return item.hash % 2 == 0; });
    CHECK(!index.WantsRebuild());
    CHECK(index.live() == 50);
    for (uint64_t i = 2; i <= 100; i += 2) {
      REQUIRE(index.top().hash == i);
      index.Pop(false);
    }
    CHECK(index.empty());
  }

  TEST_CASE("a few stale pairs are not worth a rebuild") {
    ExpiryIndex index;
    for (uint64_t i = 1; i <= 32; ++i) {
      index.Add(i, i);
      index.MarkStale();
    }
    CHECK(!index.WantsRebuild());
  }

  TEST_CASE("a rebuild keeps one of equal pairs and tells apart those that differ in one half") {
    ExpiryIndex index;
    for (int i = 0; i < 3; ++i) {
      index.Add(5, 1);
      index.Add(5, 2);
      index.Add(6, 1);
    }
    index.Rebuild([](const ExpiryIndex::Item&) { return true; });
    CHECK(index.items().size() == 3);
    CHECK(index.live() == 3);
    index.Add(4, 9);  // still a heap
    CHECK(index.next_due_ms() == 4);
    index.Pop(false);
    CHECK(index.next_due_ms() == 5);
  }
}
