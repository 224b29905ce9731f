#include "types/set.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace terrace::types {
namespace {

class OwnedSet {
 public:
  explicit OwnedSet(Encoding encoding = Encoding::kIntset) : set_(Set::New(encoding)) {}
  ~OwnedSet() { Destroy(set_.value()); }
  OwnedSet(const OwnedSet&) = delete;
  OwnedSet& operator=(const OwnedSet&) = delete;

  Set* operator->() { return &set_; }
  Set& operator*() { return set_; }
  Encoding encoding() const { return set_.value().encoding; }

 private:
  Set set_;
};

std::string TextOf(const Element& element) {
  char digits[kInt64CharsMax];
  return std::string(element.Text(digits));
}

std::set<std::string> Members(const Set& set) {
  std::set<std::string> out;
  size_t visited = 0;
  set.ForEach([&](const Element& element) {
    out.insert(TextOf(element));
    ++visited;
    return true;
  });
  CHECK(visited == out.size());
  return out;
}

// `count` members: 0, 1, 2 ... or texts made of them.
void Fill(OwnedSet& set, size_t count, bool integers, const SetLimits& limits) {
  for (size_t i = 0; i < count; ++i) {
    const std::string member = (integers ? "" : "member:") + std::to_string(i);
    REQUIRE(set->Add(Bytes(member), limits));
  }
}

TEST_SUITE("types/set") {
  TEST_CASE("an empty set is an intset and has nothing in it") {
    OwnedSet set;
    CHECK(set.encoding() == Encoding::kIntset);
    CHECK(set->Size() == 0);
    CHECK_FALSE(set->Contains(Bytes("1")));
    CHECK_FALSE(set->Contains(Bytes("")));
    CHECK_FALSE(set->Remove(Bytes("1")));
    CHECK_FALSE(set->Remove(Bytes("x")));
  }

  TEST_CASE("integers stay an intset up to the limit and then become a table") {
    SetLimits limits;
    limits.intset_entries = 4;
    OwnedSet set;
    Fill(set, 4, true, limits);
    CHECK(set.encoding() == Encoding::kIntset);
    CHECK_FALSE(set->Add(Bytes("3"), limits));
    CHECK(set.encoding() == Encoding::kIntset);
    CHECK(set->Add(Bytes("-9223372036854775808"), limits));
    CHECK(set.encoding() == Encoding::kHashTable);
    CHECK(Members(*set) == std::set<std::string>{"0", "1", "2", "3", "-9223372036854775808"});
    CHECK(set->Contains(Element::OfInteger(INT64_MIN)));
  }

  TEST_CASE("text makes a listpack of an intset while entries and lengths allow it") {
    SetLimits limits;
    limits.listpack_entries = 4;
    limits.listpack_value_bytes = 6;
    OwnedSet set;
    Fill(set, 3, true, limits);
    CHECK(set->Add(Bytes("sixish"), limits));
    CHECK(set.encoding() == Encoding::kListpack);
    CHECK_FALSE(set->Add(Bytes("2"), limits));
    CHECK(set->Contains(Element::OfInteger(2)));
    CHECK(set->Add(Bytes("4"), limits));
    CHECK(set.encoding() == Encoding::kHashTable);
    CHECK(Members(*set) == std::set<std::string>{"0", "1", "2", "sixish", "4"});

    OwnedSet full;  // as many integers as a listpack may hold
    Fill(full, 4, true, limits);
    CHECK(full->Add(Bytes("x"), limits));
    CHECK(full.encoding() == Encoding::kHashTable);

    OwnedSet wide;  // an integer that a listpack may not hold, by its text
    CHECK(wide->Add(Bytes("-100000"), limits));
    CHECK(wide->Add(Bytes("x"), limits));
    CHECK(wide.encoding() == Encoding::kHashTable);

    OwnedSet longer;
    CHECK(longer->Add(Bytes("sevenses"), limits));
    CHECK(longer.encoding() == Encoding::kHashTable);
    OwnedSet shorter;
    CHECK(shorter->Add(Bytes("x"), limits));
    CHECK(shorter.encoding() == Encoding::kListpack);
    CHECK(shorter->Add(Bytes("toolong"), limits));
    CHECK(shorter.encoding() == Encoding::kHashTable);
  }

  TEST_CASE("how many are to come decides where a set begins") {
    SetLimits limits;
    limits.intset_entries = 10;
    limits.listpack_entries = 5;
    const struct {
      const char* first;
      size_t count;
      Encoding expected;
    } kCases[] = {
        {"1", 10, Encoding::kIntset},   {"1", 11, Encoding::kHashTable},
        {"x", 5, Encoding::kListpack},  {"x", 6, Encoding::kHashTable},
        {"01", 5, Encoding::kListpack}, {"", 1, Encoding::kListpack},
    };
    for (const auto& wanted : kCases) {
      CAPTURE(wanted.first);
      CAPTURE(wanted.count);
      OwnedSet set;
      set->Expect(wanted.first, wanted.count, limits);
      CHECK(set.encoding() == wanted.expected);
      CHECK(set->Size() == 0);
    }
    OwnedSet held;
    Fill(held, 3, true, limits);
    held->Expect("x", 10, limits);
    CHECK(held.encoding() == Encoding::kIntset);
    held->Expect("x", 11, limits);
    CHECK(held.encoding() == Encoding::kHashTable);
    CHECK(held->Size() == 3);
    limits.listpack_entries = 0;  // switched off
    OwnedSet none;
    none->Expect("x", 1, limits);
    CHECK(none.encoding() == Encoding::kHashTable);
  }

  TEST_CASE("what has become integers only can be an intset again") {
    SetLimits limits;
    for (const Encoding encoding : {Encoding::kListpack, Encoding::kHashTable}) {
      OwnedSet set(encoding);
      Fill(set, 100, true, limits);
      CHECK(set->Add(Bytes("x"), limits));
      set->Compact(limits);
      CHECK(set.encoding() == encoding);
      set->Remove(Bytes("x"));
      limits.intset_entries = 99;
      set->Compact(limits);
      CHECK(set.encoding() == encoding);
      limits.intset_entries = 100;
      const auto before = Members(*set);
      set->Compact(limits);
      CHECK(set.encoding() == Encoding::kIntset);
      CHECK(Members(*set) == before);
      limits.intset_entries = 512;
    }
  }

  TEST_CASE("a walk ends when it is told to") {
    for (const size_t count : {size_t{10}, size_t{100}, size_t{3000}}) {
      for (const bool integers : {true, false}) {
        OwnedSet set;
        Fill(set, count, integers, SetLimits());
        size_t visited = 0;
        set->ForEach([&](const Element&) { return ++visited != 7; });
        CHECK(visited == 7);
      }
    }
  }

  TEST_CASE("a scan shows every member that stays, compact sets at once") {
    OwnedSet small;
    Fill(small, 100, false, SetLimits());
    std::set<std::string> seen;
    CHECK(small->Scan(12345, 1, [&](const Element& element) { seen.insert(TextOf(element)); }) ==
          0);
    CHECK(seen.size() == 100);

    SetLimits limits;
    OwnedSet set;
    Fill(set, 2000, false, limits);
    seen.clear();
    uint64_t cursor = 0;
    size_t added = 2000;
    do {
      cursor = set->Scan(cursor, 10, [&](const Element& element) { seen.insert(TextOf(element)); });
      for (int i = 0; i < 10; ++i) set->Add(Bytes("new:" + std::to_string(added++)), limits);
    } while (cursor != 0);
    for (size_t i = 0; i < 2000; ++i) CHECK(seen.contains("member:" + std::to_string(i)));
  }

  TEST_CASE("samples have no member twice, and each is as likely as the others") {
    Random random(7);
    for (const size_t size : {size_t{20}, size_t{60}}) {
      for (const int kind : {0, 1, 2}) {
        OwnedSet set(kind == 2 ? Encoding::kHashTable : Encoding::kIntset);
        Fill(set, size, kind == 0, SetLimits());
        for (const size_t count : {size_t{1}, size_t{5}, size - 1}) {
          CAPTURE(kind);
          CAPTURE(size);
          CAPTURE(count);
          constexpr size_t kRounds = 4000;
          std::map<std::string, size_t> times;
          for (size_t round = 0; round < kRounds; ++round) {
            std::set<std::string> sample;
            set->Sample(count, random,
                        [&](const Element& element) { sample.insert(TextOf(element)); });
            REQUIRE(sample.size() == count);
            for (const auto& member : sample) ++times[member];
          }
          REQUIRE(times.size() == size);
          // Seven standard deviations of a binomial distribution.
          const double chance = static_cast<double>(count) / static_cast<double>(size);
          const double mean = kRounds * chance;
          const double slack = 7 * std::sqrt(mean * (1 - chance)) + 1;
          for (const auto& [member, seen] : times)
            CHECK(std::abs(static_cast<double>(seen) - mean) < slack);
        }
        std::map<std::string, size_t> picked;
        for (int round = 0; round < 4000; ++round) ++picked[TextOf(set->Pick(random))];
        REQUIRE(picked.size() == size);
        const double mean = 4000.0 / static_cast<double>(size);
        for (const auto& [member, seen] : picked) {
          CHECK(std::abs(static_cast<double>(seen) - mean) < 7 * std::sqrt(mean));
        }
      }
    }
  }

  TEST_CASE("what is popped leaves, and the rest stays") {
    Random random(3);
    for (const size_t size : {size_t{2}, size_t{50}, size_t{400}, size_t{3000}}) {
      for (const bool integers : {true, false}) {
        for (const size_t count : {size_t{1}, size / 2, size - 1}) {
          OwnedSet set;
          Fill(set, size, integers, SetLimits());
          const Encoding encoding = set.encoding();
          auto left = Members(*set);
          size_t popped = 0;
          set->Pop(count, random, [&](const Element& element) {
            popped += 1;
            CHECK(left.erase(TextOf(element)) == 1);
          });
          CHECK(popped == count);
          CHECK(set->Size() == size - count);
          CHECK((Members(*set) == left));
          CHECK(set.encoding() == encoding);
        }
      }
    }
  }

  TEST_CASE("a random run is what a std::set makes of it, in every encoding") {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      SetLimits limits;
      limits.intset_entries = static_cast<int64_t>(random.Below(40));
      limits.listpack_entries = static_cast<int64_t>(random.Below(40));
      limits.listpack_value_bytes = random.Below(30);
      const uint64_t texts = random.Below(3) == 0 ? 0 : 10;
      OwnedSet set;
      std::set<std::string> model;
      const auto member = [&]() -> std::string {
        if (random.Below(10) >= texts)
          return std::to_string(static_cast<int64_t>(random.Below(200)) - 100);
        return std::string(random.Below(40), static_cast<char>('a' + random.Below(6)));
      };
      for (int step = 0; step < 1500; ++step) {
        const std::string one = member();
        const auto integer = ParseInt64(one);
        const Element element = integer ? Element::OfInteger(*integer) : Element::OfString(one);
        switch (random.Below(6)) {
          case 0:
            REQUIRE(set->Remove(Bytes(one)) == (model.erase(one) == 1));
            break;
          case 1:
            REQUIRE(set->Remove(element) == (model.erase(one) == 1));
            break;
          case 2:
            REQUIRE(set->Add(element, limits) == model.insert(one).second);
            break;
          case 3:
            REQUIRE(set->Contains(Bytes(one)) == model.contains(one));
            REQUIRE(set->Contains(element) == model.contains(one));
            break;
          default:
            REQUIRE(set->Add(Bytes(one), limits) == model.insert(one).second);
        }
        REQUIRE(set->Size() == model.size());
        if (random.Below(100) == 0 && model.size() > 3) {
          set->Pop(random.Below(3) + 1, random,
                   [&](const Element& gone) { model.erase(TextOf(gone)); });
        }
        if (random.Below(200) == 0) set->Compact(limits);
        if (step % 50 == 0) REQUIRE((Members(*set) == model));
      }
      const Value copy = Copy(set->value());
      CHECK((Members(Set(copy)) == model));
      CHECK(MemoryBytes(copy) > 0);
      CHECK(FreeEffort(copy) > 0);
      Destroy(copy);
    }
  }
}

}  // namespace
}  // namespace terrace::types
