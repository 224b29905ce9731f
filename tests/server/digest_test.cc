#include "server/digest.h"

#include <doctest/doctest.h>

#include <memory>

#include "types/intset.h"
#include "types/listpack.h"
#include "types/stream.h"

namespace terrace::server {
namespace {

using EntryPtr = std::unique_ptr<engine::Entry, void (*)(engine::Entry*)>;

EntryPtr MakeEntry(Bytes key, Bytes value, uint64_t deadline_ms = 0) {
  return EntryPtr(engine::Entry::NewString(key, engine::StringSource::Of(value), deadline_ms),
                  engine::Entry::Delete);
}

EntryPtr MakePacked(Type type, std::initializer_list<Bytes> elements) {
  types::Listpack list = types::Listpack::New();
  for (const Bytes element : elements) list.Append(element);
  return EntryPtr(engine::Entry::NewCollection("k", {type, Encoding::kListpack, list.data()}, 0),
                  engine::Entry::Delete);
}

TEST_SUITE("server/digest") {
  TEST_CASE("nothing is all zero") { CHECK(Digest().Hex() == std::string(40, '0')); }

  // What DEBUG DIGEST-VALUE of redis-server 7.0.15 answers.
  TEST_CASE("values have the digests a stock server gives them") {
    CHECK(Digest::OfValue(*MakeEntry("s", "v")).Hex() ==
          "d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f");
    CHECK(Digest::OfValue(*MakeEntry("s", "12")).Hex() ==
          "655ac46b180ad2f61a3cee25f0b1780fa2ec879a");
    CHECK(Digest::OfValue(*MakeEntry("s", "v", 1)).Hex() ==
          "311b17018163335616e089f6b951c82c477335ac");
    CHECK(Digest::OfValue(*MakePacked(Type::kList, {"a", "b", "1", "a"})).Hex() ==
          "edb75ec996d7c1ff4813ec95d8d119af956d57f1");
    CHECK(Digest::OfValue(*MakePacked(Type::kSet, {"b", "1", "a"})).Hex() ==
          "e8f32bbb1ad9bf537c8867de4f19fec9e001296d");
    CHECK(Digest::OfValue(*MakePacked(Type::kSet, {"3", "2", "1"})).Hex() ==
          "2a462a3f51a1db89738ebbeef0c47ce1bbc85246");
    CHECK(Digest::OfValue(*MakePacked(Type::kHash, {"n", "1", "f", "v"})).Hex() ==
          "ad9a818d75d51dd3c55d5905f22259a91bbc4b14");
    CHECK(Digest::OfValue(*MakePacked(Type::kZset, {"c", "-inf", "d", "0.1", "a", "1", "b", "2.5"}))
              .Hex() == "e2b86b0e11c99954160d20bd7b671cf3281f9b24");
  }

  TEST_CASE("a stream has the digest a stock server gives it, whatever was deleted or read") {
    // XADD st 5-1 a 1, XADD st 6-0 a 2, XGROUP CREATE st g 0.
    types::Stream stream = types::Stream::New();
    const Bytes one[] = {"a", "1"}, two[] = {"a", "2"};
    stream.Append({5, 1}, one, {0, 0});
    stream.Append({5, 9}, one, {0, 0});
    stream.Append({6, 0}, two, {0, 0});
    CHECK(stream.Erase({5, 9}));
    stream.CreateGroup("g", {}, 0);
    const EntryPtr entry(engine::Entry::NewCollection("st", stream.value(), 0),
                         engine::Entry::Delete);
    CHECK(Digest::OfValue(*entry).Hex() == "98277fcc1128a98c351e69f8ade620ba0e5d20a6");
    const EntryPtr empty(engine::Entry::NewCollection("e", types::Stream::New().value(), 0),
                         engine::Entry::Delete);
    CHECK(Digest::OfValue(*empty).Hex() == "06bd01623de1d087bbd377851096317b1af476a2");
  }

  TEST_CASE("a field's deadline counts, but not when it is") {
    const auto hash = [](Encoding encoding, std::initializer_list<Bytes> elements) {
      types::Listpack list = types::Listpack::New();
      for (const Bytes element : elements) list.Append(element);
      const EntryPtr entry(
          engine::Entry::NewCollection("k", {Type::kHash, encoding, list.data()}, 0),
          engine::Entry::Delete);
      return Digest::OfValue(*entry).Hex();
    };
    const std::string plain = hash(Encoding::kListpack, {"f", "v", "n", "1"});
    CHECK(hash(Encoding::kListpackEx, {"f", "v", "0", "n", "1", "0"}) == plain);
    const std::string timed = hash(Encoding::kListpackEx, {"n", "1", "100", "f", "v", "0"});
    CHECK(timed != plain);
    CHECK(hash(Encoding::kListpackEx, {"n", "1", "200", "f", "v", "0"}) == timed);
    CHECK(hash(Encoding::kListpackEx, {"f", "v", "100", "n", "1", "0"}) != timed);
  }

  TEST_CASE("name, value and deadline all count") {
    const EntryPtr entry = MakeEntry("k", "v");
    const std::string digest = Digest::OfKey(*entry).Hex();
    CHECK(digest.size() == 40);
    CHECK(Digest::OfKey(*MakeEntry("kv", "")).Hex() != digest);
    CHECK(Digest::OfKey(*MakeEntry("k", "w")).Hex() != digest);
    CHECK(Digest::OfKey(*MakeEntry("k", "v", 1)).Hex() != digest);
  }

  TEST_CASE("a value's digest does not depend on its key, nor on how the value is kept") {
    CHECK(Digest::OfValue(*MakeEntry("a", "12")).Hex() ==
          Digest::OfValue(*MakeEntry("b", "12")).Hex());
    const EntryPtr number(engine::Entry::NewString("a", engine::StringSource::OfInteger(12), 0),
                          engine::Entry::Delete);
    CHECK(Digest::OfValue(*number).Hex() == Digest::OfValue(*MakeEntry("a", "12")).Hex());
    types::Intset members = types::Intset::New();
    for (const int64_t member : {3, 1, 2}) members.Add(member);
    const EntryPtr integers(
        engine::Entry::NewCollection("a", {Type::kSet, Encoding::kIntset, members.data()}, 0),
        engine::Entry::Delete);
    CHECK(Digest::OfValue(*integers).Hex() ==
          Digest::OfValue(*MakePacked(Type::kSet, {"3", "1", "2"})).Hex());
  }
}

}  // namespace
}  // namespace terrace::server
