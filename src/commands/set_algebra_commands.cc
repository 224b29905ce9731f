// Intersections, unions and differences of sets, shown, counted or stored. A key that is not there is an empty set.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/context.h"
#include "commands/families.h"
#include "types/set.h"

namespace terrace::commands {
namespace {

using engine::kNotifyGeneric;
using engine::kNotifySet;
using types::Element;
using types::Set;
using types::SetLimits;

// The operands in the order they were named; nullopt where there is no key.
using Operands = std::vector<std::optional<Set>>;

// A set made here, to be looked at and thrown away, or to be given to a key.
class OwnSet {
 public:
  explicit OwnSet(Encoding encoding) : set_(Set::New(encoding)) {}
  ~OwnSet() {
    if (!given_) types::Destroy(set_.value());
  }
  OwnSet(const OwnSet&) = delete;
  OwnSet& operator=(const OwnSet&) = delete;

  Set* operator->() { return &set_; }
  Set& operator*() { return set_; }
  types::Value Give() {
    given_ = true;
    return set_.value();
  }

 private:
  Set set_;
  bool given_ = false;
};

ErrcOr<Operands> FindOperands(ReadContext& ctx, Args args, size_t first, size_t count) {
  Operands operands;
  operands.reserve(count);
  for (size_t i = first; i < first + count; ++i) {
    const auto found = ctx.Find(args[i], Type::kSet);
    if (!found.ok()) return Unexpected{found.error()};
    operands.push_back(*found == nullptr ? std::nullopt
                                         : std::optional(Set((*found)->collection())));
  }
  return operands;
}

size_t SizeOf(const std::optional<Set>& operand) { return operand ? operand->Size() : 0; }

// --- the three operations: visit(element) for every member of the result, until it returns false ---

template <typename F>
void Intersect(Operands operands, F&& visit) {
  // The members of the smallest are asked for in the others, the next smallest first: it is the likeliest to say no.
  std::stable_sort(operands.begin(), operands.end(),
                   [](const auto& a, const auto& b) { return SizeOf(a) < SizeOf(b); });
  if (!operands.front()) return;
  operands.front()->ForEach([&](const Element& element) {
    for (size_t i = 1; i < operands.size(); ++i) {
      if (!operands[i]->Contains(element)) return true;
    }
    return static_cast<bool>(visit(element));
  });
}

// What is in one operand from `first` on goes into `result`.
void Unite(const Operands& operands, size_t first, const SetLimits& limits, Set* result) {
  for (size_t i = first; i < operands.size(); ++i) {
    if (!operands[i]) continue;
    operands[i]->ForEach([&](const Element& element) {
      result->Add(element, limits);
      return true;
    });
  }
}

template <typename F>
void Subtract(const Operands& operands, const SetLimits& limits, F&& visit) {
  if (!operands.front()) return;
  // Asking every operand about every member, or collecting what they have first and asking once: whichever looks like
  // less work. A lookup is worth half an insertion.
  size_t others = 0;
  for (size_t i = 1; i < operands.size(); ++i) others += SizeOf(operands[i]);
  const size_t first = SizeOf(operands.front());
  if (operands.size() <= 2 || first * (operands.size() - 1) / 2 <= others + first) {
    return operands.front()->ForEach([&](const Element& element) {
      for (size_t i = 1; i < operands.size(); ++i) {
        if (operands[i] && operands[i]->Contains(element)) return true;
      }
      visit(element);
      return true;
    });
  }
  OwnSet taken(Encoding::kHashTable);
  Unite(operands, 1, limits, &*taken);
  operands.front()->ForEach([&](const Element& element) {
    if (!taken->Contains(element)) visit(element);
    return true;
  });
}

// --- shown ---

class SetReply {
 public:
  explicit SetReply(resp::Reply& reply) : reply_(reply), slot_(reply.DeferredSet()) {}
  void Add(const Element& element) {
    char digits[kInt64CharsMax];
    reply_.Bulk(element.Text(digits));
    ++count_;
  }
  void Finish() { reply_.SetDeferred(slot_, count_); }

 private:
  resp::Reply& reply_;
  const resp::Reply::Slot slot_;
  size_t count_ = 0;
};

// SINTER key [key ...]
void Inter(ReadContext& ctx, Args args) {
  auto operands = FindOperands(ctx, args, 1, args.size() - 1);
  if (!operands.ok()) return ReplyError(ctx, operands.error());
  SetReply result(ctx.reply);
  Intersect(*std::move(operands), [&](const Element& element) {
    result.Add(element);
    return true;
  });
  result.Finish();
}

// SUNION key [key ...]
void Union(ReadContext& ctx, Args args) {
  const auto operands = FindOperands(ctx, args, 1, args.size() - 1);
  if (!operands.ok()) return ReplyError(ctx, operands.error());
  const bool only_integers =
      std::all_of(operands->begin(), operands->end(), [](const auto& operand) {
        return !operand || operand->value().encoding == Encoding::kIntset;
      });
  OwnSet all(only_integers ? Encoding::kIntset : Encoding::kHashTable);
  Unite(*operands, 0, SetLimits(ctx.unit.settings.encoding), &*all);
  ctx.reply.Set(all->Size());
  all->ForEach([&](const Element& element) {
    char digits[kInt64CharsMax];
    ctx.reply.Bulk(element.Text(digits));
    return true;
  });
}

// SDIFF key [key ...]
void Diff(ReadContext& ctx, Args args) {
  const auto operands = FindOperands(ctx, args, 1, args.size() - 1);
  if (!operands.ok()) return ReplyError(ctx, operands.error());
  SetReply result(ctx.reply);
  Subtract(*operands, SetLimits(ctx.unit.settings.encoding),
           [&](const Element& element) { result.Add(element); });
  result.Finish();
}

// SINTERCARD numkeys key [key ...] [LIMIT limit]
void InterCard(ReadContext& ctx, Args args) {
  const auto numkeys = ParseInt64(args[1]);
  if (!numkeys || *numkeys < 1) return ctx.reply.Error("ERR numkeys should be greater than 0");
  if (static_cast<uint64_t>(*numkeys) > args.size() - 2) {
    return ctx.reply.Error("ERR Number of keys can't be greater than number of args");
  }
  const auto keys = static_cast<size_t>(*numkeys);
  uint64_t limit = 0;  // none
  for (size_t i = 2 + keys; i < args.size(); i += 2) {
    if (!EqualsIgnoreCase(args[i], "LIMIT") || i + 1 == args.size())
      return ReplyError(ctx, Errc::kSyntax);
    const auto wanted = ParseInt64(args[i + 1]);
    if (!wanted || *wanted < 0) return ctx.reply.Error("ERR LIMIT can't be negative");
    limit = static_cast<uint64_t>(*wanted);
  }
  auto operands = FindOperands(ctx, args, 2, keys);
  if (!operands.ok()) return ReplyError(ctx, operands.error());
  uint64_t count = 0;
  Intersect(*std::move(operands), [&](const Element&) { return ++count != limit; });
  ctx.reply.Integer(static_cast<int64_t>(count));
}

// --- stored ---

// The key holds the result now, or nothing if that is empty.
Effect Store(WriteContext& ctx, Bytes key, Bytes event, OwnSet& result) {
  const size_t size = result->Size();
  ctx.reply.Integer(static_cast<int64_t>(size));
  if (size == 0) {
    if (ctx.Peek(key) == nullptr) return Effect::None();
    ctx.Edit(key).Delete();
    ctx.Notify(kNotifyGeneric, "del", key);
    return Effect::AsReceived();
  }
  ctx.Edit(key).ReplaceWithCollection(result.Give());
  ctx.Notify(kNotifySet, event, key);
  return Effect::AsReceived();
}

// SINTERSTORE destination key [key ...]
Effect InterStore(WriteContext& ctx, Args args) {
  auto operands = FindOperands(ctx, args, 2, args.size() - 2);
  if (!operands.ok()) return Fail(ctx, operands.error());
  const SetLimits limits(ctx.unit.settings.encoding);
  // The result is part of the smallest operand, and is stored as that is.
  const auto smallest =
      std::min_element(operands->begin(), operands->end(),
                       [](const auto& a, const auto& b) { return SizeOf(a) < SizeOf(b); });
  OwnSet result(*smallest ? (*smallest)->value().encoding : Encoding::kIntset);
  Intersect(*std::move(operands), [&](const Element& element) {
    result->Add(element, limits);
    return true;
  });
  result->Compact(limits);
  return Store(ctx, args[1], "sinterstore", result);
}

// SUNIONSTORE destination key [key ...]
Effect UnionStore(WriteContext& ctx, Args args) {
  const auto operands = FindOperands(ctx, args, 2, args.size() - 2);
  if (!operands.ok()) return Fail(ctx, operands.error());
  OwnSet result(Encoding::kIntset);
  Unite(*operands, 0, SetLimits(ctx.unit.settings.encoding), &*result);
  return Store(ctx, args[1], "sunionstore", result);
}

// SDIFFSTORE destination key [key ...]
Effect DiffStore(WriteContext& ctx, Args args) {
  const auto operands = FindOperands(ctx, args, 2, args.size() - 2);
  if (!operands.ok()) return Fail(ctx, operands.error());
  const SetLimits limits(ctx.unit.settings.encoding);
  OwnSet result(Encoding::kIntset);
  Subtract(*operands, limits, [&](const Element& element) { result->Add(element, limits); });
  return Store(ctx, args[1], "sdiffstore", result);
}

constexpr KeySpec kCountedKeys[] = {{.flags = kKeyRO | kKeyAccess,
                                     .index = 1,
                                     .find = KeySpec::Find::kKeyNumber,
                                     .number_index = 0,
                                     .first_key = 1}};
// Redis says of one of the three that it reads its destination, too: clients see it in COMMAND INFO.
constexpr KeySpec kInterStoreKeys[] = {OneKey(kKeyRW | kKeyUpdate),
                                       AllKeys(kKeyRO | kKeyAccess, 2)};
constexpr KeySpec kStoreKeys[] = {OneKey(kKeyOW | kKeyUpdate), AllKeys(kKeyRO | kKeyAccess, 2)};

constexpr CommandSpec kSetAlgebraCommands[] = {
    {.name = "sinter",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kSet,
     .keys = kReadKeys,
     .read = Inter,
     .since = "1.0.0",
     .complexity = "O(N*M) for M sets, the smallest of N members",
     .summary = "Lists what is in all of several sets.",
     .syntax = "key [key ...]",
     .tips = "nondeterministic_output_order"},
    {.name = "sintercard",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kSet,
     .keys = kCountedKeys,
     .read = InterCard,
     .since = "7.0.0",
     .complexity = "O(N*M) for M sets, the smallest of N members",
     .summary = "Counts what is in all of several sets, up to a limit.",
     .syntax = "numkeys key [key ...] [LIMIT limit]"},
    {.name = "sinterstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .group = Group::kSet,
     .keys = kInterStoreKeys,
     .write = InterStore,
     .since = "1.0.0",
     .complexity = "O(N*M) for M sets, the smallest of N members",
     .summary = "Stores what is in all of several sets.",
     .syntax = "destination:key key [key ...]"},
    {.name = "sunion",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kSet,
     .keys = kReadKeys,
     .read = Union,
     .since = "1.0.0",
     .complexity = "O(N) in the members of all sets",
     .summary = "Lists what is in any of several sets.",
     .syntax = "key [key ...]",
     .tips = "nondeterministic_output_order"},
    {.name = "sunionstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .group = Group::kSet,
     .keys = kStoreKeys,
     .write = UnionStore,
     .since = "1.0.0",
     .complexity = "O(N) in the members of all sets",
     .summary = "Stores what is in any of several sets.",
     .syntax = "destination:key key [key ...]"},
    {.name = "sdiff",
     .arity = -2,
     .flags = kReadonly,
     .group = Group::kSet,
     .keys = kReadKeys,
     .read = Diff,
     .since = "1.0.0",
     .complexity = "O(N) in the members of all sets",
     .summary = "Lists what is in the first of several sets and in no other.",
     .syntax = "key [key ...]",
     .tips = "nondeterministic_output_order"},
    {.name = "sdiffstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .group = Group::kSet,
     .keys = kStoreKeys,
     .write = DiffStore,
     .since = "1.0.0",
     .complexity = "O(N) in the members of all sets",
     .summary = "Stores what is in the first of several sets and in no other.",
     .syntax = "destination:key key [key ...]"},
};

}  // namespace

std::span<const CommandSpec> SetAlgebraCommands() { return kSetAlgebraCommands; }

}  // namespace terrace::commands
