#include "types/sorted_set.h"

#include <charconv>

#include "base/check.h"

namespace terrace::types {

double ScoreOfElement(const Element& element) {
  if (element.is_integer()) return static_cast<double>(element.integer());
  const Bytes text = element.string();
  double score = 0;
  std::from_chars(text.data(), text.data() + text.size(), score);
  return score;
}

// --- cursors ---

Bytes SortedSet::Cursor::member() const {
  if (listpack_ == nullptr) return MemberOf(position_.item());
  return Listpack(const_cast<void*>(listpack_)).Get(at_).Text(digits_);
}

double SortedSet::Cursor::score() const {
  if (listpack_ == nullptr) return ScoreOf(position_.item());
  const Listpack listpack(const_cast<void*>(listpack_));
  return ScoreOfElement(listpack.Get(listpack.Next(at_)));
}

void SortedSet::Cursor::Next() {
  if (listpack_ == nullptr) return position_.Next();
  const Listpack listpack(const_cast<void*>(listpack_));
  at_ = listpack.Next(listpack.Next(at_));
}

void SortedSet::Cursor::Previous() {
  if (listpack_ == nullptr) return position_.Previous();
  const Listpack listpack(const_cast<void*>(listpack_));
  at_ = listpack.Previous(at_);
  if (at_ != nullptr) at_ = listpack.Previous(at_);
}

SortedSet::Cursor SortedSet::At(size_t rank) const {
  Cursor cursor;
  if (is_listpack()) {
    cursor.listpack_ = value_.data;
    cursor.at_ = rank < Size() ? listpack().Seek(static_cast<int64_t>(2 * rank)) : nullptr;
  } else if (rank < Size()) {
    cursor.position_ = skiplist().tree().At(rank);
  }
  return cursor;
}

// --- looking ---

SortedSet SortedSet::New() {
  return SortedSet({Type::kZset, Encoding::kListpack, Listpack::New().data()});
}

size_t SortedSet::Size() const {
  return is_listpack() ? listpack().Count() / 2 : skiplist().tree().size();
}

SortedSet::Pair SortedSet::FindInListpack(Bytes member) const {
  const Listpack all = listpack();
  const Listpack::Position at = all.Find(all.First(), member, 1);
  return at == nullptr ? Pair{} : Pair{at, all.Next(at)};
}

std::optional<double> SortedSet::Score(Bytes member) const {
  if (is_listpack()) {
    const Pair found = FindInListpack(member);
    if (found.member == nullptr) return std::nullopt;
    return ScoreOfElement(listpack().Get(found.score));
  }
  const ScoredItem* item = skiplist().Find(member);
  if (item == nullptr) return std::nullopt;
  return ScoreOf(item);
}

std::optional<size_t> SortedSet::Rank(Bytes member) const {
  if (is_listpack()) {
    size_t rank = 0;
    const Listpack all = listpack();
    for (Listpack::Position at = all.First(); at != nullptr; at = all.Next(all.Next(at)), ++rank) {
      if (all.Get(at) == member) return rank;
    }
    return std::nullopt;
  }
  const ScoredItem* item = skiplist().Find(member);
  if (item == nullptr) return std::nullopt;
  return skiplist().tree().RankOf(item);
}

// `before(score, at)`: MemberOf(at) is the member, read only when it is asked for.
template <typename Before>
size_t SortedSet::CountBefore(Before before) const {
  if (!is_listpack()) {
    return skiplist().tree().CountBefore(before);
  }
  size_t count = 0;
  for (Cursor at = First(); at && before(at.score(), at); at.Next()) ++count;
  return count;
}

template <typename Range>
RankSpan SortedSet::SpanOf(const Range& range) const {
  const size_t from =
      CountBefore([&](double score, const auto& at) { return range.IsBefore(score, at); });
  const size_t until =
      CountBefore([&](double score, const auto& at) { return range.IsWithinOrBefore(score, at); });
  return {from, until > from ? until - from : 0};
}

template RankSpan SortedSet::SpanOf(const ScoreRange&) const;
template RankSpan SortedSet::SpanOf(const LexRange&) const;

// --- changing ---

bool SortedSet::FitsListpack(Bytes member, const Limits& limits) const {
  return Size() + 1 <= limits.listpack_entries && member.size() <= limits.listpack_value_bytes &&
         listpack().HasRoomFor(member.size() + 64);
}

void SortedSet::Expect(size_t members, size_t member_bytes, const Limits& limits) {
  if (!is_listpack() ||
      (members <= limits.listpack_entries && member_bytes <= limits.listpack_value_bytes))
    return;
  BecomeSkiplist();
}

void SortedSet::BecomeSkiplist() {
  auto* grown = ScoredTable::New();
  for (Cursor at = First(); at; at.Next()) grown->Set(at.member(), at.score());
  listpack().Free();
  value_.encoding = Encoding::kSkiplist;
  value_.data = grown;
}

void SortedSet::InsertIntoListpack(Bytes member, double score) {
  Listpack all = listpack();
  Cursor at = First();
  while (at) {
    const double other = at.score();
    if (other > score || (other == score && at.member() > member)) break;
    at.Next();
  }
  // The score first: where the member goes is known then, too.
  const Listpack::Position placed = all.Insert(at.at_, FormatDouble(score));
  all.Insert(placed, member);
  value_.data = all.data();
}

SortedSet::Change SortedSet::Set(Bytes member, double score, const Limits& limits) {
  TERRACE_DCHECK(!std::isnan(score));
  if (is_listpack()) {
    const Pair found = FindInListpack(member);
    if (found.member != nullptr) {
      Listpack all = listpack();
      if (ScoreOfElement(all.Get(found.score)) == score) return Change::kNone;
      all.Erase(found.member, 2);
      value_.data = all.data();
      InsertIntoListpack(member, score);
      return Change::kScored;
    }
    if (FitsListpack(member, limits)) {
      InsertIntoListpack(member, score);
      return Change::kAdded;
    }
    BecomeSkiplist();
  }
  return skiplist().Set(member, score);
}

bool SortedSet::Erase(Bytes member) {
  if (!is_listpack()) return skiplist().Erase(member);
  const Pair found = FindInListpack(member);
  if (found.member == nullptr) return false;
  Listpack all = listpack();
  all.Erase(found.member, 2);
  value_.data = all.data();
  return true;
}

void SortedSet::EraseSpan(RankSpan span) {
  if (span.count == 0) return;
  if (is_listpack()) {
    Listpack all = listpack();
    all.Erase(all.Seek(static_cast<int64_t>(2 * span.from)), 2 * span.count);
    value_.data = all.data();
    return;
  }
  skiplist().EraseSpan(span);
}

}  // namespace terrace::types
