// Commands on whole keyspaces, which need everybody out for a moment: FLUSHDB, FLUSHALL, SWAPDB.
#include <memory>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"
#include "exec/executor.h"
#include "exec/families.h"

namespace terrace::exec {
namespace {

using engine::EngineCounters;

// The keyspace `gone` is replaced by `comes` (nullptr: by nothing) under the watches on its keys. A watch breaks if its
// key was there or will be, but for keys that are due: that one such key goes, comes or is exchanged for another is no
// change.
void BreakWatches(engine::Keyspace& gone, engine::Keyspace* comes, uint64_t now_ms) {
  gone.staircase().ForEachShard(0, [&](engine::Shard& shard, uint64_t, uint64_t) {
    if (shard.interest() == nullptr) return true;
    auto& items = shard.interest()->items();
    for (auto it = items.begin(); it != items.end();) {
      const uint64_t hash = it->first;
      engine::InterestTable::Item& item = it->second;
      bool stays = true;
      const bool was_here = shard.Lookup(hash, item.key) != nullptr;
      const engine::Slot next =
          comes == nullptr ? nullptr : comes->staircase().Guess(hash)->Lookup(hash, item.key);
      const bool next_is_due = next != nullptr && engine::Shard::At(next)->IsDue(now_ms);
      if (was_here || next != nullptr) {
        if (item.stale && next == nullptr) {
          item.stale = false;
        } else if (!(item.stale && next_is_due) && !(!was_here && next_is_due)) {
          stays = item.who->KeyChanges(hash, item.key);
        } else {
          item.stale = true;
        }
      }
      it = stays ? std::next(it) : items.erase(it);
    }
    return true;
  });
}

// The watches themselves, and the clients that wait, stay with the database's number, not with the keyspace that moves.
void MoveInterest(engine::Keyspace& from, engine::Keyspace& to) {
  from.staircase().ForEachShard(0, [&](engine::Shard& shard, uint64_t, uint64_t) {
    if (shard.interest() == nullptr) return true;
    shard.interest()->MoveTo([&](uint64_t hash) -> engine::InterestTable& {
      return to.staircase().Guess(hash)->MakeInterest();
    });
    shard.interest_slot().reset();
    return true;
  });
}

// In an exclusive section. The old keyspace is freed once nobody can hold a pointer into it.
void FlushOne(engine::Databases& databases, unsigned db, uint64_t now_ms) {
  BreakWatches(databases.Get(db), nullptr, now_ms);
  std::unique_ptr<engine::Keyspace> old = databases.Flush(db);
  MoveInterest(*old, databases.Get(db));
  databases.Discard(std::move(old));
}

// FLUSHDB | FLUSHALL [ASYNC | SYNC]: either way the memory is freed in the background.
void Flush(SessionContext& ctx, Args args, bool all) {
  if (args.size() > 2 ||
      (args.size() == 2 && !EqualsIgnoreCase(args[1], "async") && !EqualsIgnoreCase(args[1], "sync"))) {
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
      FlushOne(databases, i, ctx.now_ms());
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
  const auto exists = [&](int64_t n) { return n >= 0 && n < static_cast<int64_t>(databases.count()); };
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
    {.name = "flushall", .arity = -1, .flags = commands::kWrite, .categories = commands::kCatKeyspace | commands::kCatDangerous,
     .group = commands::Group::kServer, .session = FlushAll, .since = "1.0.0",
     .complexity = "O(1) for the caller; memory is freed in the background", .summary = "Empties all databases.",
     .syntax = "[ASYNC | SYNC]", .tips = "request_policy:all_shards,response_policy:all_succeeded"},
    {.name = "flushdb", .arity = -1, .flags = commands::kWrite, .categories = commands::kCatKeyspace | commands::kCatDangerous,
     .group = commands::Group::kServer, .session = FlushDb, .since = "1.0.0",
     .complexity = "O(1) for the caller; memory is freed in the background", .summary = "Empties the current database.",
     .syntax = "[ASYNC | SYNC]", .tips = "request_policy:all_shards,response_policy:all_succeeded"},
    {.name = "swapdb", .arity = 3, .flags = commands::kWrite | commands::kFast,
     .categories = commands::kCatKeyspace | commands::kCatDangerous, .group = commands::Group::kServer,
     .session = SwapDb, .since = "4.0.0", .complexity = "O(watched keys)", .summary = "Exchanges two databases.",
     .syntax = "index1 index2"},
};

}  // namespace

std::span<const commands::CommandSpec> KeyspaceCommands() { return kKeyspaceCommands; }

}  // namespace terrace::exec
