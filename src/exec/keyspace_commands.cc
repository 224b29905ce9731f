// Commands on whole keyspaces, which need everybody out for a moment: FLUSHDB, FLUSHALL, SWAPDB.
#include <memory>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"
#include "exec/executor.h"
#include "exec/families.h"
#include "exec/keyspace_exchange.h"

namespace terrace::exec {
namespace {

using engine::EngineCounters;

// FLUSHDB | FLUSHALL [ASYNC | SYNC]: either way the memory is freed in the background.
void Flush(SessionContext& ctx, Args args, bool all) {
  if (args.size() > 2 || (args.size() == 2 && !EqualsIgnoreCase(args[1], "async") &&
                          !EqualsIgnoreCase(args[1], "sync"))) {
    return ctx.reply.Error(commands::kSyntaxError);
  }
  engine::Databases& databases = ctx.env().databases;
  engine::Unit& unit = ctx.executor.unit();
  const unsigned db = ctx.session.db;
  const bool ran = ctx.executor.ExclusiveOrRestart(ctx.session, [&] {
    uint64_t emptied = 0;
    for (unsigned i = 0; i < databases.count(); ++i) {
      if (!all && i != db) continue;
      emptied += databases.Get(i).size();
      ReplaceKeyspace(databases, i, databases.NewKeyspace(), ctx.now_ms());
    }
    unit.CountChanges(emptied);
    unit.LogArgs(db, args.begin(), args.size());
    if (!ctx.executor.in_unit()) unit.Commit();
    for (unsigned i = 0; i < databases.count(); ++i) {
      if (all || i == db) ctx.executor.NoteKeysOfWaiters(i);
    }
  });
  if (ran) ctx.reply.Ok();
}

void FlushDb(SessionContext& ctx, Args args) { Flush(ctx, args, false); }
void FlushAll(SessionContext& ctx, Args args) { Flush(ctx, args, true); }

// SWAPDB index index
void SwapDb(SessionContext& ctx, Args args) {
  engine::Databases& databases = ctx.env().databases;
  const auto first = ParseInt64(args[1]);
  const auto second = ParseInt64(args[2]);
  const auto fits = [](int64_t n) { return n >= INT32_MIN && n <= INT32_MAX; };
  if (!first || !fits(*first)) return ctx.reply.Error("ERR invalid first DB index");
  if (!second || !fits(*second)) return ctx.reply.Error("ERR invalid second DB index");
  const auto exists = [&](int64_t n) {
    return n >= 0 && n < static_cast<int64_t>(databases.count());
  };
  if (!exists(*first) || !exists(*second)) return ctx.reply.Error("ERR DB index is out of range");
  const auto a = static_cast<unsigned>(*first), b = static_cast<unsigned>(*second);
  engine::Unit& unit = ctx.executor.unit();
  const bool ran = ctx.executor.ExclusiveOrRestart(ctx.session, [&] {
    if (a != b) {
      BreakWatches(databases.Get(a), &databases.Get(b), ctx.now_ms());
      BreakWatches(databases.Get(b), &databases.Get(a), ctx.now_ms());
      databases.Swap(a, b);
      engine::Keyspace kept(HashKey{}, databases.participants());
      MoveInterest(databases.Get(a), kept);
      MoveInterest(databases.Get(b), databases.Get(a));
      MoveInterest(kept, databases.Get(b));
    }
    unit.CountChanges(1);
    unit.LogArgs(ctx.session.db, args.begin(), args.size());
    if (!ctx.executor.in_unit()) unit.Commit();
    ctx.executor.NoteKeysOfWaiters(a);
    ctx.executor.NoteKeysOfWaiters(b);
  });
  if (ran) ctx.reply.Ok();
}

constexpr commands::CommandSpec kKeyspaceCommands[] = {
    {.name = "flushall",
     .arity = -1,
     .flags = commands::kWrite,
     .categories = commands::kCatKeyspace | commands::kCatDangerous,
     .group = commands::Group::kServer,
     .session = FlushAll,
     .since = "1.0.0",
     .complexity = "O(1) for the caller; memory is freed in the background",
     .summary = "Empties all databases.",
     .syntax = "[ASYNC | SYNC]",
     .tips = "request_policy:all_shards,response_policy:all_succeeded"},
    {.name = "flushdb",
     .arity = -1,
     .flags = commands::kWrite,
     .categories = commands::kCatKeyspace | commands::kCatDangerous,
     .group = commands::Group::kServer,
     .session = FlushDb,
     .since = "1.0.0",
     .complexity = "O(1) for the caller; memory is freed in the background",
     .summary = "Empties the current database.",
     .syntax = "[ASYNC | SYNC]",
     .tips = "request_policy:all_shards,response_policy:all_succeeded"},
    {.name = "swapdb",
     .arity = 3,
     .flags = commands::kWrite | commands::kFast,
     .categories = commands::kCatKeyspace | commands::kCatDangerous,
     .group = commands::Group::kServer,
     .session = SwapDb,
     .since = "4.0.0",
     .complexity = "O(watched keys)",
     .summary = "Exchanges two databases.",
     .syntax = "index1 index2"},
};

}  // namespace

std::span<const commands::CommandSpec> KeyspaceCommands() { return kKeyspaceCommands; }

}  // namespace terrace::exec
