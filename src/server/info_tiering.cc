// INFO tiering: values that are not in memory (docs/residency.md).
#include <algorithm>
#include <cinttypes>

#include "server/info.h"
#include "server/text.h"
#include "server/value_keeper.h"

namespace terrace::server {
namespace {

void Pace(const Parts& parts, std::string* out) {
  const engine::WriteBrake& brake = parts.eviction.brake;
  const engine::WriteBrake::Counters& counters = brake.counters();
  const uint64_t log_end = parts.log.end_offset();
  AppendFormat(
      out,
      "held_value_bytes:%" PRIu64 "\r\nwrite_backlog_percent:%d\r\nwrite_rate_limit:%" PRIu64
      "\r\nwrites_delayed:%" PRIu64 "\r\nwrite_delay_us:%" PRIu64 "\r\nwrite_delay_us_max:%" PRIu64
      "\r\n",
      brake.Held(log_end), static_cast<int>(100 * brake.Backlog(log_end)), brake.Rate(log_end),
      counters.delayed.load(), counters.delay_us.load(), counters.delay_us_max.load());
}

// Of the keys that commands have looked up and found, the share whose values were in memory.
double HitRatio(const Parts& parts) {
  const uint64_t hits = SumOverWorkers(
      parts, [](Worker& worker) { return worker.executor().counters().keyspace_hits.load(); });
  const uint64_t read = parts.values->values_read() - parts.stats.values_read_before.load();
  return hits == 0 ? 1 : 1 - std::min(1.0, static_cast<double>(read) / static_cast<double>(hits));
}

}  // namespace

void InfoTiering(InfoSource& source, std::string* out) {
  uint64_t keys = 0;
  for (unsigned db = 0; db < source.parts.databases.count(); ++db)
    keys += source.parts.databases.Get(db).size();
  const uint64_t away = std::min(keys, source.parts.databases.away());
  AppendFormat(out, "resident_values:%" PRIu64 "\r\nnonresident_values:%" PRIu64 "\r\n",
               keys - away, away);
  if (source.parts.eviction.values_only) Pace(source.parts, out);
  ValueKeeper* keeper = source.parts.values;
  if (keeper == nullptr) return;
  const engine::Residency::Counters& counters = keeper->residency().counters();
  AppendFormat(out,
               "value_readers:%u\r\nvalue_reader_threads:%s\r\nvalue_read_ins:%" PRIu64
               "\r\nvalue_read_ins_locked:%" PRIu64 "\r\nvalue_read_failures:%" PRIu64
               "\r\ncommands_parked:%" PRIu64 "\r\nclients_parked:%" PRIu64 "\r\n",
               keeper->readers(), keeper->queued() ? "io_uring" : "one a read",
               counters.read_in.load(), counters.read_at_once.load(), counters.failed.load(),
               counters.waits.load(), counters.waiting.load());
  AppendFormat(out, "value_hit_ratio:%.4f\r\n", HitRatio(source.parts));
  AppendFormat(out,
               "values_let_go:%" PRIu64 "\r\nwarming:%d\r\nwarm_left_by_loading:%" PRIu64
               "\r\nwarm_values:%" PRIu64 "\r\nwarm_ms:%" PRIu64 "\r\n",
               counters.let_go.load(), keeper->warming() ? 1 : 0, keeper->left_by_loading(),
               counters.warmed.load(), keeper->warm_ms());
  const engine::Defragmenter::Counters& mended = source.parts.defragmentation;
  AppendFormat(out,
               "defrag_rounds:%" PRIu64 "\r\ndefrag_moved_entries:%" PRIu64
               "\r\ndefrag_moved_bytes:%" PRIu64 "\r\n",
               mended.rounds.load(), mended.moved_entries.load(), mended.moved_bytes.load());
}

}  // namespace terrace::server
