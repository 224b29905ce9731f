// XINFO: a look inside of streams.
#include <algorithm>
#include <optional>
#include <string>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/stream_operations.h"

namespace terrace::commands {
namespace {

using types::Stream;
using types::StreamConsumer;
using types::StreamGroup;

void ReplyIdOf(resp::Reply& reply, Bytes name, types::StreamId id) {
  reply.Bulk(name);
  ReplyStreamId(reply, id);
}

void ReplyNumberOf(resp::Reply& reply, Bytes name, uint64_t number) {
  reply.Bulk(name);
  reply.Integer(static_cast<int64_t>(number));
}

// What both forms of XINFO STREAM begin with.
void ReplyHead(resp::Reply& reply, const Stream& stream) {
  ReplyNumberOf(reply, "length", stream.Size());
  // Ours is another tree than the name says: what it is made of, all the same.
  ReplyNumberOf(reply, "radix-tree-keys", stream.nodes());
  ReplyNumberOf(reply, "radix-tree-nodes", stream.tree_nodes());
  ReplyIdOf(reply, "last-generated-id", stream.last_id());
  ReplyIdOf(reply, "max-deleted-entry-id", stream.max_deleted_id());
  ReplyNumberOf(reply, "entries-added", stream.entries_added());
  ReplyIdOf(reply, "recorded-first-entry-id", stream.first_id());
}

void ReplyEntryOf(resp::Reply& reply, Bytes name, const Stream::Cursor& entry) {
  reply.Bulk(name);
  entry ? ReplyEntry(reply, entry) : reply.Null();
}

void ReplyEntriesRead(resp::Reply& reply, const StreamGroup& group) {
  reply.Bulk("entries-read");
  group.entries_read == StreamGroup::kUnknown ? reply.Null() : reply.Integer(group.entries_read);
}

// How many entries the group has still to read, if that can be known.
void ReplyLag(resp::Reply& reply, const Stream& stream, const StreamGroup& group) {
  reply.Bulk("lag");
  std::optional<int64_t> read = group.entries_read;
  if (group.entries_read == StreamGroup::kUnknown ||
      stream.HasGap(group.last_id, types::StreamId::Max())) {
    read = stream.CountedUpTo(group.last_id);
  }
  if (stream.entries_added() == 0) return reply.Integer(0);
  read ? reply.Integer(static_cast<int64_t>(stream.entries_added()) - *read) : reply.Null();
}

// --- XINFO STREAM ... FULL ---

// [id, consumer, delivered at, deliveries] of the first `max`; 0: all.
void ReplyGroupPending(resp::Reply& reply, const StreamGroup& group, uint64_t max) {
  const size_t size = group.pending().size();
  size_t count = max == 0 ? size : std::min<size_t>(size, max);
  reply.Bulk("pending");
  reply.Array(count);
  for (auto at = group.pending().First(); count > 0; at.Next(), --count) {
    reply.Array(4);
    ReplyStreamId(reply, at.id());
    reply.Bulk(at.value().consumer->name());
    reply.Integer(static_cast<int64_t>(at.value().delivered_ms));
    reply.Integer(static_cast<int64_t>(at.value().deliveries));
  }
}

// The same of one consumer, whose name need not be said.
void ReplyConsumerPending(resp::Reply& reply, StreamGroup& group, const StreamConsumer& consumer,
                          uint64_t max) {
  const size_t size = consumer.pending().size();
  size_t count = max == 0 ? size : std::min<size_t>(size, max);
  reply.Bulk("pending");
  reply.Array(count);
  for (auto at = consumer.pending().First(); count > 0; at.Next(), --count) {
    const types::PendingEntry& entry = *group.FindPending(at.id());
    reply.Array(3);
    ReplyStreamId(reply, at.id());
    reply.Integer(static_cast<int64_t>(entry.delivered_ms));
    reply.Integer(static_cast<int64_t>(entry.deliveries));
  }
}

void ReplyFullGroup(resp::Reply& reply, const Stream& stream, Bytes name, StreamGroup& group,
                    uint64_t max) {
  reply.Map(7);
  reply.Bulk("name");
  reply.Bulk(name);
  ReplyIdOf(reply, "last-delivered-id", group.last_id);
  ReplyEntriesRead(reply, group);
  ReplyLag(reply, stream, group);
  ReplyNumberOf(reply, "pel-count", group.pending().size());
  ReplyGroupPending(reply, group, max);
  reply.Bulk("consumers");
  reply.Array(group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    reply.Map(5);
    reply.Bulk("name");
    reply.Bulk(consumer_name);
    ReplyNumberOf(reply, "seen-time", static_cast<uint64_t>(consumer.seen_ms));
    ReplyNumberOf(reply, "active-time", static_cast<uint64_t>(consumer.active_ms));
    ReplyNumberOf(reply, "pel-count", consumer.pending().size());
    ReplyConsumerPending(reply, group, consumer, max);
  }
}

void ReplyFull(resp::Reply& reply, const Stream& stream, uint64_t max) {
  reply.Map(9);
  ReplyHead(reply, stream);
  size_t count = max == 0 ? stream.Size() : std::min<size_t>(stream.Size(), max);
  reply.Bulk("entries");
  reply.Array(count);
  for (Stream::Cursor at = stream.First(); count > 0; at.Next(), --count) ReplyEntry(reply, at);
  reply.Bulk("groups");
  reply.Array(stream.GroupCount());
  if (stream.groups() == nullptr) return;
  for (auto& [name, group] : *stream.groups()) ReplyFullGroup(reply, stream, name, group, max);
}

// --- the subcommands ---

// The stream of XINFO's key; nullopt after an error reply.
std::optional<Stream> FindForXInfo(ReadContext& ctx, Bytes key) {
  const auto found = FindStream(ctx, key);
  if (!found.ok()) {
    ReplyError(ctx, found.error());
    return std::nullopt;
  }
  if (!*found) ctx.reply.Error(kNoSuchKeyError);
  return *found;
}

// XINFO STREAM key [FULL [COUNT count]]
void XInfoStream(ReadContext& ctx, Args args) {
  const std::optional<Stream> stream = FindForXInfo(ctx, args[2]);
  if (!stream) return;
  if (args.size() == 3) {
    ctx.reply.Map(10);
    ReplyHead(ctx.reply, *stream);
    ReplyNumberOf(ctx.reply, "groups", stream->GroupCount());
    ReplyEntryOf(ctx.reply, "first-entry", stream->First());
    return ReplyEntryOf(ctx.reply, "last-entry", stream->Last());
  }
  constexpr int64_t kDefaultCount = 10;
  const bool sound = (args.size() == 4 || args.size() == 6) && EqualsIgnoreCase(args[3], "FULL") &&
                     (args.size() == 4 || EqualsIgnoreCase(args[4], "COUNT"));
  if (!sound) return ReplyBadSubcommand(ctx.reply, "XINFO", args[1]);
  int64_t count = kDefaultCount;
  if (args.size() == 6) {
    const auto given = ParseStreamNumber(args[5]);
    if (!given.ok()) return ctx.reply.Error(given.error());
    if (*given >= 0) count = *given;
  }
  ReplyFull(ctx.reply, *stream, static_cast<uint64_t>(count));
}

// XINFO GROUPS key
void XInfoGroups(ReadContext& ctx, Args args) {
  const std::optional<Stream> stream = FindForXInfo(ctx, args[2]);
  if (!stream) return;
  ctx.reply.Array(stream->GroupCount());
  if (stream->groups() == nullptr) return;
  for (const auto& [name, group] : *stream->groups()) {
    ctx.reply.Map(6);
    ctx.reply.Bulk("name");
    ctx.reply.Bulk(name);
    ReplyNumberOf(ctx.reply, "consumers", group.consumers().size());
    ReplyNumberOf(ctx.reply, "pending", group.pending().size());
    ReplyIdOf(ctx.reply, "last-delivered-id", group.last_id);
    ReplyEntriesRead(ctx.reply, group);
    ReplyLag(ctx.reply, *stream, group);
  }
}

// XINFO CONSUMERS key group
void XInfoConsumers(ReadContext& ctx, Args args) {
  const std::optional<Stream> stream = FindForXInfo(ctx, args[2]);
  if (!stream) return;
  const StreamGroup* group = stream->FindGroup(args[3]);
  if (group == nullptr) return ctx.reply.Error(NoGroupInStreamError(args[2], args[3]));
  const auto now_ms = static_cast<int64_t>(ctx.now_ms());
  ctx.reply.Array(group->consumers().size());
  for (const auto& [name, consumer] : group->consumers()) {
    const bool was_active = consumer.active_ms != StreamConsumer::kNever;
    ctx.reply.Map(4);
    ctx.reply.Bulk("name");
    ctx.reply.Bulk(name);
    ReplyNumberOf(ctx.reply, "pending", consumer.pending().size());
    ctx.reply.Bulk("idle");
    ctx.reply.Integer(std::max<int64_t>(now_ms - consumer.seen_ms, 0));
    ctx.reply.Bulk("inactive");
    ctx.reply.Integer(was_active ? now_ms - consumer.active_ms : StreamConsumer::kNever);
  }
}

// XINFO HELP
void XInfoHelp(ReadContext& ctx, Args) {
  constexpr Bytes kLines[] = {
      "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CONSUMERS <key> <group>",
      "    The consumers of a group, and how long ago they asked and got something.",
      "GROUPS <key>",
      "    The groups of a stream, how far they have read and how far they are behind.",
      "STREAM <key> [FULL [COUNT <count>]]",
      "    The stream itself; with FULL also its first entries, and its groups in detail.",
      "HELP",
      "    This text.",
  };
  ctx.reply.Array(std::size(kLines));
  for (const Bytes line : kLines) ctx.reply.Simple(line);
}

constexpr KeySpec kInspectedKey[] = {OneKey(kKeyRO | kKeyAccess, 2)};

constexpr CommandSpec kXInfoSubcommands[] = {
    {.name = "consumers",
     .arity = 4,
     .flags = kReadonly,
     .group = Group::kStream,
     .keys = kInspectedKey,
     .read = XInfoConsumers,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells of a group's consumers.",
     .syntax = "key group",
     .tips = "nondeterministic_output"},
    {.name = "groups",
     .arity = 3,
     .flags = kReadonly,
     .group = Group::kStream,
     .keys = kInspectedKey,
     .read = XInfoGroups,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells of a stream's groups.",
     .syntax = "key"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = Group::kStream,
     .read = XInfoHelp,
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "stream",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kStream,
     .keys = kInspectedKey,
     .read = XInfoStream,
     .since = "5.0.0",
     .complexity = "O(1), with FULL O(N) for N entries returned",
     .summary = "Tells of a stream.",
     .syntax = "key [FULL [COUNT count]]"},
};

constexpr CommandSpec kStreamInfoCommands[] = {
    {.name = "xinfo",
     .arity = -2,
     .group = Group::kStream,
     .subcommands = kXInfoSubcommands,
     .since = "5.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands that look inside of streams."},
};

}  // namespace

std::span<const CommandSpec> StreamInfoCommands() { return kStreamInfoCommands; }

}  // namespace terrace::commands
