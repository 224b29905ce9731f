// Sorted sets: walks over all members (ZSCAN) and members by chance (ZRANDMEMBER).
#include <algorithm>
#include <string>
#include <unordered_set>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/drawn_reply.h"
#include "commands/families.h"
#include "commands/scan_options.h"
#include "commands/zset_operations.h"

namespace terrace::commands {
namespace {

using types::SortedSet;

// ZSCAN key cursor [MATCH pattern] [COUNT count]
void ZScan(ReadContext& ctx, Args args) {
  const auto cursor = ParseCursor(args[2]);
  if (!cursor) return ctx.reply.Error(kInvalidCursorError);
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ScanReply members;
  if (!*found) return members.Write(ctx.reply, 0);
  const auto options = ParseScanOptions(args, 3, 0);
  if (!options.ok()) return ReplyError(ctx, options.error());
  const uint64_t next = (*found)->Scan(*cursor, options->count, [&](Bytes member, double score) {
    if (!options->Matches(member)) return;
    members.Add(member);
    members.Add(FormatDouble(score));
  });
  members.Write(ctx.reply, next);
}

void ReplyAt(resp::Reply& reply, const SortedSet::Cursor& at, bool with_scores) {
  ReplyMember(reply, at.member(), with_scores ? at.score() : 0, with_scores);
}

// `count` members, no two the same: fewer than there are.
void ReplySample(ReadContext& ctx, const SortedSet& set, size_t count, bool with_scores) {
  const size_t size = set.Size();
  if (count > size / 3) {
    // A walk over all that takes each with the chance that is left: O(size), which is O(count) here.
    SortedSet::Cursor at = set.First();
    for (size_t left = size; count > 0; --left, at.Next()) {
      if (ctx.unit.random.Below(left) >= count) continue;
      ReplyAt(ctx.reply, at, with_scores);
      --count;
    }
    return;
  }
  // Drawn again when drawn before: less than once in two.
  std::unordered_set<size_t> drawn;
  while (drawn.size() < count) {
    const size_t rank = ctx.unit.random.Below(size);
    if (drawn.insert(rank).second) ReplyAt(ctx.reply, set.At(rank), with_scores);
  }
}

void ReplyRandomMembers(ReadContext& ctx, const SortedSet& set, int64_t count, bool with_scores) {
  const size_t size = set.Size();
  if (count < 0) {  // the same member may come again
    const auto draws = static_cast<size_t>(-count);
    const size_t elements = MembersHead(ctx.reply, draws, with_scores);
    return ReplyDrawn(ctx.reply, elements, draws, [&](size_t some, const auto& has_room) {
      for (; some != 0 && has_room(); --some)
        ReplyAt(ctx.reply, set.At(ctx.unit.random.Below(size)), with_scores);
    });
  }
  const size_t shown = std::min(size, static_cast<size_t>(count));
  ReplyMembersHead(ctx.reply, shown, with_scores);
  if (shown < size) return ReplySample(ctx, set, shown, with_scores);
  for (SortedSet::Cursor at = set.First(); at; at.Next()) ReplyAt(ctx.reply, at, with_scores);
}

// ZRANDMEMBER key [count [WITHSCORES]]
void ZRandMember(ReadContext& ctx, Args args) {
  std::optional<int64_t> count;
  const bool with_scores = args.size() > 3;
  if (args.size() > 2) {
    count = ParseInt64(args[2]);
    if (!count) return ReplyError(ctx, Errc::kNotAnInteger);
    if (*count == INT64_MIN) {
      return ctx.reply.Error(
          "ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    }
    if (args.size() > 4 || (with_scores && !EqualsIgnoreCase(args[3], "WITHSCORES"))) {
      return ReplyError(ctx, Errc::kSyntax);
    }
    if ((with_scores && *count > INT64_MAX / 2) || *count < -kDrawsMax) {
      return ctx.reply.Error(kTooManyDrawsError);
    }
  }
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (!count) {
    if (!*found) return ctx.reply.Null();
    return ctx.reply.Bulk((*found)->At(ctx.unit.random.Below((*found)->Size())).member());
  }
  if (!*found || *count == 0) return ctx.reply.Array(0);
  ReplyRandomMembers(ctx, **found, *count, with_scores);
}

constexpr CommandSpec kZsetWalkCommands[] = {
    {.name = "zrandmember",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZRandMember,
     .since = "6.2.0",
     .complexity = "O(M log N), M being the number of members returned",
     .summary = "Returns members chosen by chance.",
     .syntax = "key [count [WITHSCORES]]",
     .tips = "nondeterministic_output"},
    {.name = "zscan",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .read = ZScan,
     .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for a whole iteration over N members",
     .summary = "Lists members and scores a stretch at a time.",
     .syntax = "key cursor [MATCH pattern] [COUNT count]",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> ZsetWalkCommands() { return kZsetWalkCommands; }

}  // namespace terrace::commands
