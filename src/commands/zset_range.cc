#include "commands/zset_range.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"

namespace terrace::commands {

using types::LexBound;
using types::RankSpan;
using types::SortedSet;

RankSpan RankRange::Resolve(size_t size) const {
  const auto end = static_cast<int64_t>(size);
  const int64_t from = std::max<int64_t>(first < 0 ? first + end : first, 0);
  const int64_t to = std::min(last < 0 ? last + end : last, end - 1);
  if (from > to || from >= end) return {};
  return {static_cast<size_t>(from), static_cast<size_t>(to - from + 1)};
}

RankSpan ZsetRange::SpanIn(const SortedSet& set, bool reverse) const {
  switch (by) {
    case RangeBy::kScore:
      return set.Find(scores);
    case RangeBy::kMember:
      return set.Find(members);
    case RangeBy::kRank:
      break;
  }
  const size_t size = set.Size();
  RankSpan span = ranks.Resolve(size);
  if (reverse) span.from = size - span.from - span.count;
  return span;
}

RankSpan RangeRequest::SpanIn(const SortedSet& set) const {
  RankSpan span = range.SpanIn(set, reverse);
  if (range.by == RangeBy::kRank) return span;
  // Members to leave out at the end where the reply begins, and how many of the others to show.
  if (offset < 0 || static_cast<size_t>(offset) >= span.count) return {};
  const size_t left = span.count - static_cast<size_t>(offset);
  const size_t shown = limit < 0 ? left : std::min(left, static_cast<size_t>(limit));
  return {reverse ? span.from + left - shown : span.from + static_cast<size_t>(offset), shown};
}

namespace {

// A bound as strtod reads it, which lets blanks stand before it and nothing at all be 0.
bool ParseScoreBound(Bytes text, double* value, bool* excluded) {
  *excluded = !text.empty() && text[0] == '(';
  if (*excluded) text.remove_prefix(1);
  const std::string terminated(text);
  char* end = nullptr;
  *value = std::strtod(terminated.c_str(), &end);
  return *end == '\0' && !std::isnan(*value);
}

bool ParseMemberBound(Bytes text, LexBound* bound) {
  if (text.empty()) return false;
  switch (text[0]) {
    case '-':
    case '+':
      bound->kind = text[0] == '-' ? LexBound::Kind::kLowest : LexBound::Kind::kHighest;
      return text.size() == 1;
    case '[':
    case '(':
      bound->kind = text[0] == '[' ? LexBound::Kind::kIncluded : LexBound::Kind::kExcluded;
      bound->member = text.substr(1);
      return true;
    default:
      return false;
  }
}

// The words behind the bounds; `*by` and `*reverse` where the command's name leaves them open. Empty or an error's text.
Bytes ParseRangeWords(Args args, size_t from, RangeForm form, RangeRequest* request,
                      RangeForm* chosen) {
  for (size_t i = from; i < args.size(); ++i) {
    const Bytes word = args[i];
    if (!form.stores && EqualsIgnoreCase(word, "WITHSCORES")) {
      request->with_scores = true;
    } else if (EqualsIgnoreCase(word, "LIMIT") && args.size() - i > 2) {
      const auto offset = ParseInt64(args[i + 1]);
      const auto limit = ParseInt64(args[i + 2]);
      if (!offset || !limit) return kNotAnIntegerError;
      request->offset = *offset;
      request->limit = *limit;
      i += 2;
    } else if (!chosen->reverse && EqualsIgnoreCase(word, "REV")) {
      chosen->reverse = true;
    } else if (!chosen->by && EqualsIgnoreCase(word, "BYLEX")) {
      chosen->by = RangeBy::kMember;
    } else if (!chosen->by && EqualsIgnoreCase(word, "BYSCORE")) {
      chosen->by = RangeBy::kScore;
    } else {
      return kSyntaxError;
    }
  }
  return {};
}

}  // namespace

Result<ZsetRange, Bytes> ParseZsetRange(RangeBy by, Bytes min, Bytes max) {
  ZsetRange range{.by = by};
  if (by == RangeBy::kRank) {
    const auto first = ParseInt64(min);
    const auto last = ParseInt64(max);
    if (!first || !last) return Unexpected{kNotAnIntegerError};
    range.ranks = {*first, *last};
  } else if (by == RangeBy::kScore) {
    types::ScoreRange& scores = range.scores;
    if (!ParseScoreBound(min, &scores.min, &scores.excludes_min) ||
        !ParseScoreBound(max, &scores.max, &scores.excludes_max)) {
      return Unexpected{Bytes("ERR min or max is not a float")};
    }
  } else if (!ParseMemberBound(min, &range.members.min) ||
             !ParseMemberBound(max, &range.members.max)) {
    return Unexpected{Bytes("ERR min or max not valid string range item")};
  }
  return range;
}

Result<RangeRequest, Bytes> ParseRangeRequest(Args args, size_t first, RangeForm form) {
  RangeRequest request;
  RangeForm chosen = form;
  const Bytes error = ParseRangeWords(args, first + 2, form, &request, &chosen);
  if (!error.empty()) return Unexpected{error};
  const RangeBy by = chosen.by.value_or(RangeBy::kRank);
  request.reverse = chosen.reverse.value_or(false);
  if (by == RangeBy::kRank && request.limit != -1) {
    return Unexpected{Bytes(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")};
  }
  if (by == RangeBy::kMember && request.with_scores) {
    return Unexpected{
        Bytes("ERR syntax error, WITHSCORES not supported in combination with BYLEX")};
  }
  const bool swapped = request.reverse && by != RangeBy::kRank;
  const auto range =
      ParseZsetRange(by, args[swapped ? first + 1 : first], args[swapped ? first : first + 1]);
  if (!range.ok()) return Unexpected{range.error()};
  request.range = *range;
  return request;
}

}  // namespace terrace::commands
