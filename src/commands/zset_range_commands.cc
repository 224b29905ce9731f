// Sorted sets: members of a range, shown, counted, stored or taken out.
#include "commands/collection_edit.h"
#include "commands/families.h"
#include "commands/zset_operations.h"
#include "commands/zset_range.h"

namespace terrace::commands {
namespace {

using types::RankSpan;
using types::SortedSet;

// visit(member, score) for the members of these ranks, from the highest down if `reverse`.
template <typename Visit>
void ForSpan(const SortedSet& set, RankSpan span, bool reverse, Visit visit) {
  if (span.count == 0) return;
  SortedSet::Cursor at = set.At(reverse ? span.from + span.count - 1 : span.from);
  for (size_t i = 0; i < span.count; ++i) {
    visit(at.member(), at.score());
    reverse ? at.Previous() : at.Next();
  }
}

void Range(ReadContext& ctx, Args args, RangeForm form) {
  const auto request = ParseRangeRequest(args, 2, form);
  if (!request.ok()) return ctx.reply.Error(request.error());
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (!*found) return ctx.reply.Array(0);
  const RankSpan span = request->SpanIn(**found);
  ReplyMembersHead(ctx.reply, span.count, request->with_scores);
  ForSpan(**found, span, request->reverse, [&](Bytes member, double score) {
    ReplyMember(ctx.reply, member, score, request->with_scores);
  });
}

// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES], and the older commands for its forms
void ZRange(ReadContext& ctx, Args args) { Range(ctx, args, {}); }
void ZRevRange(ReadContext& ctx, Args args) {
  Range(ctx, args, {.by = RangeBy::kRank, .reverse = true});
}
void ZRangeByScore(ReadContext& ctx, Args args) {
  Range(ctx, args, {.by = RangeBy::kScore, .reverse = false});
}
void ZRevRangeByScore(ReadContext& ctx, Args args) {
  Range(ctx, args, {.by = RangeBy::kScore, .reverse = true});
}
void ZRangeByLex(ReadContext& ctx, Args args) {
  Range(ctx, args, {.by = RangeBy::kMember, .reverse = false});
}
void ZRevRangeByLex(ReadContext& ctx, Args args) {
  Range(ctx, args, {.by = RangeBy::kMember, .reverse = true});
}

// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
Effect ZRangeStore(WriteContext& ctx, Args args) {
  const auto request = ParseRangeRequest(args, 3, {.stores = true});
  if (!request.ok()) return Fail(ctx, request.error());
  const auto found = FindZset(ctx, args[2]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  SortedSet result = SortedSet::New();
  if (*found) {
    const SortedSet::Limits limits = ZsetLimits(ctx);
    const RankSpan span = request->SpanIn(**found);
    result.Expect(span.count, 0, limits);
    // Ascending whatever the range says: the result has its own order, and this way it is built fastest.
    ForSpan(**found, span, false,
            [&](Bytes member, double score) { result.Set(member, score, limits); });
  }
  return StoreZset(ctx, args[1], result, "zrangestore");
}

void Count(ReadContext& ctx, Args args, RangeBy by) {
  const auto range = ParseZsetRange(by, args[2], args[3]);
  if (!range.ok()) return ctx.reply.Error(range.error());
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Integer(*found ? static_cast<int64_t>(range->SpanIn(**found, false).count) : 0);
}

// ZCOUNT key min max, ZLEXCOUNT key min max
void ZCount(ReadContext& ctx, Args args) { Count(ctx, args, RangeBy::kScore); }
void ZLexCount(ReadContext& ctx, Args args) { Count(ctx, args, RangeBy::kMember); }

Effect RemoveRange(WriteContext& ctx, Args args, RangeBy by, Bytes event) {
  const auto range = ParseZsetRange(by, args[2], args[3]);
  if (!range.ok()) return Fail(ctx, range.error());
  const auto found = PeekZset(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  const RankSpan span = *found ? range->SpanIn(**found, false) : RankSpan();
  ctx.reply.Integer(static_cast<int64_t>(span.count));
  if (span.count == 0) return Effect::None();
  CollectionEdit<SortedSet> set(ctx, args[1]);
  set->EraseSpan(span);
  ctx.Notify(engine::kNotifyZset, event, args[1]);
  set.Finish();
  return Effect::AsReceived().Counting(span.count);
}

// ZREMRANGEBYRANK key start stop, ZREMRANGEBYSCORE key min max, ZREMRANGEBYLEX key min max
Effect ZRemRangeByRank(WriteContext& ctx, Args args) {
  return RemoveRange(ctx, args, RangeBy::kRank, "zremrangebyrank");
}
Effect ZRemRangeByScore(WriteContext& ctx, Args args) {
  return RemoveRange(ctx, args, RangeBy::kScore, "zremrangebyscore");
}
Effect ZRemRangeByLex(WriteContext& ctx, Args args) {
  return RemoveRange(ctx, args, RangeBy::kMember, "zremrangebylex");
}

constexpr KeySpec kDeleteFromKey[] = {OneKey(kKeyRW | kKeyDelete)};
constexpr KeySpec kStoreKeys[] = {OneKey(kKeyOW | kKeyUpdate, 1), OneKey(kKeyRO | kKeyAccess, 2)};
constexpr const char* kRangeCost = "O(log N + M), M being the number of members returned";

constexpr CommandSpec kZsetRangeCommands[] = {
    {.name = "zrange",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZRange,
     .since = "1.2.0",
     .complexity = kRangeCost,
     .summary = "Returns members of a range, by rank, score or name.",
     .syntax =
         "key start:string stop:string [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]"},
    {.name = "zrevrange",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZRevRange,
     .since = "1.2.0",
     .complexity = kRangeCost,
     .summary = "Returns members of a range of ranks, from the highest score down.",
     .syntax = "key start stop [WITHSCORES]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` argument"},
    {.name = "zrangebyscore",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZRangeByScore,
     .since = "1.0.5",
     .complexity = kRangeCost,
     .summary = "Returns members with scores of a range.",
     .syntax = "key min max [WITHSCORES] [LIMIT offset count]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `BYSCORE` argument"},
    {.name = "zrevrangebyscore",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZRevRangeByScore,
     .since = "2.2.0",
     .complexity = kRangeCost,
     .summary = "Returns members with scores of a range, from the highest down.",
     .syntax = "key max min [WITHSCORES] [LIMIT offset count]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` and `BYSCORE` arguments"},
    {.name = "zrangebylex",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZRangeByLex,
     .since = "2.8.9",
     .complexity = kRangeCost,
     .summary = "Returns members between two names; all scores must be equal.",
     .syntax = "key min:string max:string [LIMIT offset count]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `BYLEX` argument"},
    {.name = "zrevrangebylex",
     .arity = -4,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZRevRangeByLex,
     .since = "2.8.9",
     .complexity = kRangeCost,
     .summary = "Returns members between two names, from the last back; all scores must be equal.",
     .syntax = "key max:string min:string [LIMIT offset count]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`ZRANGE` with the `REV` and `BYLEX` arguments"},
    {.name = "zrangestore",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .group = Group::kSortedSet,
     .keys = kStoreKeys,
     .write = ZRangeStore,
     .since = "6.2.0",
     .complexity = "O(log N + M), M being the number of members stored",
     .summary = "Makes a sorted set of the members of a range.",
     .syntax = "dst src min:string max:string [BYSCORE | BYLEX] [REV] [LIMIT offset count]"},
    {.name = "zcount",
     .arity = 4,
     .flags = kReadonly | kFast,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZCount,
     .since = "2.0.0",
     .complexity = "O(log N)",
     .summary = "Counts the members with scores of a range.",
     .syntax = "key min max"},
    {.name = "zlexcount",
     .arity = 4,
     .flags = kReadonly | kFast,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZLexCount,
     .since = "2.8.9",
     .complexity = "O(log N)",
     .summary = "Counts the members between two names; all scores must be equal.",
     .syntax = "key min:string max:string"},
    {.name = "zremrangebyrank",
     .arity = 4,
     .flags = kWrite,
     .group = Group::kSortedSet,
     .keys = kDeleteFromKey,
     .write = ZRemRangeByRank,
     .since = "2.0.0",
     .complexity = "O(log N) a member taken out",
     .summary = "Takes the members of a range of ranks out.",
     .syntax = "key start stop"},
    {.name = "zremrangebyscore",
     .arity = 4,
     .flags = kWrite,
     .group = Group::kSortedSet,
     .keys = kDeleteFromKey,
     .write = ZRemRangeByScore,
     .since = "1.2.0",
     .complexity = "O(log N) a member taken out",
     .summary = "Takes the members with scores of a range out.",
     .syntax = "key min max"},
    {.name = "zremrangebylex",
     .arity = 4,
     .flags = kWrite,
     .group = Group::kSortedSet,
     .keys = kDeleteFromKey,
     .write = ZRemRangeByLex,
     .since = "2.8.9",
     .complexity = "O(log N) a member taken out",
     .summary = "Takes the members between two names out; all scores must be equal.",
     .syntax = "key min:string max:string"},
};

}  // namespace

std::span<const CommandSpec> ZsetRangeCommands() { return kZsetRangeCommands; }

}  // namespace terrace::commands
