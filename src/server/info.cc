#include "server/info.h"

#include "base/ascii.h"

namespace terrace::server {
namespace {

struct Section {
  Bytes name;
  const char* title;
  void (*write)(InfoSource&, std::string*);
  bool is_default;
};

// In the order in which they are printed.
constexpr Section kSections[] = {
    {"server", "Server", InfoServer, true},
    {"clients", "Clients", InfoClients, true},
    {"memory", "Memory", InfoMemory, true},
    {"persistence", "Persistence", InfoPersistence, true},
    {"stats", "Stats", InfoStats, true},
    {"replication", "Replication", InfoReplication, true},
    {"cpu", "CPU", InfoCpu, true},
    {"modules", "Modules", InfoModules, true},
    {"commandstats", "Commandstats", InfoCommandStats, false},
    {"errorstats", "Errorstats", InfoErrorStats, true},
    {"latencystats", "Latencystats", InfoLatencyStats, false},
    {"cluster", "Cluster", InfoCluster, true},
    {"keyspace", "Keyspace", InfoKeyspace, true},
    {"engine", "Engine", InfoEngine, false},
    {"tiering", "Tiering", InfoTiering, false},
};

bool IsWanted(const Section& section, Args names) {
  if (names.size() == 1) return section.is_default;
  for (size_t i = 1; i < names.size(); ++i) {
    const Bytes name = names[i];
    if (EqualsIgnoreCase(name, "all") || EqualsIgnoreCase(name, "everything")) return true;
    if (EqualsIgnoreCase(name, "default") && section.is_default) return true;
    if (EqualsIgnoreCase(name, section.name)) return true;
  }
  return false;
}

}  // namespace

InfoSource::InfoSource(exec::SessionContext& ctx)
    : executor(ctx.executor),
      parts(static_cast<Worker&>(*ctx.executor.host()).parts()),
      options(parts.config.Snapshot()),
      now_ms(parts.clock.WallMs()) {}

const std::vector<KeyspaceSummary>& InfoSource::keyspaces() {
  if (!keyspaces_) keyspaces_ = SummarizeInUse(parts.databases, now_ms);
  return *keyspaces_;
}

const ClientSummary& InfoSource::clients() {
  if (!clients_) clients_ = SummarizeClients(executor, parts);
  return *clients_;
}

const MemoryReport& InfoSource::memory() {
  if (!memory_) memory_ = MakeMemoryReport(parts, keyspaces(), clients());
  return *memory_;
}

std::string InfoText(InfoSource& source, Args names) {
  std::string text;
  for (const Section& section : kSections) {
    if (!IsWanted(section, names)) continue;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.title).append("\r\n");
    section.write(source, &text);
  }
  return text;
}

}  // namespace terrace::server
