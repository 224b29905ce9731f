#include "commands/block_timeout.h"

#include <cmath>
#include <limits>

#include "base/numbers.h"

namespace terrace::commands {
namespace {

constexpr int64_t kMsMax = std::numeric_limits<int64_t>::max();

std::optional<uint64_t> Refuse(ReadContext& ctx, Bytes error) {
  ctx.reply.Error(error);
  return std::nullopt;
}

std::optional<uint64_t> Checked(ReadContext& ctx, int64_t ms) {
  if (ms < 0) return Refuse(ctx, "ERR timeout is negative");
  // It ends at a time that the clock can name.
  if (ms > kMsMax - static_cast<int64_t>(ctx.now_ms()))
    return Refuse(ctx, "ERR timeout is out of range");
  return static_cast<uint64_t>(ms);
}

}  // namespace

std::optional<uint64_t> ParseBlockTimeout(ReadContext& ctx, Bytes text) {
  const auto seconds = ParseLongDouble(text);
  if (!seconds) return Refuse(ctx, "ERR timeout is not a float or out of range");
  const long double ms = std::ceil(*seconds * 1000);
  if (ms > static_cast<long double>(kMsMax)) return Refuse(ctx, "ERR timeout is out of range");
  // Less than any int64 is negative, too.
  return Checked(ctx, ms < 0 ? -1 : static_cast<int64_t>(ms));
}

std::optional<uint64_t> ParseBlockTimeoutMs(ReadContext& ctx, Bytes text) {
  const auto ms = ParseInt64(text);
  if (!ms) return Refuse(ctx, "ERR timeout is not an integer or out of range");
  return Checked(ctx, *ms);
}

}  // namespace terrace::commands
