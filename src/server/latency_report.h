// What people read about the latency monitor's events: a drawing of one, advice on all.
#pragma once

#include <map>
#include <string>

#include "server/latency_monitor.h"

namespace terrace::server {

/// The samples as bars, the latest on the right, with their age written below them from top to bottom:
///
///     command - high 30 ms, low 4 ms (all time high 48 ms)
///     ----------------------------------------------- (80 of them)
///      #
///      |
///     o|
///     ||_
///
///     121
///     m0s
///      s
std::string DrawLatencies(Bytes event, const LatencySeries& series, uint64_t now_s);

/// One paragraph an event, and what to look at next. `slow_log_us` is the slow log's threshold, < 0: off.
std::string ExplainLatencies(const std::map<std::string, LatencySeries>& all, uint64_t threshold_ms,
                             int64_t slow_log_us, uint64_t now_s);

}  // namespace terrace::server
