#include "commands/geo_position.h"

#include <algorithm>
#include <cmath>

#include "base/ascii.h"

namespace terrace::commands {
namespace {

// The bits of a number, a gap before each.
uint64_t Spread(uint32_t bits) {
  uint64_t spread = bits;
  spread = (spread | spread << 16) & 0x0000ffff0000ffffULL;
  spread = (spread | spread << 8) & 0x00ff00ff00ff00ffULL;
  spread = (spread | spread << 4) & 0x0f0f0f0f0f0f0f0fULL;
  spread = (spread | spread << 2) & 0x3333333333333333ULL;
  return (spread | spread << 1) & 0x5555555555555555ULL;
}

uint32_t Gather(uint64_t spread) {
  spread &= 0x5555555555555555ULL;
  spread = (spread | spread >> 1) & 0x3333333333333333ULL;
  spread = (spread | spread >> 2) & 0x0f0f0f0f0f0f0f0fULL;
  spread = (spread | spread >> 4) & 0x00ff00ff00ff00ffULL;
  spread = (spread | spread >> 8) & 0x0000ffff0000ffffULL;
  return static_cast<uint32_t>(spread | spread >> 16);
}

constexpr double kCells = 1 << kGeoBits;

// Which of 2^26 equal parts of [-max, max] a value is in.
uint32_t CellOf(double value, double max) {
  return static_cast<uint32_t>(std::min((value + max) / (2 * max) * kCells, kCells - 1));
}

double MiddleOf(uint32_t cell, double max) {
  const double low = -max + cell / kCells * (2 * max);
  const double high = -max + (cell + 1) / kCells * (2 * max);
  return std::clamp((low + high) / 2, -max, max);
}

}  // namespace

uint64_t Interleave(uint32_t x, uint32_t y) { return Spread(y) | Spread(x) << 1; }

uint64_t EncodePosition(const GeoPosition& position) {
  return Interleave(CellOf(position.longitude, kLongitudeMax),
                    CellOf(position.latitude, kLatitudeMax));
}

GeoPosition DecodePosition(double score) {
  // What no place was encoded to is read as if it had only the bits a place has.
  constexpr double kScores = static_cast<double>(uint64_t{1} << (2 * kGeoBits));
  const uint64_t bits = score >= 0 && score < kScores ? static_cast<uint64_t>(score) : 0;
  return {MiddleOf(Gather(bits >> 1), kLongitudeMax), MiddleOf(Gather(bits), kLatitudeMax)};
}

// The same bits over latitudes up to the poles, five to a letter; the last letter has only two left and is always 0.
std::string StandardGeohash(const GeoPosition& position) {
  constexpr char kLetters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
  const uint64_t bits =
      Interleave(CellOf(position.longitude, kLongitudeMax), CellOf(position.latitude, 90));
  std::string text;
  for (unsigned i = 1; i <= 10; ++i) text += kLetters[bits >> (2 * kGeoBits - 5 * i) & 31];
  return text + kLetters[0];
}

double DistanceMetres(const GeoPosition& a, const GeoPosition& b) {
  const double a_latitude = a.latitude * kRadiansADegree;
  const double b_latitude = b.latitude * kRadiansADegree;
  const double v = std::sin((b.longitude * kRadiansADegree - a.longitude * kRadiansADegree) / 2);
  if (v == 0) return kEarthRadiusMetres * std::fabs(b_latitude - a_latitude);
  const double u = std::sin((b_latitude - a_latitude) / 2);
  return 2 * kEarthRadiusMetres *
         std::asin(std::sqrt(u * u + std::cos(a_latitude) * std::cos(b_latitude) * v * v));
}

std::optional<double> MetresIn(Bytes unit) {
  if (EqualsIgnoreCase(unit, "m")) return 1;
  if (EqualsIgnoreCase(unit, "km")) return 1000;
  if (EqualsIgnoreCase(unit, "ft")) return 0.3048;
  if (EqualsIgnoreCase(unit, "mi")) return 1609.34;
  return std::nullopt;
}

}  // namespace terrace::commands
