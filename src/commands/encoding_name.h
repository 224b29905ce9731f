// The names clients know encodings by (OBJECT ENCODING).
#pragma once

#include "engine/entry.h"

namespace terrace::commands {

/// Redis' names for its three forms of strings follow from the length, because ours are others, and from whether APPEND or
/// SETRANGE have put the value together: what they leave is "raw" however short.
inline Bytes EncodingName(const engine::Entry& entry) {
  constexpr size_t kEmbstrBytesMax = 44;
  switch (entry.encoding()) {
    case Encoding::kInteger:
      return "int";
    case Encoding::kListpack:
      return "listpack";
    case Encoding::kIntset:
      return "intset";
    case Encoding::kQuicklist:
      return "quicklist";
    case Encoding::kListpackEx:
      return "listpackex";
    case Encoding::kHashTable:
    case Encoding::kTimedTable:
      return "hashtable";
    case Encoding::kSkiplist:
      return "skiplist";
    case Encoding::kStream:
      return "stream";
    case Encoding::kInline:
    case Encoding::kBlob:
      break;
  }
  return entry.raw_string() || entry.StringLength() > kEmbstrBytesMax ? "raw" : "embstr";
}

}  // namespace terrace::commands
