// Sorted sets: their unions, intersections and differences, shown, stored or counted.
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/zset_algebra.h"
#include "commands/zset_operations.h"

namespace terrace::commands {
namespace {

using types::SortedSet;

enum class Operation : uint8_t { kUnion, kIntersection, kDifference };

// What a command's name says.
struct Form {
  Bytes command;
  Operation operation;
  bool stores = false;
  bool counts = false;
};

struct AlgebraRequest {
  std::vector<ZsetOperand> operands;
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  size_t limit = 0;
};

constexpr Bytes kNone = {};

// The operands of the keys; empty or an error's text. Looking counts hits and misses of all keys up to a wrong one.
Bytes FindOperands(ReadContext& ctx, std::span<const Bytes> keys,
                   std::vector<ZsetOperand>* operands) {
  operands->reserve(keys.size());
  for (const Bytes& key : keys) {
    const engine::Entry* entry = ctx.Find(key);
    if (entry == nullptr) {
      operands->emplace_back();
    } else if (entry->type() == Type::kZset || entry->type() == Type::kSet) {
      operands->emplace_back(entry->collection());
    } else {
      return kWrongTypeError;
    }
  }
  return kNone;
}

std::optional<Aggregate> AggregateOf(Bytes word) {
  if (EqualsIgnoreCase(word, "SUM")) return Aggregate::kSum;
  if (EqualsIgnoreCase(word, "MIN")) return Aggregate::kMin;
  if (EqualsIgnoreCase(word, "MAX")) return Aggregate::kMax;
  return std::nullopt;
}

// The words behind the keys, from args[i] on; empty or an error's text.
Bytes ParseWords(Args args, size_t i, const Form& form, AlgebraRequest* request) {
  const bool combines = form.operation != Operation::kDifference && !form.counts;
  while (i < args.size()) {
    const Bytes word = args[i];
    const size_t left = args.size() - i;
    if (combines && left > request->operands.size() && EqualsIgnoreCase(word, "WEIGHTS")) {
      for (ZsetOperand& operand : request->operands) {
        const auto weight = ParseScore(args[++i]);
        if (!weight) return "ERR weight value is not a float";
        operand.weight = *weight;
      }
      ++i;
    } else if (combines && left >= 2 && EqualsIgnoreCase(word, "AGGREGATE")) {
      const auto aggregate = AggregateOf(args[i + 1]);
      if (!aggregate) return kSyntaxError;
      request->aggregate = *aggregate;
      i += 2;
    } else if (!form.stores && !form.counts && EqualsIgnoreCase(word, "WITHSCORES")) {
      request->with_scores = true;
      ++i;
    } else if (form.counts && left >= 2 && EqualsIgnoreCase(word, "LIMIT")) {
      const auto limit = ParseInt64(args[i + 1]);
      if (!limit || *limit < 0) return "ERR LIMIT can't be negative";
      request->limit = static_cast<size_t>(*limit);
      i += 2;
    } else {
      return kSyntaxError;
    }
  }
  return kNone;
}

// args[number_at] is the number of keys. Empty or an error's text.
std::string Parse(ReadContext& ctx, Args args, size_t number_at, const Form& form,
                  AlgebraRequest* request) {
  const auto number = ParseInt64(args[number_at]);
  if (!number) return std::string(kNotAnIntegerError);
  if (*number < 1)
    return "ERR at least 1 input key is needed for '" + std::string(form.command) + "' command";
  const size_t rest = args.size() - number_at - 1;
  if (static_cast<uint64_t>(*number) > rest) return std::string(kSyntaxError);
  const auto keys = static_cast<size_t>(*number);
  const Bytes error =
      FindOperands(ctx, args.span().subspan(number_at + 1, keys), &request->operands);
  if (!error.empty()) return std::string(error);
  return std::string(ParseWords(args, number_at + 1 + keys, form, request));
}

void Compute(const AlgebraRequest& request, Operation operation, ScoredResult* result) {
  switch (operation) {
    case Operation::kUnion:
      return Unite(request.operands, request.aggregate, result);
    case Operation::kIntersection:
      return Intersect(request.operands, request.aggregate, result);
    case Operation::kDifference:
      return Subtract(request.operands, result);
  }
}

void Show(ReadContext& ctx, Args args, const Form& form) {
  AlgebraRequest request;
  const std::string error = Parse(ctx, args, 1, form, &request);
  if (!error.empty()) return ctx.reply.Error(error);
  ScoredResult result;
  Compute(request, form.operation, &result);
  ReplyMembersHead(ctx.reply, result.Size(), request.with_scores);
  for (const types::TableItem* item : result.Sorted()) {
    ReplyMember(ctx.reply, item->member(), item->score(), request.with_scores);
  }
}

Effect Store(WriteContext& ctx, Args args, const Form& form) {
  AlgebraRequest request;
  const std::string error = Parse(ctx, args, 2, form, &request);
  if (!error.empty()) {
    ctx.reply.Error(error);
    return Effect::None();
  }
  ScoredResult result;
  Compute(request, form.operation, &result);
  const SortedSet::Limits limits = ZsetLimits(ctx);
  SortedSet stored = SortedSet::New();
  stored.Expect(result.Size(), 0, limits);
  for (const types::TableItem* item : result.Sorted())
    stored.Set(item->member(), item->score(), limits);
  return StoreZset(ctx, args[1], stored, form.command);
}

// ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES], and its like
void ZUnion(ReadContext& ctx, Args args) {
  Show(ctx, args, {.command = "zunion", .operation = Operation::kUnion});
}
void ZInter(ReadContext& ctx, Args args) {
  Show(ctx, args, {.command = "zinter", .operation = Operation::kIntersection});
}
void ZDiff(ReadContext& ctx, Args args) {
  Show(ctx, args, {.command = "zdiff", .operation = Operation::kDifference});
}

// ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS ...] [AGGREGATE ...], and its like
Effect ZUnionStore(WriteContext& ctx, Args args) {
  return Store(ctx, args,
               {.command = "zunionstore", .operation = Operation::kUnion, .stores = true});
}
Effect ZInterStore(WriteContext& ctx, Args args) {
  return Store(ctx, args,
               {.command = "zinterstore", .operation = Operation::kIntersection, .stores = true});
}
Effect ZDiffStore(WriteContext& ctx, Args args) {
  return Store(ctx, args,
               {.command = "zdiffstore", .operation = Operation::kDifference, .stores = true});
}

// ZINTERCARD numkeys key [key ...] [LIMIT limit]
void ZInterCard(ReadContext& ctx, Args args) {
  const Form form{.command = "zintercard", .operation = Operation::kIntersection, .counts = true};
  AlgebraRequest request;
  const std::string error = Parse(ctx, args, 1, form, &request);
  if (!error.empty()) return ctx.reply.Error(error);
  ctx.reply.Integer(
      static_cast<int64_t>(CountIntersection(std::move(request.operands), request.limit)));
}

constexpr KeySpec kCountedKeys[] = {{.flags = kKeyRO | kKeyAccess,
                                     .index = 1,
                                     .find = KeySpec::Find::kKeyNumber,
                                     .number_index = 0,
                                     .first_key = 1}};
constexpr KeySpec kStoreAndCountedKeys[] = {OneKey(kKeyOW | kKeyUpdate),
                                            {.flags = kKeyRO | kKeyAccess,
                                             .index = 2,
                                             .find = KeySpec::Find::kKeyNumber,
                                             .number_index = 0,
                                             .first_key = 1}};

constexpr const char* kSortCost =
    "O(N) + O(M log M), N being the members of all keys, M those of the result";
constexpr const char* kMeetCost =
    "O(N K) + O(M log M), N being the members of the smallest of K keys, M those of the result";
constexpr const char* kDifferCost =
    "O(N K) + O(M log M), N being the members of the first of K keys, M those of the result";

constexpr CommandSpec kZsetAlgebraCommands[] = {
    {.name = "zunion",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kCountedKeys,
     .read = ZUnion,
     .since = "6.2.0",
     .complexity = kSortCost,
     .summary = "Returns the union of sorted sets.",
     .syntax = "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
               "[WITHSCORES]"},
    {.name = "zinter",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kCountedKeys,
     .read = ZInter,
     .since = "6.2.0",
     .complexity = kMeetCost,
     .summary = "Returns the intersection of sorted sets.",
     .syntax = "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
               "[WITHSCORES]"},
    {.name = "zdiff",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kCountedKeys,
     .read = ZDiff,
     .since = "6.2.0",
     .complexity = kDifferCost,
     .summary = "Returns the members of the first sorted set that no other has.",
     .syntax = "numkeys key [key ...] [WITHSCORES]"},
    {.name = "zintercard",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kSortedSet,
     .keys = kCountedKeys,
     .read = ZInterCard,
     .since = "7.0.0",
     .complexity = "O(N K), N being the members of the smallest of K keys",
     .summary = "Counts the members that all of some sorted sets have.",
     .syntax = "numkeys key [key ...] [LIMIT limit]"},
    {.name = "zunionstore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .group = Group::kSortedSet,
     .keys = kStoreAndCountedKeys,
     .write = ZUnionStore,
     .since = "2.0.0",
     .complexity = kSortCost,
     .summary = "Makes a sorted set of the union of others.",
     .syntax = "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | "
               "MIN | MAX>]"},
    {.name = "zinterstore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .group = Group::kSortedSet,
     .keys = kStoreAndCountedKeys,
     .write = ZInterStore,
     .since = "2.0.0",
     .complexity = kMeetCost,
     .summary = "Makes a sorted set of the intersection of others.",
     .syntax = "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | "
               "MIN | MAX>]"},
    {.name = "zdiffstore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .group = Group::kSortedSet,
     .keys = kStoreAndCountedKeys,
     .write = ZDiffStore,
     .since = "6.2.0",
     .complexity = kDifferCost,
     .summary = "Makes a sorted set of the members of the first that no other has.",
     .syntax = "destination numkeys key [key ...]"},
};

}  // namespace

std::span<const CommandSpec> ZsetAlgebraCommands() { return kZsetAlgebraCommands; }

}  // namespace terrace::commands
