// Strings: GET, SET and their relatives. Those that count are in counter_commands.cc.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/lcs_command.h"
#include "commands/set_options.h"
#include "commands/string_value.h"

namespace terrace::commands {
namespace {

using engine::Edit;
using engine::Entry;
using engine::IntegerText;
using engine::StringSource;

StringSource ValueOf(Args args, size_t i) { return StringSource::Compact(args[i], args.BlobOf(i)); }

void ReplyOld(resp::Reply& reply, const Entry* entry) {
  entry == nullptr ? reply.Null() : ReplyString(reply, *entry);
}

// GET key
void Get(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (*found == nullptr) return ctx.reply.Null();
  ReplyString(ctx.reply, **found);
}

// MGET key [key ...]
void MGet(ReadContext& ctx, Args args) {
  ctx.reply.Array(args.size() - 1);
  for (size_t i = 1; i < args.size(); ++i) {
    const Entry* entry = ctx.Find(args[i]);
    if (entry == nullptr || entry->type() != Type::kString) {
      ctx.reply.Null();
    } else {
      ReplyString(ctx.reply, *entry);
    }
  }
}

// STRLEN key
void StrLen(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Integer(*found == nullptr ? 0 : static_cast<int64_t>((*found)->StringLength()));
}

// GETRANGE key start end
void GetRange(ReadContext& ctx, Args args) {
  const auto first = ParseInt64(args[2]);
  const auto last = ParseInt64(args[3]);
  if (!first || !last) return ReplyError(ctx, Errc::kNotAnInteger);
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return ReplyError(ctx, found.error());
  const Entry* entry = *found;
  if (entry == nullptr) return ctx.reply.Bulk(Bytes());
  IntegerText text;
  const Bytes bytes = entry->StringBytes(&text);
  const ByteRange range = ResolveRange(bytes.size(), *first, *last);
  if (entry->encoding() == Encoding::kBlob) {
    return ctx.reply.BulkSlice(BlobRef::Share(entry->blob()), range.from, range.size);
  }
  ctx.reply.Bulk(bytes.substr(range.from, range.size));
}

// Whether the condition of a SET lets it go on. Errc::kWrongType if it compares with something that is no string.
ErrcOr<bool> Holds(const SetOptions& options, const Entry* entry) {
  switch (options.condition) {
    case Condition::kNone:
      return true;
    case Condition::kAbsent:
      return entry == nullptr;
    case Condition::kPresent:
      return entry != nullptr;
    case Condition::kEqual:
      break;
  }
  if (entry == nullptr) return false;
  if (entry->type() != Type::kString) return Unexpected{Errc::kWrongType};
  return StringEquals(*entry, options.expected);
}

// What a SET without a time did: a stock follower knows neither IFEQ nor, together with NX, GET.
Effect LogSet(WriteContext& ctx, Args args, const SetOptions& options) {
  if (options.condition == Condition::kEqual) {
    if (options.deadline == DeadlineOption::kKeep)
      return ctx.Rewritten({"SET", args[1], args[2], "KEEPTTL"});
    return ctx.Rewritten({"SET", args[1], args[2]});
  }
  if (!options.get) return Effect::AsReceived();
  std::vector<Bytes> words(args.begin(), args.begin() + 3);
  for (size_t i = 3; i < args.size(); ++i) {
    if (!EqualsIgnoreCase(args[i], "GET")) words.push_back(args[i]);
  }
  ctx.unit.LogArgs(ctx.db, words.data(), words.size());
  return Effect::Logged();
}

// Sets a value that has a deadline; args[value] is the value.
Effect SetUntil(WriteContext& ctx, Args args, size_t value, uint64_t deadline_ms) {
  ctx.Edit(args[1]).SetString(ValueOf(args, value), deadline_ms);
  ctx.Notify(engine::kNotifyString, "set", args[1]);
  ctx.Notify(engine::kNotifyGeneric, "expire", args[1]);
  return ctx.Rewritten({"SET", args[1], args[value], "PXAT", deadline_ms});
}

// A deadline that has passed already deletes the key. Followers take the leader's word and wait for its DEL.
bool IsPast(const WriteContext& ctx, uint64_t deadline_ms) {
  return deadline_ms <= ctx.now_ms() && ctx.unit.origin == engine::Origin::kClient;
}

Effect Remove(WriteContext& ctx, Bytes key, const std::atomic<bool>& lazy) {
  ctx.Edit(key).Delete();
  ctx.Notify(engine::kNotifyGeneric, "del", key);
  return ctx.Rewritten({lazy.load(std::memory_order_relaxed) ? "UNLINK" : "DEL", key});
}

Effect SetWithOptions(WriteContext& ctx, Args args) {
  const auto fail = [&](Errc error) {
    ReplyDeadlineError(ctx, error, "set");
    return Effect::None();
  };
  const auto options = ParseSetOptions(args);
  if (!options.ok()) return fail(options.error());
  uint64_t deadline_ms = 0;
  if (options->names_time()) {
    const auto resolved = ResolveDeadline(options->deadline, options->time, ctx.now_ms());
    if (!resolved.ok()) return fail(resolved.error());
    deadline_ms = *resolved;
  }
  const Entry* entry = options->get ? ctx.Find(args[1]) : ctx.Peek(args[1]);
  if (options->get && entry != nullptr && entry->type() != Type::kString)
    return fail(Errc::kWrongType);
  const auto holds = Holds(*options, entry);
  if (!holds.ok()) return fail(holds.error());

  if (options->get) {
    ReplyOld(ctx.reply, entry);
  } else {
    *holds ? ctx.reply.Ok() : ctx.reply.Null();
  }
  if (!*holds) return Effect::None();
  if (options->names_time()) {
    if (!IsPast(ctx, deadline_ms)) return SetUntil(ctx, args, 2, deadline_ms);
    return entry == nullptr ? Effect::None() : Remove(ctx, args[1], ctx.unit.settings.lazy_expire);
  }
  const bool keep = options->deadline == DeadlineOption::kKeep && entry != nullptr;
  ctx.Edit(args[1]).SetString(ValueOf(args, 2), keep ? entry->deadline_ms() : 0);
  ctx.Notify(engine::kNotifyString, "set", args[1]);
  return LogSet(ctx, args, *options);
}

// What it sets does not depend on what there is but with GET and with a comparison. A word that only looks like one of those
// (a time must be a number) costs a read.
bool SetNeedsValue(Args args) {
  for (size_t i = 3; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "GET") || EqualsIgnoreCase(args[i], "IFEQ")) return true;
  }
  return false;
}

// SET key value [NX | XX | IFEQ comparison-value] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
Effect Set(WriteContext& ctx, Args args) {
  if (TERRACE_UNLIKELY(args.size() > 3)) return SetWithOptions(ctx, args);
  ctx.Edit(args[1]).SetString(ValueOf(args, 2), 0);
  ctx.Notify(engine::kNotifyString, "set", args[1]);
  ctx.reply.Ok();
  return Effect::AsReceived();
}

// SETEX key seconds value, PSETEX key milliseconds value
Effect SetFor(WriteContext& ctx, Args args, DeadlineOption unit, Bytes command) {
  const auto deadline_ms = ResolveDeadline(unit, args[2], ctx.now_ms());
  if (!deadline_ms.ok()) {
    ReplyDeadlineError(ctx, deadline_ms.error(), command);
    return Effect::None();
  }
  ctx.reply.Ok();
  return SetUntil(ctx, args, 3, *deadline_ms);
}
Effect SetEx(WriteContext& ctx, Args args) {
  return SetFor(ctx, args, DeadlineOption::kEx, "setex");
}
Effect PSetEx(WriteContext& ctx, Args args) {
  return SetFor(ctx, args, DeadlineOption::kPx, "psetex");
}

// SETNX key value
Effect SetNx(WriteContext& ctx, Args args) {
  if (ctx.Peek(args[1]) != nullptr) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  ctx.Edit(args[1]).SetString(ValueOf(args, 2), 0);
  ctx.Notify(engine::kNotifyString, "set", args[1]);
  ctx.reply.Integer(1);
  return Effect::AsReceived();
}

// GETSET key value
Effect GetSet(WriteContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) {
    ReplyError(ctx, found.error());
    return Effect::None();
  }
  ReplyOld(ctx.reply, *found);
  ctx.Edit(args[1]).SetString(ValueOf(args, 2), 0);
  ctx.Notify(engine::kNotifyString, "set", args[1]);
  return ctx.Rewritten({"SET", args[1], args[2]});
}

// GETDEL key
Effect GetDel(WriteContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) {
    ReplyError(ctx, found.error());
    return Effect::None();
  }
  ReplyOld(ctx.reply, *found);
  if (*found == nullptr) return Effect::None();
  return Remove(ctx, args[1], ctx.unit.settings.lazy_user_del);
}

// DELIFEQ key value
Effect DelIfEq(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kString);
  if (!found.ok()) {
    ReplyError(ctx, found.error());
    return Effect::None();
  }
  if (*found == nullptr || !StringEquals(**found, args[2])) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  ctx.reply.Integer(1);
  return Remove(ctx, args[1], ctx.unit.settings.lazy_user_del);
}

// GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]
Effect GetEx(WriteContext& ctx, Args args) {
  const auto fail = [&](Errc error) {
    ReplyDeadlineError(ctx, error, "getex");
    return Effect::None();
  };
  const auto options = ParseGetExOptions(args);
  if (!options.ok()) return fail(options.error());
  const auto found = ctx.Find(args[1], Type::kString);
  if (!found.ok()) return fail(found.error());
  Entry* entry = *found;
  if (entry == nullptr) {
    ctx.reply.Null();
    return Effect::None();
  }
  if (options->names_time()) {
    const auto deadline_ms = ResolveDeadline(options->deadline, options->time, ctx.now_ms());
    if (!deadline_ms.ok()) return fail(deadline_ms.error());
    ReplyString(ctx.reply, *entry);
    if (IsPast(ctx, *deadline_ms)) return Remove(ctx, args[1], ctx.unit.settings.lazy_expire);
    ctx.Edit(args[1]).SetDeadline(*deadline_ms);
    ctx.Notify(engine::kNotifyGeneric, "expire", args[1]);
    return ctx.Rewritten({"PEXPIREAT", args[1], *deadline_ms});
  }
  ReplyString(ctx.reply, *entry);
  if (options->deadline != DeadlineOption::kPersist || !entry->has_deadline())
    return Effect::None();
  ctx.Edit(args[1]).SetDeadline(0);
  ctx.Notify(engine::kNotifyGeneric, "persist", args[1]);
  return ctx.Rewritten({"PERSIST", args[1]});
}

// Keys and values in turn, from args[1] on.
void SetAll(WriteContext& ctx, Args args) {
  for (size_t i = 1; i < args.size(); i += 2) {
    ctx.Edit(args[i]).SetString(ValueOf(args, i + 1), 0);
    ctx.Notify(engine::kNotifyString, "set", args[i]);
  }
}

// MSET key value [key value ...]
Effect MSet(WriteContext& ctx, Args args) {
  if (TERRACE_UNLIKELY(args.size() % 2 == 0)) {
    ctx.reply.Error("ERR wrong number of arguments for 'mset' command");
    return Effect::None();
  }
  SetAll(ctx, args);
  ctx.reply.Ok();
  return Effect::AsReceived().Counting(args.size() / 2);
}

// MSETNX key value [key value ...]
Effect MSetNx(WriteContext& ctx, Args args) {
  if (args.size() % 2 == 0) {
    ctx.reply.Error("ERR wrong number of arguments for 'msetnx' command");
    return Effect::None();
  }
  for (size_t i = 1; i < args.size(); i += 2) {
    if (ctx.Peek(args[i]) == nullptr) continue;
    ctx.reply.Integer(0);
    return Effect::None();
  }
  SetAll(ctx, args);
  ctx.reply.Integer(1);
  return Effect::AsReceived().Counting(args.size() / 2);
}

// Past proto-max-bulk-len. What comes from the leader was within its limit, which may be another.
bool IsTooLong(const WriteContext& ctx, uint64_t bytes) {
  return bytes > ctx.unit.settings.string_bytes_max.load(std::memory_order_relaxed) &&
         ctx.unit.origin == engine::Origin::kClient;
}

// APPEND key value
Effect Append(WriteContext& ctx, Args args) {
  const Bytes tail = args[2];
  const auto found = ctx.Peek(args[1], Type::kString);
  if (!found.ok()) {
    ReplyError(ctx, found.error());
    return Effect::None();
  }
  size_t size = tail.size();
  if (*found == nullptr) {
    ctx.Edit(args[1]).SetString(ValueOf(args, 2), 0);
  } else {
    const size_t before = (*found)->StringLength();
    size += before;
    if (IsTooLong(ctx, size)) {
      ReplyError(ctx, Errc::kStringTooLong);
      return Effect::None();
    }
    char* bytes = ctx.Edit(args[1]).GrowString(size);
    if (!tail.empty()) std::memcpy(bytes + before, tail.data(), tail.size());
  }
  ctx.Notify(engine::kNotifyString, "append", args[1]);
  ctx.reply.Integer(static_cast<int64_t>(size));
  return Effect::AsReceived();
}

// SETRANGE key offset value
Effect SetRange(WriteContext& ctx, Args args) {
  const auto fail = [&](Errc error) {
    ReplyError(ctx, error);
    return Effect::None();
  };
  const Bytes patch = args[3];
  const auto offset = ParseInt64(args[2]);
  if (!offset) return fail(Errc::kNotAnInteger);
  if (*offset < 0) {
    ctx.reply.Error("ERR offset is out of range");
    return Effect::None();
  }
  const auto found = ctx.Peek(args[1], Type::kString);
  if (!found.ok()) return fail(found.error());
  const size_t before = *found == nullptr ? 0 : (*found)->StringLength();
  if (patch.empty()) {
    ctx.reply.Integer(static_cast<int64_t>(before));
    return Effect::None();
  }
  const auto from = static_cast<uint64_t>(*offset);
  if (IsTooLong(ctx, from + patch.size())) return fail(Errc::kStringTooLong);
  const size_t size = std::max<size_t>(before, from + patch.size());
  Edit edit = ctx.Edit(args[1]);
  if (*found == nullptr) edit.SetString(StringSource::Of(Bytes()), 0);
  char* bytes = edit.GrowString(size);
  if (from > before) std::memset(bytes + before, 0, from - before);
  std::memcpy(bytes + from, patch.data(), patch.size());
  ctx.Notify(engine::kNotifyString, "setrange", args[1]);
  ctx.reply.Integer(static_cast<int64_t>(size));
  return Effect::AsReceived();
}

constexpr KeySpec kSetKey[] = {OneKey(kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariableFlags)};
constexpr KeySpec kSetKeys[] = {AllKeys(kKeyOW | kKeyUpdate, 1, 2)};
constexpr KeySpec kInsertKeys[] = {AllKeys(kKeyOW | kKeyInsert, 1, 2)};
constexpr KeySpec kTwoReadKeys[] = {{.flags = kKeyRO | kKeyAccess, .index = 1, .last = 1}};

constexpr const char* kPatchComplexity =
    "O(1) while the value is short, O(M) for a value of M bytes; a string that has to grow is "
    "copied now and then.";

constexpr CommandSpec kStringCommands[] = {
    {.name = "get",
     .arity = 2,
     .flags = kReadonly | kFast,
     .group = Group::kString,
     .keys = kReadKey,
     .read = Get,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Reads the string a key holds.",
     .syntax = "key"},
    {.name = "set",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .group = Group::kString,
     .keys = kSetKey,
     .needs_values = SetNeedsValue,
     .write = Set,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sets a key to a string, whatever it held before, or if a condition holds.",
     .syntax = "key value [NX | XX | IFEQ comparison-value] [GET] [EX seconds | PX milliseconds | "
               "EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]"},
    {.name = "getset",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kString,
     .keys = kAccessUpdateKey,
     .write = GetSet,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sets a key to a string and answers with the one it held.",
     .syntax = "key value",
     .deprecated_since = "6.2.0",
     .replaced_by = "`SET` with the `!GET` argument"},
    {.name = "getdel",
     .arity = 2,
     .flags = kWrite | kFast,
     .group = Group::kString,
     .keys = kAccessDeleteKey,
     .write = GetDel,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Reads a string and deletes its key.",
     .syntax = "key"},
    {.name = "getex",
     .arity = -2,
     .flags = kWrite | kFast,
     .group = Group::kString,
     .keys = kAccessUpdateKey,
     .write = GetEx,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Reads a string and sets or removes the key's expiration.",
     .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
               "unix-time-milliseconds | PERSIST]"},
    {.name = "delifeq",
     .arity = 3,
     .flags = kWrite | kFast,
     .group = Group::kString,
     .keys = kAccessDeleteKey,
     .write = DelIfEq,
     .since = "9.0.0",
     .complexity = "O(1)",
     .summary = "Deletes a key if it holds exactly this string.",
     .syntax = "key value"},
    {.name = "setex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .group = Group::kString,
     .keys = kOverwriteKey,
     .needs_values = NeedsNoValues,
     .write = SetEx,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets a key to a string that expires after some seconds.",
     .syntax = "key seconds value",
     .deprecated_since = "2.6.12",
     .replaced_by = "`SET` with the `EX` argument"},
    {.name = "psetex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .group = Group::kString,
     .keys = kOverwriteKey,
     .needs_values = NeedsNoValues,
     .write = PSetEx,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Sets a key to a string that expires after some milliseconds.",
     .syntax = "key milliseconds value",
     .deprecated_since = "2.6.12",
     .replaced_by = "`SET` with the `PX` argument"},
    {.name = "setnx",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kString,
     .keys = kOverwriteInsertKey,
     .needs_values = NeedsNoValues,
     .write = SetNx,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sets a key to a string if there is no such key yet.",
     .syntax = "key value",
     .deprecated_since = "2.6.12",
     .replaced_by = "`SET` with the `NX` argument"},
    {.name = "mset",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .group = Group::kString,
     .keys = kSetKeys,
     .needs_values = NeedsNoValues,
     .write = MSet,
     .since = "1.0.1",
     .complexity = "O(N) for N keys",
     .summary = "Sets several keys to a string each, all at once.",
     .syntax = "key value [key value ...]",
     .tips = "request_policy:multi_shard,response_policy:all_succeeded"},
    {.name = "msetnx",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .group = Group::kString,
     .keys = kInsertKeys,
     .needs_values = NeedsNoValues,
     .write = MSetNx,
     .since = "1.0.1",
     .complexity = "O(N) for N keys",
     .summary = "Sets several keys to a string each if none of them exists yet.",
     .syntax = "key value [key value ...]",
     .tips = "request_policy:multi_shard,response_policy:agg_min"},
    {.name = "mget",
     .arity = -2,
     .flags = kReadonly | kFast,
     .group = Group::kString,
     .keys = kReadKeys,
     .read = MGet,
     .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "Reads the strings of several keys, all at once.",
     .syntax = "key [key ...]",
     .tips = "request_policy:multi_shard"},
    {.name = "append",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kString,
     .keys = kInsertKey,
     .write = Append,
     .since = "2.0.0",
     .complexity = kPatchComplexity,
     .summary = "Puts bytes behind the end of a string, or makes one of them.",
     .syntax = "key value"},
    {.name = "strlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .group = Group::kString,
     .keys = kLookKey,
     .read = StrLen,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Says how many bytes a string has.",
     .syntax = "key"},
    {.name = "setrange",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .group = Group::kString,
     .keys = kUpdateKey,
     .write = SetRange,
     .since = "2.2.0",
     .complexity = kPatchComplexity,
     .summary = "Overwrites a string from an offset on, filling a gap with zero bytes.",
     .syntax = "key offset value"},
    {.name = "getrange",
     .arity = 4,
     .flags = kReadonly,
     .group = Group::kString,
     .keys = kReadKey,
     .read = GetRange,
     .since = "2.4.0",
     .complexity = "O(N) for N bytes of reply",
     .summary = "Reads a part of a string.",
     .syntax = "key start end"},
    {.name = "substr",
     .arity = 4,
     .flags = kReadonly,
     .group = Group::kString,
     .keys = kReadKey,
     .read = GetRange,
     .since = "1.0.0",
     .complexity = "O(N) for N bytes of reply",
     .summary = "Reads a part of a string.",
     .syntax = "key start end",
     .deprecated_since = "2.0.0",
     .replaced_by = "`GETRANGE`"},
    {.name = "lcs",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kString,
     .keys = kTwoReadKeys,
     .read = Lcs,
     .since = "7.0.0",
     .complexity = "O(N*M) for strings of N and M bytes",
     .summary = "Finds the longest sequence of bytes that two strings have in common.",
     .syntax = "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]"},
};

}  // namespace

std::span<const CommandSpec> StringCommands() { return kStringCommands; }

}  // namespace terrace::commands
