// The checksum of RDB files and DUMP payloads: CRC-64 "Jones", polynomial 0xad93d23594c935a9, reflected,
// starting at 0 and not inverted at the end. Crc64("123456789") = 0xe9c6d914c4b8d9ca.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace terrace::rdb {

/// The checksum of what `start` is the checksum of, followed by `data`.
uint64_t Crc64(Bytes data, uint64_t start = 0);

}  // namespace terrace::rdb
