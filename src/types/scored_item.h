// A member of a large sorted set: an item of its table, which has the score behind the member (types/table.h).
#pragma once

#include "types/table.h"

namespace terrace::types {

using ScoredItem = TableItem;

inline double ScoreOf(const ScoredItem* item) { return item->score(); }
inline Bytes MemberOf(const ScoredItem* item) { return item->member(); }

}  // namespace terrace::types
