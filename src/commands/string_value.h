// What the string commands share: looking at an entry's value as bytes.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "engine/entry.h"
#include "resp/reply.h"

namespace terrace::commands {

/// Writes the string as a bulk; a large one goes by reference.
void ReplyString(resp::Reply& reply, const engine::Entry& entry);

/// The part of `length` bytes that GETRANGE's `first` and `last` name: both ends included, negative ones counted from
/// the end.
struct ByteRange {
  size_t from = 0;
  size_t size = 0;
};
ByteRange ResolveRange(size_t length, int64_t first, int64_t last);

bool StringEquals(const engine::Entry& entry, Bytes bytes);

}  // namespace terrace::commands
