// COMMAND: the command table, as clients and proxies ask for it.
#include "base/ascii.h"
#include "base/glob.h"
#include "commands/error_text.h"
#include "commands/key_positions.h"
#include "exec/executor.h"
#include "server/command_docs.h"
#include "server/families.h"

namespace terrace::server {
namespace {

using commands::Command;
using commands::CommandSpec;
using commands::CommandTable;
using commands::Group;
using commands::KeyPositions;
using exec::SessionContext;

// "get", "client|list", in any letter case; nullptr if there is none.
const Command* FindByFullName(const CommandTable& table, Bytes name) {
  const size_t bar = name.find('|');
  const Command* command = table.Find(name.substr(0, bar));
  if (command == nullptr || bar == Bytes::npos) return command;
  const Bytes words[] = {Bytes(), name.substr(bar + 1)};
  const Command* sub = CommandTable::FindSubcommand(*command, Args(words, 2));
  return sub == command ? nullptr : sub;
}

// COMMAND
void All(SessionContext& ctx, Args) {
  const auto& all = ctx.env().table.commands();
  ctx.reply.Array(all.size());
  for (const Command& command : all) ReplyWithInfo(ctx.reply, command);
}

// COMMAND COUNT
void Count(SessionContext& ctx, Args) {
  ctx.reply.Integer(static_cast<int64_t>(ctx.env().table.commands().size()));
}

// COMMAND INFO [command-name [command-name ...]]
void Info(SessionContext& ctx, Args args) {
  if (args.size() == 2) return All(ctx, args);
  ctx.reply.Array(args.size() - 2);
  for (size_t i = 2; i < args.size(); ++i) {
    const Command* command = FindByFullName(ctx.env().table, args[i]);
    command == nullptr ? ctx.reply.Null() : ReplyWithInfo(ctx.reply, *command);
  }
}

// COMMAND DOCS [command-name [command-name ...]]: unknown names are left out
void Docs(SessionContext& ctx, Args args) {
  const CommandTable& table = ctx.env().table;
  std::vector<const Command*> wanted;
  if (args.size() == 2) {
    for (const Command& command : table.commands()) wanted.push_back(&command);
  }
  for (size_t i = 2; i < args.size(); ++i) {
    if (const Command* command = FindByFullName(table, args[i])) wanted.push_back(command);
  }
  ctx.reply.Map(wanted.size());
  for (const Command* command : wanted) ReplyWithDocs(ctx.reply, *command);
}

// The names of those commands and subcommands that `wanted` says yes to.
template <typename Wanted>
void ReplyWithNames(SessionContext& ctx, Wanted wanted) {
  std::vector<Bytes> names;
  const auto consider = [&](const Command& command) {
    if (wanted(command)) names.push_back(command.full_name());
  };
  for (const Command& command : ctx.env().table.commands()) {
    consider(command);
    for (const Command& sub : command.subcommands) consider(sub);
  }
  ctx.reply.Array(names.size());
  for (const Bytes name : names) ctx.reply.Bulk(name);
}

// COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]
void List(SessionContext& ctx, Args args) {
  if (args.size() == 2) return ReplyWithNames(ctx, [](const Command&) { return true; });
  if (args.size() != 5 || !EqualsIgnoreCase(args[2], "FILTERBY"))
    return ctx.reply.Error(commands::kSyntaxError);
  const Bytes value = args[4];
  if (EqualsIgnoreCase(args[3], "MODULE"))
    return ReplyWithNames(ctx, [](const Command&) { return false; });
  if (EqualsIgnoreCase(args[3], "ACLCAT")) {
    const uint32_t category = FindCategory(value);
    return ReplyWithNames(
        ctx, [=](const Command& command) { return (command.categories & category) != 0; });
  }
  if (EqualsIgnoreCase(args[3], "PATTERN")) {
    return ReplyWithNames(
        ctx, [=](const Command& command) { return GlobMatch(value, command.full_name(), true); });
  }
  ctx.reply.Error(commands::kSyntaxError);
}

// SET does less to its key than its specification says, unless GET is among its options.
uint16_t FlagsInRequest(const Command& command, Args request, uint16_t flags) {
  if ((flags & commands::kKeyVariableFlags) == 0 || command.full_name() != "set") return flags;
  for (size_t i = 3; i < request.size(); ++i) {
    if (EqualsIgnoreCase(request[i], "GET"))
      return commands::kKeyRW | commands::kKeyAccess | commands::kKeyUpdate;
  }
  return commands::kKeyOW | commands::kKeyUpdate;
}

// The keys of the request behind the first two arguments; false if an error was written instead.
bool FindKeysOf(SessionContext& ctx, Args request, KeyPositions* positions) {
  const auto fail = [&](Bytes error) {
    ctx.reply.Error(error);
    return false;
  };
  const Command* command = ctx.env().table.Find(request[0]);
  if (command != nullptr) command = CommandTable::FindSubcommand(*command, request);
  if (command == nullptr) return fail("ERR Invalid command specified");
  if (command->spec->keys.empty() && command->spec->key_finder == nullptr) {
    return fail("ERR The command has no key arguments");
  }
  const auto size = static_cast<int64_t>(request.size());
  const int16_t arity = command->spec->arity;
  if (arity >= 0 ? size != arity : size < -arity) {
    return fail("ERR Invalid number of arguments specified for command");
  }
  const bool found = commands::FindKeys(*command, request, positions);
  if (!found || positions->keys.empty()) {
    positions->keys.clear();
    if ((command->flags & commands::kNoMandatoryKeys) == 0)
      return fail("ERR Invalid arguments specified for command");
  }
  for (KeyPositions::Key& key : positions->keys)
    key.flags = FlagsInRequest(*command, request, key.flags);
  return true;
}

Args RequestIn(Args args) { return Args(args.begin() + 2, args.size() - 2); }

// COMMAND GETKEYS command [arg [arg ...]]
void GetKeys(SessionContext& ctx, Args args) {
  const Args request = RequestIn(args);
  KeyPositions positions;
  if (!FindKeysOf(ctx, request, &positions)) return;
  ctx.reply.Array(positions.keys.size());
  for (const KeyPositions::Key& key : positions.keys) ctx.reply.Bulk(request[key.index]);
}

// COMMAND GETKEYSANDFLAGS command [arg [arg ...]]
void GetKeysAndFlags(SessionContext& ctx, Args args) {
  const Args request = RequestIn(args);
  KeyPositions positions;
  if (!FindKeysOf(ctx, request, &positions)) return;
  ctx.reply.Array(positions.keys.size());
  for (const KeyPositions::Key& key : positions.keys) {
    ctx.reply.Array(2);
    ctx.reply.Bulk(request[key.index]);
    ReplyWithKeyFlags(ctx.reply, key.flags);
  }
}

// COMMAND HELP
void Help(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr uint32_t kAnyTime = commands::kLoading | commands::kStale | commands::kLockFree;
constexpr uint32_t kCategories = commands::kCatConnection;
constexpr const char* kAnyOrder = "nondeterministic_output_order";

constexpr CommandSpec kSubcommands[] = {
    {.name = "count",
     .arity = 2,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = Count,
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Counts the commands."},
    {.name = "docs",
     .arity = -2,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = Docs,
     .since = "7.0.0",
     .complexity = "O(N) in the number of commands asked for",
     .summary = "Documents some commands, or all.",
     .syntax = "[command-name [command-name ...]]",
     .tips = kAnyOrder},
    {.name = "getkeys",
     .arity = -4,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = GetKeys,
     .since = "2.8.13",
     .complexity = "O(N) in the number of arguments",
     .summary = "Picks the keys out of a whole request.",
     .syntax = "command [arg [arg ...]]"},
    {.name = "getkeysandflags",
     .arity = -4,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = GetKeysAndFlags,
     .since = "7.0.0",
     .complexity = "O(N) in the number of arguments",
     .summary = "Picks the keys out of a whole request and tells what it does to each.",
     .syntax = "command [arg [arg ...]]"},
    {.name = "info",
     .arity = -2,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = Info,
     .since = "2.8.13",
     .complexity = "O(N) in the number of commands asked for",
     .summary = "Describes some commands, or all, for programs.",
     .syntax = "[command-name [command-name ...]]",
     .tips = kAnyOrder},
    {.name = "list",
     .arity = -2,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = List,
     .since = "7.0.0",
     .complexity = "O(N) in the number of commands",
     .summary = "Lists the names of commands.",
     .syntax = "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
     .tips = kAnyOrder},
    {.name = "help",
     .arity = 2,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = Help,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
};

constexpr CommandSpec kCommandCommands[] = {
    {.name = "command",
     .arity = -1,
     .flags = kAnyTime,
     .categories = kCategories,
     .group = Group::kServer,
     .session = All,
     .subcommands = kSubcommands,
     .since = "2.8.13",
     .complexity = "O(N) in the number of commands",
     .summary = "Describes all commands, for programs.",
     .tips = kAnyOrder},
};

}  // namespace

std::span<const CommandSpec> CommandCommands() { return kCommandCommands; }

}  // namespace terrace::server
