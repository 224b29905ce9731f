// INFO's sections Server, Clients, Persistence, Replication, CPU, Modules and Cluster.
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>

#include "base/siphash.h"
#include "engine/access_clock.h"
#include "server/info.h"
#include "server/text.h"
#include "server/version.h"

namespace terrace::server {
namespace {

constexpr uint64_t kSecondsPerDay = 24 * 60 * 60;

std::string OperatingSystem() {
  utsname name;
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string Executable() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size <= 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

const char* SupervisedName(config::Supervised supervised) {
  switch (supervised) {
    case config::Supervised::kUpstart:
      return "upstart";
    case config::Supervised::kSystemd:
      return "systemd";
    case config::Supervised::kAuto:
      return "unknown";
    case config::Supervised::kNo:
      return "no";
  }
  return "no";
}

// The same for every build of one version by one compiler.
uint64_t BuildId() { return SipHash13({}, std::string(kTerraceVersion) + " " + __VERSION__); }

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void InfoListeners(const config::Options& options, std::string* out) {
  unsigned index = 0;
  if (options.port > 0) {
    AppendFormat(out, "listener%u:name=tcp", index++);
    for (const std::string& address : options.bind) AppendFormat(out, ",bind=%s", address.c_str());
    AppendFormat(out, ",port=%" PRId64 "\r\n", options.port);
  }
  if (!options.unixsocket.empty()) {
    AppendFormat(out, "listener%u:name=unix,bind=%s\r\n", index, options.unixsocket.c_str());
  }
}

}  // namespace

void InfoServer(InfoSource& source, std::string* out) {
  const Parts& parts = source.parts;
  const uint64_t uptime_s = (source.now_ms - parts.run.started_ms) / 1000;
  AppendFormat(out, "redis_version:%s\r\nterrace_version:%s\r\nserver_name:terrace\r\n",
               kRedisVersion, kTerraceVersion);
  AppendFormat(out,
               "redis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:%" PRIx64 "\r\n",
               BuildId());
  AppendFormat(out, "redis_mode:standalone\r\nos:%s\r\narch_bits:%zu\r\n",
               OperatingSystem().c_str(), sizeof(void*) * 8);
  AppendFormat(
      out,
      "monotonic_clock:POSIX clock_gettime\r\nmultiplexing_api:epoll\r\natomicvar_api:c++20\r\n");
  AppendFormat(out, "gcc_version:%d.%d.%d\r\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
  AppendFormat(out, "process_id:%ld\r\nprocess_supervised:%s\r\n", static_cast<long>(getpid()),
               SupervisedName(source.options.supervised));
  AppendFormat(out, "run_id:%s\r\ntcp_port:%" PRId64 "\r\n", parts.run_id.c_str(),
               source.options.port);
  AppendFormat(out, "server_time_usec:%" PRIu64 "\r\n", parts.clock.WallUs());
  AppendFormat(out, "uptime_in_seconds:%" PRIu64 "\r\nuptime_in_days:%" PRIu64 "\r\n", uptime_s,
               uptime_s / kSecondsPerDay);
  AppendFormat(out, "hz:%" PRId64 "\r\nconfigured_hz:%" PRId64 "\r\n", source.options.hz,
               source.options.hz);
  AppendFormat(out, "lru_clock:%u\r\n", engine::LruClock(source.now_ms));
  AppendFormat(out, "executable:%s\r\nconfig_file:%s\r\n", Executable().c_str(),
               parts.config.config_file().c_str());
  AppendFormat(out, "io_threads_active:0\r\nworker_threads:%zu\r\n", parts.workers.size());
  InfoListeners(source.options, out);
}

void InfoClients(InfoSource& source, std::string* out) {
  const ClientSummary& clients = source.clients();
  AppendFormat(
      out, "connected_clients:%" PRIu64 "\r\ncluster_connections:0\r\nmaxclients:%" PRId64 "\r\n",
      clients.connected, source.options.maxclients);
  AppendFormat(out,
               "client_recent_max_input_buffer:%" PRIu64
               "\r\nclient_recent_max_output_buffer:%" PRIu64 "\r\n",
               clients.input_bytes_max, clients.output_bytes_max);
  AppendFormat(
      out, "blocked_clients:%" PRIu64 "\r\ntracking_clients:0\r\npubsub_clients:%" PRIu64 "\r\n",
      clients.blocked, clients.pubsub);
  AppendFormat(out, "watching_clients:%" PRIu64 "\r\nclients_in_timeout_table:%" PRIu64 "\r\n",
               clients.watching, clients.timeouts);
  AppendFormat(out, "total_watched_keys:%" PRIu64 "\r\n", clients.watched_keys);
  AppendFormat(out,
               "total_blocking_keys:%" PRIu64 "\r\ntotal_blocking_keys_on_nokey:%" PRIu64 "\r\n",
               clients.awaited_keys, clients.awaited_gone_keys);
}

void InfoReplication(InfoSource& source, std::string* out) {
  const engine::CommitLog& log = source.parts.log;
  const engine::LogWriter* writer = source.parts.log_writer;
  const uint64_t end = log.end_offset();
  uint64_t first = log.enabled() ? log.first_offset() : 0;
  if (writer != nullptr) first = std::min(first, writer->segments().first_offset());
  AppendFormat(out, "role:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n");
  AppendFormat(out, "master_replid:%s\r\n", source.parts.run.replication_id().c_str());
  const RunState& run = source.parts.run;
  AppendFormat(out, "master_replid2:%s\r\n", run.second_replication_id.c_str());
  AppendFormat(out, "master_repl_offset:%" PRIu64 "\r\nsecond_repl_offset:%" PRId64 "\r\n", end,
               run.second_replication_end < 0 ? -1 : run.second_replication_end + 1);
  AppendFormat(out, "repl_backlog_active:%d\r\nrepl_backlog_size:%" PRIu64 "\r\n",
               log.enabled() ? 1 : 0, source.options.repl_backlog_size_bytes);
  AppendFormat(out,
               "repl_backlog_first_byte_offset:%" PRIu64 "\r\nrepl_backlog_histlen:%" PRIu64 "\r\n",
               first, log.enabled() ? end + 1 - first : 0);
}

void InfoCpu(InfoSource& source, std::string* out) {
  rusage self{}, children{};
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  AppendFormat(out, "used_cpu_sys:%.6f\r\nused_cpu_user:%.6f\r\n", Seconds(self.ru_stime),
               Seconds(self.ru_utime));
  AppendFormat(out, "used_cpu_sys_children:%.6f\r\nused_cpu_user_children:%.6f\r\n",
               Seconds(children.ru_stime), Seconds(children.ru_utime));
  AppendFormat(out, "used_cpu_sys_main_thread:%.6f\r\nused_cpu_user_main_thread:%.6f\r\n",
               static_cast<double>(source.parts.run.main_system_us.load()) / 1e6,
               static_cast<double>(source.parts.run.main_user_us.load()) / 1e6);
}

void InfoModules(InfoSource&, std::string*) {}

void InfoCluster(InfoSource&, std::string* out) { *out += "cluster_enabled:0\r\n"; }

}  // namespace terrace::server
