// Values of hash fields together with their deadlines: HGETEX, HSETEX, HGETDEL.
//
// What goes to the log is known to followers that know deadlines of fields but not these commands: HSET, HPEXPIREAT,
// HPERSIST and HDEL.
#include <algorithm>
#include <optional>
#include <span>
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

using types::Element;
using types::Hash;

void ReplyValue(resp::Reply& reply, const std::optional<Element>& value) {
  if (!value) return reply.Null();
  value->is_integer() ? reply.BulkInt(value->integer()) : reply.Bulk(value->string());
}

// word key field ...
void LogFields(WriteContext& ctx, Bytes word, Bytes key, std::span<const Bytes> fields) {
  std::vector<Bytes> words = {word, key};
  words.insert(words.end(), fields.begin(), fields.end());
  ctx.unit.LogArgs(ctx.db, words.data(), words.size());
}

// HPEXPIREAT key deadline FIELDS count field ..., or HPERSIST key FIELDS ... if the deadline is 0
void LogDeadline(WriteContext& ctx, Bytes key, uint64_t deadline, std::span<const Bytes> fields) {
  const std::string digits = FormatInt64(static_cast<int64_t>(deadline));
  const std::string count = FormatInt64(static_cast<int64_t>(fields.size()));
  std::vector<Bytes> words = {deadline != 0 ? "HPEXPIREAT" : "HPERSIST", key};
  if (deadline != 0) words.push_back(digits);
  words.insert(words.end(), {"FIELDS", count});
  words.insert(words.end(), fields.begin(), fields.end());
  ctx.unit.LogArgs(ctx.db, words.data(), words.size());
}

std::optional<FieldTime> TimeOf(Bytes word) {
  if (EqualsIgnoreCase(word, "EX")) return FieldTime{true, false};
  if (EqualsIgnoreCase(word, "PX")) return FieldTime{false, false};
  if (EqualsIgnoreCase(word, "EXAT")) return FieldTime{true, true};
  if (EqualsIgnoreCase(word, "PXAT")) return FieldTime{false, true};
  return std::nullopt;
}

// Deleted at once: only by units that may expire anything.
bool IsPast(const WriteContext& ctx, uint64_t deadline) {
  return deadline <= ctx.now_ms() && ctx.unit.origin == engine::Origin::kClient;
}

// HGETDEL key FIELDS numfields field [field ...]
Effect HGetDel(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kHash);
  if (!found.ok()) return Fail(ctx, found.error());
  const auto first = ParseFields(ctx.reply, args, 2, kFieldCountError);
  if (!first) return Effect::None();
  ctx.reply.Array(args.size() - *first);
  const auto is_there = [&](Bytes field) {
    return *found != nullptr && Hash((*found)->collection()).Contains(field);
  };
  if (std::none_of(args.begin() + *first, args.end(), is_there)) {
    for (size_t i = *first; i < args.size(); ++i) ctx.reply.Null();
    return Effect::None();
  }
  std::vector<Bytes> deleted;
  CollectionEdit<Hash> hash(ctx, args[1]);
  for (size_t i = *first; i < args.size(); ++i) {
    ReplyValue(ctx.reply, hash->Get(args[i]));
    if (hash->Erase(args[i])) deleted.push_back(args[i]);
  }
  hash.Finish(engine::kNotifyHash, "hdel");
  LogFields(ctx, "HDEL", args[1], deleted);
  return Effect::Logged().Counting(deleted.size());
}

// --- HGETEX ---

// What HGETEX does to the fields it finds.
enum class Change : uint8_t { kNone, kPersist, kDeadline, kDelete };

bool Changes(Change change, const Hash& hash, Bytes field) {
  if (change == Change::kPersist) return hash.DeadlineOf(field) != 0;
  return change != Change::kNone && hash.Contains(field);
}

void ApplyTo(Hash& hash, Bytes field, Change change, uint64_t deadline) {
  if (change == Change::kDelete) {
    hash.Erase(field);
  } else {
    hash.SetDeadline(field, deadline);
  }
}

// HGETEX key [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST] FIELDS numfields field [field ...]
Effect HGetEx(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kHash);
  if (!found.ok()) return Fail(ctx, found.error());
  Change change = Change::kNone;
  uint64_t deadline = 0;
  size_t at = 2;
  if (const auto time = TimeOf(args[2])) {
    const auto parsed = ParseFieldDeadline(ctx, args[3], *time, "hgetex");
    if (!parsed) return Effect::None();
    change = IsPast(ctx, *parsed) ? Change::kDelete : Change::kDeadline;
    deadline = std::max<uint64_t>(*parsed, 1);  // 0 would mean none
    at = 4;
  } else if (EqualsIgnoreCase(args[2], "PERSIST")) {
    change = Change::kPersist;
    at = 3;
  }
  const auto first = ParseFields(ctx.reply, args, at, kFieldCountError);
  if (!first) return Effect::None();
  ctx.reply.Array(args.size() - *first);
  if (*found == nullptr) {
    for (size_t i = *first; i < args.size(); ++i) ctx.reply.Null();
    return Effect::None();
  }
  const Hash seen((*found)->collection());
  if (std::none_of(args.begin() + *first, args.end(),
                   [&](Bytes field) { return Changes(change, seen, field); })) {
    ctx.unit.Touch(*found);
    for (size_t i = *first; i < args.size(); ++i) ReplyValue(ctx.reply, seen.Get(args[i]));
    return Effect::None();
  }
  std::vector<Bytes> changed;
  CollectionEdit<Hash> hash(ctx, args[1]);
  for (size_t i = *first; i < args.size(); ++i) {
    ReplyValue(ctx.reply, hash->Get(args[i]));
    if (!Changes(change, *hash, args[i])) continue;
    ApplyTo(*hash, args[i], change, deadline);
    changed.push_back(args[i]);
  }
  const bool deletes = change == Change::kDelete;
  hash.Finish(engine::kNotifyHash, deletes                      ? "hdel"
                                   : change == Change::kPersist ? "hpersist"
                                                                : "hexpire");
  if (deletes) engine::EngineCounters::Add(ctx.unit.counters.expired_fields, changed.size());
  deletes ? LogFields(ctx, "HDEL", args[1], changed) : LogDeadline(ctx, args[1], deadline, changed);
  return Effect::Logged().Counting(changed.size());
}

// --- HSETEX ---

struct SetExOptions {
  enum class Condition : uint8_t { kAlways, kIfNone, kIfAll };

  Condition condition = Condition::kAlways;
  bool keeps_deadlines = false;
  std::optional<uint64_t> deadline;
  size_t first = 0;  // of fields and values
};

// Answers the error itself.
std::optional<SetExOptions> ParseSetExOptions(WriteContext& ctx, Args args) {
  SetExOptions options;
  const auto refuse = [&](Bytes error) {
    ctx.reply.Error(error);
    return std::nullopt;
  };
  constexpr Bytes kArityError = "ERR wrong number of arguments for 'hsetex' command";
  for (size_t i = 2; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "FIELDS")) {
      if (i + 3 >= args.size()) return refuse(kArityError);
      const auto count = ParseInt64(args[i + 1]);
      if (!count || *count < 1 || *count > INT32_MAX) return refuse("ERR invalid number of fields");
      options.first = i + 2;
      if (args.size() - options.first != 2 * static_cast<uint64_t>(*count))
        return refuse(kArityError);
      return options;
    }
    const auto time = TimeOf(args[i]);
    const bool keeps = EqualsIgnoreCase(args[i], "KEEPTTL");
    if (time || keeps) {
      if (options.deadline || options.keeps_deadlines) {
        return refuse("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
      }
      options.keeps_deadlines = keeps;
      if (keeps) continue;
      if (++i == args.size()) return refuse("ERR missing expire time");
      options.deadline = ParseFieldDeadline(ctx, args[i], *time, "hsetex");
      if (!options.deadline) return std::nullopt;
      continue;
    }
    const bool none = EqualsIgnoreCase(args[i], "FNX");
    if (!none && !EqualsIgnoreCase(args[i], "FXX"))
      return refuse("ERR unknown argument: " + std::string(args[i]));
    if (options.condition != SetExOptions::Condition::kAlways) {
      return refuse("ERR Only one of FXX or FNX arguments can be specified");
    }
    options.condition = none ? SetExOptions::Condition::kIfNone : SetExOptions::Condition::kIfAll;
  }
  return refuse(kArityError);  // without FIELDS
}

bool Holds(const SetExOptions& options, const engine::Entry* entry, Args args) {
  if (options.condition == SetExOptions::Condition::kAlways) return true;
  const bool wanted = options.condition == SetExOptions::Condition::kIfAll;
  for (size_t i = options.first; i < args.size(); i += 2) {
    if ((entry != nullptr && Hash(entry->collection()).Contains(args[i])) != wanted) return false;
  }
  return true;
}

// A time that is past: the fields are gone as soon as they are there, and those that were there before with them.
Effect SetAndDelete(WriteContext& ctx, Args args, size_t first) {
  std::vector<Bytes> deleted;
  CollectionEdit<Hash> hash(ctx, args[1]);
  for (size_t i = first; i < args.size(); i += 2) {
    if (hash->Erase(args[i])) deleted.push_back(args[i]);
  }
  const bool existed = hash.existed();
  if (!existed) ctx.Notify(engine::kNotifyNew, "new", args[1]);
  ctx.Notify(engine::kNotifyHash, "hset", args[1]);
  ctx.Notify(engine::kNotifyHash, "hdel", args[1]);
  hash.Finish();
  if (!existed) ctx.Notify(engine::kNotifyGeneric, "del", args[1]);
  ctx.reply.Integer(1);
  engine::EngineCounters::Add(ctx.unit.counters.expired_fields, (args.size() - first) / 2);
  if (deleted.empty()) return Effect::None();
  LogFields(ctx, "HDEL", args[1], deleted);
  return Effect::Logged().Counting((args.size() - first) / 2);
}

// HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL] FIELDS numfields field value ...
Effect HSetEx(WriteContext& ctx, Args args) {
  const auto options = ParseSetExOptions(ctx, args);
  if (!options) return Effect::None();
  const auto found = ctx.Peek(args[1], Type::kHash);
  if (!found.ok()) return Fail(ctx, found.error());
  if (!Holds(*options, *found, args)) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  if (options->deadline && IsPast(ctx, *options->deadline))
    return SetAndDelete(ctx, args, options->first);
  const uint64_t deadline = options->deadline ? std::max<uint64_t>(*options->deadline, 1) : 0;
  const types::HashLimits limits(ctx.unit.settings.encoding);
  const auto old_deadline =
      options->keeps_deadlines ? Hash::OldDeadline::kStays : Hash::OldDeadline::kGoes;
  LogFields(ctx, "HSET", args[1], args.span().subspan(options->first));
  std::vector<Bytes> timed;
  CollectionEdit<Hash> hash(ctx, args[1]);
  for (size_t i = options->first; i < args.size(); i += 2) {
    hash->Set(args[i], args[i + 1], limits, old_deadline);
    if (deadline != 0) {
      hash->SetDeadline(args[i], deadline);
      timed.push_back(args[i]);
    } else if (options->keeps_deadlines) {
      // The HSET in the log takes it away.
      if (const uint64_t kept = hash->DeadlineOf(args[i]); kept != 0)
        LogDeadline(ctx, args[1], kept, {&args[i], 1});
    }
  }
  if (!timed.empty()) LogDeadline(ctx, args[1], deadline, timed);
  hash.Finish();
  ctx.Notify(engine::kNotifyHash, "hset", args[1]);
  if (deadline != 0) ctx.Notify(engine::kNotifyHash, "hexpire", args[1]);
  ctx.reply.Integer(1);
  return Effect::Logged().Counting((args.size() - options->first) / 2);
}

// --- the table ---

constexpr const char* kOneAField = "O(1) a field";

constexpr CommandSpec kFieldValueCommands[] = {
    {.name = "hgetdel",
     .arity = -5,
     .flags = kWrite | kFast,
     .group = Group::kHash,
     .keys = kAccessDeleteKey,
     .write = HGetDel,
     .since = "8.0.0",
     .complexity = kOneAField,
     .summary = "Returns the values of fields of a hash and deletes them.",
     .syntax = "key FIELDS numfields field [field ...]"},
    {.name = "hgetex",
     .arity = -5,
     .flags = kWrite | kFast,
     .group = Group::kHash,
     .keys = kAccessUpdateKey,
     .write = HGetEx,
     .since = "8.0.0",
     .complexity = kOneAField,
     .summary =
         "Returns the values of fields of a hash and sets their deadlines, or takes them away.",
     .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
               "unix-time-milliseconds | PERSIST] "
               "FIELDS numfields field [field ...]"},
    {.name = "hsetex",
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kHash,
     .keys = kUpdateKey,
     .write = HSetEx,
     .since = "8.0.0",
     .complexity = kOneAField,
     .summary =
         "Sets fields of a hash, with deadlines or without, if none of them is there or all are.",
     .syntax = "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
               "unix-time-milliseconds | "
               "KEEPTTL] FIELDS numfields field value [field value ...]"},
};

}  // namespace

std::span<const CommandSpec> FieldValueCommands() { return kFieldValueCommands; }

}  // namespace terrace::commands
