// Deadlines of hash fields: HEXPIRE and its three forms, HTTL and its three forms, HPERSIST.
//
// Each answers an array with a number for each field: -2 if there is no such field, else what it says.
#include <algorithm>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/collection_edit.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/field_arguments.h"
#include "types/hash.h"

namespace terrace::commands {
namespace {

using types::Hash;

enum Outcome : int64_t { kNoField = -2, kNoDeadline = -1, kNotMet = 0, kChanged = 1, kDeleted = 2 };

// What comes of each field of args[first] and on, in their order, so that a field that is named twice meets what it
// became. outcome(hash, field) foretells, change(hash, field) does it where that is positive: the hash is announced as
// changed only if some field will be.
struct FieldEdits {
  std::vector<int64_t> outcomes;
  std::vector<Bytes> changed;
};

template <typename OutcomeOf, typename Change>
FieldEdits EditFields(WriteContext& ctx, Args args, size_t first, Bytes event, OutcomeOf outcome,
                      Change change) {
  FieldEdits edits;
  const engine::Entry* entry = ctx.Peek(args[1]);
  size_t at = first;
  for (; at < args.size(); ++at) {
    const int64_t unchanged =
        entry == nullptr ? kNoField : outcome(Hash(entry->collection()), args[at]);
    if (unchanged > 0) break;
    edits.outcomes.push_back(unchanged);
  }
  if (at == args.size()) return edits;
  CollectionEdit<Hash> hash(ctx, args[1]);
  for (; at < args.size(); ++at) {
    edits.outcomes.push_back(outcome(*hash, args[at]));
    if (edits.outcomes.back() <= 0) continue;
    change(*hash, args[at]);
    edits.changed.push_back(args[at]);
  }
  hash.Finish(engine::kNotifyHash, event);
  return edits;
}

void ReplyOutcomes(ReadContext& ctx, const std::vector<int64_t>& outcomes) {
  ctx.reply.Array(outcomes.size());
  for (const int64_t outcome : outcomes) ctx.reply.Integer(outcome);
}

// --- HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT ---

enum class Condition : uint8_t { kAlways, kIfNone, kIfAny, kIfLater, kIfEarlier };

Condition ConditionOf(Bytes word) {
  if (EqualsIgnoreCase(word, "NX")) return Condition::kIfNone;
  if (EqualsIgnoreCase(word, "XX")) return Condition::kIfAny;
  if (EqualsIgnoreCase(word, "GT")) return Condition::kIfLater;
  if (EqualsIgnoreCase(word, "LT")) return Condition::kIfEarlier;
  return Condition::kAlways;
}

// A field without a deadline counts as one whose deadline never comes.
bool Allows(Condition condition, uint64_t before, uint64_t deadline) {
  switch (condition) {
    case Condition::kAlways:
      return true;
    case Condition::kIfNone:
      return before == 0;
    case Condition::kIfAny:
      return before != 0;
    case Condition::kIfLater:
      return before != 0 && deadline > before;
    case Condition::kIfEarlier:
      return before == 0 || deadline < before;
  }
  return false;
}

// Only the fields that were changed are named: HDEL key field ..., or HPEXPIREAT key deadline [condition] FIELDS ...
Effect LogDeadlines(WriteContext& ctx, Args args, uint64_t deadline, bool past, Condition condition,
                    const std::vector<Bytes>& fields) {
  const std::string digits = FormatInt64(static_cast<int64_t>(deadline));
  const std::string count = FormatInt64(static_cast<int64_t>(fields.size()));
  std::vector<Bytes> words = {past ? "HDEL" : "HPEXPIREAT", args[1]};
  if (!past) {
    words.push_back(digits);
    if (condition != Condition::kAlways) words.push_back(args[3]);
    words.insert(words.end(), {"FIELDS", count});
  }
  words.insert(words.end(), fields.begin(), fields.end());
  ctx.unit.LogArgs(ctx.db, words.data(), words.size());
  return Effect::Logged().Counting(fields.size());
}

Effect SetDeadlines(WriteContext& ctx, Args args, FieldTime form, Bytes name) {
  if (const auto found = ctx.Peek(args[1], Type::kHash); !found.ok())
    return Fail(ctx, found.error());
  const auto parsed = ParseFieldDeadline(ctx, args[2], form, name);
  if (!parsed) return Effect::None();
  const Condition condition = ConditionOf(args[3]);
  const auto first = ParseFields(ctx.reply, args, condition == Condition::kAlways ? 3 : 4,
                                 "ERR Parameter `numFields` should be greater than 0");
  if (!first) return Effect::None();
  // A follower takes the deadline as it is: the field goes when the leader says so.
  const bool past = *parsed <= ctx.now_ms() && ctx.unit.origin == engine::Origin::kClient;
  const uint64_t deadline = std::max<uint64_t>(*parsed, 1);  // 0 would mean none
  const FieldEdits edits = EditFields(
      ctx, args, *first, past ? "hdel" : "hexpire",
      [&](const Hash& hash, Bytes field) -> int64_t {
        if (!hash.Contains(field)) return kNoField;
        if (!Allows(condition, hash.DeadlineOf(field), deadline)) return kNotMet;
        return past ? kDeleted : kChanged;
      },
      [&](Hash& hash, Bytes field) {
        past ? (void)hash.Erase(field) : hash.SetDeadline(field, deadline);
      });
  ReplyOutcomes(ctx, edits.outcomes);
  if (edits.changed.empty()) return Effect::None();
  if (past) engine::EngineCounters::Add(ctx.unit.counters.expired_fields, edits.changed.size());
  return LogDeadlines(ctx, args, deadline, past, condition, edits.changed);
}

Effect HExpire(WriteContext& ctx, Args args) {
  return SetDeadlines(ctx, args, {true, false}, "hexpire");
}
Effect HPExpire(WriteContext& ctx, Args args) {
  return SetDeadlines(ctx, args, {false, false}, "hpexpire");
}
Effect HExpireAt(WriteContext& ctx, Args args) {
  return SetDeadlines(ctx, args, {true, true}, "hexpireat");
}
Effect HPExpireAt(WriteContext& ctx, Args args) {
  return SetDeadlines(ctx, args, {false, true}, "hpexpireat");
}

// --- HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME ---

void ReplyTimes(ReadContext& ctx, Args args, FieldTime form) {
  const auto found = ctx.Find(args[1], Type::kHash);
  if (!found.ok()) return ReplyError(ctx, found.error());
  const auto first = ParseFields(ctx.reply, args, 2, kFieldCountError);
  if (!first) return;
  std::vector<int64_t> times;
  for (size_t i = *first; i < args.size(); ++i) {
    if (*found == nullptr || !Hash((*found)->collection()).Contains(args[i])) {
      times.push_back(kNoField);
      continue;
    }
    const uint64_t deadline = Hash((*found)->collection()).DeadlineOf(args[i]);
    // What is not due yet but has no millisecond left has 0; of seconds the begun one counts.
    const uint64_t ms = deadline - (form.absolute ? 0 : std::min(ctx.now_ms(), deadline));
    times.push_back(deadline == 0 ? kNoDeadline
                                  : static_cast<int64_t>(form.seconds ? (ms + 999) / 1000 : ms));
  }
  ReplyOutcomes(ctx, times);
}

void HTtl(ReadContext& ctx, Args args) { ReplyTimes(ctx, args, {true, false}); }
void HPTtl(ReadContext& ctx, Args args) { ReplyTimes(ctx, args, {false, false}); }
void HExpireTime(ReadContext& ctx, Args args) { ReplyTimes(ctx, args, {true, true}); }
void HPExpireTime(ReadContext& ctx, Args args) { ReplyTimes(ctx, args, {false, true}); }

// HPERSIST key FIELDS numfields field [field ...]
Effect HPersist(WriteContext& ctx, Args args) {
  if (const auto found = ctx.Peek(args[1], Type::kHash); !found.ok())
    return Fail(ctx, found.error());
  const auto first = ParseFields(ctx.reply, args, 2, kFieldCountError);
  if (!first) return Effect::None();
  const FieldEdits edits = EditFields(
      ctx, args, *first, "hpersist",
      [](const Hash& hash, Bytes field) -> int64_t {
        if (!hash.Contains(field)) return kNoField;
        return hash.DeadlineOf(field) == 0 ? kNoDeadline : kChanged;
      },
      [](Hash& hash, Bytes field) { hash.SetDeadline(field, 0); });
  ReplyOutcomes(ctx, edits.outcomes);
  return edits.changed.empty() ? Effect::None() : Effect::AsReceived();
}

// --- the table ---

constexpr uint32_t kGrows = kWrite | kDenyOom | kFast;
constexpr uint32_t kQuickRead = kReadonly | kFast;
constexpr const char* kOneAField = "O(1) a field";

constexpr CommandSpec kFieldDeadlineCommands[] = {
    {.name = "hexpire",
     .arity = -6,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .write = HExpire,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Sets how many seconds fields of a hash have left.",
     .syntax = "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"},
    {.name = "hpexpire",
     .arity = -6,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .write = HPExpire,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Sets how many milliseconds fields of a hash have left.",
     .syntax = "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"},
    {.name = "hexpireat",
     .arity = -6,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .write = HExpireAt,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Sets the second at which fields of a hash go.",
     .syntax = "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"},
    {.name = "hpexpireat",
     .arity = -6,
     .flags = kGrows,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .write = HPExpireAt,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Sets the millisecond at which fields of a hash go.",
     .syntax = "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"},
    {.name = "httl",
     .arity = -5,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HTtl,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Returns how many seconds fields of a hash have left.",
     .syntax = "key FIELDS numfields field [field ...]",
     .tips = "nondeterministic_output"},
    {.name = "hpttl",
     .arity = -5,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HPTtl,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Returns how many milliseconds fields of a hash have left.",
     .syntax = "key FIELDS numfields field [field ...]",
     .tips = "nondeterministic_output"},
    {.name = "hexpiretime",
     .arity = -5,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HExpireTime,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Returns the second at which fields of a hash go.",
     .syntax = "key FIELDS numfields field [field ...]"},
    {.name = "hpexpiretime",
     .arity = -5,
     .flags = kQuickRead,
     .group = Group::kHash,
     .keys = kReadKey,
     .read = HPExpireTime,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Returns the millisecond at which fields of a hash go.",
     .syntax = "key FIELDS numfields field [field ...]"},
    {.name = "hpersist",
     .arity = -5,
     .flags = kWrite | kFast,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .write = HPersist,
     .since = "7.4.0",
     .complexity = kOneAField,
     .summary = "Takes the deadlines of fields of a hash away.",
     .syntax = "key FIELDS numfields field [field ...]"},
};

}  // namespace

std::span<const CommandSpec> FieldDeadlineCommands() { return kFieldDeadlineCommands; }

}  // namespace terrace::commands
