// Value: a collection as an entry holds it: its type, how it is stored, and one pointer. It is a handle that is copied
// freely and owns nothing; the entry it stands in owns what it points to. types/hash.h and its neighbours are what one
// works with: each is made from a Value and gives one back, because a collection that grows changes its encoding.
//
//   Hash hash(entry.collection());  hash.Set(field, value, limits);  entry.set_collection(hash.value());
//
// Threads: the lock of the key's shard, like the entry.
#pragma once

#include <cstddef>
#include <cstdint>

#include "types/value_type.h"

namespace terrace::types {

struct Value {
  Type type = Type::kList;
  Encoding encoding = Encoding::kListpack;
  void* data = nullptr;
};

/// What can be done with a value of any type; one table an encoding, beside its class.
struct ValueOps {
  void (*destroy)(void* data);
  void* (*copy)(const void* data);
  /// What the allocator holds for it.
  size_t (*memory_bytes)(const void* data);
  /// About how many allocations it takes to free it.
  size_t (*free_effort)(const void* data);
  /// About the same as memory_bytes, for encodings whose memory_bytes looks at every node; nullptr for the others.
  size_t (*memory_estimate)(const void* data) = nullptr;
};

void Destroy(Value value);
Value Copy(Value value);
size_t MemoryBytes(Value value);
size_t FreeEffort(Value value);
/// About MemoryBytes, in some microseconds however large the value is (base/sampled_sum.h).
size_t MemoryEstimate(Value value);

/// Whether a capture has not let go of it yet (types/table_capture.h).
bool UnderCapture(Value value);

/// An element of a collection that will be looked up soon, by Table::HashOf its name, comes into the cache in two steps:
/// the place where it is looked for, and, a hundred nanoseconds later, the element. Nothing for small encodings.
enum class FetchStep : uint8_t { kPlace, kElement };
void FetchElement(Value value, uint64_t hash, FetchStep step);

/// The earliest deadline (ms since epoch) among the items of a collection whose encoding MayHaveTimedItems; 0 if none of
/// them has one.
uint64_t NextTimedItem(Value value);
/// The same for any collection. Fields of hashes are the only items that have deadlines.
inline uint64_t NextDeadline(Value value) {
  return MayHaveTimedItems(value.encoding) ? NextTimedItem(value) : 0;
}
/// Whether all its items have deadlines and all have passed: nothing would be left of it.
bool AllDue(Value value, uint64_t now_ms);

}  // namespace terrace::types
