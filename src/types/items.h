// Items: what a collection consists of, for those who treat every encoding alike (DUMP, DEBUG DIGEST, tests). Texts are
// good during the call only, and nothing may change the collection meanwhile.
#pragma once

#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "types/value.h"

namespace terrace::types {

/// Elements, members, fields or entries.
size_t CountItems(Value value);
/// A list's elements from head to tail; a set's members in no particular order.
void ForEachElement(Value list_or_set, const std::function<void(Bytes element)>& visit);
/// A hash's fields in no particular order.
void ForEachField(Value hash, const std::function<void(Bytes field, Bytes value)>& visit);
/// The same with each field's deadline, 0 for none.
void ForEachTimedField(
    Value hash, const std::function<void(Bytes field, Bytes value, uint64_t deadline_ms)>& visit);
/// A sorted set's members, lowest first.
void ForEachScore(Value zset, const std::function<void(Bytes member, double score)>& visit);
/// The same, highest first.
void ForEachScoreDown(Value zset, const std::function<void(Bytes member, double score)>& visit);

}  // namespace terrace::types
