#include "commands/geo_search.h"

#include <algorithm>
#include <cmath>

namespace terrace::commands {

using types::RankSpan;
using types::ScoreRange;
using types::SortedSet;

std::optional<double> GeoShape::DistanceInside(const GeoPosition& place) const {
  if (is_box) {
    const double up =
        kEarthRadiusMetres * std::fabs(place.latitude - center.latitude) * kRadiansADegree;
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

// One of the 4^level squares that the world is cut into.
struct Square {
  unsigned level;
  int64_t x, y;  // in [0, 2^level)

  double West() const { return Edge(x, kLongitudeMax); }
  double East() const { return Edge(x + 1, kLongitudeMax); }
  double South() const { return Edge(y, kLatitudeMax); }
  double North() const { return Edge(y + 1, kLatitudeMax); }
  /// So many squares away. The world goes on at its other side.
  Square Beside(int64_t east, int64_t north) const {
    const int64_t mask = (int64_t{1} << level) - 1;
    return {level, (x + east) & mask, (y + north) & mask};
  }
  ScoreRange Scores() const {
    const unsigned shift = 2 * (kGeoBits - level);
    const uint64_t cell = Interleave(static_cast<uint32_t>(x), static_cast<uint32_t>(y));
    return {.min = static_cast<double>(cell << shift),
            .max = static_cast<double>((cell + 1) << shift),
            .excludes_max = true};
  }

 private:
  double Edge(int64_t i, double max) const {
    return 2 * max * static_cast<double>(i) / static_cast<double>(int64_t{1} << level) - max;
  }
};

// The square of a level that a coordinate falls into, of those that would be if the world did not end.
int64_t SquareOf(double value, double max, unsigned level) {
  return static_cast<int64_t>(
      std::floor((value + max) / (2 * max) * static_cast<double>(int64_t{1} << level)));
}

Square SquareAt(const GeoPosition& place, unsigned level) {
  const int64_t last = (int64_t{1} << level) - 1;
  return {level, std::min(SquareOf(place.longitude, kLongitudeMax, level), last),
          std::min(SquareOf(place.latitude, kLatitudeMax, level), last)};
}

// A box around the shape, as Redis reckons it: near the poles not all of the shape is in it.
struct Bounds {
  double west, south, east, north;

  explicit Bounds(const GeoShape& shape) {
    const double up = (shape.is_box ? shape.height / 2 : shape.radius) * shape.unit_metres;
    const double along = (shape.is_box ? shape.width / 2 : shape.radius) * shape.unit_metres;
    const double latitude = up / kEarthRadiusMetres / kRadiansADegree;
    const double widest =
        shape.center.latitude + (shape.center.latitude < 0 ? -latitude : latitude);
    const double longitude =
        along / kEarthRadiusMetres / std::cos(widest * kRadiansADegree) / kRadiansADegree;
    west = shape.center.longitude - longitude;
    east = shape.center.longitude + longitude;
    south = shape.center.latitude - latitude;
    north = shape.center.latitude + latitude;
  }
};

// The finest level at which the square in the middle and its eight neighbours are likely to hold the shape: a square is
// at least twice as wide at the equator as the shape reaches.
unsigned NearbyLevel(const GeoShape& shape) {
  constexpr double kHalfEquatorMetres = 20037726.37;
  double metres = (shape.is_box ? std::hypot(shape.width / 2, shape.height / 2) : shape.radius) *
                  shape.unit_metres;
  if (metres == 0) return kGeoBits;
  int level = -1;
  for (; metres < kHalfEquatorMetres; metres *= 2) ++level;
  const double latitude = std::fabs(shape.center.latitude);
  if (latitude > 66) --level;
  if (latitude > 80) --level;
  return static_cast<unsigned>(std::clamp(level, 1, static_cast<int>(kGeoBits)));
}

// The square in the middle and those around it that the bounds reach into, in the order in which Redis looks at them:
// clients see its hits in that order when they ask for none. Which squares those are is part of the order, so it is
// reckoned in the same way.
std::vector<Square> Nearby(const GeoShape& shape) {
  const Bounds bounds(shape);
  unsigned level = NearbyLevel(shape);
  Square middle = SquareAt(shape.center, level);
  const bool too_fine =
      middle.Beside(0, 1).North() < bounds.north || middle.Beside(0, -1).South() > bounds.south ||
      middle.Beside(1, 0).East() < bounds.east || middle.Beside(-1, 0).West() > bounds.west;
  if (too_fine && level > 1) middle = SquareAt(shape.center, --level);
  constexpr int8_t kAround[][2] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                   {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
  std::vector<Square> squares;
  for (const auto& [east, north] : kAround) {
    const bool unneeded = (east > 0 && middle.East() > bounds.east) ||
                          (east < 0 && middle.West() < bounds.west) ||
                          (north > 0 && middle.North() > bounds.north) ||
                          (north < 0 && middle.South() < bounds.south);
    if (unneeded && level > 1) continue;
    const Square square = middle.Beside(east, north);
    const auto is_it = [&](const Square& each) { return each.x == square.x && each.y == square.y; };
    if (std::none_of(squares.begin(), squares.end(), is_it)) squares.push_back(square);
  }
  return squares;
}

// The ranges of scores of squares that cover the shape: three by three at most, each at least half as wide and high as
// the shape.
std::vector<ScoreRange> Cover(const GeoShape& shape) {
  const Reach reach = ReachOf(shape);
  unsigned level = 0;
  while (level < kGeoBits &&
         2 * kLongitudeMax / static_cast<double>(2u << level) >= reach.longitude &&
         2 * kLatitudeMax / static_cast<double>(2u << level) >= reach.latitude) {
    ++level;
  }
  const auto squares = static_cast<int64_t>(1) << level;
  const int64_t west = SquareOf(shape.center.longitude - reach.longitude, kLongitudeMax, level);
  const int64_t east = SquareOf(shape.center.longitude + reach.longitude, kLongitudeMax, level);
  const int64_t south =
      std::max<int64_t>(SquareOf(shape.center.latitude - reach.latitude, kLatitudeMax, level), 0);
  const int64_t north =
      std::min(SquareOf(shape.center.latitude + reach.latitude, kLatitudeMax, level), squares - 1);
  std::vector<ScoreRange> ranges;
  for (int64_t x = west; x <= std::min(east, west + squares - 1); ++x) {
    const int64_t around = (x % squares + squares) % squares;  // the earth is round
    for (int64_t y = south; y <= north; ++y) ranges.push_back(Square{level, around, y}.Scores());
  }
  return ranges;
}

// What of the ranges is not in `taken`.
std::vector<ScoreRange> Without(std::vector<ScoreRange> ranges, const ScoreRange& taken) {
  std::vector<ScoreRange> left;
  for (const ScoreRange& range : ranges) {
    if (taken.max <= range.min || range.max <= taken.min) {
      left.push_back(range);
      continue;
    }
    if (range.min < taken.min)
      left.push_back({.min = range.min, .max = taken.min, .excludes_max = true});
    if (taken.max < range.max)
      left.push_back({.min = taken.max, .max = range.max, .excludes_max = true});
  }
  return left;
}

// Where to look for what is in the shape, in order. The nearby squares hold nearly always all of it; what they miss is
// near a pole or beyond the date line.
std::vector<ScoreRange> Places(const GeoShape& shape) {
  std::vector<ScoreRange> ranges;
  std::vector<ScoreRange> rest = Cover(shape);
  for (const Square& square : Nearby(shape)) {
    ranges.push_back(square.Scores());
    rest = Without(std::move(rest), ranges.back());
  }
  std::sort(rest.begin(), rest.end(),
            [](const ScoreRange& a, const ScoreRange& b) { return a.min < b.min; });
  ranges.insert(ranges.end(), rest.begin(), rest.end());
  return ranges;
}

}  // namespace

std::vector<GeoHit> SearchShape(const SortedSet& set, const GeoShape& shape, size_t enough) {
  std::vector<GeoHit> hits;
  for (const ScoreRange& range : Places(shape)) {
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
