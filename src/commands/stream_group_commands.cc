// Streams: consumer groups, made, moved and taken away, and what their consumers have done with.
#include <optional>
#include <string>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/stream_operations.h"

namespace terrace::commands {
namespace {

using types::Stream;
using types::StreamGroup;
using types::StreamId;

constexpr Bytes kKeyMustExistError =
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
    "the MKSTREAM option "
    "to create an empty stream automatically.";

// What XGROUP CREATE and SETID take behind the id.
struct PositionOptions {
  bool make_stream = false;
  int64_t entries_read = StreamGroup::kUnknown;
};

// nullopt after an error reply.
std::optional<PositionOptions> ParsePosition(WriteContext& ctx, Args args, bool may_make_stream) {
  PositionOptions options;
  for (size_t i = 5; i < args.size(); ++i) {
    if (may_make_stream && EqualsIgnoreCase(args[i], "MKSTREAM")) {
      options.make_stream = true;
    } else if (i + 1 < args.size() && EqualsIgnoreCase(args[i], "ENTRIESREAD")) {
      const auto count = ParseInt64(args[++i]);
      if (!count || *count < StreamGroup::kUnknown) {
        ctx.reply.Error(count ? Bytes("ERR value for ENTRIESREAD must be positive or -1")
                              : kNotAnIntegerError);
        return std::nullopt;
      }
      options.entries_read = *count;
    } else {
      ReplyBadSubcommand(ctx.reply, "XGROUP", args[1]);
      return std::nullopt;
    }
  }
  return options;
}

// The stream of XGROUP's key, and its group if it must have one; nullopt after an error reply.
std::optional<FoundGroup> FindForXGroup(WriteContext& ctx, Args args, bool group_must_exist) {
  const auto found = PeekStream(ctx, args[2]);
  if (!found.ok()) {
    ReplyError(ctx, found.error());
    return std::nullopt;
  }
  if (!*found) {
    ctx.reply.Error(kKeyMustExistError);
    return std::nullopt;
  }
  const FoundGroup group = GroupOf(*found, args[3]);
  if (group_must_exist && group.group == nullptr) {
    ctx.reply.Error(NoGroupInStreamError(args[2], args[3]));
    return std::nullopt;
  }
  return group;
}

// XGROUP CREATE key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]
Effect XGroupCreate(WriteContext& ctx, Args args) {
  const auto options = ParsePosition(ctx, args, true);
  if (!options) return Effect::None();
  const auto found = PeekStream(ctx, args[2]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  if (!*found && !options->make_stream) return Fail(ctx, kKeyMustExistError);
  const bool at_end = args[4] == "$";
  const auto id =
      at_end ? std::optional(*found ? (*found)->last_id() : StreamId{}) : ParseStreamId(args[4]);
  if (!id) return Fail(ctx, kInvalidStreamIdError);
  if (GroupOf(*found, args[3]).group != nullptr)
    return Fail(ctx, "BUSYGROUP Consumer Group name already exists");
  StreamEdit stream(ctx, args[2]);
  stream->CreateGroup(args[3], *id, options->entries_read);
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xgroup-create", args[2]);
  ctx.reply.Ok();
  return Effect::AsReceived();
}

// XGROUP SETID key group <id | $> [ENTRIESREAD entries-read]
Effect XGroupSetId(WriteContext& ctx, Args args) {
  const auto options = ParsePosition(ctx, args, false);
  if (!options) return Effect::None();
  const auto found = FindForXGroup(ctx, args, true);
  if (!found) return Effect::None();
  // "-" and "+" are ids here, as for ranges.
  const auto at = ParseRangeEnd(args[4], RangeEnd::kStart);
  const bool at_end = args[4] == "$";
  if (!at_end && (!at.ok() || args[4].starts_with('('))) return Fail(ctx, kInvalidStreamIdError);
  StreamEdit stream(ctx, args[2]);
  found->group->last_id = at_end ? stream->last_id() : *at;
  found->group->entries_read = options->entries_read;
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xgroup-setid", args[2]);
  ctx.reply.Ok();
  return Effect::AsReceived();
}

// XGROUP DESTROY key group
Effect XGroupDestroy(WriteContext& ctx, Args args) {
  const auto found = FindForXGroup(ctx, args, false);
  if (!found) return Effect::None();
  if (found->group == nullptr) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  StreamEdit stream(ctx, args[2]);
  stream->DestroyGroup(args[3]);
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xgroup-destroy", args[2]);
  ctx.reply.Integer(1);
  return Effect::AsReceived();
}

// XGROUP CREATECONSUMER key group consumer
Effect XGroupCreateConsumer(WriteContext& ctx, Args args) {
  const auto found = FindForXGroup(ctx, args, true);
  if (!found) return Effect::None();
  if (found->group->FindConsumer(args[4]) != nullptr) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  StreamEdit stream(ctx, args[2]);
  bool made = false;
  found->group->EnsureConsumer(args[4], ctx.now_ms(), &made);
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xgroup-createconsumer", args[2]);
  ctx.reply.Integer(1);
  return Effect::AsReceived();
}

// XGROUP DELCONSUMER key group consumer
Effect XGroupDelConsumer(WriteContext& ctx, Args args) {
  const auto found = FindForXGroup(ctx, args, true);
  if (!found) return Effect::None();
  if (found->group->FindConsumer(args[4]) == nullptr) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  StreamEdit stream(ctx, args[2]);
  const size_t pending = found->group->DeleteConsumer(args[4]);
  stream.Finish();
  ctx.Notify(engine::kNotifyStream, "xgroup-delconsumer", args[2]);
  ctx.reply.Integer(static_cast<int64_t>(pending));
  return Effect::AsReceived();
}

// XGROUP HELP
void XGroupHelp(ReadContext& ctx, Args) {
  constexpr Bytes kLines[] = {
      "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <n>]",
      "    Makes a group that reads what comes behind the id; $ is the stream's last one.",
      "    MKSTREAM: the stream, too, if it is not there. ENTRIESREAD: how many were read, for the "
      "lag.",
      "CREATECONSUMER <key> <group> <consumer>",
      "    Makes a consumer of the group.",
      "DELCONSUMER <key> <group> <consumer>",
      "    Takes a consumer away, and what is pending at it.",
      "DESTROY <key> <group>",
      "    Takes a group away.",
      "SETID <key> <group> <id|$> [ENTRIESREAD <n>]",
      "    Lets a group go on behind another id.",
      "HELP",
      "    This text.",
  };
  ctx.reply.Array(std::size(kLines));
  for (const Bytes line : kLines) ctx.reply.Simple(line);
}

// XACK key group id [id ...]
Effect XAck(WriteContext& ctx, Args args) {
  const auto found = PeekStream(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  StreamGroup* group = GroupOf(*found, args[2]).group;
  bool any = false;
  for (size_t i = 3; group != nullptr && i < args.size(); ++i) {
    const auto id = ParseStreamId(args[i]);
    if (!id) return Fail(ctx, kInvalidStreamIdError);
    any = any || group->FindPending(*id) != nullptr;
  }
  if (!any) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  StreamEdit stream(ctx, args[1]);
  size_t acknowledged = 0;
  for (size_t i = 3; i < args.size(); ++i)
    acknowledged += group->Acknowledge(*ParseStreamId(args[i])) ? 1 : 0;
  stream.Finish();
  ctx.reply.Integer(static_cast<int64_t>(acknowledged));
  return Effect::AsReceived().Counting(acknowledged);
}

constexpr KeySpec kInsertGroup[] = {OneKey(kKeyRW | kKeyInsert, 2)};
constexpr KeySpec kUpdateGroup[] = {OneKey(kKeyRW | kKeyUpdate, 2)};
constexpr KeySpec kDeleteGroup[] = {OneKey(kKeyRW | kKeyDelete, 2)};

constexpr CommandSpec kXGroupSubcommands[] = {
    {.name = "create",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .group = Group::kStream,
     .keys = kInsertGroup,
     .write = XGroupCreate,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Makes a consumer group.",
     .syntax = "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read:integer]"},
    {.name = "createconsumer",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .group = Group::kStream,
     .keys = kInsertGroup,
     .write = XGroupCreateConsumer,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Makes a consumer of a group.",
     .syntax = "key group consumer"},
    {.name = "delconsumer",
     .arity = 5,
     .flags = kWrite,
     .group = Group::kStream,
     .keys = kDeleteGroup,
     .write = XGroupDelConsumer,
     .since = "5.0.0",
     .complexity = "O(N) for N entries pending at it",
     .summary = "Takes a consumer away, and what is pending at it.",
     .syntax = "key group consumer"},
    {.name = "destroy",
     .arity = 4,
     .flags = kWrite,
     .group = Group::kStream,
     .keys = kDeleteGroup,
     .write = XGroupDestroy,
     .since = "5.0.0",
     .complexity = "O(N) for N entries pending in it",
     .summary = "Takes a consumer group away.",
     .syntax = "key group"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = Group::kStream,
     .read = XGroupHelp,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "setid",
     .arity = -5,
     .flags = kWrite,
     .group = Group::kStream,
     .keys = kUpdateGroup,
     .write = XGroupSetId,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Sets the id behind which a group goes on reading.",
     .syntax = "key group <id | $> [ENTRIESREAD entries-read:integer]"},
};

constexpr CommandSpec kStreamGroupCommands[] = {
    {.name = "xack",
     .arity = -4,
     .flags = kWrite | kFast,
     .group = Group::kStream,
     .keys = kUpdateKey,
     .write = XAck,
     .since = "5.0.0",
     .complexity = "O(log N) an id, for N entries pending",
     .summary = "Says that entries were dealt with: they are pending no more.",
     .syntax = "key group id [id ...]"},
    {.name = "xgroup",
     .arity = -2,
     .group = Group::kStream,
     .subcommands = kXGroupSubcommands,
     .since = "5.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands on consumer groups."},
};

}  // namespace

std::span<const CommandSpec> StreamGroupCommands() { return kStreamGroupCommands; }

}  // namespace terrace::commands
