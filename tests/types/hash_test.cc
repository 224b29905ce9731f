#include "types/hash.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>

namespace {

using terrace::Bytes;
using terrace::Encoding;
using terrace::Random;
using terrace::types::Element;
using terrace::types::EncodingLimits;
using terrace::types::Hash;
using terrace::types::HashLimits;

using Model = std::map<std::string, std::string>;

std::string TextOf(const Element& element) {
  char digits[terrace::kInt64CharsMax];
  return std::string(element.Text(digits));
}

Model Contents(const Hash& hash) {
  Model contents;
  hash.ForEach([&contents](const Element& field, const Element& value) {
    CHECK(contents.emplace(TextOf(field), TextOf(value)).second);
  });
  return contents;
}

class Owned {
 public:
  ~Owned() { terrace::types::Destroy(hash_.value()); }
  Hash* operator->() { return &hash_; }
  Hash& operator*() { return hash_; }
  bool Set(Bytes field, Bytes value) { return hash_.Set(field, value, HashLimits(limits)); }
  std::string Get(Bytes field) {
    const auto value = hash_.Get(field);
    return value ? TextOf(*value) : "(none)";
  }
  Encoding encoding() const { return hash_.value().encoding; }

  EncodingLimits limits;

 private:
  Hash hash_ = Hash::New();
};

}  // namespace

TEST_SUITE("types/hash") {
  TEST_CASE("fields are set, replaced, read and erased in either encoding") {
    for (const int64_t entries : {512, 0}) {
      Owned hash;
      hash.limits.hash_listpack_entries = entries;
      CHECK(hash.Set("a", "1"));
      CHECK(hash.Set("b", "two"));
      CHECK(hash.Set("1", "a"));  // a field that is another one's value, and the other way round
      CHECK_FALSE(hash.Set("a", "one"));
      CHECK(hash.Set("", ""));
      CHECK(hash.encoding() == (entries == 0 ? Encoding::kHashTable : Encoding::kListpack));
      CHECK(hash->Size() == 4);
      CHECK(hash.Get("a") == "one");
      CHECK(hash.Get("1") == "a");
      CHECK(hash.Get("") == "");
      CHECK(hash.Get("two") == "(none)");
      CHECK(hash->Contains("b"));
      CHECK_FALSE(hash->Contains("one"));
      CHECK(hash->Erase("b"));
      CHECK_FALSE(hash->Erase("b"));
      CHECK_FALSE(hash->Erase("one"));
      CHECK((Contents(*hash) == Model{{"", ""}, {"1", "a"}, {"a", "one"}}));
    }
  }

  TEST_CASE("one field too many, or a string too long, makes a table, which it stays") {
    Owned many;
    for (int i = 0; i < 512; ++i) many.Set(std::to_string(i), "v");
    CHECK(many.encoding() == Encoding::kListpack);
    many.Set("511", "w");
    CHECK(many.encoding() == Encoding::kListpack);
    many.Set("512", "v");
    CHECK(many.encoding() == Encoding::kHashTable);
    CHECK(many->Size() == 513);
    CHECK(many.Get("511") == "w");
    for (int i = 1; i <= 512; ++i) many->Erase(std::to_string(i));
    CHECK(many.encoding() == Encoding::kHashTable);
    CHECK((Contents(*many) == Model{{"0", "v"}}));

    Owned value;
    value.Set("f", std::string(64, 'v'));
    CHECK(value.encoding() == Encoding::kListpack);
    value.Set("f", std::string(65, 'v'));
    CHECK(value.encoding() == Encoding::kHashTable);
    CHECK(value.Get("f") == std::string(65, 'v'));

    Owned field;
    field.Set(std::string(65, 'f'), "v");
    CHECK(field.encoding() == Encoding::kHashTable);
  }

  TEST_CASE("samples are different fields and draws are any, in either encoding") {
    for (const size_t size : {1u, 7u, 300u, 3'000u}) {
      Owned hash;
      for (size_t i = 0; i < size; ++i) hash.Set("f" + std::to_string(i), std::to_string(i));
      Random random(7);
      for (const size_t count : {size_t{0}, size_t{1}, size / 40, size / 2, size}) {
        std::set<std::string> seen;
        hash->Sample(random, count, [&](const Element& field, const Element& value) {
          CHECK(TextOf(field) == "f" + TextOf(value));
          CHECK(seen.insert(TextOf(field)).second);
        });
        CHECK(seen.size() == count);
      }
      std::map<std::string, size_t> drawn;
      for (const size_t count : {size_t{1}, size * 200}) {
        drawn.clear();
        hash->Draw(random, count, [&](const Element& field, const Element& value) {
          CHECK(TextOf(field) == "f" + TextOf(value));
          ++drawn[TextOf(field)];
        });
      }
      CHECK(drawn.size() == size);
      for (const auto& [field, times] : drawn) CHECK(times >= 100);
    }
  }

  TEST_CASE("every choice of two fields out of four is sampled about as often") {
    for (const int64_t entries : {512, 0}) {
      Owned hash;
      hash.limits.hash_listpack_entries = entries;
      for (const Bytes field : {"a", "b", "c", "d"}) hash.Set(field, field);
      Random random(11);
      std::map<std::set<std::string>, int> choices;
      for (int i = 0; i < 6'000; ++i) {
        std::set<std::string> choice;
        hash->Sample(random, 2,
                     [&](const Element& field, const Element&) { choice.insert(TextOf(field)); });
        ++choices[choice];
      }
      CHECK(choices.size() == 6);
      for (const auto& [choice, times] : choices) {
        CHECK(times > 800);
        CHECK(times < 1'200);
      }
    }
  }

  TEST_CASE("a scan shows a small hash whole and a large one bit by bit") {
    Owned hash;
    for (int i = 0; i < 100; ++i) hash.Set("f" + std::to_string(i), "v");
    size_t seen = 0;
    CHECK(hash->Scan(0, 1, [&seen](const Element&, const Element&) { ++seen; }) == 0);
    CHECK(seen == 100);
    for (int i = 100; i < 1'000; ++i) hash.Set("f" + std::to_string(i), "v");
    std::set<std::string> fields;
    uint64_t cursor = 0;
    int calls = 0;
    do {
      cursor = hash->Scan(
          cursor, 10, [&](const Element& field, const Element&) { fields.insert(TextOf(field)); });
      ++calls;
    } while (cursor != 0);
    CHECK(fields.size() == 1'000);
    CHECK(calls > 50);
  }

  TEST_CASE("random edits leave the hash equal to a map, and a copy equal to the hash") {
    const char* text = std::getenv("TERRACE_SEED");
    const uint64_t seed = text == nullptr ? 20'240'601 : std::strtoull(text, nullptr, 10);
    INFO("TERRACE_SEED=", seed);
    Random random(seed);
    for (int round = 0; round < 30; ++round) {
      Owned hash;
      hash.limits.hash_listpack_entries = static_cast<int64_t>(random.Below(300));
      Model model;
      for (int i = 0; i < 3'000; ++i) {
        const std::string field = random.Below(2) == 0 ? std::to_string(random.Below(150))
                                                       : "f" + std::to_string(random.Below(150));
        if (random.Below(3) != 0) {
          const std::string value = random.Below(2) == 0
                                        ? std::to_string(static_cast<int64_t>(random.Next()))
                                        : std::string(random.Below(70), 'v');
          CHECK(hash.Set(field, value) == model.insert_or_assign(field, value).second);
        } else {
          CHECK(hash->Erase(field) == (model.erase(field) == 1));
        }
        REQUIRE(hash->Size() == model.size());
      }
      CHECK((Contents(*hash) == model));
      const Hash copy(terrace::types::Copy(hash->value()));
      CHECK((Contents(copy) == model));
      terrace::types::Destroy(copy.value());
    }
  }
}
