#include "types/id_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/random.h"

namespace terrace::types {
namespace {

struct Big {
  uint64_t parts[3];
};
struct Nothing {};

using Tree = IdTree<uint64_t>;
using Model = std::map<StreamId, uint64_t>;

void CheckAgainst(const Tree& tree, const Model& model) {
  tree.Check();
  REQUIRE(tree.size() == model.size());
  Tree::Position at = tree.First();
  for (const auto& [id, value] : model) {
    REQUIRE(at);
    REQUIRE(at.id() == id);
    REQUIRE(at.value() == value);
    at.Next();
  }
  CHECK(!at);
  at = tree.Last();
  for (auto it = model.rbegin(); it != model.rend(); ++it) {
    REQUIRE(at);
    REQUIRE(at.id() == it->first);
    at.Previous();
  }
  CHECK(!at);
}

void CheckSeeks(const Tree& tree, const Model& model, StreamId id) {
  const auto after = model.lower_bound(id);
  const Tree::Position at_or_after = tree.AtOrAfter(id);
  REQUIRE(static_cast<bool>(at_or_after) == (after != model.end()));
  if (at_or_after) CHECK(at_or_after.id() == after->first);
  const auto behind = model.upper_bound(id);
  const Tree::Position at_or_before = tree.AtOrBefore(id);
  REQUIRE(static_cast<bool>(at_or_before) == (behind != model.begin()));
  if (at_or_before) CHECK(at_or_before.id() == std::prev(behind)->first);
  const auto exact = model.find(id);
  const uint64_t* found = tree.Find(id);
  REQUIRE((found != nullptr) == (exact != model.end()));
  if (found != nullptr) CHECK(*found == exact->second);
}

TEST_SUITE("types/id_tree") {
  TEST_CASE("an empty tree has nothing and holds nothing") {
    const Tree tree;
    CHECK(tree.size() == 0);
    CHECK(!tree.First());
    CHECK(!tree.Last());
    CHECK(!tree.AtOrAfter({}));
    CHECK(!tree.AtOrBefore(StreamId::Max()));
    CHECK(tree.Find({1, 1}) == nullptr);
    CHECK(tree.MemoryBytes() == 0);
  }

  TEST_CASE("it is what an ordered map is, whatever comes and goes") {
    // The span of ids decides how often one meets another: few ids, some, hardly any twice.
    for (const uint64_t span : {40, 3000, 1'000'000}) {
      for (const uint64_t seed : {1, 2, 3}) {
        CAPTURE(span);
        CAPTURE(seed);
        Random random(seed);
        Tree tree;
        Model model;
        for (int round = 0; round < 12; ++round) {
          // Grows in one round and shrinks in the next.
          const uint64_t inserts = round % 2 == 0 ? 8 : 2;
          for (int i = 0; i < 1500; ++i) {
            StreamId id{random.Below(span), random.Below(2)};
            if (random.Below(10) < inserts) {
              if (model.emplace(id, id.ms * 3).second) tree.Insert(id, id.ms * 3);
            } else {
              const auto near = model.lower_bound(id);
              if (near != model.end() && random.Below(4) != 0) id = near->first;
              CHECK(tree.Erase(id) == (model.erase(id) == 1));
            }
            CheckSeeks(tree, model, {random.Below(span), random.Below(3)});
          }
          CheckAgainst(tree, model);
        }
        while (!model.empty()) {
          const auto at = random.Below(2) == 0 ? model.begin() : std::prev(model.end());
          REQUIRE(tree.Erase(at->first));
          model.erase(at);
        }
        CheckAgainst(tree, model);
        CHECK(tree.MemoryBytes() == 0);
        CHECK(tree.nodes() == 0);
      }
    }
  }

  TEST_CASE("what comes in order stands densely, and small trees are small") {
    Tree tree;
    tree.Insert({1, 0}, 1);
    CHECK(tree.MemoryBytes() <= 96);
    for (uint64_t i = 2; i <= 100'000; ++i) tree.Insert({i, 0}, i);
    tree.Check();
    const double bytes = static_cast<double>(tree.MemoryBytes()) / 100'000;
    CHECK(bytes < 26.5);  // an item has 24
  }

  TEST_CASE("a queue that is filled at one end and emptied at the other gives its leaves back") {
    IdTree<Nothing> queue;
    uint64_t first = 0;
    for (uint64_t i = 0; i < 50'000; ++i) {
      queue.Insert({i, i}, {});
      if (queue.size() > 200) {
        CHECK(queue.Erase({first, first}));
        ++first;
      }
    }
    queue.Check();
    CHECK(queue.MemoryBytes() < 200 * 16 + 5 * 1024);
  }

  TEST_CASE("what is left of many does not hold their memory") {
    IdTree<Big> tree;
    for (uint64_t i = 0; i < 20'000; ++i) tree.Insert({i, 0}, {{i, i, i}});
    for (uint64_t i = 0; i < 20'000; ++i) {
      if (i % 50 != 0) CHECK(tree.Erase({i, 0}));
    }
    tree.Check();
    CHECK(tree.size() == 400);
    CHECK(tree.MemoryBytes() < 400 * sizeof(IdTree<Big>::Item) * 5);
    for (uint64_t i = 0; i < 20'000; i += 50) {
      const Big* found = tree.Find({i, 0});
      REQUIRE(found != nullptr);
      CHECK(found->parts[2] == i);
    }
  }
}

}  // namespace
}  // namespace terrace::types
