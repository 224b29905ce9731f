// Keys as such, whatever they hold: DEL, EXISTS, RENAME, COPY, MOVE and their relatives.
#include <limits>
#include <string>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/key_lookup.h"

namespace terrace::commands {
namespace {

using engine::Entry;
using engine::KeyRef;

constexpr Bytes kSameKeyError = "ERR source and destination objects are the same";

// DEL key [key ...]     UNLINK key [key ...]
// Entries are freed here and now in both: a string is one or two allocations, less work than handing it to
// somebody.
Effect Delete(WriteContext& ctx, Args args) {
  int64_t deleted = 0;
  for (size_t i = 1; i < args.size(); ++i) {
    if (ctx.Peek(args[i]) == nullptr) continue;
    ctx.Edit(args[i]).Delete();
    ctx.Notify(engine::kNotifyGeneric, "del", args[i]);
    ++deleted;
  }
  ctx.reply.Integer(deleted);
  if (deleted == 0) return Effect::None();
  return Effect::AsReceived().Counting(static_cast<uint64_t>(deleted));
}

// EXISTS key [key ...]
void Exists(ReadContext& ctx, Args args) {
  int64_t found = 0;
  for (size_t i = 1; i < args.size(); ++i) found += Glance(ctx, args[i]) != nullptr;
  ctx.reply.Integer(found);
}

// TOUCH key [key ...]
void Touch(ReadContext& ctx, Args args) {
  ctx.unit.no_touch = false;  // this is what the command is for, CLIENT NO-TOUCH or not
  int64_t found = 0;
  for (size_t i = 1; i < args.size(); ++i) found += ctx.Find(args[i]) != nullptr;
  ctx.reply.Integer(found);
}

// TYPE key
void TypeOfKey(ReadContext& ctx, Args args) {
  const Entry* entry = Glance(ctx, args[1]);
  ctx.reply.Simple(entry == nullptr ? "none" : TypeName(entry->type()));
}

// DBSIZE
void DbSize(ReadContext& ctx, Args) {
  ctx.reply.Integer(static_cast<int64_t>(ctx.keyspace().size()));
}

// RANDOMKEY
//
// One of the next few keys in hash order from a random place on: hashes are even, so every key gets its turn,
// and a keyspace that has no more than those few is seen whole. Keys that are due are passed over, and go afterwards.
void RandomKey(ReadContext& ctx, Args) {
  constexpr uint64_t kCandidates = 16;
  constexpr uint64_t kPassedOverMax = 1000;  // then next to none are alive; a walk must end
  engine::Keyspace& keyspace = ctx.keyspace();
  std::string choice;
  uint64_t candidates = 0, passed_over = 0;
  const auto consider = [&](const Entry& entry) {
    if (ctx.LeaveOut(entry)) {
      ++passed_over;
      return;
    }
    if (ctx.unit.random.Below(++candidates) == 0) choice.assign(entry.key());
  };
  uint64_t cursor = keyspace.size() <= kCandidates ? 0 : ctx.unit.random.Next() >> 16;
  bool wrapped = cursor == 0;
  while (candidates < kCandidates && passed_over < kPassedOverMax) {
    cursor = keyspace.Scan(cursor, kCandidates, consider);
    if (cursor != 0) continue;
    if (wrapped) break;
    wrapped = true;
  }
  if (candidates == 0) return ctx.reply.Null();
  ctx.reply.Bulk(choice);
}

void MoveEntry(WriteContext& ctx, KeyRef& source, KeyRef& target) {
  engine::Edit from = ctx.Edit(source);
  engine::Edit to = ctx.Edit(target);
  from.MoveTo(to);
}

// RENAME key newkey     RENAMENX key newkey
Effect RenameTo(WriteContext& ctx, Args args, bool only_if_absent) {
  KeyRef& source = ctx.key_ref(0);
  KeyRef& target = ctx.key_ref(1);
  if (Reach(ctx, source) == nullptr) {
    ctx.reply.Error(kNoSuchKeyError);
    return Effect::None();
  }
  const bool same = source.key == target.key;
  if (same || (only_if_absent && ctx.Peek(target) != nullptr)) {
    only_if_absent ? ctx.reply.Integer(0) : ctx.reply.Ok();
    return Effect::None();
  }
  MoveEntry(ctx, source, target);
  ctx.Notify(engine::kNotifyGeneric, "rename_from", args[1]);
  ctx.Notify(engine::kNotifyGeneric, "rename_to", args[2]);
  only_if_absent ? ctx.reply.Integer(1) : ctx.reply.Ok();
  return Effect::AsReceived();
}

Effect Rename(WriteContext& ctx, Args args) { return RenameTo(ctx, args, false); }
Effect RenameNx(WriteContext& ctx, Args args) { return RenameTo(ctx, args, true); }

template <typename T>
using OrErrorText = Result<T, Bytes>;

// A database's number, below `count`.
OrErrorText<unsigned> ParseDatabase(Bytes text, unsigned count) {
  using Limits = std::numeric_limits<int32_t>;
  const auto number = ParseInt64(text);
  if (!number) return Unexpected{kNotAnIntegerError};
  if (*number < Limits::min() || *number > Limits::max()) {
    return Unexpected{
        Bytes("ERR value is out of range, value must between -2147483648 and 2147483647")};
  }
  if (*number < 0 || *number >= count) return Unexpected{Bytes("ERR DB index is out of range")};
  return static_cast<unsigned>(*number);
}

struct CopyOptions {
  std::optional<unsigned> db;
  bool replace = false;
};

OrErrorText<CopyOptions> ParseCopyOptions(Args args, unsigned databases) {
  CopyOptions options;
  for (size_t i = 3; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "REPLACE")) {
      options.replace = true;
    } else if (EqualsIgnoreCase(args[i], "DB") && i + 1 < args.size()) {
      const auto db = ParseDatabase(args[++i], databases);
      if (!db.ok()) return Unexpected{db.error()};
      options.db = *db;
    } else {
      return Unexpected{kSyntaxError};
    }
  }
  return options;
}

constexpr unsigned kAnyDatabase = std::numeric_limits<int32_t>::max();

std::optional<unsigned> CopyTargetDb(Args args) {
  const auto options = ParseCopyOptions(args, kAnyDatabase);
  return options.ok() ? options->db : std::nullopt;
}

// COPY source destination [DB destination-db] [REPLACE]
Effect Copy(WriteContext& ctx, Args args) {
  const auto options = ParseCopyOptions(args, ctx.unit.databases.count());
  if (!options.ok()) {
    ctx.reply.Error(options.error());
    return Effect::None();
  }
  KeyRef& source = ctx.key_ref(0);
  KeyRef& target = ctx.key_ref(1);
  if (source.db == target.db && source.key == target.key) {
    ctx.reply.Error(kSameKeyError);
    return Effect::None();
  }
  const Entry* entry = ctx.Find(source);
  if (entry == nullptr || (!options->replace && ctx.Peek(target) != nullptr)) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  // A copy is a new key: it has the source's deadline but nobody has used it yet.
  Entry* copy = Entry::NewCopy(*entry, target.key, entry->deadline_ms());
  copy->set_access(ctx.unit.FreshAccess());
  engine::Edit edit = ctx.Edit(target);
  if (edit.entry() != nullptr) edit.Delete();
  edit.Put(copy);
  ctx.unit.Notify(engine::kNotifyGeneric, target.db, "copy_to", target.key);
  ctx.reply.Integer(1);
  return Effect::AsReceived();
}

std::optional<unsigned> MoveTargetDb(Args args) {
  const auto db = ParseDatabase(args[2], kAnyDatabase);
  return db.ok() ? std::optional<unsigned>(*db) : std::nullopt;
}

// MOVE key db
Effect Move(WriteContext& ctx, Args args) {
  const auto db = ParseDatabase(args[2], ctx.unit.databases.count());
  if (!db.ok() || *db == ctx.db) {
    ctx.reply.Error(db.ok() ? kSameKeyError : db.error());
    return Effect::None();
  }
  KeyRef& source = ctx.key_ref(0);
  KeyRef& target = ctx.key_ref(1);
  if (Reach(ctx, source) == nullptr || ctx.Peek(target) != nullptr) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  MoveEntry(ctx, source, target);
  ctx.unit.Notify(engine::kNotifyGeneric, source.db, "move_from", source.key);
  ctx.unit.Notify(engine::kNotifyGeneric, target.db, "move_to", target.key);
  ctx.reply.Integer(1);
  return Effect::AsReceived();
}

constexpr KeySpec kRenameKeys[] = {OneKey(kKeyRW | kKeyAccess | kKeyDelete),
                                   OneKey(kKeyOW | kKeyUpdate, 2)};
constexpr KeySpec kRenameNxKeys[] = {OneKey(kKeyRW | kKeyAccess | kKeyDelete),
                                     OneKey(kKeyOW | kKeyInsert, 2)};
constexpr KeySpec kCopyKeys[] = {OneKey(kKeyRO | kKeyAccess), OneKey(kKeyOW | kKeyUpdate, 2)};

constexpr CommandSpec kKeyCommands[] = {
    {.name = "copy",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kCopyKeys,
     .target_db = CopyTargetDb,
     .write = Copy,
     .since = "6.2.0",
     .complexity = "O(1) for strings, O(N) in the elements of a collection",
     .summary = "Copies a key's value to another name.",
     .syntax = "source destination [DB destination-db] [REPLACE]"},
    {.name = "dbsize",
     .arity = 1,
     .flags = kReadonly | kFast | kWholeKeyspace,
     .categories = kCatKeyspace,
     .group = Group::kServer,
     .read = DbSize,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Counts the keys of the database.",
     .tips = "request_policy:all_shards,response_policy:agg_sum"},
    {.name = "del",
     .arity = -2,
     .flags = kWrite,
     .keys = kRemoveKeys,
     .needs_values = NeedsNoValues,
     .write = Delete,
     .since = "1.0.0",
     .complexity = "O(1) a string, O(M) in the elements of a collection",
     .summary = "Deletes keys.",
     .syntax = "key [key ...]",
     .tips = "request_policy:multi_shard,response_policy:agg_sum"},
    {.name = "exists",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = kLookKeys,
     .needs_values = NeedsNoValues,
     .read = Exists,
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys",
     .summary = "Counts how many of the keys exist.",
     .syntax = "key [key ...]",
     .tips = "request_policy:multi_shard,response_policy:agg_sum"},
    {.name = "move",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = kAccessUpdateKey,
     .target_db = MoveTargetDb,
     .write = Move,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Moves a key to another database.",
     .syntax = "key db"},
    {.name = "randomkey",
     .arity = 1,
     .flags = kReadonly | kWholeKeyspace,
     .read = RandomKey,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Returns the name of some key.",
     .tips = "request_policy:all_shards,nondeterministic_output"},
    {.name = "rename",
     .arity = 3,
     .flags = kWrite,
     .keys = kRenameKeys,
     .write = Rename,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key another name, in place of what had that name.",
     .syntax = "key newkey"},
    {.name = "renamenx",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = kRenameNxKeys,
     .write = RenameNx,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key another name unless that is taken.",
     .syntax = "key newkey"},
    {.name = "touch",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = kLookKeys,
     .needs_values = NeedsNoValues,
     .read = Touch,
     .since = "3.2.1",
     .complexity = "O(N) in the number of keys",
     .summary = "Marks keys as used just now; counts those that exist.",
     .syntax = "key [key ...]",
     .tips = "request_policy:multi_shard,response_policy:agg_sum"},
    {.name = "type",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kLookKey,
     .needs_values = NeedsNoValues,
     .read = TypeOfKey,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Names the type of a key's value.",
     .syntax = "key"},
    {.name = "unlink",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kRemoveKeys,
     .needs_values = NeedsNoValues,
     .write = Delete,
     .since = "4.0.0",
     .complexity = "O(1) a key",
     .summary = "Deletes keys without waiting for their memory.",
     .syntax = "key [key ...]",
     .tips = "request_policy:multi_shard,response_policy:agg_sum"},
};

}  // namespace

std::span<const CommandSpec> KeyCommands() { return kKeyCommands; }

}  // namespace terrace::commands
