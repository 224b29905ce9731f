// SortedSet: members with scores, in order of (score, member). How a zset key's value is worked with.
//
//   listpack   member, score, member, score ... ascending; scores as the text a client sees (kListpack)
//   skiplist   a RankedTree in that order and a table by name over the same items (kSkiplist; clients know the name)
//
// A set that outgrows its limits becomes a skiplist and never goes back. It is a handle (types/value.h): what it has
// become is value().
//
// Ranks count from 0 at the smallest score. Whatever asks for an order looks at O(log n) items of a skiplist, and at all
// of a listpack, which is small.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/random.h"
#include "types/listpack.h"
#include "types/ranked_tree.h"
#include "types/scored_table.h"
#include "types/sorted_range.h"
#include "types/value.h"

namespace terrace::types {

class SortedSet {
 public:
  /// What a listpack may hold; read from the settings (types/encoding_limits.h).
  struct Limits {
    size_t listpack_entries;
    size_t listpack_value_bytes;
  };
  using Change = ScoredTable::Change;

  /// A place in a set; good until the set changes. Like an iterator it is asked only where there is a member.
  class Cursor {
   public:
    explicit operator bool() const {
      return listpack_ != nullptr ? at_ != nullptr : static_cast<bool>(position_);
    }
    /// Good until the cursor moves.
    Bytes member() const;
    double score() const;
    void Next();
    void Previous();

   private:
    friend class SortedSet;
    const void* listpack_ = nullptr;  // of a skiplist: nullptr
    Listpack::Position at_ = nullptr;
    RankedTree::Position position_;
    mutable char digits_[kInt64CharsMax];
  };

  explicit SortedSet(Value value) : value_(value) {}
  static SortedSet New();
  Value value() const { return value_; }
  size_t Size() const;
  bool is_listpack() const { return value_.encoding == Encoding::kListpack; }

  std::optional<double> Score(Bytes member) const;
  /// How many members come before this one.
  std::optional<size_t> Rank(Bytes member) const;
  /// The member at `rank`, or nothing.
  Cursor At(size_t rank) const;
  Cursor First() const { return At(0); }
  Cursor Last() const { return At(Size() - 1); }
  /// The ranks a range covers.
  RankSpan Find(const ScoreRange& range) const { return SpanOf(range); }
  RankSpan Find(const LexRange& range) const { return SpanOf(range); }

  /// `score` is not NaN.
  Change Set(Bytes member, double score, const Limits& limits);
  bool Erase(Bytes member);
  void EraseSpan(RankSpan span);
  /// Before many members come: a set that will not stay a listpack need not be one first.
  void Expect(size_t members, size_t member_bytes, const Limits& limits);

  /// A walk over a skiplist in the order of its table, some `count` members a call: SCAN's promise holds while the set
  /// changes. A listpack is walked in one go. `visit(Bytes member, double score)`; 0 comes back at the end.
  template <typename Visit>
  uint64_t Scan(uint64_t cursor, size_t count, Visit visit) const;

 private:
  struct Pair {
    Listpack::Position member = nullptr;
    Listpack::Position score = nullptr;
  };

  Listpack listpack() const { return Listpack(value_.data); }
  ScoredTable& skiplist() const { return *static_cast<ScoredTable*>(value_.data); }
  Pair FindInListpack(Bytes member) const;
  void InsertIntoListpack(Bytes member, double score);
  bool FitsListpack(Bytes member, const Limits& limits) const;
  void BecomeSkiplist();
  template <typename Before>
  size_t CountBefore(Before before) const;
  template <typename Range>
  RankSpan SpanOf(const Range& range) const;

  Value value_;
};

inline Bytes MemberOf(const SortedSet::Cursor& at) { return at.member(); }

/// The score an element of a listpack stands for.
double ScoreOfElement(const Element& element);

template <typename Visit>
uint64_t SortedSet::Scan(uint64_t cursor, size_t count, Visit visit) const {
  if (!is_listpack()) {
    return skiplist().Scan(cursor, count,
                           [&](const ScoredItem& item) { visit(item.member(), item.score()); });
  }
  for (Cursor at = First(); at; at.Next()) visit(at.member(), at.score());
  return 0;
}

}  // namespace terrace::types
