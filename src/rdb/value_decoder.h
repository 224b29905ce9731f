// The body of a collection of any layout (value_code.h), turned into a collection as we keep it: in its packed encoding up
// to the limits in force, else in the other. Bodies may come from an attacker; no more is allocated than what the bytes
// that are really there stand for.
#pragma once

#include "rdb/dump_payload.h"
#include "types/encoding_limits.h"
#include "types/value.h"

namespace terrace::rdb {

/// kBadFormat for what is damaged, has a member or field twice, is empty (which a stream may be), or is no collection. The value is the caller's.
PayloadResult<types::Value> DecodeCollection(const PayloadBody& body,
                                             const types::EncodingLimits& limits);

}  // namespace terrace::rdb
