#include "server/digest.h"

#include <doctest/doctest.h>

#include <memory>

namespace terrace::server {
namespace {

using EntryPtr = std::unique_ptr<engine::Entry, void (*)(engine::Entry*)>;

EntryPtr MakeEntry(Bytes key, Bytes value, uint64_t deadline_ms = 0) {
  return EntryPtr(engine::Entry::NewString(key, engine::StringSource::Of(value), deadline_ms), engine::Entry::Delete);
}

TEST_SUITE("server/digest") {
  TEST_CASE("nothing is all zero") { CHECK(Digest().Hex() == std::string(40, '0')); }

  TEST_CASE("the order of keys does not matter, a key twice cancels out") {
    const EntryPtr a = MakeEntry("a", "1"), b = MakeEntry("b", "2");
    Digest one, other;
    one.Mix(Digest::OfKey(0, *a));
    one.Mix(Digest::OfKey(0, *b));
    other.Mix(Digest::OfKey(0, *b));
    other.Mix(Digest::OfKey(0, *a));
    CHECK(one.Hex() == other.Hex());
    CHECK(one.Hex() != Digest::OfKey(0, *a).Hex());
    one.Mix(other);
    CHECK(one.Hex() == Digest().Hex());
  }

  TEST_CASE("database, name, value and deadline all count") {
    const EntryPtr entry = MakeEntry("k", "v");
    const std::string digest = Digest::OfKey(0, *entry).Hex();
    CHECK(digest.size() == 40);
    CHECK(Digest::OfKey(1, *entry).Hex() != digest);
    CHECK(Digest::OfKey(0, *MakeEntry("kv", "")).Hex() != digest);
    CHECK(Digest::OfKey(0, *MakeEntry("k", "w")).Hex() != digest);
    CHECK(Digest::OfKey(0, *MakeEntry("k", "v", 1)).Hex() != digest);
  }

  TEST_CASE("a value's digest does not depend on its key, nor on how the value is kept") {
    CHECK(Digest::OfValue(*MakeEntry("a", "12")).Hex() == Digest::OfValue(*MakeEntry("b", "12")).Hex());
    const EntryPtr number(engine::Entry::NewString("a", engine::StringSource::OfInteger(12), 0), engine::Entry::Delete);
    CHECK(Digest::OfValue(*number).Hex() == Digest::OfValue(*MakeEntry("a", "12")).Hex());
  }
}

}  // namespace
}  // namespace terrace::server
