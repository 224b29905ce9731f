#include "commands/set_options.h"

#include <string>

#include "base/ascii.h"
#include "base/numbers.h"

namespace terrace::commands {
namespace {

constexpr struct {
  Bytes word;
  DeadlineOption option;
} kDeadlineWords[] = {
    {"EX", DeadlineOption::kEx},        {"PX", DeadlineOption::kPx},
    {"EXAT", DeadlineOption::kExAt},    {"PXAT", DeadlineOption::kPxAt},
    {"KEEPTTL", DeadlineOption::kKeep}, {"PERSIST", DeadlineOption::kPersist},
};

DeadlineOption DeadlineOptionOf(Bytes word) {
  for (const auto& known : kDeadlineWords) {
    if (EqualsIgnoreCase(word, known.word)) return known.option;
  }
  return DeadlineOption::kNone;
}

// Takes the deadline option at args[*i] and its time; false if it does not go with what came before.
bool TakeDeadline(Args args, size_t* i, DeadlineOption refused, SetOptions* options) {
  const DeadlineOption option = DeadlineOptionOf(args[*i]);
  if (option == DeadlineOption::kNone || option == refused) return false;
  if (options->deadline != DeadlineOption::kNone && options->deadline != option) return false;
  options->deadline = option;
  if (!options->names_time()) return true;
  if (*i + 1 == args.size()) return false;
  options->time = args[++*i];
  return true;
}

// Takes the condition at args[*i]. NX and XX may be repeated, IFEQ may not.
bool TakeCondition(Args args, size_t* i, SetOptions* options) {
  const Bytes word = args[*i];
  if (EqualsIgnoreCase(word, "IFEQ")) {
    if (options->condition != Condition::kNone || *i + 1 == args.size()) return false;
    options->condition = Condition::kEqual;
    options->expected = args[++*i];
    return true;
  }
  const Condition condition = EqualsIgnoreCase(word, "NX")   ? Condition::kAbsent
                              : EqualsIgnoreCase(word, "XX") ? Condition::kPresent
                                                             : Condition::kNone;
  if (condition == Condition::kNone) return false;
  if (options->condition != Condition::kNone && options->condition != condition) return false;
  options->condition = condition;
  return true;
}

}  // namespace

ErrcOr<SetOptions> ParseSetOptions(Args args) {
  SetOptions options;
  for (size_t i = 3; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "GET")) {
      options.get = true;
    } else if (!TakeCondition(args, &i, &options) &&
               !TakeDeadline(args, &i, DeadlineOption::kPersist, &options)) {
      return Unexpected{Errc::kSyntax};
    }
  }
  return options;
}

ErrcOr<SetOptions> ParseGetExOptions(Args args) {
  SetOptions options;
  for (size_t i = 2; i < args.size(); ++i) {
    if (!TakeDeadline(args, &i, DeadlineOption::kKeep, &options)) return Unexpected{Errc::kSyntax};
  }
  return options;
}

ErrcOr<uint64_t> ResolveDeadline(DeadlineOption option, Bytes time, uint64_t now_ms) {
  const auto number = ParseInt64(time);
  if (!number) return Unexpected{Errc::kNotAnInteger};
  int64_t deadline_ms = *number;
  if (deadline_ms <= 0) return Unexpected{Errc::kInvalidExpire};
  const bool seconds = option == DeadlineOption::kEx || option == DeadlineOption::kExAt;
  if (seconds && __builtin_mul_overflow(deadline_ms, int64_t{1000}, &deadline_ms)) {
    return Unexpected{Errc::kInvalidExpire};
  }
  const bool relative = option == DeadlineOption::kEx || option == DeadlineOption::kPx;
  if (relative && __builtin_add_overflow(deadline_ms, static_cast<int64_t>(now_ms), &deadline_ms)) {
    return Unexpected{Errc::kInvalidExpire};
  }
  return static_cast<uint64_t>(deadline_ms);
}

void ReplyDeadlineError(ReadContext& ctx, Errc error, Bytes command) {
  if (error != Errc::kInvalidExpire) return ReplyError(ctx, error);
  ctx.reply.Error("ERR invalid expire time in '" + std::string(command) + "' command");
}

}  // namespace terrace::commands
