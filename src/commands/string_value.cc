#include "commands/string_value.h"

#include <algorithm>

#include "base/blob.h"
#include "base/check.h"

namespace terrace::commands {

using engine::Entry;

void ReplyString(resp::Reply& reply, const Entry& entry) {
  switch (entry.encoding()) {
    case Encoding::kInteger:
      return reply.BulkInt(entry.integer());
    case Encoding::kBlob:
      return reply.Bulk(BlobRef::Share(entry.blob()));
    case Encoding::kInline: {
      engine::IntegerText unused;
      return reply.Bulk(entry.StringBytes(&unused));
    }
    default:
      break;
  }
  TERRACE_CHECK(false && "a handler took a collection for a string");
}

// "hello":  0 1 -> he   -3 -1 -> llo   1 99 -> ello   -99 -5 -> h   3 1 -> nothing   -1 -3 -> nothing
ByteRange ResolveRange(size_t length, int64_t first, int64_t last) {
  const auto end = static_cast<int64_t>(length);
  // Asked before clamping: "-99 -100" would end up as the first byte otherwise.
  if (first < 0 && last < 0 && first > last) return {};
  if (first < 0) first = std::max<int64_t>(first + end, 0);
  if (last < 0) last = std::max<int64_t>(last + end, 0);
  last = std::min(last, end - 1);
  if (first > last) return {};
  return {static_cast<size_t>(first), static_cast<size_t>(last - first + 1)};
}

bool StringEquals(const Entry& entry, Bytes bytes) {
  engine::IntegerText text;
  return entry.StringBytes(&text) == bytes;
}

}  // namespace terrace::commands
