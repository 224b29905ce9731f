// Places on the earth as sorted sets keep them: a score of 52 bits, latitude and longitude as 26 bits each, interleaved.
//
//   bit   51 50 49 48 ...  1  0
//         x  y  x  y       x  y      x: longitude in [-180, 180], y: latitude in [-85.05112878, 85.05112878] (Web Mercator)
//
// Places that are close have scores that are close, mostly: a square of 2^-s of either axis is one range of scores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace terrace::commands {

constexpr double kLongitudeMax = 180;
constexpr double kLatitudeMax = 85.05112878;
constexpr unsigned kGeoBits = 26;  // of either axis

struct GeoPosition {
  double longitude = 0, latitude = 0;

  bool IsValid() const {
    return longitude >= -kLongitudeMax && longitude <= kLongitudeMax && latitude >= -kLatitudeMax &&
           latitude <= kLatitudeMax;
  }
};

/// Bits of x and y in turn, y's lowest first.
uint64_t Interleave(uint32_t x, uint32_t y);
/// The score of a valid position.
uint64_t EncodePosition(const GeoPosition& position);
/// The middle of the square that a score stands for. Any score has one: a sorted set may hold anything.
GeoPosition DecodePosition(double score);
/// The eleven letters that other software knows a place by.
std::string StandardGeohash(const GeoPosition& position);

/// Metres along a great circle of a sphere of the earth's radius.
double DistanceMetres(const GeoPosition& a, const GeoPosition& b);

constexpr double kEarthRadiusMetres = 6372797.560856;
constexpr double kRadiansADegree = 3.14159265358979323846 / 180;

/// Metres in a unit: m, km, ft, mi.
std::optional<double> MetresIn(Bytes unit);

}  // namespace terrace::commands
