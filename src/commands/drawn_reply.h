// Replies of elements drawn at random that may repeat (SRANDMEMBER, HRANDFIELD, ZRANDMEMBER with a negative count): a
// request of thirty bytes asks for as many as it likes. The reply is built in memory with the key locked, so there are two
// limits, and an error beyond each: how many may be drawn, which is looked at first, and how long their reply may be,
// which only drawing them shows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/numbers.h"
#include "resp/reply.h"

namespace terrace::commands {

constexpr int64_t kDrawsMax = int64_t{1} << 27;
constexpr size_t kDrawnBytesMax = 256 * kMiB;

constexpr Bytes kTooManyDrawsError = "ERR value is out of range";
constexpr Bytes kDrawnTooLongError =
    "ERR what was drawn is longer than 268435456 bytes, ask for less at a time";

/// An array of `elements` for `count` draws. draw(size_t some, has_room) makes so many of them and writes those for which
/// has_room() is true.
template <typename Draw>
void ReplyDrawn(resp::Reply& reply, size_t elements, size_t count, Draw draw) {
  constexpr size_t kDrawsAtOnce = 1024;
  const uint64_t begin = reply.buffer().mark();
  const auto has_room = [&] { return reply.buffer().mark() - begin <= kDrawnBytesMax; };
  reply.Array(elements);
  while (count != 0 && has_room()) {
    const size_t some = std::min(count, kDrawsAtOnce);
    draw(some, has_room);
    count -= some;
  }
  if (has_room()) return;
  reply.buffer().Truncate(begin);
  reply.Error(kDrawnTooLongError);
}

}  // namespace terrace::commands
