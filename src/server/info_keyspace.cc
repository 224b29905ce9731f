// INFO's sections Keyspace and Engine.
#include <algorithm>
#include <cinttypes>

#include "server/info.h"
#include "server/text.h"

namespace terrace::server {
namespace {

void EngineLine(const KeyspaceSummary& summary, const engine::Staircase& staircase,
                std::string* out) {
  const engine::Staircase::Stats stats = staircase.stats();
  const double frontier = 100 * static_cast<double>(staircase.frontier()) /
                          static_cast<double>(engine::Staircase::kEnd);
  AppendFormat(
      out, "engine_db%u:engines=%d,shards=%" PRIu64 ",frontier_perc=%.2f,entries_per_bucket=%.2f",
      summary.db, staircase.moving() ? 2 : 1, summary.shards, frontier,
      summary.entries_per_bucket());
  AppendFormat(out, ",engines_opened=%" PRIu64 ",handovers=%" PRIu64 ",handover_usec_max=%.3f",
               stats.engines_opened, stats.handovers,
               static_cast<double>(stats.handover_ns_max) / 1000);
  AppendFormat(out, ",handover_usec_avg=%.3f",
               Ratio(static_cast<double>(stats.handover_ns_sum) / 1000,
                     static_cast<double>(stats.handovers)));
  AppendFormat(
      out, ",locks=%" PRIu64 ",locks_contended=%" PRIu64 ",contention_ratio=%.6f\r\n",
      summary.acquisitions, summary.contended,
      Ratio(static_cast<double>(summary.contended), static_cast<double>(summary.acquisitions)));
}

}  // namespace

void InfoKeyspace(InfoSource& source, std::string* out) {
  for (const KeyspaceSummary& summary : source.keyspaces()) {
    AppendFormat(
        out,
        "db%u:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=%" PRIu64 ",subexpiry=%" PRIu64 "\r\n",
        summary.db, summary.keys, summary.deadlines, summary.ttl_ms_mean, summary.with_timed_items);
  }
}

void InfoEngine(InfoSource& source, std::string* out) {
  AppendFormat(out, "exclusive_sections:%" PRIu64 "\r\n",
               source.parts.participants.exclusive_sections());
  const engine::CommitLog& log = source.parts.log;
  AppendFormat(out,
               "log_enabled:%d\r\nlog_first_offset:%" PRIu64 "\r\nlog_end_offset:%" PRIu64 "\r\n",
               log.enabled() ? 1 : 0, log.first_offset(), log.end_offset());
  AppendFormat(out, "log_reached_offset:%" PRIu64 "\r\n",
               std::min(log.end_offset(), log.progress().reached()));
  AppendFormat(out, "log_ring_bytes:%zu\r\n", log.enabled() ? log.kept_bytes() : size_t{0});
  const bool membarrier = source.parts.participants.fencing() == engine::Fencing::kByRequester;
  AppendFormat(out, "membarrier:%s\r\n", membarrier ? "yes" : "no");
  for (const KeyspaceSummary& summary : source.keyspaces()) {
    EngineLine(summary, source.parts.databases.Get(summary.db).staircase(), out);
  }
}

}  // namespace terrace::server
