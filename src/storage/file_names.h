// The names of our files in the data directory. No name of one kind is one of another, and whoever looks for one kind
// leaves all others alone: so all kinds may lie in one directory, beside what strangers put there.
//
//   00000000000000000042.log      segment_format.h; named for its start
//   00000000000000000042.log.new  the same while it gets its beginning
//   00000012.table                table_format.h; the number is never used again
//   MANIFEST                      manifest_format.h
//   MANIFEST.new                  the next one while it is written
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace terrace::storage {

constexpr Bytes kManifestName = "MANIFEST";
constexpr Bytes kNewManifestName = "MANIFEST.new";

std::string TableFileName(uint64_t number);
std::string SegmentFileName(uint64_t start);
std::string NewSegmentFileName(uint64_t start);

/// Nothing for every name that the function above of that kind would not give.
std::optional<uint64_t> ParseTableFileName(Bytes name);
std::optional<uint64_t> ParseSegmentFileName(Bytes name);
std::optional<uint64_t> ParseNewSegmentFileName(Bytes name);

inline std::string PathIn(const std::string& directory, Bytes name) {
  return directory + "/" + std::string(name);
}

}  // namespace terrace::storage
