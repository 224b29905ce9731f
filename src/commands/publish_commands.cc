// PUBLISH and SPUBLISH: the publishing side of pub/sub, which needs no session. They change no key and lock none, but
// followers have subscribers too, so they are logged.
#include "commands/context.h"
#include "commands/families.h"

namespace terrace::commands {
namespace {

Effect PublishTo(WriteContext& ctx, Args args, pubsub::Kind kind) {
  ctx.reply.Integer(static_cast<int64_t>(ctx.publisher.Publish(kind, args[1], args[2])));
  return Effect::Passed();
}

// PUBLISH channel message
Effect Publish(WriteContext& ctx, Args args) {
  return PublishTo(ctx, args, pubsub::Kind::kChannel);
}

// SPUBLISH shardchannel message
Effect ShardPublish(WriteContext& ctx, Args args) {
  return PublishTo(ctx, args, pubsub::Kind::kShardChannel);
}

constexpr KeySpec kShardChannel[] = {OneKey(kKeyNotKey)};
constexpr uint32_t kPublishFlags = kPubSub | kLoading | kStale | kFast | kMayReplicate;

constexpr CommandSpec kPublishCommands[] = {
    {.name = "publish",
     .arity = 3,
     .flags = kPublishFlags,
     .group = Group::kPubSub,
     .write = Publish,
     .since = "2.0.0",
     .complexity = "O(N+M), N subscribers of the channel, M patterns anybody subscribed to",
     .summary = "Sends a message to a channel.",
     .syntax = "channel message"},
    {.name = "spublish",
     .arity = 3,
     .flags = kPublishFlags,
     .group = Group::kPubSub,
     .keys = kShardChannel,
     .write = ShardPublish,
     .since = "7.0.0",
     .complexity = "O(N) in the subscribers of the shard channel",
     .summary = "Sends a message to a shard channel.",
     .syntax = "shardchannel message"},
};

}  // namespace

std::span<const CommandSpec> PublishCommands() { return kPublishCommands; }

}  // namespace terrace::commands
