// Sets, member by member: SADD, SREM and what looks at one set. SPOP and SRANDMEMBER are in set_sample_commands.cc,
// commands over several sets in set_algebra_commands.cc.
#include <string>

#include "commands/collection_edit.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/scan_options.h"
#include "types/set.h"

namespace terrace::commands {
namespace {

using engine::Entry;
using engine::kNotifySet;
using types::Element;
using types::Set;
using types::SetLimits;

Effect Nothing(WriteContext& ctx) {
  ctx.reply.Integer(0);
  return Effect::None();
}

// Position of the first of the members from args[2] on of which `wanted` is true, or args.size(). An edit may only begin
// once it is known that there will be a change.
template <typename F>
size_t FirstMember(Args args, F&& wanted) {
  size_t i = 2;
  while (i < args.size() && !wanted(args[i])) ++i;
  return i;
}

// SADD key member [member ...]
Effect Add(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kSet);
  if (TERRACE_UNLIKELY(!found.ok())) return Fail(ctx, found.error());
  size_t next = 2;
  if (*found != nullptr) {
    const Set set((*found)->collection());
    next = FirstMember(args, [&](Bytes member) { return !set.Contains(member); });
    if (next == args.size()) return Nothing(ctx);
  }
  const SetLimits limits(ctx.unit.settings.encoding);
  CollectionEdit<Set> set(ctx, args[1]);
  set->Expect(args[2], args.size() - 2, limits);
  uint64_t added = 0;
  for (; next < args.size(); ++next) added += set->Add(args[next], limits) ? 1 : 0;
  set.Finish(kNotifySet, "sadd");
  ctx.reply.Integer(static_cast<int64_t>(added));
  return Effect::AsReceived().Counting(added);
}

// SREM key member [member ...]
Effect Remove(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kSet);
  if (TERRACE_UNLIKELY(!found.ok())) return Fail(ctx, found.error());
  if (*found == nullptr) return Nothing(ctx);
  const Set held((*found)->collection());
  size_t next = FirstMember(args, [&](Bytes member) { return held.Contains(member); });
  if (next == args.size()) return Nothing(ctx);
  CollectionEdit<Set> set(ctx, args[1]);
  uint64_t removed = 0;
  for (; next < args.size(); ++next) removed += set->Remove(args[next]) ? 1 : 0;
  set.Finish(kNotifySet, "srem");
  ctx.reply.Integer(static_cast<int64_t>(removed));
  return Effect::AsReceived().Counting(removed);
}

// SMOVE source destination member
Effect Move(WriteContext& ctx, Args args) {
  const Entry* source = ctx.Peek(args[1]);
  if (source == nullptr) return Nothing(ctx);
  const Entry* target = ctx.Peek(args[2]);
  if (source->type() != Type::kSet || (target != nullptr && target->type() != Type::kSet)) {
    return Fail(ctx, Errc::kWrongType);
  }
  const Bytes member = args[3];
  const bool is_in = Set(source->collection()).Contains(member);
  if (!is_in) return Nothing(ctx);
  if (args[1] == args[2]) {
    ctx.reply.Integer(1);
    return Effect::None();
  }
  const bool is_new = target == nullptr || !Set(target->collection()).Contains(member);
  CollectionEdit<Set> from(ctx, args[1]);
  from->Remove(member);
  from.Finish(kNotifySet, "srem");
  if (is_new) {
    const SetLimits limits(ctx.unit.settings.encoding);
    CollectionEdit<Set> to(ctx, args[2]);
    to->Expect(member, 1, limits);
    to->Add(member, limits);
    to.Finish(kNotifySet, "sadd");
  }
  ctx.reply.Integer(1);
  return Effect::AsReceived().Counting(is_new ? 2 : 1);
}

// SCARD key
void Count(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kSet);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Integer(*found == nullptr ? 0
                                      : static_cast<int64_t>(Set((*found)->collection()).Size()));
}

// SISMEMBER key member
void IsMember(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kSet);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Integer(*found != nullptr && Set((*found)->collection()).Contains(args[2]) ? 1 : 0);
}

// SMISMEMBER key member [member ...]
void AreMembers(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kSet);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Array(args.size() - 2);
  for (size_t i = 2; i < args.size(); ++i) {
    ctx.reply.Integer(*found != nullptr && Set((*found)->collection()).Contains(args[i]) ? 1 : 0);
  }
}

// SMEMBERS key
void Members(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kSet);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (*found == nullptr) return ctx.reply.Set(0);
  const Set set((*found)->collection());
  ctx.reply.Set(set.Size());
  set.ForEach([&](const Element& element) {
    char digits[kInt64CharsMax];
    ctx.reply.Bulk(element.Text(digits));
    return true;
  });
}

// SSCAN key cursor [MATCH pattern] [COUNT count]
void Scan(ReadContext& ctx, Args args) {
  const auto cursor = ParseCursor(args[2]);
  if (!cursor) return ctx.reply.Error(kInvalidCursorError);
  const auto found = ctx.Find(args[1], Type::kSet);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ScanReply members;
  if (*found == nullptr) return members.Write(ctx.reply, 0);
  const auto options = ParseScanOptions(args, 3, 0);
  if (!options.ok()) return ReplyError(ctx, options.error());
  const Set set((*found)->collection());
  const uint64_t next = set.Scan(*cursor, options->count, [&](const Element& element) {
    char digits[kInt64CharsMax];
    const Bytes member = element.Text(digits);
    if (options->Matches(member)) members.Add(member);
  });
  members.Write(ctx.reply, next);
}

constexpr KeySpec kMoveKeys[] = {OneKey(kKeyRW | kKeyAccess | kKeyDelete),
                                 OneKey(kKeyRW | kKeyInsert, 2)};
constexpr KeySpec kRemoveMemberKey[] = {OneKey(kKeyRW | kKeyDelete)};

constexpr CommandSpec kSetCommands[] = {
    {.name = "sadd",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kSet,
     .keys = kInsertKey,
     .element = 2,
     .write = Add,
     .since = "1.0.0",
     .complexity = "O(1) for each member",
     .summary = "Adds members to a set, which comes into being if it is not there.",
     .syntax = "key member [member ...]"},
    {.name = "srem",
     .arity = -3,
     .flags = kWrite | kFast,
     .group = Group::kSet,
     .keys = kRemoveMemberKey,
     .element = 2,
     .write = Remove,
     .since = "1.0.0",
     .complexity = "O(1) for each member",
     .summary = "Takes members out of a set; a set that is left empty is deleted.",
     .syntax = "key member [member ...]"},
    {.name = "smove",
     .arity = 4,
     .flags = kWrite | kFast,
     .group = Group::kSet,
     .keys = kMoveKeys,
     .write = Move,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes a member out of one set and puts it into another.",
     .syntax = "source:key destination:key member"},
    {.name = "scard",
     .arity = 2,
     .flags = kReadonly | kFast,
     .group = Group::kSet,
     .keys = kLookKey,
     .read = Count,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many members a set has.",
     .syntax = "key"},
    {.name = "sismember",
     .arity = 3,
     .flags = kReadonly | kFast,
     .group = Group::kSet,
     .keys = kLookKey,
     .element = 2,
     .read = IsMember,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether something is in a set.",
     .syntax = "key member"},
    {.name = "smismember",
     .arity = -3,
     .flags = kReadonly | kFast,
     .group = Group::kSet,
     .keys = kReadKey,
     .element = 2,
     .read = AreMembers,
     .since = "6.2.0",
     .complexity = "O(1) for each member",
     .summary = "Tells of several things whether they are in a set.",
     .syntax = "key member [member ...]"},
    {.name = "smembers",
     .arity = 2,
     .flags = kReadonly,
     .group = Group::kSet,
     .keys = kReadKey,
     .read = Members,
     .since = "1.0.0",
     .complexity = "O(N) in the members of the set",
     .summary = "Lists the members of a set.",
     .syntax = "key",
     .tips = "nondeterministic_output_order"},
    {.name = "sscan",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kSet,
     .keys = kReadKey,
     .read = Scan,
     .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for a whole iteration over N members",
     .summary = "Lists the members of a set a stretch at a time.",
     .syntax = "key cursor [MATCH pattern] [COUNT count]",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> SetCommands() { return kSetCommands; }

}  // namespace terrace::commands
