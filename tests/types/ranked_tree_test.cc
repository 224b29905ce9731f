#include "types/ranked_tree.h"

#include <doctest/doctest.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "types/scored_table.h"

namespace terrace::types {
namespace {

// A tree over items that a table owns, as in a sorted set.
struct Ranked {
  Table* table = Table::New(Table::Extra::kScore);
  RankedTree tree;

  Ranked() = default;
  ~Ranked() { Table::Delete(table); }
  Ranked(const Ranked&) = delete;
  Ranked& operator=(const Ranked&) = delete;

  ScoredItem* Add(Bytes member, double score) {
    bool inserted = false;
    ScoredItem* item = table->FindOrInsert(member, score, &inserted);
    CHECK(inserted);
    tree.Insert(item);
    return item;
  }
  void Remove(Bytes member) {
    ScoredItem* item = table->Take(member);
    REQUIRE(item != nullptr);
    tree.Erase(item);
    table->FreeItem(item);
  }
  double BytesAMember() const {
    return static_cast<double>(tree.MemoryBytes()) / static_cast<double>(tree.size());
  }
};

std::string Name(uint64_t n) {
  std::string name = std::to_string(n);
  return std::string(12 - name.size(), '0') + name;
}

using Model = std::set<std::pair<double, std::string>>;

void CheckAgainst(const RankedTree& tree, const Model& model) {
  tree.Check();
  REQUIRE(tree.size() == model.size());
  RankedTree::Position at = tree.First();
  for (const auto& [score, member] : model) {
    REQUIRE(at);
    CHECK(at.item()->score() == score);
    CHECK(at.item()->member() == member);
    at.Next();
  }
  CHECK(!at);
  at = tree.Last();
  for (auto expected = model.rbegin(); expected != model.rend(); ++expected, at.Previous()) {
    REQUIRE(at);
    CHECK(at.item()->member() == expected->second);
  }
  CHECK(!at);
}

TEST_SUITE("types/ranked_tree") {
  TEST_CASE("an empty tree has no first, no last and nothing before anything") {
    RankedTree tree;
    CHECK(tree.size() == 0);
    CHECK(!tree.First());
    CHECK(!tree.Last());
    CHECK(tree.First().item() == nullptr);
    CHECK(tree.CountBefore([](double, const ScoredItem*) { return true; }) == 0);
    tree.Check();
  }

  TEST_CASE("order, ranks and bounds agree with a std::set, whatever comes and goes") {
    for (const unsigned kinds : {1u, 3u, 1000u}) {  // of scores: all equal, some equal, few equal
      Random random(7 + kinds);
      Ranked ranked;
      Model model;
      std::vector<std::pair<double, std::string>> in;
      for (unsigned round = 0; round < 12; ++round) {
        const bool grows = round % 4 < 2;
        for (unsigned i = 0; i < 600; ++i) {
          if (in.empty() || random.Below(10) < (grows ? 9u : 2u)) {
            const double score = static_cast<double>(random.Below(kinds)) - 1;
            std::string member =
                std::to_string(random.Below(1'000'000'000)) + "/" + std::to_string(i + 600 * round);
            ranked.Add(member, score);
            model.emplace(score, member);
            in.emplace_back(score, std::move(member));
          } else {
            const size_t victim = random.Below(in.size());
            ranked.Remove(in[victim].second);
            model.erase(in[victim]);
            in[victim] = in.back();
            in.pop_back();
          }
        }
        CheckAgainst(ranked.tree, model);
        size_t rank = 0;
        for (const auto& [score, member] : model) {
          const ScoredItem* item = ranked.table->Find(member);
          CHECK(ranked.tree.RankOf(item) == rank);
          CHECK(ranked.tree.At(rank).item() == item);
          ++rank;
        }
        for (unsigned i = 0; i < 20; ++i) {
          const double bound = static_cast<double>(random.Below(kinds + 2)) - 1.5;
          const auto below = [&](double score, const ScoredItem*) { return score < bound; };
          const auto first = model.lower_bound({bound, ""});
          CHECK(ranked.tree.CountBefore(below) ==
                static_cast<size_t>(std::distance(model.begin(), first)));
        }
      }
      while (!in.empty()) {
        ranked.Remove(in.back().second);
        model.erase(in.back());
        in.pop_back();
        if (in.size() % 64 == 0) CheckAgainst(ranked.tree, model);
      }
      CHECK(ranked.tree.nodes() == 1);
    }
  }

  TEST_CASE("members that come in order leave full leaves behind them") {
    constexpr unsigned kMembers = 20'000;
    Ranked ascending, descending;
    for (unsigned i = 0; i < kMembers; ++i) ascending.Add(Name(i), i);
    for (unsigned i = kMembers; i > 0; --i) descending.Add(Name(i), i);
    ascending.tree.Check();
    descending.tree.Check();
    CHECK(ascending.BytesAMember() < 9.6);
    CHECK(descending.BytesAMember() < 9.6);
  }

  TEST_CASE("members that come in any order leave leaves four fifths full") {
    Random random(3);
    Ranked ranked;
    for (unsigned i = 0; i < 40'000; ++i) ranked.Add(Name(i), random.Unit());
    ranked.tree.Check();
    CHECK(ranked.BytesAMember() < 11.5);
  }

  TEST_CASE("a tree that has shrunk gives its nodes back") {
    Random random(5);
    Ranked ranked;
    for (unsigned i = 0; i < 30'000; ++i) ranked.Add(Name(i), random.Unit());
    const size_t before = ranked.tree.nodes();
    for (unsigned i = 0; i < 27'000; ++i) ranked.Remove(Name(i));
    ranked.tree.Check();
    CHECK(ranked.tree.nodes() < before / 3);
    // From either end, too.
    while (ranked.tree.size() > 1000) {
      ranked.Remove(std::string(ranked.tree.First().item()->member()));
      ranked.Remove(std::string(ranked.tree.Last().item()->member()));
    }
    ranked.tree.Check();
    CHECK(ranked.tree.nodes() < 120);
  }

  TEST_CASE("the first so many go at once, a leaf at the most, and the rest stays in order") {
    constexpr uint64_t kSeed = 20'261'121;
    INFO("seed ", kSeed);
    Random random(kSeed);
    Ranked ranked;
    Model model;
    for (unsigned i = 0; i < 20'000; ++i) {
      const auto score = static_cast<double>(random.Below(50));
      ranked.Add(Name(i), score);
      model.emplace(score, Name(i));
    }
    for (unsigned round = 0; !model.empty(); ++round) {
      const std::span<ScoredItem* const> first = ranked.tree.FirstItems();
      REQUIRE(!first.empty());
      const size_t count = random.Below(2) == 0 ? first.size() : 1 + random.Below(first.size());
      std::vector<std::string> names;
      for (size_t i = 0; i < count; ++i) {
        CHECK(first[i]->member() == model.begin()->second);
        names.emplace_back(first[i]->member());
        model.erase(model.begin());
      }
      ranked.tree.EraseFirst(count);
      for (const std::string& name : names) ranked.table->Erase(name);
      if (round % 50 == 0 || model.size() < 200) CheckAgainst(ranked.tree, model);
    }
    CHECK(ranked.tree.FirstItems().empty());
    ranked.Add("again", 1);
    CheckAgainst(ranked.tree, {{1, "again"}});
  }

  TEST_CASE("infinite scores are the ends of the order, and the two zeros one score") {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    Ranked ranked;
    ranked.Add("z", -kInfinity);
    ranked.Add("a", kInfinity);
    ranked.Add("m", 0.0);
    ranked.Add("l", -0.0);
    ranked.Add("n", -1e308);
    std::string order;
    for (auto at = ranked.tree.First(); at; at.Next()) order += at.item()->member();
    CHECK(order == "znlma");
  }
}

}  // namespace
}  // namespace terrace::types
