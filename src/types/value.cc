#include "types/value.h"

#include "base/check.h"
#include "types/intset.h"
#include "types/listpack.h"
#include "types/packed_fields.h"
#include "types/quicklist.h"
#include "types/scored_table.h"
#include "types/stream.h"
#include "types/table.h"
#include "types/timed_table.h"

namespace terrace::types {
namespace {

const ValueOps& OpsOf(Encoding encoding) {
  switch (encoding) {
    case Encoding::kListpack:
      return kListpackOps;
    case Encoding::kIntset:
      return kIntsetOps;
    case Encoding::kQuicklist:
      return kQuicklistOps;
    case Encoding::kHashTable:
      return kTableOps;
    case Encoding::kSkiplist:
      return kSkiplistOps;
    case Encoding::kStream:
      return kStreamOps;
    case Encoding::kListpackEx:
      return kListpackOps;
    case Encoding::kTimedTable:
      return kTimedTableOps;
    default:
      break;
  }
  TERRACE_CHECK(false && "no collection has this encoding");
  return kListpackOps;
}

}  // namespace

void Destroy(Value value) { OpsOf(value.encoding).destroy(value.data); }

Value Copy(Value value) {
  return {value.type, value.encoding, OpsOf(value.encoding).copy(value.data)};
}

size_t MemoryBytes(Value value) { return OpsOf(value.encoding).memory_bytes(value.data); }

size_t FreeEffort(Value value) { return OpsOf(value.encoding).free_effort(value.data); }

size_t MemoryEstimate(Value value) {
  const ValueOps& ops = OpsOf(value.encoding);
  return (ops.memory_estimate != nullptr ? ops.memory_estimate : ops.memory_bytes)(value.data);
}

namespace {

// The table with all its items; nullptr: it has none.
const Table* TableIn(Value value) {
  switch (value.encoding) {
    case Encoding::kHashTable:
      return static_cast<const Table*>(value.data);
    case Encoding::kTimedTable:
      return static_cast<const TimedTable*>(value.data)->fields();
    case Encoding::kSkiplist:
      return &static_cast<const ScoredTable*>(value.data)->by_name();
    default:
      return nullptr;
  }
}

}  // namespace

bool UnderCapture(Value value) {
  if (value.encoding == Encoding::kQuicklist) return Quicklist(value.data).capture() != nullptr;
  if (value.encoding == Encoding::kStream)
    return static_cast<const Stream::Data*>(value.data)->capture != nullptr;
  const Table* table = TableIn(value);
  return table != nullptr && table->capture() != nullptr;
}

void FetchElement(Value value, uint64_t hash, FetchStep step) {
  const Table* table = TableIn(value);
  if (table == nullptr) return;
  step == FetchStep::kPlace ? table->FetchBucket(hash) : table->FetchItem(hash);
}

uint64_t NextTimedItem(Value value) {
  if (value.encoding == Encoding::kListpackEx) return PackedFields(value.data).NextDeadline();
  TERRACE_DCHECK(value.encoding == Encoding::kTimedTable);
  return static_cast<const TimedTable*>(value.data)->NextDeadline();
}

bool AllDue(Value value, uint64_t now_ms) {
  if (value.encoding == Encoding::kListpackEx) return PackedFields(value.data).AllDue(now_ms);
  if (value.encoding == Encoding::kTimedTable)
    return static_cast<const TimedTable*>(value.data)->AllDue(now_ms);
  return false;
}

}  // namespace terrace::types
