// Hashes with fields that have deadlines.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "types/hash.h"
#include "types/items.h"

namespace {

using terrace::Bytes;
using terrace::Encoding;
using terrace::Random;
using terrace::types::Element;
using terrace::types::EncodingLimits;
using terrace::types::Hash;
using terrace::types::HashLimits;
using terrace::types::Listpack;
using terrace::types::PackedFields;
using terrace::types::Value;

struct Field {
  std::string value;
  uint64_t deadline_ms = 0;
  bool operator==(const Field&) const = default;
};
using Model = std::map<std::string, Field>;

Model Contents(Value value) {
  Model contents;
  terrace::types::ForEachTimedField(value, [&](Bytes field, Bytes text, uint64_t deadline_ms) {
    CHECK(contents.emplace(field, Field{std::string(text), deadline_ms}).second);
  });
  return contents;
}

uint64_t Earliest(const Model& model) {
  uint64_t earliest = 0;
  for (const auto& [name, field] : model) {
    if (field.deadline_ms != 0 && (earliest == 0 || field.deadline_ms < earliest))
      earliest = field.deadline_ms;
  }
  return earliest;
}

bool AllDue(const Model& model, uint64_t now_ms) {
  for (const auto& [name, field] : model) {
    if (field.deadline_ms == 0 || field.deadline_ms >= now_ms) return false;
  }
  return !model.empty();
}

class Owned {
 public:
  explicit Owned(int64_t listpack_entries = 512) {
    limits.hash_listpack_entries = listpack_entries;
  }
  ~Owned() { terrace::types::Destroy(hash_.value()); }
  Hash* operator->() { return &hash_; }
  Hash& operator*() { return hash_; }
  bool Set(Bytes field, Bytes value, Hash::OldDeadline old = Hash::OldDeadline::kGoes) {
    return hash_.Set(field, value, HashLimits(limits), old);
  }
  std::set<std::string> EraseDue(uint64_t now_ms, size_t max = SIZE_MAX) {
    std::set<std::string> erased;
    const size_t count =
        hash_.EraseDue(now_ms, max, [&](Bytes field) { CHECK(erased.emplace(field).second); });
    CHECK(count == erased.size());
    return erased;
  }
  Encoding encoding() const { return hash_.value().encoding; }

  EncodingLimits limits;

 private:
  Hash hash_ = Hash::New();
};

}  // namespace

TEST_SUITE("types/timed_hash") {
  TEST_CASE("a first deadline changes the encoding, and a table's last one changes it back") {
    Owned small;
    small.Set("a", "1");
    small.Set("b", "text");
    small->SetDeadline("a", 0);
    CHECK(small.encoding() == Encoding::kListpack);
    small->SetDeadline("b", 100);
    CHECK(small.encoding() == Encoding::kListpackEx);
    CHECK(small->DeadlineOf("b") == 100);
    CHECK(small->DeadlineOf("a") == 0);
    CHECK(small->DeadlineOf("none") == 0);
    CHECK(small->NextDeadline() == 100);
    small->SetDeadline("b", 0);
    CHECK(small.encoding() == Encoding::kListpackEx);
    CHECK(small->NextDeadline() == 0);
    CHECK((Contents(small->value()) == Model{{"a", {"1"}}, {"b", {"text"}}}));

    Owned large(0);
    large.Set("a", "1");
    large.Set("b", "2");
    const void* fields = large->value().data;
    CHECK(large.encoding() == Encoding::kHashTable);
    large->SetDeadline("a", 100);
    large->SetDeadline("b", 90);
    CHECK(large.encoding() == Encoding::kTimedTable);
    CHECK(large->NextDeadline() == 90);
    large->SetDeadline("b", 0);
    CHECK(large->NextDeadline() == 100);
    CHECK(large->Erase("a"));
    CHECK(large.encoding() == Encoding::kHashTable);
    CHECK(large->value().data == fields);  // the fields have not moved
    CHECK(large->NextDeadline() == 0);
  }

  TEST_CASE("a new value takes the deadline away unless it is to stay, in either encoding") {
    for (const int64_t entries : {512, 0}) {
      Owned hash(entries);
      for (const Bytes field : {"a", "b", "c"}) {
        hash.Set(field, "old");
        hash->SetDeadline(field, 50);
      }
      CHECK_FALSE(hash.Set("a", "new"));
      CHECK_FALSE(hash.Set("b", "new", Hash::OldDeadline::kStays));
      CHECK(hash.Set("d", "new", Hash::OldDeadline::kStays));
      CHECK((Contents(hash->value()) ==
             Model{{"a", {"new"}}, {"b", {"new", 50}}, {"c", {"old", 50}}, {"d", {"new"}}}));
      // Whether it goes or stays, a long value moves it into a table.
      const std::string large(100, 'x');
      hash.Set("c", large, Hash::OldDeadline::kStays);
      CHECK(hash.encoding() == Encoding::kTimedTable);
      hash.Set("b", large);
      CHECK((Contents(hash->value()) ==
             Model{{"a", {"new"}}, {"b", {large}}, {"c", {large, 50}}, {"d", {"new"}}}));
    }
  }

  TEST_CASE("small hashes keep their fields in the order of the deadlines, those without behind") {
    Owned hash;
    for (const Bytes field : {"a", "b", "c", "d", "e"}) hash.Set(field, field);
    hash->SetDeadline("d", 30);
    hash->SetDeadline("a", 20);
    hash->SetDeadline("e", 20);
    hash->SetDeadline("c", 40);
    hash->SetDeadline("c", 10);
    std::string order;
    hash->ForEachTimed([&](const Element& field, const Element&, uint64_t deadline_ms) {
      order.append(field.string()).append(std::to_string(deadline_ms)).append(" ");
    });
    CHECK(order == "c10 a20 e20 d30 b0 ");
    CHECK(PackedFields::IsSound(Listpack(hash->value().data), 15, 1000));
    CHECK_FALSE(PackedFields::IsSound(Listpack(hash->value().data), 15, 29));
    CHECK_FALSE(PackedFields::IsSound(Listpack(hash->value().data), 14, 1000));
    hash.Set("a", "again");
    hash.Set("f", "new");
    order.clear();
    hash->ForEach([&](const Element& field, const Element&) { order.append(field.string()); });
    CHECK(order == "cedbaf");
  }

  TEST_CASE("listpacks that are not sound are told") {
    const auto sound = [](std::initializer_list<Bytes> elements) {
      Listpack list = Listpack::New();
      for (const Bytes element : elements) list.Append(element);
      const bool is_sound = PackedFields::IsSound(list, elements.size(), 1000);
      list.Free();
      return is_sound;
    };
    CHECK(sound({"a", "1", "5", "b", "2", "5", "c", "3", "0"}));
    CHECK(sound({"a", "1", "0"}));
    CHECK_FALSE(sound({"a", "1", "5", "b", "2"}));
    CHECK_FALSE(sound({"a", "1", "5", "b", "2", "4"}));
    CHECK_FALSE(sound({"a", "1", "0", "b", "2", "4"}));
    CHECK_FALSE(sound({"a", "1", "-5"}));
    CHECK_FALSE(sound({"a", "1", "x"}));
    CHECK_FALSE(sound({"a", "1", "1001"}));
  }

  TEST_CASE("what is due is erased, the earliest first, up to so many, in either encoding") {
    for (const int64_t entries : {512, 0}) {
      Owned hash(entries);
      for (int i = 0; i < 10; ++i) {
        const std::string field = "f" + std::to_string(i);
        hash.Set(field, "v");
        if (i != 9) hash->SetDeadline(field, static_cast<uint64_t>(100 - i));
      }
      CHECK(hash.EraseDue(92).empty());  // 92 is not past at 92
      CHECK(hash.EraseDue(95, 1) == std::set<std::string>{"f8"});
      CHECK(hash.EraseDue(95) == std::set<std::string>{"f6", "f7"});
      CHECK(hash->NextDeadline() == 95);
      CHECK_FALSE(terrace::types::AllDue(hash->value(), 1000));
      hash->Erase("f9");
      CHECK(terrace::types::AllDue(hash->value(), 1000));
      CHECK_FALSE(terrace::types::AllDue(hash->value(), 100));
      CHECK(terrace::types::AllDue(hash->value(), 101));
      CHECK(hash.EraseDue(1000).size() == 6);
      CHECK(hash->Size() == 0);
      CHECK_FALSE(terrace::types::AllDue(hash->value(), 1000));
      CHECK(hash->NextDeadline() == 0);
    }
  }

  TEST_CASE("thousands that are due go, in any number of slices, and the others stay") {
    for (const size_t slice : {size_t{1}, size_t{7}, size_t{32}, size_t{1000}, SIZE_MAX}) {
      Owned hash(0);
      Model kept;
      for (int i = 0; i < 6'000; ++i) {
        const std::string field = std::to_string(i);
        hash.Set(field, "v" + field);
        const uint64_t deadline_ms = i % 3 == 0 ? 0 : i % 3 == 1 ? 100 : 100 + i % 200;
        if (deadline_ms != 0) hash->SetDeadline(field, deadline_ms);
        if (deadline_ms == 0 || deadline_ms >= 200) kept[field] = {"v" + field, deadline_ms};
      }
      size_t erased = 0;
      for (size_t more = 1; more != 0; erased += more) {
        more = hash.EraseDue(200, slice).size();
        CHECK(more <= slice);
      }
      CHECK(erased == 6'000 - kept.size());
      CHECK(hash->Size() == kept.size());
      CHECK((Contents(hash->value()) == kept));
      CHECK(hash->NextDeadline() == Earliest(kept));
      for (const auto& [field, held] : kept) CHECK(hash->Contains(field));
    }
  }

  TEST_CASE("samples, draws and scans see fields and values, and no deadlines") {
    for (const int64_t entries : {512, 0}) {
      Owned hash(entries);
      for (int i = 0; i < 200; ++i) {
        const std::string number = std::to_string(i);
        hash.Set("f" + number, number);
        if (i % 3 != 0) hash->SetDeadline("f" + number, static_cast<uint64_t>(1'000'000 + i % 7));
      }
      Random random(3);
      const auto check = [](const Element& field, const Element& value) {
        char digits[terrace::kInt64CharsMax];
        CHECK(field.string() == "f" + std::string(value.Text(digits)));
      };
      hash->Draw(random, 1, check);
      hash->Draw(random, 500, check);
      std::set<std::string> seen;
      hash->Sample(random, 150, [&](const Element& field, const Element& value) {
        check(field, value);
        CHECK(seen.emplace(field.string()).second);
      });
      CHECK(seen.size() == 150);
      seen.clear();
      for (uint64_t cursor = 0;;) {
        cursor = hash->Scan(cursor, 10, [&](const Element& field, const Element& value) {
          check(field, value);
          seen.emplace(field.string());
        });
        if (cursor == 0) break;
      }
      CHECK(seen.size() == 200);
      CHECK(hash->Get("f7").has_value());
      CHECK_FALSE(hash->Contains("7"));
      CHECK_FALSE(hash->Contains("1000001"));
    }
  }

  TEST_CASE("a large hash without deadlines takes not a byte more than one that never had any") {
    Owned never(0), once(0);
    for (int i = 0; i < 5'000; ++i) {
      const std::string field = std::to_string(i);
      never.Set(field, "v");
      once.Set(field, "v");
      once->SetDeadline(field, 7);
    }
    const size_t timed = terrace::types::MemoryBytes(once->value());
    for (int i = 0; i < 5'000; ++i) once->SetDeadline(std::to_string(i), 0);
    CHECK(terrace::types::MemoryBytes(once->value()) ==
          terrace::types::MemoryBytes(never->value()));
    CHECK(timed - terrace::types::MemoryBytes(never->value()) < 5'000 * 60);
  }

  TEST_CASE(
      "random edits under a clock leave the hash equal to a map, and a copy equal to the hash") {
    const char* text = std::getenv("TERRACE_SEED");
    const uint64_t seed = text == nullptr ? 20'260'711 : std::strtoull(text, nullptr, 10);
    INFO("TERRACE_SEED=", seed);
    Random random(seed);
    for (int round = 0; round < 30; ++round) {
      Owned hash(static_cast<int64_t>(random.Below(200)));
      Model model;
      uint64_t now_ms = 1'000;
      for (int i = 0; i < 2'000; ++i) {
        const std::string field = random.Below(2) == 0 ? std::to_string(random.Below(100))
                                                       : "f" + std::to_string(random.Below(100));
        const auto held = model.find(field);
        switch (random.Below(6)) {
          case 0: {
            CHECK(hash->Erase(field) == (held != model.end()));
            if (held != model.end()) model.erase(held);
            break;
          }
          case 1:
          case 2: {
            const std::string value = random.Below(2) == 0
                                          ? std::to_string(static_cast<int64_t>(random.Next()))
                                          : std::string(random.Below(70), 'v');
            const bool stays = random.Below(2) == 0;
            CHECK(hash.Set(field, value,
                           stays ? Hash::OldDeadline::kStays : Hash::OldDeadline::kGoes) ==
                  (held == model.end()));
            model[field] = {value, stays && held != model.end() ? held->second.deadline_ms : 0};
            break;
          }
          case 3:
          case 4: {
            if (held == model.end()) break;
            held->second.deadline_ms = random.Below(4) == 0 ? 0 : now_ms + random.Below(300);
            hash->SetDeadline(field, held->second.deadline_ms);
            break;
          }
          default: {
            now_ms += random.Below(20);
            REQUIRE(terrace::types::AllDue(hash->value(), now_ms) == AllDue(model, now_ms));
            const size_t max = random.Below(3) == 0 ? random.Below(4) : SIZE_MAX;
            const std::set<std::string> erased = hash.EraseDue(now_ms, max);
            for (const std::string& name : erased) {
              REQUIRE(model.contains(name));
              CHECK(model[name].deadline_ms != 0);
              CHECK(model[name].deadline_ms < now_ms);
              model.erase(name);
            }
            CHECK((erased.size() == max || Earliest(model) == 0 || Earliest(model) >= now_ms));
          }
        }
        REQUIRE(hash->Size() == model.size());
        REQUIRE(hash->NextDeadline() == Earliest(model));
        REQUIRE(hash->DeadlineOf(field) == (model.contains(field) ? model[field].deadline_ms : 0));
      }
      CHECK((Contents(hash->value()) == model));
      const Value copy = terrace::types::Copy(hash->value());
      CHECK((Contents(copy) == model));
      CHECK(terrace::types::MemoryBytes(copy) > 0);
      terrace::types::Destroy(copy);
    }
  }
}
