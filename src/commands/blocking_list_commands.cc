// Lists: the commands that wait. Each is tried as its sibling without a B would run, and logged as that; it waits when
// there is nothing for it.
#include <span>

#include "commands/block_timeout.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/list_operations.h"

namespace terrace::commands {
namespace {

using types::ListEnd;

// BLPOP key [key ...] timeout, BRPOP key [key ...] timeout
Effect PopOrWait(WriteContext& ctx, Args args, ListEnd end) {
  const auto timeout_ms = ParseBlockTimeout(ctx, args[args.size() - 1]);
  if (!timeout_ms) return Effect::None();
  const std::span<const Bytes> keys = args.span().subspan(1, args.size() - 2);
  for (const Bytes& name : keys) {
    engine::KeyRef& key = ctx.RefOf(name);
    const engine::Entry* entry = ctx.Peek(key);
    if (entry == nullptr) continue;
    if (entry->type() != Type::kList) return Fail(ctx, Errc::kWrongType);
    ctx.reply.Array(2);
    ctx.reply.Bulk(name);
    PopOne(ctx, key, end);
    return ctx.Rewritten({PopCommand(end), name});
  }
  ctx.WaitFor(Type::kList, keys, *timeout_ms, EmptyReply::kNullArray);
  return Effect::None();
}

Effect BLPop(WriteContext& ctx, Args args) { return PopOrWait(ctx, args, ListEnd::kHead); }
Effect BRPop(WriteContext& ctx, Args args) { return PopOrWait(ctx, args, ListEnd::kTail); }

// kNo: it waits, or has answered with an error.
enum class Moved : uint8_t { kYes, kNo };

Moved MoveOrWait(WriteContext& ctx, Args args, ListEnd from, ListEnd to, uint64_t timeout_ms) {
  engine::KeyRef& source = ctx.key_ref(0);
  engine::KeyRef& target = ctx.key_ref(1);
  const engine::Entry* held = ctx.Peek(source);
  if (held == nullptr) {
    ctx.WaitFor(Type::kList, args.span().subspan(1, 1), timeout_ms, EmptyReply::kNull);
    return Moved::kNo;
  }
  const engine::Entry* other = ctx.Peek(target);
  if (held->type() != Type::kList || (other != nullptr && other->type() != Type::kList)) {
    ReplyError(ctx, Errc::kWrongType);
    return Moved::kNo;
  }
  MoveElement(ctx, source, target, from, to);
  return Moved::kYes;
}

// BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout
Effect BLMove(WriteContext& ctx, Args args) {
  const auto from = ParseListEnd(args[3]);
  const auto to = ParseListEnd(args[4]);
  if (!from || !to) return Fail(ctx, Errc::kSyntax);
  const auto timeout_ms = ParseBlockTimeout(ctx, args[5]);
  if (!timeout_ms || MoveOrWait(ctx, args, *from, *to, *timeout_ms) == Moved::kNo)
    return Effect::None();
  return ctx.Rewritten({"LMOVE", args[1], args[2], args[3], args[4]});
}

// BRPOPLPUSH source destination timeout
Effect BRPopLPush(WriteContext& ctx, Args args) {
  const auto timeout_ms = ParseBlockTimeout(ctx, args[3]);
  if (!timeout_ms ||
      MoveOrWait(ctx, args, ListEnd::kTail, ListEnd::kHead, *timeout_ms) == Moved::kNo) {
    return Effect::None();
  }
  return ctx.Rewritten({"RPOPLPUSH", args[1], args[2]});
}

// BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]
Effect BLMPop(WriteContext& ctx, Args args) {
  const auto timeout_ms = ParseBlockTimeout(ctx, args[1]);
  if (!timeout_ms) return Effect::None();
  const auto request = ParseListPop(ctx, args, 2);
  if (!request) return Effect::None();
  const auto effect = PopFromFirst(ctx, args, *request);
  if (effect) return *effect;
  ctx.WaitFor(Type::kList, args.span().subspan(request->first_key, request->keys), *timeout_ms,
              EmptyReply::kNullArray);
  return Effect::None();
}

constexpr KeySpec kPopKeys[] = {
    {.flags = kKeyRW | kKeyAccess | kKeyDelete, .index = 1, .last = -2}};
constexpr KeySpec kMoveKeys[] = {OneKey(kKeyRW | kKeyAccess | kKeyDelete),
                                 OneKey(kKeyRW | kKeyInsert, 2)};
constexpr KeySpec kNumberedKeys[] = {{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                                      .index = 2,
                                      .find = KeySpec::Find::kKeyNumber,
                                      .number_index = 0,
                                      .first_key = 1}};

constexpr CommandSpec kBlockingListCommands[] = {
    {.name = "blpop",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .group = Group::kList,
     .keys = kPopKeys,
     .write = BLPop,
     .since = "2.0.0",
     .complexity = "O(N) in the keys",
     .summary = "Takes the first element of the first list that is there; waits until one is.",
     .syntax = "key [key ...] timeout:double"},
    {.name = "brpop",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .group = Group::kList,
     .keys = kPopKeys,
     .write = BRPop,
     .since = "2.0.0",
     .complexity = "O(N) in the keys",
     .summary = "Takes the last element of the first list that is there; waits until one is.",
     .syntax = "key [key ...] timeout:double"},
    {.name = "blmove",
     .arity = 6,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .group = Group::kList,
     .keys = kMoveKeys,
     .write = BLMove,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Takes an element from an end of one list and puts it to an end of another; waits "
                "until there is one.",
     .syntax = "source:key destination:key <LEFT | RIGHT> <LEFT | RIGHT> timeout:double"},
    {.name = "brpoplpush",
     .arity = 4,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .group = Group::kList,
     .keys = kMoveKeys,
     .write = BRPopLPush,
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Takes the last element of one list and puts it before the first of another; waits "
                "until there is one.",
     .syntax = "source:key destination:key timeout:double",
     .deprecated_since = "6.2.0",
     .replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments"},
    {.name = "blmpop",
     .arity = -5,
     .flags = kWrite | kBlocking | kMovableKeys,
     .group = Group::kList,
     .keys = kNumberedKeys,
     .write = BLMPop,
     .since = "7.0.0",
     .complexity = "O(N+M) in the keys looked at and the elements taken",
     .summary = "Takes elements from the first of some lists that is there; waits until one is.",
     .syntax = "timeout:double numkeys key [key ...] <LEFT | RIGHT> [COUNT count]"},
};

}  // namespace

std::span<const CommandSpec> BlockingListCommands() { return kBlockingListCommands; }

}  // namespace terrace::commands
