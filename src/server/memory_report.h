// MemoryReport: where memory goes, for INFO memory and MEMORY STATS and DOCTOR.
//
//   used = overhead + dataset        overhead = startup + clients + bucket arrays + expiry indexes + log
//
// What the allocator holds for us is counted (base/memory.h); what the process has resident is the kernel's number. The
// allocator does not tell what it keeps beyond that, so its "active" and "resident" are the resident set.
#pragma once

#include <cstdint>
#include <vector>

#include "exec/executor.h"
#include "server/keyspace_summary.h"
#include "server/parts.h"

namespace terrace::server {

/// All clients in numbers.
struct ClientSummary {
  uint64_t connected = 0;
  uint64_t blocked = 0;
  uint64_t pubsub = 0;
  uint64_t watching = 0;
  uint64_t watched_keys = 0;
  uint64_t awaited_keys = 0;       // that somebody waits for
  uint64_t awaited_gone_keys = 0;  // of them, those whose going is waited for, too
  uint64_t timeouts = 0;           // waits that end by themselves
  uint64_t memory_bytes = 0;
  uint64_t input_bytes_max = 0;   // longest unfinished request
  uint64_t output_bytes_max = 0;  // longest queue of replies
};

/// Looks at every connection while all workers stand still.
ClientSummary SummarizeClients(exec::Executor& executor, const Parts& parts);

struct MemoryReport {
  uint64_t used = 0;
  uint64_t peak = 0;
  uint64_t resident = 0;
  uint64_t startup = 0;
  uint64_t clients = 0;
  uint64_t log = 0;
  uint64_t buckets = 0;
  uint64_t expiry = 0;
  uint64_t keys = 0;

  uint64_t overhead() const { return startup + clients + log + buckets + expiry; }
  uint64_t dataset() const { return used > overhead() ? used - overhead() : 0; }
  /// Of what was allocated since the start, how much is data.
  double dataset_percent() const;
  double fragmentation() const;
  int64_t fragmentation_bytes() const {
    return static_cast<int64_t>(resident) - static_cast<int64_t>(used);
  }
};

MemoryReport MakeMemoryReport(const Parts& parts, const std::vector<KeyspaceSummary>& keyspaces,
                              const ClientSummary& clients);

}  // namespace terrace::server
