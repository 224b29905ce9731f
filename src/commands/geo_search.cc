#include "commands/geo_search.h"

#include <algorithm>
#include <cmath>

namespace terrace::commands {

using types::RankSpan;
using types::ScoreRange;
using types::SortedSet;

std::optional<double> GeoShape::DistanceInside(const GeoPosition& place) const {
  if (is_box) {
    const double up = kEarthRadiusMetres * std::fabs(place.latitude - center.latitude) * kRadiansADegree;
    if (up > height * unit_metres / 2) return std::nullopt;
    const double along = DistanceMetres(place, {center.longitude, place.latitude});
    if (along > width * unit_metres / 2) return std::nullopt;
    return DistanceMetres(center, place);
  }
  const double distance = DistanceMetres(center, place);
  return distance > radius * unit_metres ? std::nullopt : std::optional(distance);
}

namespace {

// Degrees either way of the center that nothing in the shape is beyond.
struct Reach {
  double longitude, latitude;
};

// A meridian's degrees are as long everywhere; a parallel's are the shorter the nearer it is to a pole, so the one
// nearest to a pole decides. A place that far along it and no further satisfies
//     cos(latitude) * sin(longitudes apart / 2) <= sin(metres / 2 radius)
Reach ReachOf(const GeoShape& shape) {
  // A little more than need be: the squares are chosen by arithmetic that rounds.
  constexpr double kSlack = 1e-6;
  const double up = (shape.is_box ? shape.height / 2 : shape.radius) * shape.unit_metres;
  const double along = (shape.is_box ? shape.width / 2 : shape.radius) * shape.unit_metres;
  const double latitude = std::min(up / kEarthRadiusMetres / kRadiansADegree + kSlack, 180.0);
  const double furthest = std::min(std::fabs(shape.center.latitude) + latitude, kLatitudeMax);
  const double angle = along / kEarthRadiusMetres / 2;
  const double sine = angle >= 1.5 ? 1 : std::sin(angle) / std::cos(furthest * kRadiansADegree);
  const double longitude = sine >= 1 ? 180 : 2 * std::asin(sine) / kRadiansADegree + kSlack;
  return {longitude, latitude};
}

// The ranges of scores of squares that cover the shape, ascending: three by three at most, each at least half as wide
// and high as the shape.
std::vector<ScoreRange> Cover(const GeoShape& shape) {
  const Reach reach = ReachOf(shape);
  unsigned level = 0;  // squares are 2^-level of either axis
  while (level < kGeoBits && 2 * kLongitudeMax / static_cast<double>(2u << level) >= reach.longitude &&
         2 * kLatitudeMax / static_cast<double>(2u << level) >= reach.latitude) {
    ++level;
  }
  const auto squares = static_cast<int64_t>(1) << level;
  const auto square_of = [&](double value, double max) {
    return static_cast<int64_t>(std::floor((value + max) / (2 * max) * static_cast<double>(squares)));
  };
  const int64_t west = square_of(shape.center.longitude - reach.longitude, kLongitudeMax);
  const int64_t east = square_of(shape.center.longitude + reach.longitude, kLongitudeMax);
  const int64_t south = std::max<int64_t>(square_of(shape.center.latitude - reach.latitude, kLatitudeMax), 0);
  const int64_t north = std::min(square_of(shape.center.latitude + reach.latitude, kLatitudeMax), squares - 1);
  std::vector<uint64_t> cells;
  for (int64_t x = west; x <= std::min(east, west + squares - 1); ++x) {
    const int64_t around = (x % squares + squares) % squares;  // the earth is round
    for (int64_t y = south; y <= north; ++y) {
      cells.push_back(Interleave(static_cast<uint32_t>(around), static_cast<uint32_t>(y)));
    }
  }
  std::sort(cells.begin(), cells.end());
  std::vector<ScoreRange> ranges;
  const unsigned shift = 2 * (kGeoBits - level);
  for (const uint64_t cell : cells) {
    const auto from = static_cast<double>(cell << shift), to = static_cast<double>((cell + 1) << shift);
    if (!ranges.empty() && ranges.back().max == from) {
      ranges.back().max = to;
    } else {
      ranges.push_back({.min = from, .max = to, .excludes_max = true});
    }
  }
  return ranges;
}

}  // namespace

std::vector<GeoHit> SearchShape(const SortedSet& set, const GeoShape& shape, size_t enough) {
  std::vector<GeoHit> hits;
  for (const ScoreRange& range : Cover(shape)) {
    const RankSpan span = set.Find(range);
    if (span.count == 0) continue;
    SortedSet::Cursor at = set.At(span.from);
    for (size_t i = 0; i < span.count; ++i, at.Next()) {
      const GeoPosition position = DecodePosition(at.score());
      const auto distance = shape.DistanceInside(position);
      if (!distance) continue;
      hits.push_back({std::string(at.member()), at.score(), *distance, position});
      if (hits.size() == enough) return hits;
    }
  }
  return hits;
}

}  // namespace terrace::commands
