#include "server/latency_monitor.h"

#include <doctest/doctest.h>

namespace terrace::server {
namespace {

constexpr uint64_t kMs = 1'000'000;

TEST_SUITE("server/latency_monitor") {
  TEST_CASE("without a threshold nothing is remembered") {
    LatencyMonitor monitor;
    monitor.Note("command", 5000 * kMs, 1);
    CHECK(monitor.All().empty());
  }

  TEST_CASE("what reaches the threshold is remembered, what does not is not") {
    LatencyMonitor monitor;
    monitor.set_threshold_ms(10);
    monitor.Note("command", 10 * kMs - 1, 1);
    CHECK(monitor.All().empty());
    monitor.Note("command", 10 * kMs, 1);
    REQUIRE(monitor.Find("command"));
    CHECK(monitor.Find("command")->samples[0].ms == 10);
    CHECK_FALSE(monitor.Find("expire-cycle"));
  }

  TEST_CASE("a second has one sample: its longest") {
    LatencyMonitor monitor;
    monitor.set_threshold_ms(1);
    for (const uint64_t ms : {3, 9, 4}) monitor.Note("command", ms * kMs, 100);
    monitor.Note("command", 5 * kMs, 101);
    const auto series = monitor.Find("command");
    REQUIRE(series->samples.size() == 2);
    CHECK(series->samples[0].unix_seconds == 100);
    CHECK(series->samples[0].ms == 9);
    CHECK(series->samples[1].ms == 5);
    CHECK(series->ms_max == 9);
  }

  TEST_CASE("old seconds are dropped, the worst of all time is not") {
    LatencyMonitor monitor;
    monitor.set_threshold_ms(1);
    monitor.Note("command", 77 * kMs, 0);
    for (uint64_t second = 1; second <= LatencyMonitor::kSamplesMax; ++second)
      monitor.Note("command", 2 * kMs, second);
    const auto series = monitor.Find("command");
    CHECK(series->samples.size() == LatencyMonitor::kSamplesMax);
    CHECK(series->samples.front().unix_seconds == 1);
    CHECK(series->ms_max == 77);
  }

  TEST_CASE("one kind or all are forgotten") {
    LatencyMonitor monitor;
    monitor.set_threshold_ms(1);
    monitor.Note("command", 2 * kMs, 1);
    monitor.Note("handover", 2 * kMs, 1);
    monitor.Note("expire-cycle", 2 * kMs, 1);
    CHECK(monitor.Reset("nosuch") == 0);
    CHECK(monitor.Reset("handover") == 1);
    CHECK(monitor.Reset() == 2);
    CHECK(monitor.All().empty());
  }
}

}  // namespace
}  // namespace terrace::server
