#include "server/rate_meter.h"

#include <doctest/doctest.h>

namespace terrace::server {
namespace {

constexpr uint64_t kTickNs = 100'000'000;

TEST_SUITE("server/rate_meter") {
  TEST_CASE("a steady counter is measured exactly once all samples are taken") {
    RateMeter meter;
    for (uint64_t tick = 1; tick <= RateMeter::kSamples + 1; ++tick)
      meter.Sample(tick * 50, tick * kTickNs);
    CHECK(meter.per_second() == doctest::Approx(500));
  }

  TEST_CASE("a burst fades as samples without it come in") {
    RateMeter meter;
    meter.Sample(0, kTickNs);
    meter.Sample(1600, 2 * kTickNs);
    CHECK(meter.per_second() == doctest::Approx(1000));
    for (uint64_t tick = 3; tick <= RateMeter::kSamples + 2; ++tick)
      meter.Sample(1600, tick * kTickNs);
    CHECK(meter.per_second() == doctest::Approx(0));
  }

  TEST_CASE("a counter that was reset does not make a rate below zero") {
    RateMeter meter;
    meter.Sample(1'000'000, kTickNs);
    meter.Sample(10, 2 * kTickNs);
    CHECK(meter.per_second() == 0);
  }
}

}  // namespace
}  // namespace terrace::server
