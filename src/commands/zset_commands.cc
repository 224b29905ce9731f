// Sorted sets: single members of them. Ranges, algebra, pops and walks have files of their own.
#include <array>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/collection_edit.h"
#include "commands/families.h"
#include "commands/zset_operations.h"

namespace terrace::commands {
namespace {

using types::SortedSet;

// The words between ZADD's key and its first score.
struct AddOptions {
  AddConditions conditions;
  bool count_scored = false;  // CH
  size_t first = 2;           // argument of the first score
};

AddOptions ParseAddOptions(Args args) {
  AddOptions options;
  for (; options.first < args.size(); ++options.first) {
    const Bytes word = args[options.first];
    if (EqualsIgnoreCase(word, "NX")) {
      options.conditions.only_new = true;
    } else if (EqualsIgnoreCase(word, "XX")) {
      options.conditions.only_present = true;
    } else if (EqualsIgnoreCase(word, "GT")) {
      options.conditions.only_greater = true;
    } else if (EqualsIgnoreCase(word, "LT")) {
      options.conditions.only_less = true;
    } else if (EqualsIgnoreCase(word, "CH")) {
      options.count_scored = true;
    } else if (EqualsIgnoreCase(word, "INCR")) {
      options.conditions.increment = true;
    } else {
      break;
    }
  }
  return options;
}

// What is wrong with the options; empty if nothing is.
Bytes Objection(const AddConditions& conditions, size_t pairs) {
  const auto& [nx, xx, gt, lt, increment] = conditions;
  if (nx && xx) return "ERR XX and NX options at the same time are not compatible";
  if ((gt && nx) || (lt && nx) || (gt && lt)) {
    return "ERR GT, LT, and/or NX options at the same time are not compatible";
  }
  if (increment && pairs > 1) return "ERR INCR option supports a single increment-element pair";
  return {};
}

Effect Add(WriteContext& ctx, Args args, const AddOptions& options) {
  const size_t words = args.size() - options.first;
  if (words == 0 || words % 2 != 0) return Fail(ctx, kSyntaxError);
  const size_t pairs = words / 2;
  const Bytes objection = Objection(options.conditions, pairs);
  if (!objection.empty()) return Fail(ctx, objection);

  std::array<ScoredMember, 8> few;
  std::vector<ScoredMember> many;
  if (pairs > few.size()) many.resize(pairs);
  const std::span<ScoredMember> members =
      pairs > few.size() ? std::span(many) : std::span(few).first(pairs);
  for (size_t i = 0; i < pairs; ++i) {
    const auto score = ParseScore(args[options.first + 2 * i]);
    if (!score) return Fail(ctx, kNotAFloatError);
    members[i] = {*score, args[options.first + 2 * i + 1]};
  }
  const auto found = PeekZset(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  const bool increment = options.conditions.increment;
  const AddOutcome outcome =
      AddToZset(ctx, args[1], *found, members, options.conditions, increment ? "zincr" : "zadd");
  if (outcome.is_nan) return Fail(ctx, "ERR resulting score is not a number (NaN)");
  if (!increment) {
    ctx.reply.Integer(
        static_cast<int64_t>(outcome.added + (options.count_scored ? outcome.scored : 0)));
  } else if (outcome.score) {
    ctx.reply.Double(*outcome.score);
  } else {
    ctx.reply.Null();
  }
  if (!outcome.changed()) return Effect::None();
  return Effect::AsReceived().Counting(outcome.added + outcome.scored);
}

// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
Effect ZAdd(WriteContext& ctx, Args args) { return Add(ctx, args, ParseAddOptions(args)); }

// ZINCRBY key increment member
Effect ZIncrBy(WriteContext& ctx, Args args) {
  return Add(ctx, args, {.conditions = {.increment = true}});
}

// ZREM key member [member ...]
Effect ZRem(WriteContext& ctx, Args args) {
  const auto found = PeekZset(ctx, args[1]);
  if (!found.ok()) return Fail(ctx, ErrorText(found.error()));
  size_t i = 2;
  if (*found) {
    while (i < args.size() && !(*found)->Score(args[i])) ++i;
  }
  if (!*found || i == args.size()) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  CollectionEdit<SortedSet> set(ctx, args[1]);
  int64_t erased = 0;
  for (; i < args.size() && set->Size() != 0; ++i) erased += set->Erase(args[i]) ? 1 : 0;
  ctx.Notify(engine::kNotifyZset, "zrem", args[1]);
  set.Finish();
  ctx.reply.Integer(erased);
  return Effect::AsReceived().Counting(static_cast<uint64_t>(erased));
}

// ZCARD key
void ZCard(ReadContext& ctx, Args args) {
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Integer(*found ? static_cast<int64_t>((*found)->Size()) : 0);
}

void ReplyScore(resp::Reply& reply, std::optional<double> score) {
  score ? reply.Double(*score) : reply.Null();
}

// ZSCORE key member
void ZScore(ReadContext& ctx, Args args) {
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ReplyScore(ctx.reply, *found ? (*found)->Score(args[2]) : std::nullopt);
}

// ZMSCORE key member [member ...]
void ZMScore(ReadContext& ctx, Args args) {
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Array(args.size() - 2);
  for (size_t i = 2; i < args.size(); ++i)
    ReplyScore(ctx.reply, *found ? (*found)->Score(args[i]) : std::nullopt);
}

// ZRANK key member [WITHSCORE], ZREVRANK key member [WITHSCORE]
void Rank(ReadContext& ctx, Args args, bool reverse) {
  if (args.size() > 4) {
    return ctx.reply.Error(reverse ? "ERR wrong number of arguments for 'zrevrank' command"
                                   : "ERR wrong number of arguments for 'zrank' command");
  }
  const bool with_score = args.size() == 4;
  if (with_score && !EqualsIgnoreCase(args[3], "WITHSCORE")) return ReplyError(ctx, Errc::kSyntax);
  const auto found = FindZset(ctx, args[1]);
  if (!found.ok()) return ReplyError(ctx, found.error());
  const auto rank = *found ? (*found)->Rank(args[2]) : std::nullopt;
  if (!rank) return with_score ? ctx.reply.NullArray() : ctx.reply.Null();
  if (with_score) ctx.reply.Array(2);
  ctx.reply.Integer(static_cast<int64_t>(reverse ? (*found)->Size() - 1 - *rank : *rank));
  if (with_score) ctx.reply.Double(*(*found)->Score(args[2]));
}
void ZRank(ReadContext& ctx, Args args) { Rank(ctx, args, false); }
void ZRevRank(ReadContext& ctx, Args args) { Rank(ctx, args, true); }

constexpr KeySpec kDeleteFromKey[] = {OneKey(kKeyRW | kKeyDelete)};

constexpr CommandSpec kZsetCommands[] = {
    {.name = "zadd",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kSortedSet,
     .keys = kUpdateKey,
     .element = 3,
     .write = ZAdd,
     .since = "1.2.0",
     .complexity = "O(log N) a member, N being the size of the sorted set",
     .summary = "Adds members to a sorted set or gives them other scores; makes the key if it is "
                "not there.",
     .syntax = "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]"},
    {.name = "zincrby",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .group = Group::kSortedSet,
     .keys = kAccessUpdateKey,
     .element = 3,
     .write = ZIncrBy,
     .since = "1.2.0",
     .complexity = "O(log N)",
     .summary = "Adds a number to the score of a member; one that is not there counts as 0.",
     .syntax = "key increment member"},
    {.name = "zrem",
     .arity = -3,
     .flags = kWrite | kFast,
     .group = Group::kSortedSet,
     .keys = kDeleteFromKey,
     .element = 2,
     .write = ZRem,
     .since = "1.2.0",
     .complexity = "O(log N) a member",
     .summary = "Takes members out of a sorted set; an empty one is deleted.",
     .syntax = "key member [member ...]"},
    {.name = "zcard",
     .arity = 2,
     .flags = kReadonly | kFast,
     .group = Group::kSortedSet,
     .keys = kLookKey,
     .read = ZCard,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Counts the members of a sorted set.",
     .syntax = "key"},
    {.name = "zscore",
     .arity = 3,
     .flags = kReadonly | kFast,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .element = 2,
     .read = ZScore,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Returns the score of a member.",
     .syntax = "key member"},
    {.name = "zmscore",
     .arity = -3,
     .flags = kReadonly | kFast,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .element = 2,
     .read = ZMScore,
     .since = "6.2.0",
     .complexity = "O(1) a member",
     .summary = "Returns the scores of members.",
     .syntax = "key member [member ...]"},
    {.name = "zrank",
     .arity = -3,
     .flags = kReadonly | kFast,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .element = 2,
     .read = ZRank,
     .since = "2.0.0",
     .complexity = "O(log N)",
     .summary = "Returns how many members come before one, from the lowest score.",
     .syntax = "key member [WITHSCORE]"},
    {.name = "zrevrank",
     .arity = -3,
     .flags = kReadonly | kFast,
     .group = Group::kSortedSet,
     .keys = kReadKey,
     .element = 2,
     .read = ZRevRank,
     .since = "2.0.0",
     .complexity = "O(log N)",
     .summary = "Returns how many members come before one, from the highest score.",
     .syntax = "key member [WITHSCORE]"},
};

}  // namespace

std::span<const CommandSpec> ZsetCommands() { return kZsetCommands; }

}  // namespace terrace::commands
