// Deadlines: EXPIRE and its three forms, TTL and its three forms, PERSIST.
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/key_lookup.h"

namespace terrace::commands {
namespace {

using engine::Entry;

// What the four setters and the four getters differ in.
struct TimeForm {
  const char* name;
  bool seconds;   // else milliseconds
  bool absolute;  // since epoch, else from now
};

// --- EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT ---

enum Condition : unsigned {
  kIfNone = 1 << 0,     // NX
  kIfAny = 1 << 1,      // XX
  kIfLater = 1 << 2,    // GT
  kIfEarlier = 1 << 3,  // LT
};

// Reads what stands behind the time. Answers the error itself and returns nullopt if it makes no sense.
std::optional<unsigned> ParseConditions(resp::Reply& reply, Args args) {
  unsigned conditions = 0;
  for (size_t i = 3; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "NX")) {
      conditions |= kIfNone;
    } else if (EqualsIgnoreCase(args[i], "XX")) {
      conditions |= kIfAny;
    } else if (EqualsIgnoreCase(args[i], "GT")) {
      conditions |= kIfLater;
    } else if (EqualsIgnoreCase(args[i], "LT")) {
      conditions |= kIfEarlier;
    } else {
      reply.Error("ERR Unsupported option " + std::string(args[i]));
      return std::nullopt;
    }
  }
  if ((conditions & kIfNone) != 0 && conditions != kIfNone) {
    reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return std::nullopt;
  }
  if ((conditions & kIfLater) != 0 && (conditions & kIfEarlier) != 0) {
    reply.Error("ERR GT and LT options at the same time are not compatible");
    return std::nullopt;
  }
  return conditions;
}

// The deadline in ms since epoch, negative if it lies before that; nullopt if the number does not fit.
std::optional<int64_t> DeadlineOf(const TimeForm& form, int64_t time, uint64_t now_ms) {
  using Limits = std::numeric_limits<int64_t>;
  if (form.seconds) {
    if (time > Limits::max() / 1000 || time < Limits::min() / 1000) return std::nullopt;
    time *= 1000;
  }
  const int64_t base = form.absolute ? 0 : static_cast<int64_t>(now_ms);
  if (time > Limits::max() - base) return std::nullopt;
  return time + base;
}

// A key without a deadline counts as one whose deadline never comes.
bool Allows(unsigned conditions, const Entry& entry, int64_t deadline) {
  const bool has = entry.has_deadline();
  const auto before = static_cast<int64_t>(entry.deadline_ms());
  if ((conditions & kIfNone) != 0 && has) return false;
  if ((conditions & kIfAny) != 0 && !has) return false;
  if ((conditions & kIfLater) != 0 && (!has || deadline <= before)) return false;
  if ((conditions & kIfEarlier) != 0 && has && deadline >= before) return false;
  return true;
}

Effect DeleteAtOnce(WriteContext& ctx, Bytes key) {
  const bool lazy = ctx.unit.settings.lazy_expire.load(std::memory_order_relaxed);
  ctx.Edit(key).Delete();
  ctx.Notify(engine::kNotifyGeneric, "del", key);
  ctx.reply.Integer(1);
  return ctx.Rewritten({lazy ? "UNLINK" : "DEL", key});
}

// PEXPIREAT key deadline [condition ...]: conditions are kept, a follower finds the same state and decides
// the same.
Effect LogDeadline(WriteContext& ctx, Args args, int64_t deadline) {
  if (args.size() == 3) return ctx.Rewritten({"PEXPIREAT", args[1], deadline});
  const std::string digits = FormatInt64(deadline);
  std::vector<Bytes> words = {"PEXPIREAT", args[1], digits};
  words.insert(words.end(), args.begin() + 3, args.end());
  ctx.unit.LogArgs(ctx.db, words.data(), words.size());
  return Effect::Logged();
}

Effect SetDeadline(WriteContext& ctx, Args args, const TimeForm& form) {
  const auto conditions = ParseConditions(ctx.reply, args);
  if (!conditions) return Effect::None();
  const auto time = ParseInt64(args[2]);
  if (!time) {
    ctx.reply.Error(kNotAnIntegerError);
    return Effect::None();
  }
  const auto deadline = DeadlineOf(form, *time, ctx.now_ms());
  if (!deadline) {
    ctx.reply.Error("ERR invalid expire time in '" + std::string(form.name) + "' command");
    return Effect::None();
  }
  const Entry* entry = Reach(ctx, args[1]);
  if (entry == nullptr || !Allows(*conditions, *entry, *deadline)) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  // A follower takes the deadline as it is: the key goes when the leader says so.
  const bool past = *deadline <= static_cast<int64_t>(ctx.now_ms());
  if (past && ctx.unit.origin == engine::Origin::kClient) return DeleteAtOnce(ctx, args[1]);
  ctx.Edit(args[1]).SetDeadline(*deadline > 0 ? static_cast<uint64_t>(*deadline)
                                              : 1);  // 0 would mean none
  ctx.Notify(engine::kNotifyGeneric, "expire", args[1]);
  ctx.reply.Integer(1);
  if (form.absolute && !form.seconds) return Effect::AsReceived();
  return LogDeadline(ctx, args, *deadline);
}

Effect Expire(WriteContext& ctx, Args args) {
  return SetDeadline(ctx, args, {"expire", true, false});
}
Effect PExpire(WriteContext& ctx, Args args) {
  return SetDeadline(ctx, args, {"pexpire", false, false});
}
Effect ExpireAt(WriteContext& ctx, Args args) {
  return SetDeadline(ctx, args, {"expireat", true, true});
}
Effect PExpireAt(WriteContext& ctx, Args args) {
  return SetDeadline(ctx, args, {"pexpireat", false, true});
}

// --- TTL, PTTL, EXPIRETIME, PEXPIRETIME ---

void ReplyTime(ReadContext& ctx, Bytes key, const TimeForm& form) {
  const Entry* entry = Glance(ctx, key);
  if (entry == nullptr) return ctx.reply.Integer(-2);
  if (!entry->has_deadline()) return ctx.reply.Integer(-1);
  uint64_t ms = entry->deadline_ms();
  if (!form.absolute) ms = ms > ctx.now_ms() ? ms - ctx.now_ms() : 0;
  ctx.reply.Integer(static_cast<int64_t>(form.seconds ? (ms + 500) / 1000 : ms));
}

void Ttl(ReadContext& ctx, Args args) { ReplyTime(ctx, args[1], {"ttl", true, false}); }
void PTtl(ReadContext& ctx, Args args) { ReplyTime(ctx, args[1], {"pttl", false, false}); }
void ExpireTime(ReadContext& ctx, Args args) {
  ReplyTime(ctx, args[1], {"expiretime", true, true});
}
void PExpireTime(ReadContext& ctx, Args args) {
  ReplyTime(ctx, args[1], {"pexpiretime", false, true});
}

// PERSIST key
Effect Persist(WriteContext& ctx, Args args) {
  const Entry* entry = Reach(ctx, args[1]);
  if (entry == nullptr || !entry->has_deadline()) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  ctx.Edit(args[1]).SetDeadline(0);
  ctx.Notify(engine::kNotifyGeneric, "persist", args[1]);
  ctx.reply.Integer(1);
  return Effect::AsReceived();
}

constexpr CommandSpec kExpireCommands[] = {
    {.name = "expire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .write = Expire,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sets how many seconds a key has left.",
     .syntax = "key seconds [NX | XX | GT | LT]"},
    {.name = "expireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .write = ExpireAt,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Sets the second at which a key goes.",
     .syntax = "key unix-time-seconds [NX | XX | GT | LT]"},
    {.name = "expiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kReadKey,
     .needs_values = NeedsNoValues,
     .read = ExpireTime,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Returns the second at which a key goes.",
     .syntax = "key"},
    {.name = "persist",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .write = Persist,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Takes a key's deadline away.",
     .syntax = "key"},
    {.name = "pexpire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .write = PExpire,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Sets how many milliseconds a key has left.",
     .syntax = "key milliseconds [NX | XX | GT | LT]"},
    {.name = "pexpireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kUpdateKey,
     .write = PExpireAt,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Sets the millisecond at which a key goes.",
     .syntax = "key unix-time-milliseconds [NX | XX | GT | LT]"},
    {.name = "pexpiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kReadKey,
     .needs_values = NeedsNoValues,
     .read = PExpireTime,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Returns the millisecond at which a key goes.",
     .syntax = "key"},
    {.name = "pttl",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kReadKey,
     .needs_values = NeedsNoValues,
     .read = PTtl,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Returns how many milliseconds a key has left.",
     .syntax = "key",
     .tips = "nondeterministic_output"},
    {.name = "ttl",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kReadKey,
     .needs_values = NeedsNoValues,
     .read = Ttl,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns how many seconds a key has left.",
     .syntax = "key",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> ExpireCommands() { return kExpireCommands; }

}  // namespace terrace::commands
