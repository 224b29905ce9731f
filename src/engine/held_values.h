// Held values: those that cannot leave memory, since no table in force has them as they are. How much they take nobody counts,
// which would cost every write something; it is estimated from the entries of random buckets, in some hundred microseconds.
//
// Threads: any that is in and holds no lock.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "engine/databases.h"

namespace terrace::engine {

struct ValueBytes {
  uint64_t held = 0;   // changed, or captured by a checkpoint that is not in force yet
  uint64_t loose = 0;  // may leave at any time
};

/// About how much values take in memory, but for those that are not worth leaving (Residency::IsWorthReading).
ValueBytes EstimateValues(Databases& databases, Random& random);

}  // namespace terrace::engine
