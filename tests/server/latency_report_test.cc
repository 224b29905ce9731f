#include "server/latency_report.h"

#include <doctest/doctest.h>

namespace terrace::server {
namespace {

TEST_SUITE("server/latency_report") {
  TEST_CASE("bars grow with the latency, ages stand below them") {
    const LatencySeries series{{{1000, 4}, {1040, 30}, {1100, 17}}, 48};
    const std::string expected = "command - high 30 ms, low 4 ms (all time high 48 ms)\n" +
                                 std::string(80, '-') +
                                 "\n"
                                 " # \n"
                                 " | \n"
                                 " |#\n"
                                 "_||\n"
                                 "\n"
                                 "111\n"
                                 "mm0\n"
                                 "  s\n";
    CHECK(DrawLatencies("command", series, 1110) == expected);
  }

  TEST_CASE("only the latest samples fit into a drawing") {
    LatencySeries series;
    for (uint64_t i = 0; i < 160; ++i) series.samples.push_back({1000 + i, i < 80 ? 900u : 5u});
    const std::string drawing = DrawLatencies("command", series, 2000);
    CHECK(drawing.find("high 5 ms, low 5 ms") != std::string::npos);
    CHECK(drawing.find(std::string(80, '_')) != std::string::npos);
    CHECK(drawing.find(std::string(81, '_')) == std::string::npos);
  }

  TEST_CASE("the advice says how to turn the monitor on, or that nothing was slow") {
    CHECK(ExplainLatencies({}, 0, 10000, 1).find("latency-monitor-threshold") != std::string::npos);
    CHECK(ExplainLatencies({}, 5, 10000, 1).find("Nothing") != std::string::npos);
  }

  TEST_CASE("events are listed with their spread") {
    const std::map<std::string, LatencySeries> all = {{"command", {{{100, 10}, {110, 30}}, 30}}};
    const std::string text = ExplainLatencies(all, 5, 10000, 120);
    CHECK(text.find("1. command: 2 latency spikes (average 20ms, mean deviation 10ms, period 10.00 "
                    "sec). Worst all "
                    "time event 30ms.") != std::string::npos);
    CHECK(text.find("'CONFIG SET slowlog-log-slower-than 5000'") != std::string::npos);
    CHECK(ExplainLatencies(all, 5, 5000, 120).find("CONFIG SET") == std::string::npos);
  }
}

}  // namespace
}  // namespace terrace::server
