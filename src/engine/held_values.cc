#include "engine/held_values.h"

#include <algorithm>

#include "engine/residency.h"
#include "engine/sample_shard.h"

namespace terrace::engine {
namespace {

// Of a database. If one entry in a hundred is held, what these take is known to a sixth or so.
constexpr uint64_t kEntriesMin = 4000;

}  // namespace

ValueBytes EstimateValues(Databases& databases, Random& random) {
  ValueBytes sum;
  for (unsigned db = 0; db < databases.count(); ++db) {
    Keyspace& keyspace = databases.Get(db);
    const uint64_t size = keyspace.size();
    if (size == 0) continue;
    uint64_t seen = 0, held = 0, loose = 0;
    const auto look = [&](const Entry& entry) {
      if (!Residency::IsWorthReading(entry)) return;
      (Residency::CanLetGo(keyspace, entry) ? loose : held) += entry.MemoryEstimate();
    };
    while (seen < std::min(kEntriesMin, size)) {
      const uint64_t entries = SampleShard(keyspace, random, look);
      if (entries == 0) break;
      seen += entries;
    }
    if (seen == 0) continue;
    const double scale = static_cast<double>(size) / static_cast<double>(seen);
    sum.held += static_cast<uint64_t>(scale * static_cast<double>(held));
    sum.loose += static_cast<uint64_t>(scale * static_cast<double>(loose));
  }
  return sum;
}

}  // namespace terrace::engine
