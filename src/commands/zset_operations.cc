#include "commands/zset_operations.h"

#include <charconv>
#include <cmath>

#include "base/numbers.h"
#include "commands/collection_edit.h"

namespace terrace::commands {

using types::SortedSet;
using SortedSetEdit = CollectionEdit<SortedSet>;

SortedSet::Limits ZsetLimits(const ReadContext& ctx) {
  const types::EncodingLimits& limits = ctx.unit.settings.encoding;
  return {static_cast<size_t>(limits.zset_listpack_entries.load(std::memory_order_relaxed)),
          static_cast<size_t>(limits.zset_listpack_value_bytes.load(std::memory_order_relaxed))};
}

namespace {

ErrcOr<std::optional<SortedSet>> SetOf(const ErrcOr<engine::Entry*>& found) {
  if (TERRACE_UNLIKELY(!found.ok())) return Unexpected{found.error()};
  if (*found == nullptr) return std::optional<SortedSet>();
  return std::optional<SortedSet>(SortedSet((*found)->collection()));
}

}  // namespace

ErrcOr<std::optional<SortedSet>> FindZset(ReadContext& ctx, Bytes key) {
  return SetOf(ctx.Find(key, Type::kZset));
}
ErrcOr<std::optional<SortedSet>> PeekZset(WriteContext& ctx, Bytes key) {
  return SetOf(ctx.Peek(key, Type::kZset));
}

// Nearly all scores are plain decimals, which from_chars reads in a fraction of strtod's time and to the same value. The
// other forms (hexadecimal, a plus sign, what is too large or small) are left to strtod.
std::optional<double> ParseScore(Bytes text) {
  double score;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (TERRACE_LIKELY(error == std::errc() && end == text.data() + text.size() &&
                     std::isfinite(score)))
    return score;
  return ParseDouble(text);
}

// --- adding ---

namespace {

// The score a member should have after this one was given for it; nullopt if the conditions keep it as it is.
std::optional<double> Wanted(std::optional<double> present, double given,
                             const AddConditions& conditions) {
  if (!present) return conditions.only_present ? std::nullopt : std::optional(given);
  if (conditions.only_new) return std::nullopt;
  const double wanted = conditions.increment ? *present + given : given;
  if (conditions.only_greater && wanted <= *present) return std::nullopt;
  if (conditions.only_less && wanted >= *present) return std::nullopt;
  return wanted;
}

}  // namespace

AddOutcome AddToZset(WriteContext& ctx, Bytes key, const std::optional<SortedSet>& existing,
                     std::span<const ScoredMember> members, const AddConditions& conditions,
                     Bytes event) {
  AddOutcome outcome;
  const SortedSet::Limits limits = ZsetLimits(ctx);
  // Made when the first change is certain: a change that is announced must happen.
  std::optional<SortedSetEdit> edit;
  for (const ScoredMember& given : members) {
    const SortedSet* now = edit ? &**edit : existing ? &*existing : nullptr;
    const std::optional<double> present = now == nullptr ? std::nullopt : now->Score(given.member);
    outcome.score = Wanted(present, given.score, conditions);
    if (!outcome.score) continue;
    if (TERRACE_UNLIKELY(std::isnan(
            *outcome.score))) {  // only an increment's sum, and that has no other members
      outcome.is_nan = true;
      return outcome;
    }
    if (present == outcome.score) continue;
    if (!edit) {
      edit.emplace(ctx, key);
      if (!existing) (*edit)->Expect(members.size(), given.member.size(), limits);
    }
    (*edit)->Set(given.member, *outcome.score, limits);
    present ? ++outcome.scored : ++outcome.added;
  }
  if (edit) {
    edit->Finish();
    ctx.Notify(engine::kNotifyZset, event, key);
  }
  return outcome;
}

// --- popping ---

size_t PopFromZset(WriteContext& ctx, Bytes key, ZsetEnd end, size_t count, PopShape shape,
                   resp::Reply& reply) {
  SortedSetEdit set(ctx, key);
  const size_t size = set->Size();
  const size_t popped = count < size ? count : size;
  const bool pairs = shape == PopShape::kPairs || shape == PopShape::kKeyPairs;
  switch (shape) {
    case PopShape::kFlat:
      reply.Array(2 * popped);
      break;
    case PopShape::kPairs:
      reply.Array(popped);
      break;
    case PopShape::kKeyFlat:
      reply.Array(2 * popped + 1);
      reply.Bulk(key);
      break;
    case PopShape::kKeyPairs:
      reply.Array(2);
      reply.Bulk(key);
      reply.Array(popped);
      break;
  }
  SortedSet::Cursor at = end == ZsetEnd::kMin ? set->First() : set->Last();
  for (size_t i = 0; i < popped; ++i) {
    if (pairs) reply.Array(2);
    reply.Bulk(at.member());
    reply.Double(at.score());
    end == ZsetEnd::kMin ? at.Next() : at.Previous();
  }
  set->EraseSpan({end == ZsetEnd::kMin ? 0 : size - popped, popped});
  ctx.Notify(engine::kNotifyZset, end == ZsetEnd::kMin ? "zpopmin" : "zpopmax", key);
  set.Finish();
  return popped;
}

Effect LogPop(WriteContext& ctx, Bytes key, ZsetEnd end, size_t popped) {
  return ctx
      .Rewritten({end == ZsetEnd::kMin ? "ZPOPMIN" : "ZPOPMAX", key, static_cast<uint64_t>(popped)})
      .Counting(popped);
}

// --- storing ---

Effect StoreZset(WriteContext& ctx, Bytes key, SortedSet result, Bytes event) {
  const size_t size = result.Size();
  ctx.reply.Integer(static_cast<int64_t>(size));
  if (size != 0) {
    ctx.Edit(key).ReplaceWithCollection(result.value());
    ctx.Notify(engine::kNotifyZset, event, key);
    return Effect::AsReceived();
  }
  types::Destroy(result.value());
  if (ctx.Peek(key) == nullptr) return Effect::None();
  ctx.Edit(key).Delete();
  ctx.Notify(engine::kNotifyGeneric, "del", key);
  return Effect::AsReceived();
}

}  // namespace terrace::commands
