#include "base/siphash.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

TEST_SUITE("base/siphash") {
  TEST_CASE("lengths, keys and contents all change the hash") {
    const terrace::HashKey key{1, 2};
    std::set<uint64_t> seen;
    std::string text;
    for (int i = 0; i < 64; ++i) {
      CHECK(seen.insert(terrace::SipHash13(key, text)).second);
      text.push_back('\0');
    }
    CHECK(terrace::SipHash13({1, 3}, "abc") != terrace::SipHash13(key, "abc"));
    CHECK(terrace::SipHash13(key, "abc") == terrace::SipHash13(key, std::string("abc")));
  }
}
