// Sorted sets: the commands that wait. Each is logged as its sibling without a B.
#include "commands/block_timeout.h"
#include "commands/families.h"
#include "commands/zset_operations.h"

namespace terrace::commands {
namespace {

// The first key that holds a sorted set. Empty: none does; nullopt after an error reply.
std::optional<Bytes> FindFirst(WriteContext& ctx, std::span<const Bytes> keys) {
  for (const Bytes& key : keys) {
    const auto found = PeekZset(ctx, key);
    if (!found.ok()) {
      ReplyError(ctx, found.error());
      return std::nullopt;
    }
    if (*found) return key;
  }
  return Bytes();
}

// BZPOPMIN key [key ...] timeout, BZPOPMAX key [key ...] timeout
Effect PopOrWait(WriteContext& ctx, Args args, ZsetEnd end) {
  const auto timeout_ms = ParseBlockTimeout(ctx, args[args.size() - 1]);
  if (!timeout_ms) return Effect::None();
  const std::span<const Bytes> keys = args.span().subspan(1, args.size() - 2);
  const auto key = FindFirst(ctx, keys);
  if (!key) return Effect::None();
  if (key->data() == nullptr) {
    ctx.WaitFor(Type::kZset, keys, *timeout_ms, EmptyReply::kNullArray);
    return Effect::None();
  }
  PopFromZset(ctx, *key, end, 1, PopShape::kKeyFlat, ctx.reply);
  return ctx.Rewritten({end == ZsetEnd::kMin ? "ZPOPMIN" : "ZPOPMAX", *key});
}

Effect BZPopMin(WriteContext& ctx, Args args) { return PopOrWait(ctx, args, ZsetEnd::kMin); }
Effect BZPopMax(WriteContext& ctx, Args args) { return PopOrWait(ctx, args, ZsetEnd::kMax); }

// BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]
Effect BZMPop(WriteContext& ctx, Args args) {
  const auto timeout_ms = ParseBlockTimeout(ctx, args[1]);
  if (!timeout_ms) return Effect::None();
  const auto request = ParseZsetPop(args, 2);
  if (!request.ok()) {
    ctx.reply.Error(request.error());
    return Effect::None();
  }
  const auto key = FindFirst(ctx, request->keys);
  if (!key) return Effect::None();
  if (key->data() == nullptr) {
    ctx.WaitFor(Type::kZset, request->keys, *timeout_ms, EmptyReply::kNullArray);
    return Effect::None();
  }
  const size_t popped =
      PopFromZset(ctx, *key, request->end, request->count, PopShape::kKeyPairs, ctx.reply);
  return LogPop(ctx, *key, request->end, popped);
}

constexpr KeySpec kPopKeys[] = {
    {.flags = kKeyRW | kKeyAccess | kKeyDelete, .index = 1, .last = -2}};
constexpr KeySpec kNumberedKeys[] = {{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                                      .index = 2,
                                      .find = KeySpec::Find::kKeyNumber,
                                      .number_index = 0,
                                      .first_key = 1}};

constexpr CommandSpec kBlockingZsetCommands[] = {
    {.name = "bzpopmin",
     .arity = -3,
     .flags = kWrite | kNoScript | kFast | kBlocking,
     .group = Group::kSortedSet,
     .keys = kPopKeys,
     .write = BZPopMin,
     .since = "5.0.0",
     .complexity = "O(log N)",
     .summary = "Takes the member with the lowest score of the first sorted set that is there; "
                "waits until one is.",
     .syntax = "key [key ...] timeout:double"},
    {.name = "bzpopmax",
     .arity = -3,
     .flags = kWrite | kNoScript | kFast | kBlocking,
     .group = Group::kSortedSet,
     .keys = kPopKeys,
     .write = BZPopMax,
     .since = "5.0.0",
     .complexity = "O(log N)",
     .summary = "Takes the member with the highest score of the first sorted set that is there; "
                "waits until one is.",
     .syntax = "key [key ...] timeout:double"},
    {.name = "bzmpop",
     .arity = -5,
     .flags = kWrite | kBlocking | kMovableKeys,
     .group = Group::kSortedSet,
     .keys = kNumberedKeys,
     .write = BZMPop,
     .since = "7.0.0",
     .complexity = "O(K) + O(log N) a member, K being the number of keys",
     .summary =
         "Takes members from an end of the first sorted set that is there; waits until one is.",
     .syntax = "timeout:double numkeys key [key ...] <MIN | MAX> [COUNT count]"},
};

}  // namespace

std::span<const CommandSpec> BlockingZsetCommands() { return kBlockingZsetCommands; }

}  // namespace terrace::commands
