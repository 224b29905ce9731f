// A stream as the body of a DUMP payload, or as it stands in an RDB file behind its key:
//
//   length nodes, and for each: string base id (16 bytes), string listpack (types/stream_node.h)
//   length entries | last id
//   19+:  first id | greatest deleted id | length entries ever added
//   length groups, and for each:
//     string name | last id delivered | 19+: length entries read (all ones: unknown)
//     length pending, and for each: raw id (16 bytes), i64 LE delivered at ms, length deliveries
//     length consumers, and for each:
//       string name | i64 LE seen at ms | 21+: i64 LE active at ms (-1: never)
//       length pending, and for each: raw id
//
// An id is two lengths, ms and seq, but where 16 bytes are said, which are u64 BE each.
#pragma once

#include "rdb/byte_sink.h"
#include "rdb/dump_payload.h"
#include "rdb/string_codec.h"
#include "types/stream_node.h"
#include "types/value.h"

namespace terrace::rdb {

/// 19 for readers of RDB 10, 21 for later ones.
ValueCode StreamCodeFor(uint16_t rdb_version);
/// What follows the code.
void EncodeStream(types::Value stream, ValueCode code, Compression compression, ByteSink& sink);
/// The same in parts: behind the number of nodes each of them, and what follows the nodes.
void EncodeStreamNode(const types::StreamNode& node, types::StreamId base, Compression compression,
                      ByteSink& sink);
void EncodeBehindNodes(types::Value stream, ValueCode code, Compression compression,
                       ByteSink& sink);

/// kBadFormat for what is damaged, also where that shows only in the whole: ids out of order, an entry counted twice, a
/// delivery that is no consumer's. The value is the caller's.
PayloadResult<types::Value> DecodeStream(const PayloadBody& body);

}  // namespace terrace::rdb
