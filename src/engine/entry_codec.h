// An entry's value as the body of a DUMP payload, and an entry made of one (rdb/value_code.h).
#pragma once

#include <string>

#include "engine/entry.h"
#include "rdb/value_encoder.h"
#include "types/encoding_limits.h"

namespace terrace::engine {

/// The version of RDB a reader of the value must know.
uint16_t RdbVersionFor(const Entry& entry);
/// The first byte is the value code.
std::string EncodeValue(const Entry& entry, const rdb::EncodeOptions& options = {});
/// A new entry, which is the caller's. The body may come from an attacker.
rdb::PayloadResult<Entry*> DecodeEntry(const rdb::PayloadBody& body, Bytes key,
                                       uint64_t deadline_ms, const types::EncodingLimits& limits);

}  // namespace terrace::engine
