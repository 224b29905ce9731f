#include "base/glob.h"

#include <doctest/doctest.h>

#include <string>

using terrace::GlobMatch;

TEST_SUITE("base/glob") {
  TEST_CASE("stars, question marks and classes") {
    CHECK(GlobMatch("*", ""));
    CHECK(GlobMatch("h?llo", "hello"));
    CHECK_FALSE(GlobMatch("h?llo", "hllo"));
    CHECK(GlobMatch("h*llo", "heeeello"));
    CHECK(GlobMatch("h[ae]llo", "hallo"));
    CHECK_FALSE(GlobMatch("h[^e]llo", "hello"));
    CHECK(GlobMatch("h[a-c]llo", "hbllo"));
    CHECK(GlobMatch("h[c-a]llo", "hbllo"));
    CHECK(GlobMatch("a*b*c", "aXXbYYc"));
    CHECK_FALSE(GlobMatch("a*b*c", "aXXbYY"));
  }
  TEST_CASE("a backslash takes the next character as it is") {
    CHECK(GlobMatch("a\\*b", "a*b"));
    CHECK_FALSE(GlobMatch("a\\*b", "axb"));
    CHECK(GlobMatch("[\\]]", "]"));
    CHECK(GlobMatch("a\\", "a\\"));
  }
  TEST_CASE("case can be ignored") {
    CHECK(GlobMatch("MaxMem*", "maxmemory", true));
    CHECK_FALSE(GlobMatch("MaxMem*", "maxmemory"));
    CHECK(GlobMatch("[A-Z]x", "qX", true));
  }
  TEST_CASE(
      "a pattern of many stars costs no more than pattern times text, and past the limit matches "
      "nothing") {
    const std::string text(50'000, 'a');
    std::string pattern;
    for (int i = 0; i < 50'000; ++i) pattern += "*?";
    CHECK_FALSE(GlobMatch(pattern, text));
    CHECK_FALSE(GlobMatch("a*a*a*a*a*b", std::string(2'000, 'a')));
    CHECK(GlobMatch(std::string(5'000, '*'), text));
  }
}
