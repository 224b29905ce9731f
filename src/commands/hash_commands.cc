// Hashes.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/collection_edit.h"
#include "commands/context.h"
#include "commands/drawn_reply.h"
#include "commands/families.h"
#include "commands/scan_options.h"
#include "types/hash.h"

namespace terrace::commands {
namespace {

using engine::Entry;
using types::Element;
using types::Hash;
using types::HashLimits;

void Bulk(resp::Reply& reply, const Element& element) {
  if (element.is_integer()) return reply.BulkInt(element.integer());
  reply.Bulk(element.string());
}

HashLimits LimitsOf(const ReadContext& ctx) { return HashLimits(ctx.unit.settings.encoding); }

// The hash at `key` for a read: nullopt if there is none, or an error that has been answered (then `answered`).
struct Found {
  std::optional<Hash> hash;
  bool answered = false;
};

Found FindHash(ReadContext& ctx, Bytes key) {
  const auto found = ctx.Find(key, Type::kHash);
  if (TERRACE_UNLIKELY(!found.ok())) {
    ReplyError(ctx, found.error());
    return {std::nullopt, true};
  }
  if (*found == nullptr) return {};
  return {Hash((*found)->collection())};
}

// --- writes ---

size_t SetPairs(WriteContext& ctx, Args args) {
  size_t added = 0;
  const HashLimits limits = LimitsOf(ctx);
  CollectionEdit<Hash> hash(ctx, args[1]);
  for (size_t i = 2; i < args.size(); i += 2)
    added += hash->Set(args[i], args[i + 1], limits) ? 1 : 0;
  hash.Finish();
  ctx.Notify(engine::kNotifyHash, "hset", args[1]);
  return added;
}

// HSET key field value [field value ...]
Effect HSet(WriteContext& ctx, Args args) {
  if (args.size() % 2 != 0) return Fail(ctx, "ERR wrong number of arguments for 'hset' command");
  if (const auto found = ctx.Peek(args[1], Type::kHash); !found.ok())
    return Fail(ctx, found.error());
  ctx.reply.Integer(static_cast<int64_t>(SetPairs(ctx, args)));
  return Effect::AsReceived().Counting((args.size() - 2) / 2);
}

// HMSET key field value [field value ...]
Effect HMSet(WriteContext& ctx, Args args) {
  if (args.size() % 2 != 0) return Fail(ctx, "ERR wrong number of arguments for 'hmset' command");
  if (const auto found = ctx.Peek(args[1], Type::kHash); !found.ok())
    return Fail(ctx, found.error());
  SetPairs(ctx, args);
  ctx.reply.Ok();
  return Effect::AsReceived().Counting((args.size() - 2) / 2);
}

// HSETNX key field value
Effect HSetNx(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kHash);
  if (!found.ok()) return Fail(ctx, found.error());
  if (*found != nullptr && Hash((*found)->collection()).Contains(args[2])) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  SetPairs(ctx, args);
  ctx.reply.Integer(1);
  return Effect::AsReceived();
}

// HDEL key field [field ...]
Effect HDel(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kHash);
  if (!found.ok()) return Fail(ctx, found.error());
  size_t first = args.size();
  if (*found != nullptr) {
    const Hash hash((*found)->collection());
    for (first = 2; first < args.size() && !hash.Contains(args[first]);) ++first;
  }
  if (first == args.size()) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  CollectionEdit<Hash> hash(ctx, args[1]);
  size_t erased = 0;
  for (size_t i = first; i < args.size() && hash->Size() != 0; ++i)
    erased += hash->Erase(args[i]) ? 1 : 0;
  ctx.Notify(engine::kNotifyHash, "hdel", args[1]);
  hash.Finish();
  ctx.reply.Integer(static_cast<int64_t>(erased));
  return Effect::AsReceived().Counting(erased);
}

void SetOne(WriteContext& ctx, Bytes key, Bytes field, Bytes value, Bytes event) {
  CollectionEdit<Hash> hash(ctx, key);
  hash->Set(field, value, LimitsOf(ctx), Hash::OldDeadline::kStays);
  hash.Finish();
  ctx.Notify(engine::kNotifyHash, event, key);
}

// HINCRBY key field increment
Effect HIncrBy(WriteContext& ctx, Args args) {
  const auto delta = ParseInt64(args[3]);
  if (!delta) return Fail(ctx, Errc::kNotAnInteger);
  const auto found = ctx.Peek(args[1], Type::kHash);
  if (!found.ok()) return Fail(ctx, found.error());
  int64_t value = 0;
  const auto held = *found == nullptr ? std::nullopt : Hash((*found)->collection()).Get(args[2]);
  if (held) {
    const auto parsed =
        held->is_integer() ? std::optional(held->integer()) : ParseInt64(held->string());
    if (!parsed) return Fail(ctx, "ERR hash value is not an integer");
    value = *parsed;
  }
  if (__builtin_add_overflow(value, *delta, &value)) return Fail(ctx, Errc::kOverflow);
  char digits[kInt64CharsMax];
  SetOne(ctx, args[1], args[2], Bytes(digits, FormatInt64(value, digits)), "hincrby");
  ctx.reply.Integer(value);
  return Effect::AsReceived();
}

// HINCRBYFLOAT key field increment
Effect HIncrByFloat(WriteContext& ctx, Args args) {
  const auto delta = ParseLongDouble(args[3]);
  if (!delta) return Fail(ctx, Errc::kNotAFloat);
  if (!std::isfinite(*delta)) return Fail(ctx, "ERR value is NaN or Infinity");
  const auto found = ctx.Peek(args[1], Type::kHash);
  if (!found.ok()) return Fail(ctx, found.error());
  long double value = 0;
  const auto held = *found == nullptr ? std::nullopt : Hash((*found)->collection()).Get(args[2]);
  if (held) {
    const auto parsed = held->is_integer()
                            ? std::optional(static_cast<long double>(held->integer()))
                            : ParseLongDouble(held->string());
    if (!parsed) return Fail(ctx, "ERR hash value is not a float");
    value = *parsed;
  }
  value += *delta;
  if (!std::isfinite(value)) return Fail(ctx, "ERR increment would produce NaN or Infinity");
  const std::string text = FormatLongDoubleHuman(value);
  const uint64_t deadline = held ? Hash((*found)->collection()).DeadlineOf(args[2]) : 0;
  SetOne(ctx, args[1], args[2], text, "hincrbyfloat");
  ctx.reply.Bulk(text);
  // The sum and not the addend: a follower's floating point may print it differently.
  const Effect effect = ctx.Rewritten({"HSET", args[1], args[2], text});
  // A HSET takes the field's deadline away, which this command does not.
  if (deadline != 0)
    ctx.unit.LogWords(ctx.db, {"HPEXPIREAT", args[1], deadline, "FIELDS", int64_t{1}, args[2]});
  return effect;
}

// --- reads ---

// HGET key field
void HGet(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  const auto value = found.hash ? found.hash->Get(args[2]) : std::nullopt;
  value ? Bulk(ctx.reply, *value) : ctx.reply.Null();
}

// HMGET key field [field ...]
void HMGet(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  ctx.reply.Array(args.size() - 2);
  for (size_t i = 2; i < args.size(); ++i) {
    const auto value = found.hash ? found.hash->Get(args[i]) : std::nullopt;
    value ? Bulk(ctx.reply, *value) : ctx.reply.Null();
  }
}

// HGETALL key
void HGetAll(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  if (!found.hash) return ctx.reply.Map(0);
  ctx.reply.Map(found.hash->Size());
  found.hash->ForEach([&ctx](const Element& field, const Element& value) {
    Bulk(ctx.reply, field);
    Bulk(ctx.reply, value);
  });
}

// HKEYS key
void HKeys(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  if (!found.hash) return ctx.reply.Array(0);
  ctx.reply.Array(found.hash->Size());
  found.hash->ForEach([&ctx](const Element& field, const Element&) { Bulk(ctx.reply, field); });
}

// HVALS key
void HVals(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  if (!found.hash) return ctx.reply.Array(0);
  ctx.reply.Array(found.hash->Size());
  found.hash->ForEach([&ctx](const Element&, const Element& value) { Bulk(ctx.reply, value); });
}

// HLEN key
void HLen(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  ctx.reply.Integer(found.hash ? static_cast<int64_t>(found.hash->Size()) : 0);
}

// HEXISTS key field
void HExists(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  ctx.reply.Integer(found.hash && found.hash->Contains(args[2]) ? 1 : 0);
}

// HSTRLEN key field
void HStrLen(ReadContext& ctx, Args args) {
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  const auto value = found.hash ? found.hash->Get(args[2]) : std::nullopt;
  char digits[kInt64CharsMax];
  ctx.reply.Integer(value ? static_cast<int64_t>(value->Text(digits).size()) : 0);
}

// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
void HScan(ReadContext& ctx, Args args) {
  const auto cursor = ParseCursor(args[2]);
  if (!cursor) return ctx.reply.Error(kInvalidCursorError);
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  ScanReply names;
  if (!found.hash) return names.Write(ctx.reply, 0);
  const auto options = ParseScanOptions(args, 3, kScanNoValues);
  if (!options.ok()) return ReplyError(ctx, options.error());
  const uint64_t next =
      found.hash->Scan(*cursor, options->count, [&](const Element& field, const Element& value) {
        char digits[kInt64CharsMax];
        const Bytes name = field.Text(digits);
        if (!options->Matches(name)) return;
        names.Add(name);
        if (!options->no_values) names.Add(value.Text(digits));
      });
  names.Write(ctx.reply, next);
}

void RandomFields(ReadContext& ctx, const Hash& hash, int64_t count, bool with_values) {
  resp::Reply& reply = ctx.reply;
  const bool repeats = count < 0;
  const size_t size = hash.Size();
  const auto wanted =
      repeats ? static_cast<size_t>(-count) : std::min(static_cast<size_t>(count), size);
  const bool nested = with_values && reply.protocol() > 2;
  const size_t elements = with_values && !nested ? 2 * wanted : wanted;
  const auto show = [&](const Element& field, const Element& value) {
    if (nested) reply.Array(2);
    Bulk(reply, field);
    if (with_values) Bulk(reply, value);
  };
  if (repeats) {
    return ReplyDrawn(reply, elements, wanted, [&](size_t some, const auto& has_room) {
      hash.Draw(ctx.unit.random, some, [&](const Element& field, const Element& value) {
        if (has_room()) show(field, value);
      });
    });
  }
  reply.Array(elements);
  if (wanted == size) return hash.ForEach(show);
  hash.Sample(ctx.unit.random, wanted, show);
}

// HRANDFIELD key [count [WITHVALUES]]
void HRandField(ReadContext& ctx, Args args) {
  int64_t count = 0;
  const bool counted = args.size() > 2;
  const bool with_values = args.size() > 3;
  if (counted) {
    const auto parsed = ParseInt64(args[2]);
    if (!parsed) return ReplyError(ctx, Errc::kNotAnInteger);
    count = *parsed;
    if (count == INT64_MIN) {
      return ctx.reply.Error(
          "ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    }
    if (args.size() > 4 || (with_values && !EqualsIgnoreCase(args[3], "WITHVALUES"))) {
      return ReplyError(ctx, Errc::kSyntax);
    }
    const int64_t most = INT64_MAX / 2;
    if ((with_values && (count > most || count < -most)) || count < -kDrawsMax) {
      return ctx.reply.Error(kTooManyDrawsError);
    }
  }
  const Found found = FindHash(ctx, args[1]);
  if (found.answered) return;
  if (!counted) {
    if (!found.hash) return ctx.reply.Null();
    return found.hash->Draw(ctx.unit.random, 1, [&ctx](const Element& field, const Element&) {
      Bulk(ctx.reply, field);
    });
  }
  if (!found.hash || count == 0) return ctx.reply.Array(0);
  RandomFields(ctx, *found.hash, count, with_values);
}

// --- the table ---

constexpr KeySpec kDeleteKey[] = {OneKey(kKeyRW | kKeyDelete)};
constexpr uint32_t kGrows = kWrite | kDenyOom | kFast;
constexpr uint32_t kQuickRead = kReadonly | kFast;

constexpr CommandSpec kHashCommands[] = {
    {.name = "hset",
     .arity = -4,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .element = 2,
     .write = HSet,
     .since = "2.0.0",
     .complexity = "O(1) a field",
     .summary = "Sets fields of a hash; answers how many are new.",
     .syntax = "key field value [field value ...]"},
    {.name = "hsetnx",
     .arity = 4,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kInsertKey,
     .element = 2,
     .write = HSetNx,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets a field of a hash only if it is not there.",
     .syntax = "key field value"},
    {.name = "hmset",
     .arity = -4,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .element = 2,
     .write = HMSet,
     .since = "2.0.0",
     .complexity = "O(1) a field",
     .summary = "Sets fields of a hash.",
     .syntax = "key field value [field value ...]",
     .deprecated_since = "4.0.0",
     .replaced_by = "`HSET` with multiple field-value pairs"},
    {.name = "hget",
     .arity = 3,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kReadKey,
     .element = 2,
     .read = HGet,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Returns the value of a field of a hash.",
     .syntax = "key field"},
    {.name = "hmget",
     .arity = -3,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kReadKey,
     .element = 2,
     .read = HMGet,
     .since = "2.0.0",
     .complexity = "O(1) a field",
     .summary = "Returns the values of fields of a hash.",
     .syntax = "key field [field ...]"},
    {.name = "hgetall",
     .arity = 2,
     .flags = kReadonly,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HGetAll,
     .since = "2.0.0",
     .complexity = "O(N) in the fields of the hash",
     .summary = "Returns all fields of a hash with their values.",
     .syntax = "key",
     .tips = "nondeterministic_output_order"},
    {.name = "hdel",
     .arity = -3,
     .flags = kWrite | kFast,
     .group = Group::kHash,
     .keys = kDeleteKey,
     .element = 2,
     .write = HDel,
     .since = "2.0.0",
     .complexity = "O(1) a field",
     .summary = "Deletes fields of a hash, and the hash with its last field.",
     .syntax = "key field [field ...]"},
    {.name = "hlen",
     .arity = 2,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kLookKey,
     .read = HLen,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Counts the fields of a hash.",
     .syntax = "key"},
    {.name = "hexists",
     .arity = 3,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kLookKey,
     .element = 2,
     .read = HExists,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether a hash has a field.",
     .syntax = "key field"},
    {.name = "hkeys",
     .arity = 2,
     .flags = kReadonly,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HKeys,
     .since = "2.0.0",
     .complexity = "O(N) in the fields of the hash",
     .summary = "Returns all fields of a hash.",
     .syntax = "key",
     .tips = "nondeterministic_output_order"},
    {.name = "hvals",
     .arity = 2,
     .flags = kReadonly,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HVals,
     .since = "2.0.0",
     .complexity = "O(N) in the fields of the hash",
     .summary = "Returns all values of a hash.",
     .syntax = "key",
     .tips = "nondeterministic_output_order"},
    {.name = "hstrlen",
     .arity = 3,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kLookKey,
     .element = 2,
     .read = HStrLen,
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Returns the length of the value of a field of a hash.",
     .syntax = "key field"},
    {.name = "hincrby",
     .arity = 4,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kAccessUpdateKey,
     .element = 2,
     .write = HIncrBy,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Adds a number to the integer a field of a hash holds; a field that is not there "
                "counts as 0.",
     .syntax = "key field increment"},
    {.name = "hincrbyfloat",
     .arity = 4,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kAccessUpdateKey,
     .element = 2,
     .write = HIncrByFloat,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds a decimal fraction to the number a field of a hash holds; a field that is "
                "not there counts as 0.",
     .syntax = "key field increment:double"},
    {.name = "hrandfield",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HRandField,
     .since = "6.2.0",
     .complexity = "O(N) in the fields returned",
     .summary = "Returns fields of a hash chosen at random.",
     .syntax = "key [count [WITHVALUES]]",
     .tips = "nondeterministic_output"},
    {.name = "hscan",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HScan,
     .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for a whole iteration over N fields",
     .summary = "Lists the fields of a hash a stretch at a time.",
     .syntax = "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> HashCommands() { return kHashCommands; }

}  // namespace terrace::commands
