// The names of the files of a data directory that hold tables, and the manifest that says which of them count.
//
//   MANIFEST          manifest_format.h
//   MANIFEST.new      the next one while it is written
//   00000012.table    table_format.h; the number is never used again
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace terrace::storage {

constexpr Bytes kManifestName = "MANIFEST";
constexpr Bytes kNewManifestName = "MANIFEST.new";

std::string TableFileName(uint64_t number);
/// Nothing for every name that TableFileName would not give.
std::optional<uint64_t> ParseTableFileName(Bytes name);

inline std::string PathIn(const std::string& directory, Bytes name) {
  return directory + "/" + std::string(name);
}

}  // namespace terrace::storage
