// Ranges over a sorted set: by score, by member, and the ranks either of them comes to.
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace terrace::types {

// A range sorts a set's members into those before it, in it and behind it. It is shown a score and whatever MemberOf
// finds the member by.

/// Members of these ranks, ascending.
struct RankSpan {
  size_t from = 0;
  size_t count = 0;
};

struct ScoreRange {
  double min = 0, max = 0;
  bool excludes_min = false, excludes_max = false;

  /// Is this one before the range; is it not behind it?
  template <typename At>
  bool IsBefore(double score, const At&) const {
    return excludes_min ? score <= min : score < min;
  }
  template <typename At>
  bool IsWithinOrBefore(double score, const At&) const {
    return excludes_max ? score < max : score <= max;
  }
};

/// Members between two others; means something where all scores are equal.
struct LexBound {
  enum class Kind : unsigned char { kLowest, kHighest, kIncluded, kExcluded };
  Kind kind = Kind::kIncluded;
  Bytes member;

  /// Is `other` before everything this bound lets through as a minimum?
  bool CutsBelow(Bytes other) const {
    if (kind == Kind::kIncluded) return other < member;
    if (kind == Kind::kExcluded) return other <= member;
    return kind == Kind::kHighest;
  }
  /// Is `other` let through by this bound as a maximum?
  bool Admits(Bytes other) const {
    if (kind == Kind::kIncluded) return other <= member;
    if (kind == Kind::kExcluded) return other < member;
    return kind == Kind::kHighest;
  }
};

struct LexRange {
  LexBound min, max;

  template <typename At>
  bool IsBefore(double, const At& at) const {
    return min.CutsBelow(MemberOf(at));
  }
  template <typename At>
  bool IsWithinOrBefore(double, const At& at) const {
    return max.Admits(MemberOf(at));
  }
};

}  // namespace terrace::types
