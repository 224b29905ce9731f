// The id of a history: one line of log offsets, written by one leader after the other without a fork. In the protocol it is
// the replication id.
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace terrace::storage {

constexpr size_t kHistoryIdBytes = 40;

/// Whether it is written as every id is: in hexadecimal digits.
inline bool IsHistoryId(Bytes id) {
  return id.size() == kHistoryIdBytes && id.find_first_not_of("0123456789abcdef") == Bytes::npos;
}

}  // namespace terrace::storage
