// Lists.
#include <algorithm>
#include <limits>
#include <optional>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/collection_edit.h"
#include "commands/context.h"
#include "commands/families.h"
#include "commands/list_operations.h"
#include "types/list.h"

namespace terrace::commands {
namespace {

using engine::Entry;
using types::Element;
using types::List;
using types::ListEnd;
using types::ListLimits;

constexpr Bytes kNotSymmetricError =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

ListLimits LimitsOf(const WriteContext& ctx) {
  return ListLimits::From(ctx.unit.settings.encoding);
}

// Compares elements with a text that is read as an integer once, and not for each of them.
class Matcher {
 public:
  explicit Matcher(Bytes text)
      : text_(text), integer_(text.size() <= kInt64CharsMax ? ParseInt64(text) : std::nullopt) {}

  bool operator()(const Element& element) const {
    return element.is_integer() ? integer_ && *integer_ == element.integer()
                                : element.string() == text_;
  }

 private:
  const Bytes text_;
  const std::optional<int64_t> integer_;
};

// An int64 whose negative is one, too; nullopt after an error reply.
std::optional<int64_t> ParseSymmetric(ReadContext& ctx, Bytes text) {
  const auto number = ParseInt64(text);
  if (!number) {
    ctx.reply.Error(kNotAnIntegerError);
  } else if (*number == std::numeric_limits<int64_t>::min()) {
    ctx.reply.Error(kNotSymmetricError);
  } else {
    return number;
  }
  return std::nullopt;
}

// The elements that "start stop" mean in a list of `size`: negative numbers count from the end, what is outside is cut off.
struct Range {
  size_t from = 0;
  size_t count = 0;
};

Range RangeOf(int64_t start, int64_t stop, size_t size) {
  const auto length = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(start + length, 0);
  if (stop < 0) stop += length;
  stop = std::min(stop, length - 1);
  if (start > stop) return {};
  return {static_cast<size_t>(start), static_cast<size_t>(stop - start + 1)};
}

// Where an index points to in a list of `size`; nullopt: outside.
std::optional<size_t> PlaceOf(int64_t index, size_t size) {
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || index >= static_cast<int64_t>(size)) return std::nullopt;
  return static_cast<size_t>(index);
}

// --- putting in ---

Effect PushTo(WriteContext& ctx, const Args& args, ListEnd end, bool only_if_there) {
  engine::KeyRef& key = ctx.key_ref(0);
  const Entry* entry = ctx.Peek(key);
  if (entry == nullptr) {
    if (only_if_there) {
      ctx.reply.Integer(0);
      return Effect::None();
    }
  } else if (TERRACE_UNLIKELY(entry->type() != Type::kList)) {
    return Fail(ctx, Errc::kWrongType);
  }
  CollectionEdit<List> list(ctx, key);
  list->Push(end, args, 2, LimitsOf(ctx));
  ctx.reply.Integer(static_cast<int64_t>(list->Size()));
  list.Finish();
  ctx.Notify(engine::kNotifyList, end == ListEnd::kHead ? "lpush" : "rpush", args[1]);
  return Effect::AsReceived().Counting(args.size() - 2);
}

// LPUSH key element [element ...]
Effect LPush(WriteContext& ctx, Args args) { return PushTo(ctx, args, ListEnd::kHead, false); }
// RPUSH key element [element ...]
Effect RPush(WriteContext& ctx, Args args) { return PushTo(ctx, args, ListEnd::kTail, false); }
// LPUSHX key element [element ...]
Effect LPushX(WriteContext& ctx, Args args) { return PushTo(ctx, args, ListEnd::kHead, true); }
// RPUSHX key element [element ...]
Effect RPushX(WriteContext& ctx, Args args) { return PushTo(ctx, args, ListEnd::kTail, true); }

// LINSERT key BEFORE|AFTER pivot element
Effect LInsert(WriteContext& ctx, Args args) {
  const bool after = EqualsIgnoreCase(args[2], "AFTER");
  if (!after && !EqualsIgnoreCase(args[2], "BEFORE")) return Fail(ctx, Errc::kSyntax);
  const auto found = ctx.Peek(args[1], Type::kList);
  if (!found.ok()) return Fail(ctx, found.error());
  if (*found == nullptr) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  size_t index = 0;
  bool met = false;
  const Matcher is_pivot(args[3]);
  List((*found)->collection()).Walk(0, ListEnd::kTail, [&](const Element& element) {
    met = is_pivot(element);
    if (!met) ++index;
    return !met;
  });
  if (!met) {
    ctx.reply.Integer(-1);
    return Effect::None();
  }
  CollectionEdit<List> list(ctx, args[1]);
  list->Insert(after ? index + 1 : index, args[4], LimitsOf(ctx));
  ctx.reply.Integer(static_cast<int64_t>(list->Size()));
  list.Finish();
  ctx.Notify(engine::kNotifyList, "linsert", args[1]);
  return Effect::AsReceived();
}

// LSET key index element
Effect LSet(WriteContext& ctx, Args args) {
  const auto found = ctx.Peek(args[1], Type::kList);
  if (!found.ok()) return Fail(ctx, found.error());
  if (*found == nullptr) return Fail(ctx, Errc::kNoSuchKey);
  const auto index = ParseInt64(args[2]);
  if (!index) return Fail(ctx, Errc::kNotAnInteger);
  const auto place = PlaceOf(*index, List((*found)->collection()).Size());
  if (!place) return Fail(ctx, kOutOfRangeError);
  CollectionEdit<List> list(ctx, args[1]);
  list->Replace(*place, args[3], LimitsOf(ctx));
  list.Finish();
  ctx.reply.Ok();
  ctx.Notify(engine::kNotifyList, "lset", args[1]);
  return Effect::AsReceived();
}

// --- taking out ---

// LPOP key [count], RPOP key [count]
Effect Pop(WriteContext& ctx, const Args& args, ListEnd end) {
  if (args.size() > 3) {
    return Fail(ctx, end == ListEnd::kHead ? "ERR wrong number of arguments for 'lpop' command"
                                           : "ERR wrong number of arguments for 'rpop' command");
  }
  const bool counted = args.size() == 3;
  int64_t count = 1;
  if (counted) {
    const auto number = ParseInt64(args[2]);
    if (!number || *number < 0) return Fail(ctx, "ERR value is out of range, must be positive");
    count = *number;
  }
  engine::KeyRef& key = ctx.key_ref(0);
  const Entry* entry = ctx.Peek(key);
  if (entry == nullptr) {
    counted ? ctx.reply.NullArray() : ctx.reply.Null();
    return Effect::None();
  }
  if (TERRACE_UNLIKELY(entry->type() != Type::kList)) return Fail(ctx, Errc::kWrongType);
  if (!counted) {
    PopOne(ctx, key, end);
    return Effect::AsReceived();
  }
  if (count == 0) {
    ctx.reply.Array(0);
    return Effect::None();
  }
  return Effect::AsReceived().Counting(PopMany(ctx, key, end, static_cast<size_t>(count)));
}

Effect LPop(WriteContext& ctx, Args args) { return Pop(ctx, args, ListEnd::kHead); }
Effect RPop(WriteContext& ctx, Args args) { return Pop(ctx, args, ListEnd::kTail); }

// LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]
Effect LMPop(WriteContext& ctx, Args args) {
  const auto request = ParseListPop(ctx, args, 1);
  if (!request) return Effect::None();
  const auto effect = PopFromFirst(ctx, args, *request);
  if (effect) return *effect;
  ctx.reply.NullArray();
  return Effect::None();
}

// LTRIM key start stop
Effect LTrim(WriteContext& ctx, Args args) {
  const auto start = ParseInt64(args[2]);
  const auto stop = ParseInt64(args[3]);
  if (!start || !stop) return Fail(ctx, Errc::kNotAnInteger);
  const auto found = ctx.Peek(args[1], Type::kList);
  if (!found.ok()) return Fail(ctx, found.error());
  ctx.reply.Ok();
  if (*found == nullptr) return Effect::None();
  const size_t size = List((*found)->collection()).Size();
  const Range kept = RangeOf(*start, *stop, size);
  if (kept.count == size) {  // announced as if it were a change, as Redis does
    ctx.Notify(engine::kNotifyList, "ltrim", args[1]);
    return Effect::None();
  }
  CollectionEdit<List> list(ctx, args[1]);
  const size_t behind = kept.from + kept.count;
  if (behind < size) list->Erase(behind, size - behind, LimitsOf(ctx));
  if (kept.from > 0 && kept.count > 0) list->Erase(0, kept.from, LimitsOf(ctx));
  ctx.Notify(engine::kNotifyList, "ltrim", args[1]);
  list.Finish();
  return Effect::AsReceived().Counting(size - kept.count);
}

// LREM key count element
Effect LRem(WriteContext& ctx, Args args) {
  const auto count = ParseSymmetric(ctx, args[2]);
  if (!count) return Effect::None();
  const auto found = ctx.Peek(args[1], Type::kList);
  if (!found.ok()) return Fail(ctx, found.error());
  if (*found == nullptr || !List((*found)->collection()).Contains(args[3])) {
    ctx.reply.Integer(0);
    return Effect::None();
  }
  CollectionEdit<List> list(ctx, args[1]);
  const size_t max =
      *count == 0 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(std::abs(*count));
  const size_t removed =
      list->EraseEqual(args[3], max, *count < 0 ? ListEnd::kTail : ListEnd::kHead, LimitsOf(ctx));
  ctx.reply.Integer(static_cast<int64_t>(removed));
  ctx.Notify(engine::kNotifyList, "lrem", args[1]);
  list.Finish();
  return Effect::AsReceived().Counting(removed);
}

// --- moving ---

Effect Move(WriteContext& ctx, ListEnd from, ListEnd to) {
  engine::KeyRef& source = ctx.key_ref(0);
  engine::KeyRef& target = ctx.key_ref(1);
  const Entry* held = ctx.Peek(source);
  if (held == nullptr) {
    ctx.reply.Null();
    return Effect::None();
  }
  if (held->type() != Type::kList) return Fail(ctx, Errc::kWrongType);
  const Entry* other = ctx.Peek(target);
  if (other != nullptr && other->type() != Type::kList) return Fail(ctx, Errc::kWrongType);
  MoveElement(ctx, source, target, from, to);
  return Effect::AsReceived();
}

// LMOVE source destination LEFT|RIGHT LEFT|RIGHT
Effect LMove(WriteContext& ctx, Args args) {
  const auto from = ParseListEnd(args[3]);
  const auto to = ParseListEnd(args[4]);
  if (!from || !to) return Fail(ctx, Errc::kSyntax);
  return Move(ctx, *from, *to);
}

// RPOPLPUSH source destination
Effect RPopLPush(WriteContext& ctx, Args) { return Move(ctx, ListEnd::kTail, ListEnd::kHead); }

// --- looking ---

// LLEN key
void LLen(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kList);
  if (!found.ok()) return ReplyError(ctx, found.error());
  ctx.reply.Integer(*found == nullptr ? 0
                                      : static_cast<int64_t>(List((*found)->collection()).Size()));
}

// LINDEX key index
void LIndex(ReadContext& ctx, Args args) {
  const auto found = ctx.Find(args[1], Type::kList);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (*found == nullptr) return ctx.reply.Null();
  const auto index = ParseInt64(args[2]);
  if (!index) return ReplyError(ctx, Errc::kNotAnInteger);
  const List list((*found)->collection());
  const auto place = PlaceOf(*index, list.Size());
  if (!place) return ctx.reply.Null();
  list.Walk(*place, ListEnd::kTail, [&](const Element& element) {
    ReplyElement(ctx.reply, element);
    return false;
  });
}

// LRANGE key start stop
void LRange(ReadContext& ctx, Args args) {
  const auto start = ParseInt64(args[2]);
  const auto stop = ParseInt64(args[3]);
  if (!start || !stop) return ReplyError(ctx, Errc::kNotAnInteger);
  const auto found = ctx.Find(args[1], Type::kList);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (*found == nullptr) return ctx.reply.Array(0);
  const List list((*found)->collection());
  const Range range = RangeOf(*start, *stop, list.Size());
  ctx.reply.Array(range.count);
  if (range.count == 0) return;
  size_t left = range.count;
  list.Walk(range.from, ListEnd::kTail, [&](const Element& element) {
    ReplyElement(ctx.reply, element);
    return --left > 0;
  });
}

struct PositionOptions {
  ListEnd towards = ListEnd::kTail;
  uint64_t rank = 1;              // the first match that counts
  std::optional<uint64_t> count;  // 0: all; nullopt: one, and not as an array
  uint64_t elements_max = 0;      // to compare; 0: all
};

std::optional<PositionOptions> ParsePositionOptions(ReadContext& ctx, Args args) {
  const auto refuse = [&](Bytes error) {
    ctx.reply.Error(error);
    return std::nullopt;
  };
  PositionOptions options;
  for (size_t i = 3; i < args.size(); i += 2) {
    if (i + 1 == args.size()) return refuse(kSyntaxError);
    if (EqualsIgnoreCase(args[i], "RANK")) {
      const auto rank = ParseSymmetric(ctx, args[i + 1]);
      if (!rank) return std::nullopt;
      if (*rank == 0) {
        return refuse(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
            "use negative to "
            "start from the end of the list");
      }
      options.towards = *rank < 0 ? ListEnd::kHead : ListEnd::kTail;
      options.rank = static_cast<uint64_t>(std::abs(*rank));
    } else if (EqualsIgnoreCase(args[i], "COUNT")) {
      const auto count = ParseInt64(args[i + 1]);
      if (!count || *count < 0) return refuse("ERR COUNT can't be negative");
      options.count = static_cast<uint64_t>(*count);
    } else if (EqualsIgnoreCase(args[i], "MAXLEN")) {
      const auto max = ParseInt64(args[i + 1]);
      if (!max || *max < 0) return refuse("ERR MAXLEN can't be negative");
      options.elements_max = static_cast<uint64_t>(*max);
    } else {
      return refuse(kSyntaxError);
    }
  }
  return options;
}

// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
void LPos(ReadContext& ctx, Args args) {
  const auto options = ParsePositionOptions(ctx, args);
  if (!options) return;
  const auto found = ctx.Find(args[1], Type::kList);
  if (!found.ok()) return ReplyError(ctx, found.error());
  if (*found == nullptr) return options->count ? ctx.reply.Array(0) : ctx.reply.Null();

  const List list((*found)->collection());
  const size_t size = list.Size();
  const uint64_t wanted = options->count.value_or(1);
  resp::Reply::Slot slot{};
  if (options->count) slot = ctx.reply.DeferredArray();
  const Matcher is_wanted(args[2]);
  uint64_t compared = 0;
  uint64_t matches = 0;
  uint64_t told = 0;
  list.Walk(options->towards == ListEnd::kTail ? 0 : size - 1, options->towards,
            [&](const Element& element) {
              if (is_wanted(element) && ++matches >= options->rank) {
                ctx.reply.Integer(static_cast<int64_t>(
                    options->towards == ListEnd::kTail ? compared : size - 1 - compared));
                if (++told == wanted) return false;
              }
              return ++compared != options->elements_max;
            });
  if (options->count) {
    ctx.reply.SetDeferred(slot, told);
  } else if (told == 0) {
    ctx.reply.Null();
  }
}

constexpr KeySpec kDeleteKey[] = {OneKey(kKeyRW | kKeyDelete)};
constexpr KeySpec kMoveKeys[] = {OneKey(kKeyRW | kKeyAccess | kKeyDelete),
                                 OneKey(kKeyRW | kKeyInsert, 2)};
constexpr KeySpec kNumberedKeys[] = {{.flags = kKeyRW | kKeyAccess | kKeyDelete,
                                      .index = 1,
                                      .find = KeySpec::Find::kKeyNumber,
                                      .number_index = 0,
                                      .first_key = 1}};

constexpr uint32_t kPushFlags = kWrite | kDenyOom | kFast;

constexpr CommandSpec kListCommands[] = {
    {.name = "lpush",
     .arity = -3,
     .flags = kPushFlags,
     .group = Group::kList,
     .keys = kInsertKey,
     .write = LPush,
     .since = "1.0.0",
     .complexity = "O(1) for each element",
     .summary = "Puts elements before the first of a list, one after the other; makes the list if "
                "there is none.",
     .syntax = "key element [element ...]"},
    {.name = "rpush",
     .arity = -3,
     .flags = kPushFlags,
     .group = Group::kList,
     .keys = kInsertKey,
     .write = RPush,
     .since = "1.0.0",
     .complexity = "O(1) for each element",
     .summary = "Puts elements behind the last of a list; makes the list if there is none.",
     .syntax = "key element [element ...]"},
    {.name = "lpushx",
     .arity = -3,
     .flags = kPushFlags,
     .group = Group::kList,
     .keys = kInsertKey,
     .write = LPushX,
     .since = "2.2.0",
     .complexity = "O(1) for each element",
     .summary = "Puts elements before the first of a list that exists.",
     .syntax = "key element [element ...]"},
    {.name = "rpushx",
     .arity = -3,
     .flags = kPushFlags,
     .group = Group::kList,
     .keys = kInsertKey,
     .write = RPushX,
     .since = "2.2.0",
     .complexity = "O(1) for each element",
     .summary = "Puts elements behind the last of a list that exists.",
     .syntax = "key element [element ...]"},
    {.name = "lpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .group = Group::kList,
     .keys = kAccessDeleteKey,
     .write = LPop,
     .since = "1.0.0",
     .complexity = "O(N) in the elements taken",
     .summary = "Takes the first elements of a list; the key goes with the last one.",
     .syntax = "key [count]"},
    {.name = "rpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .group = Group::kList,
     .keys = kAccessDeleteKey,
     .write = RPop,
     .since = "1.0.0",
     .complexity = "O(N) in the elements taken",
     .summary =
         "Takes the last elements of a list, the last one first; the key goes with the last one.",
     .syntax = "key [count]"},
    {.name = "llen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .group = Group::kList,
     .keys = kLookKey,
     .read = LLen,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "The number of elements in a list.",
     .syntax = "key"},
    {.name = "lindex",
     .arity = 3,
     .flags = kReadonly,
     .group = Group::kList,
     .keys = kReadKey,
     .read = LIndex,
     .since = "1.0.0",
     .complexity = "O(N) in the nodes to pass and the elements of one; O(1) at both ends",
     .summary = "The element at a position, counted from 0, or from the end by negative numbers.",
     .syntax = "key index"},
    {.name = "lset",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .group = Group::kList,
     .keys = kUpdateKey,
     .write = LSet,
     .since = "1.0.0",
     .complexity = "O(N) in the nodes to pass and the elements of one; O(1) at both ends",
     .summary = "Puts an element in place of the one at a position.",
     .syntax = "key index element"},
    {.name = "linsert",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .group = Group::kList,
     .keys = kInsertKey,
     .write = LInsert,
     .since = "2.2.0",
     .complexity = "O(N) in the elements before the pivot",
     .summary = "Puts an element before or behind the first one that equals the pivot.",
     .syntax = "key <BEFORE | AFTER> pivot element"},
    {.name = "lrange",
     .arity = 4,
     .flags = kReadonly,
     .group = Group::kList,
     .keys = kReadKey,
     .read = LRange,
     .since = "1.0.0",
     .complexity = "O(S+N) in the nodes to pass and the elements returned",
     .summary = "The elements between two positions, both included.",
     .syntax = "key start stop"},
    {.name = "ltrim",
     .arity = 4,
     .flags = kWrite,
     .group = Group::kList,
     .keys = kDeleteKey,
     .write = LTrim,
     .since = "1.0.0",
     .complexity = "O(N) in the elements removed",
     .summary = "Takes what is not between two positions out of a list.",
     .syntax = "key start stop"},
    {.name = "lrem",
     .arity = 4,
     .flags = kWrite,
     .group = Group::kList,
     .keys = kDeleteKey,
     .write = LRem,
     .since = "1.0.0",
     .complexity = "O(N) in the elements of the list",
     .summary = "Takes elements that equal a given one out of a list: the first, the last, or all "
                "of them.",
     .syntax = "key count element"},
    {.name = "lpos",
     .arity = -3,
     .flags = kReadonly,
     .group = Group::kList,
     .keys = kReadKey,
     .read = LPos,
     .since = "6.0.6",
     .complexity = "O(N) in the elements compared",
     .summary = "Where in a list elements stand that equal a given one.",
     .syntax = "key element [RANK rank] [COUNT num-matches] [MAXLEN len]"},
    {.name = "lmove",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .group = Group::kList,
     .keys = kMoveKeys,
     .write = LMove,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Takes an element from an end of one list and puts it to an end of another, or of "
                "the same.",
     .syntax = "source:key destination:key <LEFT | RIGHT> <LEFT | RIGHT>"},
    {.name = "rpoplpush",
     .arity = 3,
     .flags = kWrite | kDenyOom,
     .group = Group::kList,
     .keys = kMoveKeys,
     .write = RPopLPush,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Takes the last element of one list and puts it before the first of another, or of "
                "the same.",
     .syntax = "source:key destination:key",
     .deprecated_since = "6.2.0",
     .replaced_by = "`LMOVE` with the `RIGHT` and `LEFT` arguments"},
    {.name = "lmpop",
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .group = Group::kList,
     .keys = kNumberedKeys,
     .write = LMPop,
     .since = "7.0.0",
     .complexity = "O(N+M) in the keys looked at and the elements taken",
     .summary = "Takes elements from the first of some lists that is there.",
     .syntax = "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]"},
};

}  // namespace

std::span<const CommandSpec> ListCommands() { return kListCommands; }

}  // namespace terrace::commands
