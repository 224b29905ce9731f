#include "commands/field_arguments.h"

#include <string>

#include "base/ascii.h"
#include "base/numbers.h"

namespace terrace::commands {

std::optional<uint64_t> ParseFieldDeadline(ReadContext& ctx, Bytes time, FieldTime form,
                                           Bytes command) {
  // The limit stock servers set, a quarter of what their files can hold.
  constexpr int64_t kTimeMax = (int64_t{1} << 46) - 1;
  const auto refuse = [&](Bytes error) {
    ctx.reply.Error(error);
    return std::nullopt;
  };
  const auto parsed = ParseInt64(time);
  if (!parsed) return refuse(kNotAnIntegerError);
  if (*parsed < 0) return refuse("ERR invalid expire time, must be >= 0");
  const int64_t from = form.absolute ? 0 : static_cast<int64_t>(ctx.now_ms());
  const int64_t unit = form.seconds ? 1000 : 1;
  if (*parsed > kTimeMax / unit || *parsed * unit > kTimeMax - from) {
    return refuse("ERR invalid expire time in '" + std::string(command) + "' command");
  }
  return static_cast<uint64_t>(*parsed * unit + from);
}

std::optional<size_t> ParseFields(resp::Reply& reply, Args args, size_t at, Bytes number_error) {
  const auto refuse = [&](Bytes error) {
    reply.Error(error);
    return std::nullopt;
  };
  if (at >= args.size() || !EqualsIgnoreCase(args[at], "FIELDS")) {
    return refuse("ERR Mandatory argument FIELDS is missing or not at the right position");
  }
  const auto number = at + 1 < args.size() ? ParseInt64(args[at + 1]) : std::nullopt;
  if (!number || *number < 1) return refuse(number_error);
  if (static_cast<uint64_t>(*number) != args.size() - at - 2) {
    return refuse("ERR The `numfields` parameter must match the number of arguments");
  }
  return at + 2;
}

}  // namespace terrace::commands
