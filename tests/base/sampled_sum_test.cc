#include "base/sampled_sum.h"

#include <doctest/doctest.h>

namespace terrace {
namespace {

TEST_SUITE("base/sampled_sum") {
  TEST_CASE("when all figures were looked at the sum is exact, however they differ") {
    SampledSum<4> sum;
    CHECK(sum.Of(0) == 0);
    CHECK(sum.Of(1000) == 0);
    for (const size_t figure : {1, 1'000'000, 3}) sum.Add(figure);
    CHECK_FALSE(sum.full());
    CHECK(sum.Of(3) == 1'000'004);
  }

  TEST_CASE("those not looked at count as the mean of those that were") {
    SampledSum<4> sum;
    for (const size_t figure : {10, 20, 30, 40}) sum.Add(figure);
    CHECK(sum.full());
    CHECK(sum.Of(1000) == 25'000);
  }

  TEST_CASE("a giant among the samples counts for itself and not for those not looked at") {
    SampledSum<8> sum;
    for (int i = 0; i < 7; ++i) sum.Add(100);
    sum.Add(1'000'000);
    // 700 and the giant; and 992 times the mean of seven 100s and one 800.
    CHECK(sum.Of(1000) == 1'000'700 + 992 * 1500 / 8);
  }
}

}  // namespace
}  // namespace terrace
