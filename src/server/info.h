// INFO: what the server tells about itself, section by section.
//
//   # Server\r\n            a title, then lines "field:value\r\n"; sections are set apart by an empty line
//   redis_version:7.4.0\r\n
//
// The fields are those of Redis 7.2 (and what 7.4 added to the same sections), with zeros for what we have no such
// thing of (forks, an append-only file), so that no consumer misses a line. `terrace_version` and the section Engine
// are ours.
//
// Counters of workers are summed without stopping them. What a section needs of all clients is looked at in a short
// exclusive section, and only if the section is asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exec/executor.h"
#include "server/keyspace_summary.h"
#include "server/memory_report.h"
#include "server/worker.h"

namespace terrace::server {

/// Where sections read from; what is dear to find out is found out once.
class InfoSource {
 public:
  explicit InfoSource(exec::SessionContext& ctx);

  const std::vector<KeyspaceSummary>& keyspaces();
  const ClientSummary& clients();
  const MemoryReport& memory();

  exec::Executor& executor;
  Parts& parts;
  const config::Options options;
  const uint64_t now_ms;

 private:
  std::optional<std::vector<KeyspaceSummary>> keyspaces_;
  std::optional<ClientSummary> clients_;
  std::optional<MemoryReport> memory_;
};

/// The sections that `names` ask for, in INFO's order; without names the default ones. "default", "all" and
/// "everything" stand for several; names nobody knows for none.
std::string InfoText(InfoSource& source, Args names);

/// Sum of a counter over all workers.
template <typename Read>
uint64_t SumOverWorkers(const Parts& parts, Read read) {
  uint64_t sum = 0;
  for (const auto& worker : parts.workers) sum += read(*worker);
  return sum;
}

/// What commands have changed since the start; "dirty".
uint64_t ChangesOf(const Parts& parts);

// The sections, without their titles.
void InfoServer(InfoSource& source, std::string* out);
void InfoClients(InfoSource& source, std::string* out);
void InfoMemory(InfoSource& source, std::string* out);
void InfoPersistence(InfoSource& source, std::string* out);
void InfoTiering(InfoSource& source, std::string* out);
void InfoStats(InfoSource& source, std::string* out);
void InfoReplication(InfoSource& source, std::string* out);
void InfoCpu(InfoSource& source, std::string* out);
void InfoModules(InfoSource& source, std::string* out);
void InfoCommandStats(InfoSource& source, std::string* out);
void InfoErrorStats(InfoSource& source, std::string* out);
void InfoLatencyStats(InfoSource& source, std::string* out);
void InfoCluster(InfoSource& source, std::string* out);
void InfoKeyspace(InfoSource& source, std::string* out);
void InfoEngine(InfoSource& source, std::string* out);

}  // namespace terrace::server
