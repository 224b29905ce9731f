#include "commands/list_operations.h"

#include <algorithm>
#include <string>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/collection_edit.h"
#include "types/list.h"

namespace terrace::commands {
namespace {

using types::Element;
using types::List;
using types::ListEnd;
using types::ListLimits;

constexpr Bytes PopEvent(ListEnd end) { return end == ListEnd::kHead ? "lpop" : "rpop"; }
constexpr Bytes PushEvent(ListEnd end) { return end == ListEnd::kHead ? "lpush" : "rpush"; }

ListLimits LimitsOf(const WriteContext& ctx) {
  return ListLimits::From(ctx.unit.settings.encoding);
}

size_t IndexAt(const List& list, ListEnd end) {
  return end == ListEnd::kHead ? 0 : list.Size() - 1;
}

}  // namespace

std::optional<ListEnd> ParseListEnd(Bytes word) {
  if (EqualsIgnoreCase(word, "LEFT")) return ListEnd::kHead;
  if (EqualsIgnoreCase(word, "RIGHT")) return ListEnd::kTail;
  return std::nullopt;
}

void PopOne(WriteContext& ctx, engine::KeyRef& key, ListEnd end) {
  CollectionEdit<List> list(ctx, key);
  list->Take(end, LimitsOf(ctx), [&](const Element& element) { ReplyElement(ctx.reply, element); });
  ctx.unit.Notify(engine::kNotifyList, key.db, PopEvent(end), key.key);
  list.Finish();
}

size_t PopMany(WriteContext& ctx, engine::KeyRef& key, ListEnd end, size_t count) {
  CollectionEdit<List> list(ctx, key);
  const size_t size = list->Size();
  const size_t taken = std::min(count, size);
  ctx.reply.Array(taken);
  size_t left = taken;
  list->Walk(IndexAt(*list, end), Opposite(end), [&](const Element& element) {
    ReplyElement(ctx.reply, element);
    return --left > 0;
  });
  list->Erase(end == ListEnd::kHead ? 0 : size - taken, taken, LimitsOf(ctx));
  ctx.unit.Notify(engine::kNotifyList, key.db, PopEvent(end), key.key);
  list.Finish();
  return taken;
}

void MoveElement(WriteContext& ctx, engine::KeyRef& source, engine::KeyRef& target, ListEnd from,
                 ListEnd to) {
  const ListLimits limits = LimitsOf(ctx);
  std::string moved;
  const List held(source.entry()->collection());
  held.Walk(IndexAt(held, from), from, [&](const Element& element) {
    char digits[kInt64CharsMax];
    moved.assign(element.Text(digits));
    return false;
  });
  // First put in, then taken out: so the list of one element that turns within itself is never empty, and the two
  // notifications come in Redis' order.
  {
    CollectionEdit<List> list(ctx, target);
    list->Push(to, moved, limits);
    list.Finish();
  }
  ctx.unit.Notify(engine::kNotifyList, target.db, PushEvent(to), target.key);
  CollectionEdit<List> list(ctx, source);
  size_t index = IndexAt(*list, from);
  // In the same list it may have been put before or behind the one that is to go.
  const bool same = source.db == target.db && source.key == target.key;
  if (same && from == to) index = from == ListEnd::kHead ? 1 : index - 1;
  list->Erase(index, 1, limits);
  ctx.unit.Notify(engine::kNotifyList, source.db, PopEvent(from), source.key);
  list.Finish();
  ctx.reply.Bulk(moved);
}

std::optional<ListPopRequest> ParseListPop(ReadContext& ctx, Args args, size_t at) {
  const auto refuse = [&](Bytes error) {
    ctx.reply.Error(error);
    return std::nullopt;
  };
  const auto keys = ParseInt64(args[at]);
  if (!keys || *keys <= 0) return refuse("ERR numkeys should be greater than 0");
  if (static_cast<uint64_t>(*keys) >= args.size() - at - 1) return refuse(kSyntaxError);
  ListPopRequest request{.first_key = at + 1, .keys = static_cast<size_t>(*keys)};
  size_t next = request.first_key + request.keys;
  const auto end = ParseListEnd(args[next++]);
  if (!end) return refuse(kSyntaxError);
  request.end = *end;
  if (next == args.size()) return request;
  if (!EqualsIgnoreCase(args[next], "COUNT") || next + 1 == args.size())
    return refuse(kSyntaxError);
  const auto count = ParseInt64(args[next + 1]);
  if (!count || *count <= 0) return refuse("ERR count should be greater than 0");
  if (next + 2 != args.size()) return refuse(kSyntaxError);
  request.count = *count;
  return request;
}

std::optional<Effect> PopFromFirst(WriteContext& ctx, Args args, const ListPopRequest& request) {
  for (size_t i = request.first_key; i < request.first_key + request.keys; ++i) {
    engine::KeyRef& key = ctx.RefOf(args[i]);
    const engine::Entry* entry = ctx.Peek(key);
    if (entry == nullptr) continue;
    if (entry->type() != Type::kList) {
      ReplyError(ctx, Errc::kWrongType);
      return Effect::None();
    }
    ctx.reply.Array(2);
    ctx.reply.Bulk(args[i]);
    const size_t taken = PopMany(ctx, key, request.end, static_cast<size_t>(request.count));
    return ctx.Rewritten({PopCommand(request.end), args[i], static_cast<uint64_t>(taken)})
        .Counting(taken);
  }
  return std::nullopt;
}

}  // namespace terrace::commands
