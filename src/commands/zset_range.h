// The ranges of sorted sets as clients write them: two bounds and, of some commands, words behind them.
//
//   by rank     0 -1                  from the lowest score, or (REV) from the highest; negative: from the end
//   by score    (1.5 +inf             "(" leaves the bound itself out
//   by member   [a (b                 "[" takes it in; - and + are before and behind all members
#pragma once

#include <cstdint>
#include <optional>

#include "base/args.h"
#include "base/result.h"
#include "types/sorted_set.h"

namespace terrace::commands {

enum class RangeBy : uint8_t { kRank, kScore, kMember };

struct RankRange {
  int64_t first = 0, last = 0;

  /// The ranks it covers of `size`, counted from the end it begins at.
  types::RankSpan Resolve(size_t size) const;
};

/// A range of any kind; `by` says which one is meant.
struct ZsetRange {
  RangeBy by = RangeBy::kRank;
  RankRange ranks;
  types::ScoreRange scores;
  types::LexRange members;

  /// The ranks it covers, ascending; `reverse` matters to ranks only.
  types::RankSpan SpanIn(const types::SortedSet& set, bool reverse) const;
};

/// The bounds, the lower one first; the error is its text.
Result<ZsetRange, Bytes> ParseZsetRange(RangeBy by, Bytes min, Bytes max);

/// What ZRANGE and its relatives ask for.
struct RangeRequest {
  ZsetRange range;
  bool reverse = false;
  bool with_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;  // negative: no limit

  /// The ranks of the members wanted, ascending; they go out from the other end if it is reverse.
  types::RankSpan SpanIn(const types::SortedSet& set) const;
};

/// What a command's name says already.
struct RangeForm {
  std::optional<RangeBy> by;
  std::optional<bool> reverse;
  bool stores = false;
};

/// args[first] is the minimum (reverse and not by rank: the maximum); the error is its text.
Result<RangeRequest, Bytes> ParseRangeRequest(Args args, size_t first, RangeForm form);

}  // namespace terrace::commands
