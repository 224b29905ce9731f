// INFO's sections Stats, Commandstats, Errorstats and Latencystats.
#include <cinttypes>

#include "base/numbers.h"
#include "server/info.h"
#include "server/latency_distribution.h"
#include "server/text.h"

namespace terrace::server {
namespace {

// One command over all workers.
struct CommandTotals {
  uint64_t calls = 0;
  uint64_t nanoseconds = 0;
  uint64_t rejected = 0;
  uint64_t failed = 0;
};

CommandTotals TotalsOf(const Parts& parts, uint32_t id) {
  CommandTotals totals;
  for (const auto& worker : parts.workers) {
    const exec::CommandCounter& counter = worker->executor().stats().of(id);
    totals.calls += counter.calls.load(std::memory_order_relaxed);
    totals.nanoseconds += counter.nanoseconds.load(std::memory_order_relaxed);
    totals.rejected += counter.rejected.load(std::memory_order_relaxed);
    totals.failed += counter.failed.load(std::memory_order_relaxed);
  }
  return totals;
}

void Field(std::string* out, const char* name, uint64_t value) {
  AppendFormat(out, "%s:%" PRIu64 "\r\n", name, value);
}

void Throughput(const Parts& parts, std::string* out) {
  const auto sum = [&](std::atomic<uint64_t> WorkerStats::*field) {
    return SumOverWorkers(parts, [&](Worker& worker) { return (worker.stats().*field).load(); });
  };
  Field(out, "total_connections_received", parts.stats.connections_received.load());
  Field(out, "total_commands_processed", sum(&WorkerStats::commands));
  Field(out, "instantaneous_ops_per_sec", static_cast<uint64_t>(parts.run.commands.per_second()));
  Field(out, "total_net_input_bytes", sum(&WorkerStats::net_input_bytes));
  Field(out, "total_net_output_bytes", sum(&WorkerStats::net_output_bytes));
  *out += "total_net_repl_input_bytes:0\r\ntotal_net_repl_output_bytes:0\r\n";
  AppendFormat(out, "instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
               parts.run.input_bytes.per_second() / 1024,
               parts.run.output_bytes.per_second() / 1024);
  *out += "instantaneous_input_repl_kbps:0.00\r\ninstantaneous_output_repl_kbps:0.00\r\n";
  Field(out, "rejected_connections", parts.stats.connections_rejected.load());
  *out += "sync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n";
}

void Keys(const Parts& parts, std::string* out) {
  const auto sum = [&](std::atomic<uint64_t> engine::EngineCounters::*field) {
    return SumOverWorkers(
        parts, [&](Worker& worker) { return (worker.executor().counters().*field).load(); });
  };
  const uint64_t expire_ns =
      SumOverWorkers(parts, [](Worker& worker) { return worker.stats().expiry_ns.load(); });
  Field(out, "expired_subkeys", sum(&engine::EngineCounters::expired_fields));
  Field(out, "expired_keys", sum(&engine::EngineCounters::expired));
  *out += "expired_stale_perc:0.00\r\nexpired_time_cap_reached_count:0\r\n";
  Field(out, "expire_cycle_cpu_milliseconds", expire_ns / 1'000'000);
  Field(out, "evicted_keys", sum(&engine::EngineCounters::evicted));
  Field(out, "evicted_clients", parts.stats.clients_evicted.load());
  *out +=
      "evicted_scripts:0\r\ntotal_eviction_exceeded_time:0\r\n"
      "current_eviction_exceeded_time:0\r\n";
  Field(out, "keyspace_hits", sum(&engine::EngineCounters::keyspace_hits));
  Field(out, "keyspace_misses", sum(&engine::EngineCounters::keyspace_misses));
}

void Errors(const Parts& parts, std::string* out) {
  const ServerStats& stats = parts.stats;
  Field(out, "unexpected_error_replies", 0);
  Field(out, "total_error_replies", stats.error_replies.load());
  Field(out, "dump_payload_sanitizations", 0);
  Field(out, "total_reads_processed",
        SumOverWorkers(parts, [](Worker& worker) { return worker.stats().reads.load(); }));
  Field(out, "total_writes_processed",
        SumOverWorkers(parts, [](Worker& worker) { return worker.stats().writes.load(); }));
  *out += "io_threaded_reads_processed:0\r\nio_threaded_writes_processed:0\r\n";
  Field(out, "client_query_buffer_limit_disconnections", stats.query_buffer_closed.load());
  Field(out, "client_output_buffer_limit_disconnections", stats.output_buffer_closed.load());
  *out += "reply_buffer_shrinks:0\r\nreply_buffer_expands:0\r\n";
}

// Redis' event loop is our workers' turns.
void Turns(const Parts& parts, std::string* out) {
  const uint64_t turn_ns =
      SumOverWorkers(parts, [](Worker& worker) { return worker.stats().turn_ns.load(); });
  uint64_t command_ns = 0;
  for (uint32_t id = 0; id < parts.table.ids(); ++id) command_ns += TotalsOf(parts, id).nanoseconds;
  const double turns_per_second = parts.run.turns.per_second();
  Field(out, "eventloop_cycles",
        SumOverWorkers(parts, [](Worker& worker) { return worker.stats().turns.load(); }));
  Field(out, "eventloop_duration_sum", turn_ns / 1000);
  Field(out, "eventloop_duration_cmd_sum", command_ns / 1000);
  Field(out, "instantaneous_eventloop_cycles_per_sec", static_cast<uint64_t>(turns_per_second));
  Field(out, "instantaneous_eventloop_duration_usec",
        static_cast<uint64_t>(Ratio(parts.run.turn_ns.per_second() / 1000, turns_per_second)));
}

void AccessDenied(const ServerStats& stats, std::string* out) {
  Field(out, "acl_access_denied_auth", stats.acl_denied_auth.load());
  Field(out, "acl_access_denied_cmd", stats.acl_denied_command.load());
  Field(out, "acl_access_denied_key", stats.acl_denied_key.load());
  Field(out, "acl_access_denied_channel", stats.acl_denied_channel.load());
}

}  // namespace

void InfoStats(InfoSource& source, std::string* out) {
  const Parts& parts = source.parts;
  Throughput(parts, out);
  Keys(parts, out);
  const pubsub::RegistryTotals channels = parts.channels.totals();
  Field(out, "pubsub_channels", channels.channels);
  Field(out, "pubsub_patterns", channels.patterns);
  Field(out, "pubsubshard_channels", channels.shard_channels);
  *out +=
      "latest_fork_usec:0\r\ntotal_forks:0\r\nmigrate_cached_sockets:0\r\nslave_expires_tracked_"
      "keys:0\r\n"
      "active_defrag_hits:0\r\nactive_defrag_misses:0\r\nactive_defrag_key_hits:0\r\nactive_defrag_"
      "key_misses:0\r\n"
      "total_active_defrag_time:0\r\ncurrent_active_defrag_time:0\r\ntracking_total_keys:0\r\n"
      "tracking_total_items:0\r\ntracking_total_prefixes:0\r\n";
  Errors(parts, out);
  Turns(parts, out);
  AccessDenied(parts.stats, out);
}

void InfoCommandStats(InfoSource& source, std::string* out) {
  const commands::CommandTable& table = source.parts.table;
  for (uint32_t id = 0; id < table.ids(); ++id) {
    const CommandTotals totals = TotalsOf(source.parts, id);
    if (totals.calls == 0 && totals.rejected == 0 && totals.failed == 0) continue;
    const uint64_t us = totals.nanoseconds / 1000;
    AppendFormat(
        out,
        "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64 ",usec_per_call=%.2f,rejected_calls=%" PRIu64
        ",failed_calls=%" PRIu64 "\r\n",
        std::string(table.ById(id).full_name()).c_str(), totals.calls, us,
        Ratio(static_cast<double>(totals.nanoseconds) / 1000, static_cast<double>(totals.calls)),
        totals.rejected, totals.failed);
  }
}

void InfoErrorStats(InfoSource& source, std::string* out) {
  for (const auto& [code, count] : source.parts.stats.errors()) {
    AppendFormat(out, "errorstat_%s:count=%" PRIu64 "\r\n", code.c_str(), count);
  }
}

void InfoLatencyStats(InfoSource& source, std::string* out) {
  if (!source.options.latency_tracking) return;
  const commands::CommandTable& table = source.parts.table;
  for (uint32_t id = 0; id < table.ids(); ++id) {
    const LatencyDistribution latency = LatencyOf(source.parts, id);
    if (latency.calls() == 0) continue;
    out->append("latency_percentiles_usec_").append(table.ById(id).full_name()).append(":");
    const char* before = "";
    for (const double percent : source.options.latency_tracking_info_percentiles) {
      AppendFormat(out, "%sp%s=%.3f", before, FormatDouble(percent).c_str(),
                   static_cast<double>(latency.Percentile(percent)) / 1000);
      before = ",";
    }
    *out += "\r\n";
  }
}

}  // namespace terrace::server
