// Walks over all keys: KEYS in one go, SCAN a stretch at a time.
//
// Both leave out keys that are due and not removed yet. KEYS leaves them to the timers; SCAN deletes those that its
// pattern matches, as Redis does: whoever switched the timers off (DEBUG SET-ACTIVE-EXPIRE) cleans up by scanning.
#include "base/ascii.h"
#include "base/glob.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/scan_options.h"

namespace terrace::commands {
namespace {

using engine::Entry;

constexpr Bytes kAnyKey = "*";

// KEYS pattern
void Keys(ReadContext& ctx, Args args) {
  const Bytes pattern = args[1];
  const bool all = pattern == kAnyKey;
  const resp::Reply::Slot slot = ctx.reply.DeferredArray();
  size_t found = 0;
  ctx.keyspace().ForEach([&](const Entry& entry) {
    if (entry.IsGone(ctx.now_ms()) || (!all && !GlobMatch(pattern, entry.key()))) return;
    ctx.reply.Bulk(entry.key());
    ++found;
  });
  ctx.reply.SetDeferred(slot, found);
}

// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
void Scan(ReadContext& ctx, Args args) {
  const auto cursor = ParseCursor(args[1]);
  if (!cursor) return ctx.reply.Error(kInvalidCursorError);
  const auto options = ParseScanOptions(args, 2, kScanType);
  if (!options.ok()) return ReplyError(ctx, options.error());
  // A cursor past 2^48 is past the end of every keyspace.
  ScanReply names;
  const uint64_t next = ctx.keyspace().Scan(*cursor, options->count, [&](const Entry& entry) {
    if (!options->Matches(entry.key()) || ctx.LeaveOut(entry)) return;
    // A name that is no type's is the type of no key.
    if (options->type && !EqualsIgnoreCase(*options->type, TypeName(entry.type()))) return;
    names.Add(entry.key());
  });
  names.Write(ctx.reply, next);
}

constexpr CommandSpec kIterationCommands[] = {
    {.name = "keys",
     .arity = 2,
     .flags = kReadonly | kWholeKeyspace,
     .categories = kCatDangerous,
     .read = Keys,
     .since = "1.0.0",
     .complexity = "O(N) in the keys of the database",
     .summary = "Lists the keys whose names match a pattern.",
     .syntax = "pattern",
     .tips = "request_policy:all_shards,nondeterministic_output_order"},
    {.name = "scan",
     .arity = -2,
     .flags = kReadonly | kWholeKeyspace,
     .read = Scan,
     .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for a whole iteration over N keys",
     .summary = "Lists the keys of the database a stretch at a time.",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
     .tips = "nondeterministic_output,request_policy:special"},
};

}  // namespace

std::span<const CommandSpec> IterationCommands() { return kIterationCommands; }

}  // namespace terrace::commands
