#include "server/client_memory.h"

#include <algorithm>
#include <vector>

#include "server/client_list.h"
#include "server/log.h"
#include "server/worker.h"

namespace terrace::server {

void EvictClients(Worker& worker) {
  Parts& parts = worker.parts();
  std::vector<std::string> evicted;
  worker.executor().Exclusive([&] {
    std::vector<Connection*> largest;
    ForEachConnection(parts, [&](Connection& connection) {
      if (!connection.no_evict && !connection.closing() && connection.counted_bytes > 0) {
        largest.push_back(&connection);
      }
    });
    std::sort(largest.begin(), largest.end(), [](const Connection* a, const Connection* b) {
      return a->counted_bytes > b->counted_bytes;
    });
    for (Connection* connection : largest) {
      if (!parts.client_memory.OverLimit()) break;
      evicted.push_back(ClientLine(*connection, worker.now_ms(), Args()));
      connection->MarkForClosing();
      // At once, not when its worker comes to close it: nobody goes on its account meanwhile.
      parts.client_memory.Add(-static_cast<int64_t>(connection->counted_bytes));
      connection->counted_bytes = 0;
    }
  });
  if (evicted.empty()) return;
  for (auto& each : parts.workers) each->Raise(Signal::kCloseMarked);
  parts.stats.clients_evicted.fetch_add(evicted.size(), std::memory_order_relaxed);
  for (const std::string& line : evicted)
    Log(config::LogLevel::kNotice, "Evicting client: %s", line.c_str());
}

}  // namespace terrace::server
