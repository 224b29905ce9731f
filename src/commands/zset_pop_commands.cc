// Sorted sets: taking members from their ends. The blocking forms are with the other blocking commands.
#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/zset_operations.h"

namespace terrace::commands {
namespace {

// ZPOPMIN key [count], ZPOPMAX key [count]
Effect Pop(WriteContext& ctx, Args args, ZsetEnd end) {
  if (args.size() > 3) return Fail(ctx, kSyntaxError);
  std::optional<int64_t> count = 1;
  const bool counted = args.size() == 3;
  if (counted) {
    count = ParseInt64(args[2]);
    if (!count || *count < 0) return Fail(ctx, "ERR value is out of range, must be positive");
  }
  const auto found = PeekZset(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  if (!*found || *count == 0) {
    ctx.reply.Array(0);
    return Effect::None();
  }
  const bool pairs = counted && ctx.reply.protocol() != 2;
  const PopShape shape = pairs ? PopShape::kPairs : PopShape::kFlat;
  return Effect::AsReceived().Counting(
      PopFromZset(ctx, args[1], end, static_cast<size_t>(*count), shape, ctx.reply));
}
Effect ZPopMin(WriteContext& ctx, Args args) { return Pop(ctx, args, ZsetEnd::kMin); }
Effect ZPopMax(WriteContext& ctx, Args args) { return Pop(ctx, args, ZsetEnd::kMax); }

// ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]
Effect ZMPop(WriteContext& ctx, Args args) {
  const auto request = ParseZsetPop(args, 1);
  if (!request.ok()) return Fail(ctx, request.error());
  for (const Bytes& key : request->keys) {
    const auto found = PeekZset(ctx, key);
    if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
    if (!*found) continue;
    const size_t popped =
        PopFromZset(ctx, key, request->end, request->count, PopShape::kKeyPairs, ctx.reply);
    return LogPop(ctx, key, request->end, popped);
  }
  ctx.reply.NullArray();
  return Effect::None();
}

constexpr KeySpec kPopKeys[] = {{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                                 .index = 1,
                                 .find = KeySpec::Find::kKeyNumber,
                                 .number_index = 0,
                                 .first_key = 1}};

constexpr CommandSpec kZsetPopCommands[] = {
    {.name = "zpopmin",
     .arity = -2,
     .flags = kWrite | kFast,
     .group = Group::kSortedSet,
     .keys = kAccessDeleteKey,
     .write = ZPopMin,
     .since = "5.0.0",
     .complexity = "O(log N) a member",
     .summary =
         "Takes the members with the lowest scores out of a sorted set; an empty one is deleted.",
     .syntax = "key [count]"},
    {.name = "zpopmax",
     .arity = -2,
     .flags = kWrite | kFast,
     .group = Group::kSortedSet,
     .keys = kAccessDeleteKey,
     .write = ZPopMax,
     .since = "5.0.0",
     .complexity = "O(log N) a member",
     .summary =
         "Takes the members with the highest scores out of a sorted set; an empty one is deleted.",
     .syntax = "key [count]"},
    {.name = "zmpop",
     .arity = -4,
     .flags = kWrite,
     .group = Group::kSortedSet,
     .keys = kPopKeys,
     .write = ZMPop,
     .since = "7.0.0",
     .complexity = "O(K) + O(log N) a member, K being the number of keys",
     .summary = "Takes members from an end of the first sorted set that is there.",
     .syntax = "numkeys key [key ...] <MIN | MAX> [COUNT count]"},
};

}  // namespace

Result<ZsetPopRequest, Bytes> ParseZsetPop(Args args, size_t number_at) {
  const auto number = ParseInt64(args[number_at]);
  if (!number || *number < 1) return Unexpected{Bytes("ERR numkeys should be greater than 0")};
  const size_t rest = args.size() - number_at - 1;
  if (static_cast<uint64_t>(*number) >= rest) return Unexpected{kSyntaxError};
  ZsetPopRequest request;
  request.keys = args.span().subspan(number_at + 1, static_cast<size_t>(*number));
  size_t i = number_at + 1 + request.keys.size();
  if (EqualsIgnoreCase(args[i], "MIN")) {
    request.end = ZsetEnd::kMin;
  } else if (EqualsIgnoreCase(args[i], "MAX")) {
    request.end = ZsetEnd::kMax;
  } else {
    return Unexpected{kSyntaxError};
  }
  if (++i == args.size()) return request;
  if (args.size() - i < 2 || !EqualsIgnoreCase(args[i], "COUNT")) return Unexpected{kSyntaxError};
  const auto count = ParseInt64(args[i + 1]);
  if (!count || *count < 1) return Unexpected{Bytes("ERR count should be greater than 0")};
  if (args.size() - i != 2) return Unexpected{kSyntaxError};
  request.count = static_cast<size_t>(*count);
  return request;
}

std::span<const CommandSpec> ZsetPopCommands() { return kZsetPopCommands; }

}  // namespace terrace::commands
