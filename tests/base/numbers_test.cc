#include "base/numbers.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "base/random.h"

namespace terrace {
namespace {

TEST_SUITE("base/numbers") {
  TEST_CASE("an integer is printed with all its digits and no more, and reads back") {
    const auto check = [](int64_t value) {
      CAPTURE(value);
      CHECK(FormatInt64(value) == std::to_string(value));
      CHECK(ParseInt64(FormatInt64(value)) == value);
    };
    for (int64_t value = -1100; value <= 1100; ++value) check(value);
    int64_t power = 1;
    for (int digits = 1; digits < 19; ++digits, power *= 10) {
      for (const int64_t value : {power - 1, power, power + 1}) {
        check(value);
        check(-value);
      }
    }
    check(INT64_MAX);
    check(INT64_MIN);
    const uint64_t seed = 20'261'121;
    CAPTURE(seed);
    Random random(seed);
    for (int i = 0; i < 10'000; ++i) {
      check(static_cast<int64_t>(random.Next() >> random.Below(64)));
    }
  }

  TEST_CASE("what would not print back to the same bytes is no integer") {
    for (const char* text :
         {"", "-", "-0", "007", "+1", " 1", "1 ", "9223372036854775808", "1e3"}) {
      CAPTURE(text);
      CHECK(!ParseInt64(text).has_value());
    }
  }
}

}  // namespace
}  // namespace terrace
