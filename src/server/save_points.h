// When `save` wants the data saved: after so many seconds with so many changes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "server/config/options.h"

namespace terrace::server {

/// `changes` since the last save, which was at `last_ms`.
inline bool AtSavePoint(const std::vector<config::SavePoint>& points, uint64_t changes,
                        uint64_t last_ms, uint64_t now_ms) {
  const auto seconds = static_cast<int64_t>((std::max(now_ms, last_ms) - last_ms) / 1000);
  return changes > 0 &&
         std::any_of(points.begin(), points.end(), [&](const config::SavePoint& point) {
           return static_cast<int64_t>(changes) >= point.changes && seconds >= point.seconds;
         });
}

}  // namespace terrace::server
