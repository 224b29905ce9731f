// What DUMP answers and RESTORE takes: one value, wrapped so that it can be told from noise.
//
//   body   1  value code (value_code.h)
//          .  the value, by its code
//          2  RDB version, little-endian
//          8  crc64 of everything before, little-endian; 0 is no exception, as it is in files
//
// The key, its deadline and its access clock are not in it.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "rdb/string_codec.h"
#include "rdb/value_code.h"

namespace terrace::rdb {

/// Written by default: every server from 7.0 on takes it.
constexpr uint16_t kRdbVersionDefault = 10;
/// From this one on hashes may have fields with deadlines.
constexpr uint16_t kRdbVersionTimedFields = 12;
/// The newest version whose layouts we know.
constexpr uint16_t kRdbVersionMax = 12;

enum class PayloadError : uint8_t {
  /// Too short, of a newer version, or damaged: "DUMP payload version or checksum are wrong".
  kVersionOrChecksum,
  /// Intact, but not a value we can make sense of: "Bad data format".
  kBadFormat,
};

template <typename T>
using PayloadResult = Result<T, PayloadError>;

/// An opened payload; `value` views the payload.
struct PayloadBody {
  ValueCode code;
  Bytes value;
};

/// Adds version and checksum to a body.
std::string SealDumpPayload(std::string body, uint16_t rdb_version = kRdbVersionDefault);
/// Checks version and checksum. The code is not judged: TypeOf(code) says whether it means anything.
PayloadResult<PayloadBody> OpenDumpPayload(Bytes payload);

/// The body of a string value.
std::string EncodeStringValue(Bytes text, Compression compression = Compression::kLzf);
std::string EncodeStringValue(int64_t value);
/// kBadFormat for any other code, for a damaged string and for bytes left over. CONTRACT: may view the
/// payload.
PayloadResult<DecodedString> DecodeStringValue(const PayloadBody& body);

}  // namespace terrace::rdb
