#include "types/table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/memory.h"
#include "base/random.h"

namespace {

using terrace::Bytes;
using terrace::Random;
using terrace::types::Table;
using terrace::types::TableItem;

uint64_t Seed() {
  const char* text = std::getenv("TERRACE_SEED");
  return text == nullptr ? 20'240'601 : std::strtoull(text, nullptr, 10);
}

std::string Name(uint64_t i) { return "member:" + std::to_string(i); }

class Owned {
 public:
  explicit Owned(Table::Extra extra) : table_(Table::New(extra)) {}
  explicit Owned(Table* table) : table_(table) {}
  ~Owned() { Table::Delete(table_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Table* operator->() { return table_; }
  Table& operator*() { return *table_; }

 private:
  Table* table_;
};

std::map<std::string, std::string> Contents(const Table& table) {
  std::map<std::string, std::string> contents;
  table.ForEach([&contents](const TableItem& item) {
    CHECK(contents.emplace(item.member(), item.value()).second);
  });
  return contents;
}

}  // namespace

TEST_SUITE("types/table") {
  TEST_CASE("members and values of every length are found again") {
    Owned table(Table::Extra::kValue);
    const size_t lengths[] = {0, 1, 253, 254, 255, 256, 30'000};
    for (size_t member : lengths) {
      for (size_t value : lengths) {
        const std::string name = std::string(member, 'm') + 'x' + std::to_string(value);
        CHECK(table->Put(name, std::string(value, 'v')));
      }
    }
    for (size_t member : lengths) {
      for (size_t value : lengths) {
        const TableItem* item = table->Find(std::string(member, 'm') + 'x' + std::to_string(value));
        REQUIRE(item != nullptr);
        CHECK((item->value() == std::string(value, 'v')));
      }
    }
    CHECK(table->Find("nobody") == nullptr);
  }

  TEST_CASE("a value may be replaced by a part of itself") {
    Owned table(Table::Extra::kValue);
    table->Put("a", "0123456789");
    table->Put("a", table->Find("a")->value().substr(1));
    CHECK(table->Find("a")->value() == "123456789");
    table->Put("a", table->Find("a")->value());
    CHECK(table->Find("a")->value() == "123456789");
  }

  TEST_CASE("scores change in place, and an item stays where it is while the table grows") {
    Owned table(Table::Extra::kScore);
    bool inserted = false;
    TableItem* first = table->FindOrInsert("first", 1.5, &inserted);
    CHECK(inserted);
    for (uint64_t i = 0; i < 5'000; ++i)
      table->FindOrInsert(Name(i), static_cast<double>(i), &inserted);
    CHECK(table->FindOrInsert("first", 7, &inserted) == first);
    CHECK_FALSE(inserted);
    CHECK(first->score() == 1.5);
    first->set_score(-2);
    CHECK(table->Find("first")->score() == -2);
    CHECK(table->Find(Name(4'999))->score() == 4'999);
    TableItem* taken = table->Take("first");
    CHECK(taken == first);
    CHECK(taken->member() == "first");
    table->FreeItem(taken);
    CHECK(table->Find("first") == nullptr);
    CHECK(table->Take("first") == nullptr);
  }

  TEST_CASE("growing to a tree of chunks and shrinking back gives all memory back, step by step") {
    constexpr uint64_t kMembers = 120'000;  // beyond 64 chunks: the tree gets a second row
    size_t step_max = 0;
    {
      Owned table(Table::Extra::kNone);
      bool inserted = false;
      for (uint64_t i = 0; i < kMembers; ++i) {
        const size_t bytes = table->MemoryBytes();
        table->FindOrInsert(Name(i), &inserted);
        CHECK(inserted);
        const size_t now = table->MemoryBytes();
        if (now > bytes) step_max = std::max(step_max, now - bytes);
      }
      CHECK(table->Size() == kMembers);
      for (uint64_t i = 0; i < kMembers; ++i) REQUIRE(table->Find(Name(i)) != nullptr);
      size_t items = 0;
      table->ForEach([&items](const TableItem& item) {
        items += terrace::AllocationSize(1 + item.member().size());
      });
      const size_t overhead = table->MemoryBytes() - items;
      CHECK(overhead / kMembers < 15);  // bytes a member
      for (uint64_t i = 0; i < kMembers; ++i) REQUIRE(table->Erase(Name(i)));
      CHECK(table->Size() == 0);
      CHECK(table->MemoryBytes() < 256);
    }
    CHECK(step_max <= 20'000);  // a chunk, a node and an item at most
  }

  TEST_CASE("what it says it takes is what the allocator holds, and a copy is equal") {
    constexpr int64_t kUncounted = 64
                                   << 10;  // UsedMemory is exact to what threads have not added yet
    const int64_t before = terrace::UsedMemory();
    Owned table(Table::Extra::kValue);
    for (uint64_t i = 0; i < 300'000; ++i) table->Put(Name(i), std::string(i % 50, 'v'));
    for (uint64_t i = 0; i < 300'000; i += 3) table->Put(Name(i), std::string(i % 90, 'w'));
    for (uint64_t i = 1; i < 300'000; i += 3) table->Erase(Name(i));
    const auto bytes = static_cast<int64_t>(table->MemoryBytes());
    CHECK(bytes > 100 * kUncounted);
    CHECK(std::abs(bytes - (terrace::UsedMemory() - before)) <= kUncounted);
    Owned copy(table->Copy());
    CHECK((Contents(*copy) == Contents(*table)));
  }

  TEST_CASE("a scan misses no member that stays while the table grows and shrinks under it") {
    const uint64_t seed = Seed();
    INFO("TERRACE_SEED=", seed);
    Random random(seed);
    for (int round = 0; round < 20; ++round) {
      Owned table(Table::Extra::kNone);
      bool inserted = false;
      const uint64_t staying = 1 + random.Below(300);
      for (uint64_t i = 0; i < staying; ++i) table->FindOrInsert("stays" + Name(i), &inserted);
      uint64_t passing = 0;
      uint64_t wanted = random.Below(4'000);
      std::set<std::string> seen;
      uint64_t cursor = 0;
      do {
        cursor = table->Scan(cursor, 1 + random.Below(10), [&seen](const TableItem& item) {
          seen.insert(std::string(item.member()));
        });
        for (int i = 0; i < 200 && passing != wanted; ++i) {
          passing < wanted ? (void)table->FindOrInsert(Name(passing++), &inserted)
                           : (void)table->Erase(Name(--passing));
        }
        if (passing == wanted) wanted = random.Below(4'000);
      } while (cursor != 0);
      for (uint64_t i = 0; i < staying; ++i) REQUIRE(seen.count("stays" + Name(i)) == 1);
    }
  }

  TEST_CASE(
      "a scan of a table left alone sees every member once, and any cursor may be asked for") {
    Owned table(Table::Extra::kNone);
    bool inserted = false;
    for (uint64_t i = 0; i < 3'000; ++i) table->FindOrInsert(Name(i), &inserted);
    std::multiset<std::string> seen;
    uint64_t cursor = 0;
    do {
      const size_t before = seen.size();
      cursor = table->Scan(
          cursor, 10, [&seen](const TableItem& item) { seen.insert(std::string(item.member())); });
      CHECK(cursor <= UINT32_MAX);
      CHECK((cursor == 0 || seen.size() >= before + 10));
    } while (cursor != 0);
    CHECK(seen.size() == 3'000);
    Random random(1);
    for (int i = 0; i < 100; ++i) table->Scan(random.Next(), 1, [](const TableItem&) {});
  }

  TEST_CASE("every member is picked about as often as the others") {
    Random random(20'240'601);
    for (uint64_t members : {1u, 5u, 60u, 1'000u}) {
      Owned table(Table::Extra::kNone);
      bool inserted = false;
      for (uint64_t i = 0; i < members; ++i) table->FindOrInsert(Name(i), &inserted);
      std::map<std::string, uint64_t> picked;
      for (uint64_t i = 0; i < members * 200; ++i)
        ++picked[std::string(table->Pick(random)->member())];
      CHECK(picked.size() == members);
      for (const auto& [name, times] : picked) {
        CHECK(times >= 100);
        CHECK(times <= 300);
      }
    }
  }

  TEST_CASE("random edits leave the table equal to a map") {
    const uint64_t seed = Seed();
    INFO("TERRACE_SEED=", seed);
    Random random(seed);
    Owned table(Table::Extra::kValue);
    std::map<std::string, std::string> model;
    uint64_t names = 100;
    for (int i = 0; i < 200'000; ++i) {
      if (i % 20'000 == 0)
        names = random.Below(2) == 0 ? 50 : 30'000;  // many erase what is not there, or grow
      const std::string name = Name(random.Below(names));
      switch (random.Below(4)) {
        case 0:
        case 1: {
          const std::string value(random.Below(40), static_cast<char>('a' + i % 26));
          CHECK(table->Put(name, value) == model.insert_or_assign(name, value).second);
          break;
        }
        case 2:
          CHECK(table->Erase(name) == (model.erase(name) == 1));
          break;
        default: {
          const TableItem* item = table->Find(name);
          const auto it = model.find(name);
          REQUIRE((item != nullptr) == (it != model.end()));
          if (item != nullptr) CHECK(item->value() == it->second);
        }
      }
      REQUIRE(table->Size() == model.size());
    }
    CHECK(Contents(*table) == model);
  }
}
