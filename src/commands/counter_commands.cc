// Strings that count: INCR, DECR and their relatives.
#include <cmath>
#include <string>

#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"

namespace terrace::commands {
namespace {

using engine::Entry;
using engine::IntegerText;
using engine::StringSource;

Effect Add(WriteContext& ctx, Bytes key, int64_t delta) {
  const auto found = ctx.Peek(key, Type::kString);
  if (TERRACE_UNLIKELY(!found.ok())) return Fail(ctx, found.error());
  const Entry* entry = *found;
  int64_t value = 0;
  const bool in_place = entry != nullptr && entry->encoding() == Encoding::kInteger;
  if (TERRACE_LIKELY(in_place)) {
    value = entry->integer();
  } else if (entry != nullptr) {
    IntegerText unused;
    const auto parsed = ParseInt64(entry->StringBytes(&unused));
    if (!parsed) return Fail(ctx, Errc::kNotAnInteger);
    value = *parsed;
  }
  if (TERRACE_UNLIKELY(__builtin_add_overflow(value, delta, &value)))
    return Fail(ctx, Errc::kOverflow);
  engine::Edit edit = ctx.Edit(key);
  if (TERRACE_LIKELY(in_place)) {
    edit.SetInteger(value);
  } else {
    edit.SetString(StringSource::OfInteger(value), entry == nullptr ? 0 : entry->deadline_ms());
  }
  ctx.Notify(engine::kNotifyString, "incrby", key);
  ctx.reply.Integer(value);
  return Effect::AsReceived();
}

// INCR key
Effect Incr(WriteContext& ctx, Args args) { return Add(ctx, args[1], 1); }

// DECR key
Effect Decr(WriteContext& ctx, Args args) { return Add(ctx, args[1], -1); }

// INCRBY key increment
Effect IncrBy(WriteContext& ctx, Args args) {
  const auto delta = ParseInt64(args[2]);
  if (!delta) return Fail(ctx, Errc::kNotAnInteger);
  return Add(ctx, args[1], *delta);
}

// DECRBY key decrement
Effect DecrBy(WriteContext& ctx, Args args) {
  const auto delta = ParseInt64(args[2]);
  if (!delta) return Fail(ctx, Errc::kNotAnInteger);
  if (*delta == INT64_MIN) {  // has no negative
    ctx.reply.Error("ERR decrement would overflow");
    return Effect::None();
  }
  return Add(ctx, args[1], -*delta);
}

// INCRBYFLOAT key increment
Effect IncrByFloat(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kString);
  if (!found.ok()) return Fail(ctx, found.error());
  const Entry* entry = *found;
  long double value = 0;
  if (entry != nullptr) {
    IntegerText text;
    const auto parsed = ParseLongDouble(entry->StringBytes(&text));
    if (!parsed) return Fail(ctx, Errc::kNotAFloat);
    value = *parsed;
  }
  const auto delta = ParseLongDouble(args[2]);
  if (!delta) return Fail(ctx, Errc::kNotAFloat);
  value += *delta;
  if (!std::isfinite(value)) {
    ctx.reply.Error("ERR increment would produce NaN or Infinity");
    return Effect::None();
  }
  const std::string text = FormatLongDoubleHuman(value);
  ctx.Edit(args[1]).SetString(StringSource::Of(text), entry == nullptr ? 0 : entry->deadline_ms());
  ctx.Notify(engine::kNotifyString, "incrbyfloat", args[1]);
  ctx.reply.Bulk(text);
  // The sum and not the addend: a follower's floating point may print it differently.
  return ctx.Rewritten({"SET", args[1], text, "KEEPTTL"});
}

constexpr uint32_t kCounterFlags = kWrite | kDenyOom | kFast;

constexpr CommandSpec kCounterCommands[] = {
    {.name = "incr",
     .arity = 2,
     .flags = kCounterFlags,
     .group = Group::kString,
     .keys = kAccessUpdateKey,
     .write = Incr,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds one to the integer a key holds; a key that is not there counts as 0.",
     .syntax = "key"},
    {.name = "decr",
     .arity = 2,
     .flags = kCounterFlags,
     .group = Group::kString,
     .keys = kAccessUpdateKey,
     .write = Decr,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes one from the integer a key holds; a key that is not there counts as 0.",
     .syntax = "key"},
    {.name = "incrby",
     .arity = 3,
     .flags = kCounterFlags,
     .group = Group::kString,
     .keys = kAccessUpdateKey,
     .write = IncrBy,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds a number to the integer a key holds; a key that is not there counts as 0.",
     .syntax = "key increment"},
    {.name = "decrby",
     .arity = 3,
     .flags = kCounterFlags,
     .group = Group::kString,
     .keys = kAccessUpdateKey,
     .write = DecrBy,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes a number from the integer a key holds; a key that is not there counts as 0.",
     .syntax = "key decrement"},
    {.name = "incrbyfloat",
     .arity = 3,
     .flags = kCounterFlags,
     .group = Group::kString,
     .keys = kAccessUpdateKey,
     .write = IncrByFloat,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary =
         "Adds a decimal fraction to the number a key holds; a key that is not there counts as 0.",
     .syntax = "key increment:double"},
};

}  // namespace

std::span<const CommandSpec> CounterCommands() { return kCounterCommands; }

}  // namespace terrace::commands
