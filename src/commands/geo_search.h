// Which members of a sorted set of places lie in a circle or a box.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/geo_position.h"
#include "types/sorted_set.h"

namespace terrace::commands {

/// A circle around a place, or a box with it in the middle whose sides are parallels and meridians.
struct GeoShape {
  GeoPosition center;
  bool is_box = false;
  double radius = 0;  // in `unit_metres`, like the others
  double width = 0, height = 0;
  double unit_metres = 1;

  /// The distance of a place inside, in metres; nullopt if it is outside.
  std::optional<double> DistanceInside(const GeoPosition& place) const;
};

struct GeoHit {
  std::string member;
  double score;
  double distance_metres;
  GeoPosition position;
};

/// Members in the shape, square by square and in each by score, the squares in Redis' order: the middle, north, south,
/// east, west, then the corners. Stops when there are `enough` (0: never).
std::vector<GeoHit> SearchShape(const types::SortedSet& set, const GeoShape& shape, size_t enough);

}  // namespace terrace::commands
