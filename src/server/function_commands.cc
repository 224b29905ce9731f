// FUNCTION: the registry of script libraries. There is no script engine in this version, so it is empty, and what would
// fill it is unknown; tools that list or empty it before they begin still work.
#include "base/ascii.h"
#include "exec/executor.h"
#include "server/command_docs.h"
#include "server/families.h"
#include "server/text.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;

// FUNCTION FLUSH [ASYNC | SYNC]
void FunctionFlush(SessionContext& ctx, Args args) {
  if (args.size() > 3) return ReplyBadSubcommand(ctx.reply, "FUNCTION", args[1]);
  if (args.size() == 3 && !EqualsIgnoreCase(args[2], "async") &&
      !EqualsIgnoreCase(args[2], "sync")) {
    return ctx.reply.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  ctx.reply.Ok();
}

// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
void FunctionList(SessionContext& ctx, Args args) {
  bool named = false, with_code = false;
  for (size_t i = 2; i < args.size(); ++i) {
    if (!with_code && EqualsIgnoreCase(args[i], "withcode")) {
      with_code = true;
    } else if (!named && EqualsIgnoreCase(args[i], "libraryname")) {
      if (++i == args.size()) return ctx.reply.Error("ERR library name argument was not given");
      named = true;
    } else {
      return ctx.reply.Error("ERR Unknown argument " + std::string(args[i]));
    }
  }
  ctx.reply.Array(0);
}

// FUNCTION STATS
void FunctionStats(SessionContext& ctx, Args) {
  ctx.reply.Map(2);
  ctx.reply.Bulk("running_script");
  ctx.reply.Null();
  // Of each engine how much is loaded into it: of the only one that scripts can be for, nothing.
  ctx.reply.Bulk("engines");
  ctx.reply.Map(1);
  ctx.reply.Bulk("LUA");
  ctx.reply.Map(2);
  ctx.reply.Bulk("libraries_count");
  ctx.reply.Integer(0);
  ctx.reply.Bulk("functions_count");
  ctx.reply.Integer(0);
}

// FUNCTION HELP
void FunctionHelp(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr uint32_t kPlain = commands::kNoScript | commands::kLockFree;

constexpr CommandSpec kFunctionSubcommands[] = {
    {.name = "flush",
     .arity = -2,
     .flags = kPlain | commands::kWrite,
     .group = Group::kScripting,
     .session = FunctionFlush,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Removes all libraries.",
     .syntax = "[ASYNC | SYNC]",
     .tips = "request_policy:all_shards,response_policy:all_succeeded"},
    {.name = "help",
     .arity = 2,
     .flags = commands::kLoading | commands::kStale | commands::kLockFree,
     .group = Group::kScripting,
     .session = FunctionHelp,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "list",
     .arity = -2,
     .flags = kPlain,
     .group = Group::kScripting,
     .session = FunctionList,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Lists the libraries.",
     .syntax = "[LIBRARYNAME library-name-pattern] [WITHCODE]",
     .tips = "nondeterministic_output_order"},
    {.name = "stats",
     .arity = 2,
     .flags = kPlain | commands::kAllowBusy,
     .group = Group::kScripting,
     .session = FunctionStats,
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells what function runs, and which engines there are.",
     .tips = "nondeterministic_output,request_policy:all_shards,response_policy:special"},
};

constexpr CommandSpec kFunctionCommands[] = {
    {.name = "function",
     .arity = -2,
     .group = Group::kScripting,
     .subcommands = kFunctionSubcommands,
     .since = "7.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands about script libraries."},
};

}  // namespace

std::span<const CommandSpec> FunctionCommands() { return kFunctionCommands; }

}  // namespace terrace::server
