// StreamId: names an entry of a stream, "milliseconds-sequence". Ids of a stream ascend; 0-0 is none.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace terrace::types {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;

  static constexpr StreamId Max() { return {UINT64_MAX, UINT64_MAX}; }
  constexpr auto operator<=>(const StreamId&) const = default;
  constexpr bool is_zero() const { return ms == 0 && seq == 0; }

  /// The id behind this one. CONTRACT: it is not the last of all.
  constexpr StreamId Next() const {
    return seq == UINT64_MAX ? StreamId{ms + 1, 0} : StreamId{ms, seq + 1};
  }
  /// The id before this one. CONTRACT: it is not 0-0.
  constexpr StreamId Previous() const {
    return seq == 0 ? StreamId{ms - 1, UINT64_MAX} : StreamId{ms, seq - 1};
  }
};

/// The longest text of an id: twice 20 digits and a dash.
constexpr size_t kStreamIdCharsMax = 41;

/// Writes "ms-seq" and returns its length; `out` has room for kStreamIdCharsMax bytes.
inline size_t FormatStreamId(StreamId id, char* out) {
  char* at = std::to_chars(out, out + 20, id.ms).ptr;
  *at++ = '-';
  at = std::to_chars(at, at + 20, id.seq).ptr;
  return static_cast<size_t>(at - out);
}
inline std::string FormatStreamId(StreamId id) {
  char text[kStreamIdCharsMax];
  return std::string(text, FormatStreamId(id, text));
}

}  // namespace terrace::types
