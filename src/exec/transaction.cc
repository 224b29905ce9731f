// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//
// EXEC locks the shards of all queued keys and of all watched keys at once, looks whether a watch broke, and runs the
// queue as one unit. If the queue holds a command whose keys cannot be known or that concerns more than keys, it runs
// with everybody else out instead.
#include "exec/transaction.h"
#include "base/ascii.h"
#include "base/numbers.h"
#include "exec/executor.h"
#include "exec/families.h"

namespace terrace::exec {
namespace {

using commands::Command;
using engine::KeyRef;

// MULTI
void Multi(SessionContext& ctx, Args) {
  if (ctx.session.in_multi()) return ctx.reply.Error("ERR MULTI calls can not be nested");
  ctx.session.gates |= kGateInMulti;
  ctx.reply.Ok();
}

// DISCARD
void Discard(SessionContext& ctx, Args) {
  if (!ctx.session.in_multi()) return ctx.reply.Error("ERR DISCARD without MULTI");
  DiscardTransaction(ctx.session, ctx.executor);
  ctx.reply.Ok();
}

// WATCH key [key ...]
void Watch(SessionContext& ctx, Args args) {
  Session& session = ctx.session;
  if (session.in_multi()) return ctx.reply.Error("ERR WATCH inside MULTI is not allowed");
  if (session.watch == nullptr) session.watch = std::make_shared<engine::Watch>();
  for (size_t i = 1; i < args.size(); ++i) {
    KeyRef ref = ctx.executor.RefFor(session.db, args[i]);
    ctx.executor.WithLocked(&ref, 1, [&] {
      engine::InterestTable& table = ref.shard->MakeInterest();
      if (table.Find(ref.hash, ref.key, session.watch.get()) != nullptr) return;
      const engine::Entry* entry = ref.entry();
      const bool stale = entry != nullptr && entry->IsDue(ctx.now_ms());
      table.Add({ref.hash, std::string(ref.key), session.watch, stale});
      session.watched.push_back({session.db, std::string(ref.key)});
    });
  }
  ctx.reply.Ok();
}

// UNWATCH
void Unwatch(SessionContext& ctx, Args) {
  ForgetWatches(ctx.session, ctx.executor);
  ctx.reply.Ok();
}

// With the watched keys locked: one that was alive when it was watched and is due now counts as changed.
bool WatchHolds(const Session& session, const TransactionPlan& plan, uint64_t now_ms) {
  if (session.watch == nullptr) return true;
  if (session.watch->broken()) return false;
  const size_t first = plan.begins.back();
  for (size_t i = 0; i < session.watched.size(); ++i) {
    const KeyRef& ref = plan.refs[first + i];
    const engine::Slot slot = ref.shard == nullptr ? nullptr : ref.shard->Lookup(ref.hash, ref.key);
    if (slot == nullptr || !engine::Shard::At(slot)->IsDue(now_ms)) continue;
    const engine::InterestTable* interest = ref.shard->interest();
    const auto* item =
        interest == nullptr ? nullptr : interest->Find(ref.hash, ref.key, session.watch.get());
    if (item != nullptr && !item->stale) return false;
  }
  return true;
}

// EXEC
void Exec(SessionContext& ctx, Args) {
  Session& session = ctx.session;
  if (!session.in_multi()) return ctx.reply.Error("ERR EXEC without MULTI");
  if (session.queue_broken) {
    DiscardTransaction(session, ctx.executor);
    return ctx.reply.Error("EXECABORT Transaction discarded because of previous errors.");
  }
  TransactionPlan plan = PlanTransaction(session, ctx.executor);
  if (ctx.executor.WaitsForValues(session, plan.refs.data(), plan.begins.back())) return;
  bool holds = true;
  std::vector<OwnedRequest> queue;  // names the plan's keys until the scope is left
  const bool ran =
      ctx.executor.RunScope(session, plan.refs.data(), plan.refs.size(), plan.exclusive, [&] {
        if (plan.exclusive) {
          // While we waited for everybody to go out, others may have replaced keyspaces: look them up anew.
          for (KeyRef& ref : plan.refs) {
            ref.keyspace = &ctx.env().databases.Get(ref.db);
            ref.shard = ref.keyspace->staircase().Guess(ref.hash);
          }
        }
        holds = WatchHolds(session, plan, ctx.now_ms());
        if (!holds) return;
        // The queue moves out of the session first: a queued command may look at it (CLIENT LIST) or end it (RESET).
        queue = std::move(session.queue);
        session.queue.clear();
        session.gates &= ~kGateInMulti;
        ctx.reply.Array(queue.size());
        for (size_t i = 0; i < queue.size(); ++i) {
          ctx.executor.RunInScope(session, *queue[i].command(), queue[i].args(), queue[i].raw(),
                                  plan.refs.data() + plan.begins[i],
                                  plan.begins[i + 1] - plan.begins[i]);
        }
      });
  if (!ran) return;
  DiscardTransaction(session, ctx.executor);
  if (!holds) ctx.reply.NullArray();
}

using commands::CommandSpec;
using commands::Group;
constexpr uint32_t kAlways = commands::kNoScript | commands::kLoading | commands::kStale;

constexpr CommandSpec kTransactionCommands[] = {
    {.name = "multi",
     .arity = 1,
     .flags = kAlways | commands::kFast | commands::kAllowBusy | commands::kImmediateInMulti |
              commands::kLockFree,
     .group = Group::kTransactions,
     .session = Multi,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Starts a transaction: what follows is queued until EXEC."},
    {.name = "exec",
     .arity = 1,
     .flags = kAlways | commands::kSkipSlowlog | commands::kImmediateInMulti,
     .group = Group::kTransactions,
     .session = Exec,
     .since = "1.2.0",
     .complexity = "that of the queued commands",
     .summary = "Runs the queued commands as one."},
    {.name = "discard",
     .arity = 1,
     .flags = kAlways | commands::kFast | commands::kAllowBusy | commands::kImmediateInMulti |
              commands::kLockFree,
     .group = Group::kTransactions,
     .session = Discard,
     .since = "2.0.0",
     .complexity = "O(queued commands)",
     .summary = "Forgets the queued commands."},
    {.name = "watch",
     .arity = -2,
     .flags = kAlways | commands::kFast | commands::kAllowBusy | commands::kImmediateInMulti,
     .group = Group::kTransactions,
     .keys = commands::kLookKeys,
     .session = Watch,
     .since = "2.2.0",
     .complexity = "O(1) a key",
     .summary = "Makes the next EXEC depend on these keys staying unchanged.",
     .syntax = "key [key ...]"},
    {.name = "unwatch",
     .arity = 1,
     .flags = kAlways | commands::kFast | commands::kAllowBusy,
     .group = Group::kTransactions,
     .session = Unwatch,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Forgets all watched keys."},
};

}  // namespace

TransactionPlan PlanTransaction(const Session& session, const Executor& executor) {
  TransactionPlan plan;
  unsigned db = session.db;
  for (const OwnedRequest& queued : session.queue) {
    plan.begins.push_back(plan.refs.size());
    const Command& command = *queued.command();
    const Args args = queued.args();
    if (command.spec->session != nullptr) {
      if ((command.flags & commands::kLockFree) == 0) plan.exclusive = true;
      // SELECT changes the database of what follows it.
      if (command.spec->name == Bytes("select")) {
        const auto index = ParseInt64(args[1]);
        if (index && *index >= 0 && *index < executor.env().databases.count())
          db = static_cast<unsigned>(*index);
      }
      continue;
    }
    if ((command.flags & commands::kWholeKeyspace) != 0) plan.exclusive = true;
    if (command.spec->reaches_beyond != nullptr && command.spec->reaches_beyond(args))
      plan.exclusive = true;
    const size_t begin = plan.refs.size();
    if (!executor.FindRefs(command, args, db, &plan.refs)) plan.refs.resize(begin);
  }
  plan.begins.push_back(plan.refs.size());
  for (const WatchedKey& watched : session.watched)
    plan.refs.push_back(executor.RefFor(watched.db, watched.key));
  return plan;
}

void ForgetWatches(Session& session, Executor& executor) {
  for (const WatchedKey& watched : session.watched) {
    KeyRef ref = executor.RefFor(watched.db, watched.key);
    executor.WithLocked(&ref, 1, [&] {
      engine::InterestTable* table = ref.shard->interest();
      if (table == nullptr) return;
      table->Remove(ref.hash, ref.key, session.watch.get());
      if (table->empty()) ref.shard->interest_slot().reset();
    });
  }
  session.watched.clear();
  session.watch.reset();
}

void DiscardTransaction(Session& session, Executor& executor) {
  session.queue.clear();
  session.queue_bytes = 0;
  session.queue_broken = false;
  session.gates &= ~kGateInMulti;
  ForgetWatches(session, executor);
}

std::span<const CommandSpec> TransactionCommands() { return kTransactionCommands; }

}  // namespace terrace::exec
