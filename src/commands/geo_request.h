// What GEOSEARCH, GEORADIUS and their relatives ask for.
//
//   GEORADIUS           key longitude latitude radius unit        words
//   GEORADIUSBYMEMBER   key member radius unit                    words
//   GEOSEARCH           key                                       words, among them where and how far
//   GEOSEARCHSTORE      destination key                           words
#pragma once

#include <cstdint>
#include <string>

#include "base/args.h"
#include "base/result.h"
#include "commands/geo_search.h"

namespace terrace::commands {

enum class GeoForm : uint8_t { kRadius, kRadiusByMember, kSearch, kSearchStore };
enum class GeoOrder : uint8_t { kNone, kAscending, kDescending };

struct GeoRequest {
  GeoShape shape;
  GeoOrder order = GeoOrder::kNone;
  size_t count = 0;  // 0: all
  bool any = false;
  bool with_distance = false, with_hash = false, with_coordinates = false;
  bool stores = false, stores_distance = false;
  Bytes destination;
};

/// `set` is what the key holds, or nullptr; a member that is a center is looked up there. `may_store`: STORE and STOREDIST
/// are words of a GEORADIUS. The error is its text.
Result<GeoRequest, std::string> ParseGeoRequest(Args args, GeoForm form, bool may_store,
                                                const types::SortedSet* set);

/// "longitude latitude"; the error is its text.
Result<GeoPosition, std::string> ParsePosition(Bytes longitude, Bytes latitude);

constexpr Bytes kUnknownUnitError = "ERR unsupported unit provided. please use M, KM, FT, MI";

}  // namespace terrace::commands
