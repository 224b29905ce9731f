// SLOWLOG: the commands that took long.
#include "base/numbers.h"
#include "commands/error_text.h"
#include "server/command_docs.h"
#include "server/families.h"
#include "server/text.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;

SlowLog& SlowLogOf(SessionContext& ctx) {
  return static_cast<Worker&>(*ctx.executor.host()).parts().slow_log;
}

void ReplyItem(resp::Reply& reply, const SlowLogItem& item) {
  reply.Array(6);
  reply.Integer(static_cast<int64_t>(item.id));
  reply.Integer(static_cast<int64_t>(item.unix_seconds));
  reply.Integer(static_cast<int64_t>(item.microseconds));
  reply.Array(item.args.size());
  for (const std::string& arg : item.args) reply.Bulk(arg);
  reply.Bulk(item.peer);
  reply.Bulk(item.client_name);
}

// SLOWLOG GET [count]
void Get(SessionContext& ctx, Args args) {
  constexpr int64_t kCountDefault = 10;
  int64_t count = kCountDefault;
  if (args.size() == 3) {
    const auto wanted = ParseInt64(args[2]);
    if (!wanted || *wanted < -1)
      return ctx.reply.Error("ERR count should be greater than or equal to -1");
    count = *wanted;
  } else if (args.size() > 3) {
    return ReplyBadSubcommand(ctx.reply, "SLOWLOG", args[1]);
  }
  const std::vector<SlowLogItem> items = SlowLogOf(ctx).Newest(count);
  ctx.reply.Array(items.size());
  for (const SlowLogItem& item : items) ReplyItem(ctx.reply, item);
}

// SLOWLOG LEN
void Len(SessionContext& ctx, Args) {
  ctx.reply.Integer(static_cast<int64_t>(SlowLogOf(ctx).size()));
}

// SLOWLOG RESET
void Reset(SessionContext& ctx, Args) {
  SlowLogOf(ctx).Reset();
  ctx.reply.Ok();
}

// SLOWLOG HELP
void Help(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr uint32_t kHelpFlags = commands::kLoading | commands::kStale | commands::kLockFree;
constexpr uint32_t kFlags = kHelpFlags | commands::kAdmin;

constexpr CommandSpec kSlowLogSubcommands[] = {
    {.name = "get",
     .arity = -2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Get,
     .since = "2.2.12",
     .complexity = "O(items returned)",
     .summary = "The newest items (10 if not told, -1: all): id, time, microseconds, arguments, "
                "client, its name.",
     .syntax = "[count]",
     .tips = "request_policy:all_nodes,nondeterministic_output"},
    {.name = "help",
     .arity = 2,
     .flags = kHelpFlags,
     .group = Group::kServer,
     .session = Help,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "len",
     .arity = 2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Len,
     .since = "2.2.12",
     .complexity = "O(1)",
     .summary = "How many items there are.",
     .tips = "request_policy:all_nodes,response_policy:agg_sum,nondeterministic_output"},
    {.name = "reset",
     .arity = 2,
     .flags = kFlags,
     .group = Group::kServer,
     .session = Reset,
     .since = "2.2.12",
     .complexity = "O(items)",
     .summary = "Forgets all items.",
     .tips = "request_policy:all_nodes,response_policy:all_succeeded"},
};

constexpr CommandSpec kSlowLogCommands[] = {
    {.name = "slowlog",
     .arity = -2,
     .group = Group::kServer,
     .subcommands = kSlowLogSubcommands,
     .since = "2.2.12",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands about the slow log."},
};

}  // namespace

std::span<const CommandSpec> SlowLogCommands() { return kSlowLogCommands; }

}  // namespace terrace::server
