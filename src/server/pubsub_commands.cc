// Listening: SUBSCRIBE and its like, and PUBSUB, which tells who listens. PUBLISH is in commands/publish_commands.cc.
//
// Every name is confirmed by a message of its own, which has no other request's reply to go with:
//
//   SUBSCRIBE a b   ->  [subscribe a 1] [subscribe b 2]     RESP3: pushes
//   UNSUBSCRIBE     ->  one for each name; [unsubscribe nil n] if there was none
#include <optional>
#include <string>
#include <vector>

#include "server/command_docs.h"
#include "server/families.h"
#include "server/text.h"
#include "server/worker.h"

namespace terrace::server {
namespace {

using commands::CommandSpec;
using commands::Group;
using exec::SessionContext;
using pubsub::Kind;

// Confirmations of one kind of names; CLIENT REPLY OFF does not mute them.
class Confirmations {
 public:
  Confirmations(SessionContext& ctx, Kind kind, Bytes verb)
      : reply_(ctx.reply),
        set_(static_cast<Connection&>(ctx.session).subscription_set()),
        kind_(kind),
        verb_(verb),
        was_muted_(ctx.reply.muted()) {
    reply_.set_muted(false);
  }
  ~Confirmations() { reply_.set_muted(was_muted_); }
  Confirmations(const Confirmations&) = delete;
  Confirmations& operator=(const Confirmations&) = delete;

  void Send(std::optional<Bytes> name) {
    reply_.Push(3);
    reply_.Bulk(verb_);
    name ? reply_.Bulk(*name) : reply_.Null();
    // Channels and patterns are counted together, shard channels by themselves.
    const size_t count = kind_ == Kind::kShardChannel ? set_.shard_count() : set_.ordinary_count();
    reply_.Integer(static_cast<int64_t>(count));
  }

 private:
  resp::Reply& reply_;
  const pubsub::SubscriptionSet& set_;
  const Kind kind_;
  const Bytes verb_;
  const bool was_muted_;
};

void SubscribeTo(SessionContext& ctx, Args args, Kind kind, Bytes verb) {
  auto& connection = static_cast<Connection&>(ctx.session);
  Confirmations confirmations(ctx, kind, verb);
  for (size_t i = 1; i < args.size(); ++i) {
    connection.worker().subscriptions().Subscribe(connection, kind, args[i]);
    confirmations.Send(args[i]);
  }
  connection.UpdateSubscribedGate();
}

void UnsubscribeFrom(SessionContext& ctx, Args args, Kind kind, Bytes verb) {
  auto& connection = static_cast<Connection&>(ctx.session);
  std::vector<std::string> names(args.begin() + 1, args.end());
  if (args.size() == 1) names = connection.subscription_set().Names(kind);
  Confirmations confirmations(ctx, kind, verb);
  for (const std::string& name : names) {
    connection.worker().subscriptions().Unsubscribe(connection, kind, name);
    confirmations.Send(name);
  }
  if (names.empty()) confirmations.Send(std::nullopt);
  connection.UpdateSubscribedGate();
}

// SUBSCRIBE channel [channel ...]
void Subscribe(SessionContext& ctx, Args args) {
  SubscribeTo(ctx, args, Kind::kChannel, "subscribe");
}

// PSUBSCRIBE pattern [pattern ...]
void PatternSubscribe(SessionContext& ctx, Args args) {
  SubscribeTo(ctx, args, Kind::kPattern, "psubscribe");
}

// SSUBSCRIBE shardchannel [shardchannel ...]
void ShardSubscribe(SessionContext& ctx, Args args) {
  // The older two are allowed in a transaction for the sake of those who rely on it.
  if (ctx.executor.in_scope())
    return ctx.reply.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  SubscribeTo(ctx, args, Kind::kShardChannel, "ssubscribe");
}

// UNSUBSCRIBE [channel [channel ...]]
void Unsubscribe(SessionContext& ctx, Args args) {
  UnsubscribeFrom(ctx, args, Kind::kChannel, "unsubscribe");
}

// PUNSUBSCRIBE [pattern [pattern ...]]
void PatternUnsubscribe(SessionContext& ctx, Args args) {
  UnsubscribeFrom(ctx, args, Kind::kPattern, "punsubscribe");
}

// SUNSUBSCRIBE [shardchannel [shardchannel ...]]
void ShardUnsubscribe(SessionContext& ctx, Args args) {
  UnsubscribeFrom(ctx, args, Kind::kShardChannel, "sunsubscribe");
}

pubsub::ChannelRegistry& RegistryOf(SessionContext& ctx) {
  return static_cast<Worker&>(*ctx.executor.host()).parts().channels;
}

void ReplyWithChannels(SessionContext& ctx, Args args, Kind kind) {
  if (args.size() > 3) return ReplyBadSubcommand(ctx.reply, "PUBSUB", args[1]);
  const auto pattern = args.size() == 3 ? std::optional<Bytes>(args[2]) : std::nullopt;
  const std::vector<std::string> channels = RegistryOf(ctx).Channels(kind, pattern);
  ctx.reply.Array(channels.size());
  for (const std::string& channel : channels) ctx.reply.Bulk(channel);
}

void ReplyWithCounts(SessionContext& ctx, Args args, Kind kind) {
  ctx.reply.Array(2 * (args.size() - 2));
  for (size_t i = 2; i < args.size(); ++i) {
    ctx.reply.Bulk(args[i]);
    ctx.reply.Integer(static_cast<int64_t>(RegistryOf(ctx).Count(kind, args[i])));
  }
}

// PUBSUB CHANNELS [pattern]
void Channels(SessionContext& ctx, Args args) { ReplyWithChannels(ctx, args, Kind::kChannel); }

// PUBSUB SHARDCHANNELS [pattern]
void ShardChannels(SessionContext& ctx, Args args) {
  ReplyWithChannels(ctx, args, Kind::kShardChannel);
}

// PUBSUB NUMSUB [channel [channel ...]]
void CountSubscribers(SessionContext& ctx, Args args) {
  ReplyWithCounts(ctx, args, Kind::kChannel);
}

// PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]
void CountShardSubscribers(SessionContext& ctx, Args args) {
  ReplyWithCounts(ctx, args, Kind::kShardChannel);
}

// PUBSUB NUMPAT
void CountPatterns(SessionContext& ctx, Args) {
  ctx.reply.Integer(static_cast<int64_t>(RegistryOf(ctx).PatternCount()));
}

// PUBSUB HELP
void Help(SessionContext& ctx, Args) { ReplyWithHelp(ctx.reply, *ctx.command.parent); }

constexpr uint32_t kLook = commands::kLoading | commands::kStale | commands::kLockFree;
constexpr uint32_t kAsk = kLook | commands::kPubSub;
constexpr uint32_t kListen = kAsk | commands::kNoScript | commands::kSubscribeMode;

constexpr commands::KeySpec kShardChannelNames[] = {commands::AllKeys(commands::kKeyNotKey)};

constexpr CommandSpec kPubSubSubcommands[] = {
    {.name = "channels",
     .arity = -2,
     .flags = kAsk,
     .group = Group::kPubSub,
     .session = Channels,
     .since = "2.8.0",
     .complexity = "O(N) in the number of channels",
     .summary = "Returns the channels somebody listens to.",
     .syntax = "[pattern]"},
    {.name = "help",
     .arity = 2,
     .flags = kLook,
     .group = Group::kPubSub,
     .session = Help,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands."},
    {.name = "numpat",
     .arity = 2,
     .flags = kAsk,
     .group = Group::kPubSub,
     .session = CountPatterns,
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Counts the patterns somebody listens to."},
    {.name = "numsub",
     .arity = -2,
     .flags = kAsk,
     .group = Group::kPubSub,
     .session = CountSubscribers,
     .since = "2.8.0",
     .complexity = "O(1) a channel",
     .summary = "Counts the listeners of channels, patterns not included.",
     .syntax = "[channel [channel ...]]"},
    {.name = "shardchannels",
     .arity = -2,
     .flags = kAsk,
     .group = Group::kPubSub,
     .session = ShardChannels,
     .since = "7.0.0",
     .complexity = "O(N) in the number of shard channels",
     .summary = "Returns the shard channels somebody listens to.",
     .syntax = "[pattern]"},
    {.name = "shardnumsub",
     .arity = -2,
     .flags = kAsk,
     .group = Group::kPubSub,
     .session = CountShardSubscribers,
     .since = "7.0.0",
     .complexity = "O(1) a shard channel",
     .summary = "Counts the listeners of shard channels.",
     .syntax = "[shardchannel [shardchannel ...]]"},
};

constexpr CommandSpec kPubSubCommands[] = {
    {.name = "psubscribe",
     .arity = -2,
     .flags = kListen,
     .group = Group::kPubSub,
     .session = PatternSubscribe,
     .since = "2.0.0",
     .complexity = "O(1) a pattern",
     .summary = "Listens to all channels that match a pattern.",
     .syntax = "pattern [pattern ...]"},
    {.name = "pubsub",
     .arity = -2,
     .group = Group::kPubSub,
     .subcommands = kPubSubSubcommands,
     .since = "2.8.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands that tell who listens."},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = kListen,
     .group = Group::kPubSub,
     .session = PatternUnsubscribe,
     .since = "2.0.0",
     .complexity = "O(1) a pattern",
     .summary = "Stops listening to patterns.",
     .syntax = "[pattern [pattern ...]]"},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = kListen,
     .group = Group::kPubSub,
     .keys = kShardChannelNames,
     .session = ShardSubscribe,
     .since = "7.0.0",
     .complexity = "O(1) a shard channel",
     .summary = "Listens to shard channels.",
     .syntax = "shardchannel [shardchannel ...]"},
    {.name = "subscribe",
     .arity = -2,
     .flags = kListen,
     .group = Group::kPubSub,
     .session = Subscribe,
     .since = "2.0.0",
     .complexity = "O(1) a channel",
     .summary = "Listens to channels.",
     .syntax = "channel [channel ...]"},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = kListen,
     .group = Group::kPubSub,
     .keys = kShardChannelNames,
     .session = ShardUnsubscribe,
     .since = "7.0.0",
     .complexity = "O(1) a shard channel",
     .summary = "Stops listening to shard channels.",
     .syntax = "[shardchannel [shardchannel ...]]"},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = kListen,
     .group = Group::kPubSub,
     .session = Unsubscribe,
     .since = "2.0.0",
     .complexity = "O(1) a channel",
     .summary = "Stops listening to channels.",
     .syntax = "[channel [channel ...]]"},
};

}  // namespace

std::span<const CommandSpec> PubSubCommands() { return kPubSubCommands; }

}  // namespace terrace::server
