#include "types/sorted_set.h"

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/random.h"

namespace terrace::types {
namespace {

constexpr SortedSet::Limits kLimits = {.listpack_entries = 128, .listpack_value_bytes = 64};
constexpr SortedSet::Limits kAlwaysSkiplist = {.listpack_entries = 0, .listpack_value_bytes = 0};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A set and what it should hold.
struct Modelled {
  SortedSet set = SortedSet::New();
  std::map<std::string, double> scores;

  Modelled() = default;
  ~Modelled() { Destroy(set.value()); }
  Modelled(const Modelled&) = delete;
  Modelled& operator=(const Modelled&) = delete;

  std::set<std::pair<double, std::string>> Ordered() const {
    std::set<std::pair<double, std::string>> ordered;
    for (const auto& [member, score] : scores) ordered.emplace(score, member);
    return ordered;
  }
  void CheckContents() const {
    const auto ordered = Ordered();
    REQUIRE(set.Size() == ordered.size());
    size_t rank = 0;
    SortedSet::Cursor at = set.First();
    for (const auto& [score, member] : ordered) {
      REQUIRE(at);
      CHECK(at.member() == member);
      CHECK(at.score() == score);
      CHECK(set.Score(member) == score);
      CHECK(set.Rank(member) == rank);
      CHECK(set.At(rank).member() == member);
      at.Next();
      ++rank;
    }
    CHECK(!at);
    CHECK(!set.At(rank));
    at = set.Last();
    for (auto expected = ordered.rbegin(); expected != ordered.rend(); ++expected, at.Previous()) {
      REQUIRE(at);
      CHECK(at.member() == expected->second);
    }
    CHECK(!at);
  }
};

std::string Members(const SortedSet& set) {
  std::string text;
  for (SortedSet::Cursor at = set.First(); at; at.Next()) {
    text += std::string(at.member()) + '=' + FormatDouble(at.score()) + ' ';
  }
  return text;
}

TEST_SUITE("types/sorted_set") {
  TEST_CASE("both encodings hold what a map holds, in order") {
    for (const auto& limits : {kLimits, kAlwaysSkiplist}) {
      Random random(limits.listpack_entries + 11);
      Modelled modelled;
      const size_t names = limits.listpack_entries != 0 ? 120 : 3000;
      for (unsigned step = 0; step < 4000; ++step) {
        // Names that are numbers are integers in a listpack.
        const uint64_t n = random.Below(names);
        const std::string member = n % 3 == 0 ? std::to_string(n) : "m" + std::to_string(n);
        if (random.Below(3) != 0) {
          const double score = random.Below(2) == 0 ? static_cast<double>(random.Below(5))
                                                    : random.Unit() * 100 - 50;
          const auto known = modelled.scores.find(member);
          const auto change = modelled.set.Set(member, score, limits);
          CHECK(change == (known == modelled.scores.end() ? SortedSet::Change::kAdded
                           : known->second == score       ? SortedSet::Change::kNone
                                                          : SortedSet::Change::kScored));
          modelled.scores[member] = score;
        } else {
          CHECK(modelled.set.Erase(member) == (modelled.scores.erase(member) == 1));
        }
        if (step % 500 == 0) modelled.CheckContents();
      }
      modelled.CheckContents();
      CHECK(modelled.set.is_listpack() == (limits.listpack_entries != 0));
      CHECK(!modelled.set.Score("nobody"));
      CHECK(!modelled.set.Rank("nobody"));
    }
  }

  TEST_CASE("ranges of scores come to the ranks a walk finds") {
    for (const auto& limits : {kLimits, kAlwaysSkiplist}) {
      Random random(23);
      Modelled modelled;
      for (unsigned i = 0; i < 110; ++i) {
        const std::string member = "m" + std::to_string(i);
        const double score = static_cast<double>(random.Below(20));
        modelled.set.Set(member, score, limits);
        modelled.scores[member] = score;
      }
      const auto ordered = modelled.Ordered();
      for (unsigned i = 0; i < 300; ++i) {
        ScoreRange range;
        range.min = static_cast<double>(random.Below(44)) / 2 - 1;
        range.max = static_cast<double>(random.Below(44)) / 2 - 1;
        range.excludes_min = random.Below(2) == 0;
        range.excludes_max = random.Below(2) == 0;
        size_t from = 0, count = 0;
        for (const auto& [score, member] : ordered) {
          const bool above = range.excludes_min ? score > range.min : score >= range.min;
          const bool below = range.excludes_max ? score < range.max : score <= range.max;
          if (!above) ++from;
          if (above && below) ++count;
        }
        const RankSpan span = modelled.set.Find(range);
        CHECK(span.count == count);
        if (count != 0) CHECK(span.from == from);
      }
      CHECK(modelled.set.Find(ScoreRange{.min = -kInfinity, .max = kInfinity}).count ==
            ordered.size());
    }
  }

  TEST_CASE("ranges of members are cut where their bounds say") {
    using Kind = LexBound::Kind;
    for (const auto& limits : {kLimits, kAlwaysSkiplist}) {
      Modelled modelled;
      for (const Bytes member : {"", "10", "a", "b", "c", "d"}) modelled.set.Set(member, 0, limits);
      const auto count = [&](LexBound min, LexBound max) {
        return modelled.set.Find(LexRange{min, max}).count;
      };
      CHECK(count({Kind::kLowest, {}}, {Kind::kHighest, {}}) == 6);
      CHECK(count({Kind::kHighest, {}}, {Kind::kLowest, {}}) == 0);
      CHECK(count({Kind::kIncluded, "b"}, {Kind::kIncluded, "c"}) == 2);
      CHECK(count({Kind::kExcluded, "b"}, {Kind::kIncluded, "c"}) == 1);
      CHECK(count({Kind::kExcluded, "b"}, {Kind::kExcluded, "c"}) == 0);
      CHECK(count({Kind::kIncluded, "c"}, {Kind::kIncluded, "b"}) == 0);
      CHECK(count({Kind::kLowest, {}}, {Kind::kExcluded, "a"}) == 2);
      CHECK(count({Kind::kExcluded, "d"}, {Kind::kHighest, {}}) == 0);
      CHECK(modelled.set.Find(LexRange{{Kind::kIncluded, "aa"}, {Kind::kHighest, {}}}).from == 3);
    }
  }

  TEST_CASE("stretches of ranks are erased") {
    for (const auto& limits : {kLimits, kAlwaysSkiplist}) {
      Modelled modelled;
      for (unsigned i = 0; i < 100; ++i) {
        const std::string member = "m" + std::to_string(i);
        modelled.set.Set(member, i, limits);
        if (i < 7 || (i >= 20 && i < 60) || i == 99) continue;
        modelled.scores[member] = i;
      }
      modelled.set.EraseSpan({99, 1});
      modelled.set.EraseSpan({20, 40});
      modelled.set.EraseSpan({0, 7});
      modelled.set.EraseSpan({3, 0});
      modelled.CheckContents();
      modelled.set.EraseSpan({0, modelled.set.Size()});
      CHECK(modelled.set.Size() == 0);
      modelled.scores.clear();
      modelled.CheckContents();
    }
  }

  TEST_CASE(
      "a set is converted by its size, by a long member and when many are expected, and keeps what "
      "it held") {
    Modelled by_size, by_member, expected;
    for (unsigned i = 0; i < 128; ++i) by_size.set.Set(std::to_string(i), i, kLimits);
    CHECK(by_size.set.is_listpack());
    by_size.set.Set("5", 7.25, kLimits);
    CHECK(by_size.set.is_listpack());
    by_size.set.Set("one more", -1, kLimits);
    CHECK(!by_size.set.is_listpack());
    CHECK(by_size.set.value().encoding == Encoding::kSkiplist);
    CHECK(by_size.set.Size() == 129);
    CHECK(by_size.set.Rank("one more") == 0);
    CHECK(by_size.set.Score("5") == 7.25);

    by_member.set.Set(std::string(64, 'x'), 2, kLimits);
    CHECK(by_member.set.is_listpack());
    by_member.set.Set(std::string(65, 'x'), 1, kLimits);
    CHECK(!by_member.set.is_listpack());
    CHECK(by_member.set.First().member() == std::string(65, 'x'));

    expected.set.Expect(128, 64, kLimits);
    CHECK(expected.set.is_listpack());
    expected.set.Expect(129, 1, kLimits);
    CHECK(!expected.set.is_listpack());
    CHECK(expected.set.Size() == 0);
  }

  TEST_CASE("a listpack has each score behind its member, as text a client would see") {
    Modelled modelled;
    modelled.set.Set("a", 1.5, kLimits);
    modelled.set.Set("b", 3, kLimits);
    modelled.set.Set("c", kInfinity, kLimits);
    modelled.set.Set("d", -kInfinity, kLimits);
    modelled.set.Set("e", 0.1, kLimits);
    CHECK(Members(modelled.set) == "d=-inf e=0.1 a=1.5 b=3 c=inf ");
    const Listpack listpack(modelled.set.value().data);
    CHECK(listpack.Get(listpack.Seek(1)) == Bytes("-inf"));
    CHECK(listpack.Get(listpack.Seek(3)) == Bytes("0.1"));
    CHECK(listpack.Get(listpack.Seek(7)).is_integer());
  }

  TEST_CASE("a copy is a set of its own") {
    for (const auto& limits : {kLimits, kAlwaysSkiplist}) {
      Modelled original, copy;
      for (unsigned i = 0; i < 100; ++i) original.set.Set("m" + std::to_string(i), i % 7, limits);
      Destroy(copy.set.value());
      copy.set = SortedSet(Copy(original.set.value()));
      CHECK(copy.set.value().encoding == original.set.value().encoding);
      CHECK(Members(copy.set) == Members(original.set));
      original.set.EraseSpan({0, 50});
      CHECK(copy.set.Size() == 100);
      CHECK(MemoryBytes(copy.set.value()) > 0);
      CHECK(FreeEffort(copy.set.value()) >= (limits.listpack_entries == 0 ? 100u : 1u));
    }
  }

  TEST_CASE("a walk meets every member that stays, while others come and go") {
    Modelled modelled;
    for (unsigned i = 0; i < 2000; ++i) modelled.set.Set("stays" + std::to_string(i), i, kLimits);
    std::set<std::string> met;
    uint64_t cursor = 0;
    unsigned round = 0;
    do {
      cursor = modelled.set.Scan(cursor, 10, [&](Bytes member, double) { met.emplace(member); });
      for (unsigned i = 0; i < 10; ++i)
        modelled.set.Set("passes" + std::to_string(10 * round + i), -1, kLimits);
      if (round % 3 == 2) {
        for (unsigned i = 0; i < 30; ++i)
          modelled.set.Erase("passes" + std::to_string(10 * (round - 2) + i));
      }
      ++round;
    } while (cursor != 0);
    for (unsigned i = 0; i < 2000; ++i) CHECK(met.count("stays" + std::to_string(i)) == 1);
  }

  TEST_CASE("a large set takes at most 40 bytes a member over its 16 bytes, and gives all back") {
    const int64_t before = UsedMemory();
    constexpr unsigned kMembers = 200'000;
    Random random(31);
    SortedSet set = SortedSet::New();
    for (unsigned i = 0; i < kMembers; ++i) {
      const std::string digits = std::to_string(i);
      set.Set("member:" + std::string(9 - digits.size(), '0') + digits, random.Unit(), kLimits);
    }
    const double bytes = static_cast<double>(MemoryBytes(set.value())) / kMembers;
    INFO("bytes a member: ", bytes);
    CHECK(bytes - 16 <= 40);
    Destroy(set.value());
    CHECK(UsedMemory() - before < 1'000'000);
  }
}

}  // namespace
}  // namespace terrace::types
