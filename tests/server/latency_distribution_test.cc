#include "server/latency_distribution.h"

#include <doctest/doctest.h>

namespace terrace::server {
namespace {

LatencyDistribution DistributionOf(std::initializer_list<uint64_t> nanoseconds) {
  exec::LatencyHistogram histogram;
  for (const uint64_t ns : nanoseconds) histogram.Add(ns);
  LatencyDistribution latency;
  latency.Add(histogram);
  return latency;
}

TEST_SUITE("server/latency_distribution") {
  TEST_CASE("percentiles are within an eighth of what was measured") {
    exec::LatencyHistogram histogram;
    for (uint64_t us = 1; us <= 1000; ++us) histogram.Add(us * 1000);
    LatencyDistribution latency;
    latency.Add(histogram);
    CHECK(latency.calls() == 1000);
    for (const double percent : {1.0, 50.0, 99.0, 99.9, 100.0}) {
      const auto value = static_cast<double>(latency.Percentile(percent));
      CHECK(value >= percent * 10'000);
      CHECK(value <= percent * 10'000 * 1.125);
    }
    CHECK(latency.Percentile(0) == latency.Percentile(0.1));
  }

  TEST_CASE("histograms of several workers add up") {
    LatencyDistribution latency = DistributionOf({1000, 2000});
    exec::LatencyHistogram other;
    other.Add(4000);
    latency.Add(other);
    CHECK(latency.calls() == 3);
  }

  TEST_CASE("steps double and are told only where the count changes") {
    const auto steps = DistributionOf({500, 900, 3000, 20'000, 40'000, 1'000'000}).Steps();
    REQUIRE(steps.size() == 5);
    CHECK(steps[0].up_to_us == 1);
    CHECK(steps[0].calls == 2);
    CHECK(steps[1].up_to_us == 4);
    CHECK(steps[1].calls == 3);
    CHECK(steps[2].up_to_us == 33);
    CHECK(steps[2].calls == 4);
    CHECK(steps[3].up_to_us == 66);
    CHECK(steps[4].up_to_us == 1056);
    CHECK(steps[4].calls == 6);
  }

  TEST_CASE("a command that never ran has no steps") {
    CHECK(LatencyDistribution().Steps().empty());
  }
}

}  // namespace
}  // namespace terrace::server
