// A collection as the body of a DUMP payload, or as it stands in an RDB file behind its key:
//
//   list         18: count, and for each node 2 and a listpack (1 and its bytes for an element that stands alone)
//   set          11: an intset; 2: count, members; 20: a listpack, for readers of RDB 11 and later
//   hash         16: a listpack; 4: count, field, value ...; with deadlines of fields, for readers of RDB 12 and later,
//                25: i64 the smallest, a listpack of field, value, deadline; 24: i64 the smallest, count, and for each
//                field 0 or its deadline minus the smallest plus one, field, value
//   sorted set   17: a listpack; 5: count, member, score ... highest first, which is how stock servers like to read it
//   stream       19, or 21 for readers of RDB 11 and later (rdb/stream_codec.h)
//
// (and the code is the first byte). Packed forms are written as they lie in memory.
#pragma once

#include <cstdint>
#include <string>

#include "rdb/dump_payload.h"
#include "types/value.h"

namespace terrace::rdb {

struct EncodeOptions {
  /// What the reader understands; at least 10.
  uint16_t rdb_version = kRdbVersionDefault;
  Compression compression = Compression::kLzf;
};

/// The version of RDB a reader must know for this value, at least the default.
uint16_t RdbVersionFor(types::Value value);
std::string EncodeCollection(types::Value value, const EncodeOptions& options = {});

}  // namespace terrace::rdb
