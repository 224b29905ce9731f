#include "server/memory_report.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/memory.h"
#include "server/text.h"
#include "server/worker.h"

namespace terrace::server {

ClientSummary SummarizeClients(exec::Executor& executor, const Parts& parts) {
  ClientSummary summary;
  executor.Exclusive([&] {
    std::set<std::pair<unsigned, Bytes>> awaited, awaited_gone;
    for (const auto& worker : parts.workers) {
      summary.timeouts += worker->parking_lot().timeouts();
      for (const auto& connection : worker->connections()) {
        ++summary.connected;
        summary.blocked += connection->is_parked();
        summary.pubsub += connection->subscriptions() > 0;
        summary.watching += !connection->watched.empty();
        summary.watched_keys += connection->watched.size();
        summary.memory_bytes += connection->memory_bytes();
        summary.input_bytes_max =
            std::max<uint64_t>(summary.input_bytes_max, connection->parser().buffered_bytes());
        summary.output_bytes_max =
            std::max<uint64_t>(summary.output_bytes_max, connection->output_bytes());
        if (const exec::Wait* wait = connection->parking.wait.get()) {
          for (const exec::NamedKey& key : wait->keys) {
            awaited.emplace(wait->db, key.key);
            if (wait->also_when_gone) awaited_gone.emplace(wait->db, key.key);
          }
        }
      }
    }
    summary.awaited_keys = awaited.size();
    summary.awaited_gone_keys = awaited_gone.size();
  });
  return summary;
}

double MemoryReport::dataset_percent() const {
  if (used <= startup) return 0;
  return std::min(100.0,
                  100 * Ratio(static_cast<double>(dataset()), static_cast<double>(used - startup)));
}

double MemoryReport::fragmentation() const {
  return Ratio(static_cast<double>(resident), static_cast<double>(used));
}

MemoryReport MakeMemoryReport(const Parts& parts, const std::vector<KeyspaceSummary>& keyspaces,
                              const ClientSummary& clients) {
  MemoryReport report;
  report.used = static_cast<uint64_t>(UsedMemory());
  report.peak = std::max(report.used, static_cast<uint64_t>(PeakMemory()));
  report.resident = static_cast<uint64_t>(ResidentMemory());
  report.startup = static_cast<uint64_t>(parts.run.startup_bytes);
  report.clients = clients.memory_bytes;
  report.log = parts.log.memory_bytes();
  for (const KeyspaceSummary& keyspace : keyspaces) {
    report.buckets += keyspace.bucket_bytes;
    report.expiry += keyspace.expiry_bytes;
    report.keys += keyspace.keys;
  }
  return report;
}

}  // namespace terrace::server
