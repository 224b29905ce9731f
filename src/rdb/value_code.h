// The first byte of a value in an RDB file or DUMP payload: its type and the layout it is written in.
#pragma once

#include <cstdint>
#include <optional>

#include "types/value_type.h"

namespace terrace::rdb {

enum class ValueCode : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kZset = 3,  // scores as text
  kHash = 4,
  kZset2 = 5,  // scores as binary doubles
  kModulePreGa = 6,
  kModule2 = 7,
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetIntset = 11,
  kZsetZiplist = 12,
  kHashZiplist = 13,
  kListQuicklist = 14,
  kStreamListpacks = 15,
  kHashListpack = 16,
  kZsetListpack = 17,
  kListQuicklist2 = 18,
  kStreamListpacks2 = 19,
  kSetListpack = 20,
  kStreamListpacks3 = 21,
  kHashMetadataPreRelease = 22,    // of release candidates of 7.4: deadlines as they are,
  kHashListpackExPreRelease = 23,  // and no smallest one in front
  kHashMetadata = 24,
  kHashListpackEx = 25,
};

/// The type a key gets from a value of this code; none for modules and for codes that RDB 12 does not know.
constexpr std::optional<Type> TypeOf(ValueCode code) {
  switch (code) {
    case ValueCode::kString:
      return Type::kString;
    case ValueCode::kList:
    case ValueCode::kListZiplist:
    case ValueCode::kListQuicklist:
    case ValueCode::kListQuicklist2:
      return Type::kList;
    case ValueCode::kSet:
    case ValueCode::kSetIntset:
    case ValueCode::kSetListpack:
      return Type::kSet;
    case ValueCode::kZset:
    case ValueCode::kZset2:
    case ValueCode::kZsetZiplist:
    case ValueCode::kZsetListpack:
      return Type::kZset;
    case ValueCode::kHash:
    case ValueCode::kHashZipmap:
    case ValueCode::kHashZiplist:
    case ValueCode::kHashListpack:
    case ValueCode::kHashMetadataPreRelease:
    case ValueCode::kHashListpackExPreRelease:
    case ValueCode::kHashMetadata:
    case ValueCode::kHashListpackEx:
      return Type::kHash;
    case ValueCode::kStreamListpacks:
    case ValueCode::kStreamListpacks2:
    case ValueCode::kStreamListpacks3:
      return Type::kStream;
    case ValueCode::kModulePreGa:
    case ValueCode::kModule2:
      break;
  }
  return std::nullopt;
}

}  // namespace terrace::rdb
