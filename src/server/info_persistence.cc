// INFO persistence: Redis' fields, where "rdb" and "aof rewrite" both mean checkpoints, and what only we have.
#include <algorithm>
#include <cinttypes>

#include "server/checkpoint_keeper.h"
#include "server/dump_keeper.h"
#include "server/info.h"
#include "server/text.h"
#include "server/worker.h"
#include "storage/compaction.h"

namespace terrace::server {
namespace {

struct Checkpoints {
  bool running = false;
  bool scheduled = false;
  CheckpointKeeper::Counts counts;
  engine::Checkpointer::Stats last;
  bool last_failed = false;
  uint64_t table_bytes = 0;
  uint64_t log_bytes = 0;  // that a restart would apply
};

Checkpoints Look(const CheckpointKeeper* keeper) {
  if (keeper == nullptr) return {};
  return {.running = keeper->running(),
          .scheduled = keeper->scheduled(),
          .counts = keeper->counts(),
          .last = keeper->checkpointer().stats().value_or(engine::Checkpointer::Stats()),
          .last_failed = !keeper->checkpointer().status().ok(),
          .table_bytes = keeper->data().table_bytes(),
          .log_bytes = keeper->log_bytes()};
}

// What Redis' fields about saves are about: dumps, where BGSAVE makes them.
Checkpoints LookAtSaves(const Parts& parts, const Checkpoints& checkpoints) {
  const bool dumps = parts.checkpoints == nullptr ||
                     parts.config.Snapshot().save_format == config::SaveFormat::kRdb;
  if (!dumps) return checkpoints;
  const DumpKeeper& keeper = *parts.dumps;
  const DumpKeeper::Counts counts = keeper.counts();
  const auto stats = keeper.dumper().stats().value_or(engine::Dumper::Stats());
  Checkpoints saves;
  saves.running = keeper.running();
  saves.counts.made = counts.made;
  saves.counts.begun_ms = counts.begun_ms;
  saves.counts.last_ms = counts.last_ms;
  saves.counts.changes = counts.changes;
  saves.last.ms = stats.ms;
  saves.last.image_bytes_peak = stats.image_bytes_peak;
  saves.last_failed = !keeper.dumper().status().ok();
  return saves;
}

// Seconds the one that runs has taken so far; -1 if there is none.
int64_t RunsFor(const Checkpoints& checkpoints, uint64_t now_ms) {
  if (!checkpoints.running) return -1;
  return static_cast<int64_t>((now_ms - std::min(now_ms, checkpoints.counts.begun_ms)) / 1000);
}

// Seconds the last one took; -1 before the first.
int64_t SecondsOf(const Checkpoints& checkpoints) {
  return checkpoints.counts.made == 0 ? -1 : static_cast<int64_t>(checkpoints.last.ms / 1000);
}

void Rdb(InfoSource& source, const Checkpoints& checkpoints, std::string* out) {
  const uint64_t changes = ChangesOf(source.parts) - checkpoints.counts.changes;
  const uint64_t last_ms = checkpoints.counts.last_ms;
  AppendFormat(out,
               "rdb_changes_since_last_save:%" PRIu64
               "\r\nrdb_bgsave_in_progress:%d\r\n"
               "rdb_last_save_time:%" PRIu64 "\r\nrdb_last_bgsave_status:%s\r\n",
               changes, checkpoints.running ? 1 : 0,
               (last_ms != 0 ? last_ms : source.parts.run.started_ms) / 1000,
               checkpoints.last_failed ? "err" : "ok");
  AppendFormat(out,
               "rdb_last_bgsave_time_sec:%" PRId64 "\r\nrdb_current_bgsave_time_sec:%" PRId64
               "\r\n"
               "rdb_saves:%" PRIu64 "\r\nrdb_last_cow_size:%" PRIu64 "\r\n",
               SecondsOf(checkpoints), RunsFor(checkpoints, source.now_ms), checkpoints.counts.made,
               checkpoints.last.image_bytes_peak);
  AppendFormat(
      out, "rdb_last_load_keys_expired:%" PRIu64 "\r\nrdb_last_load_keys_loaded:%" PRIu64 "\r\n",
      source.parts.run.loaded_keys_due.load(), source.parts.run.loaded_keys.load());
}

void Aof(const InfoSource& source, const Checkpoints& checkpoints, std::string* out) {
  const engine::LogWriter* writer = source.parts.log_writer;
  AppendFormat(
      out,
      "aof_enabled:%d\r\naof_rewrite_in_progress:%d\r\naof_rewrite_scheduled:%d\r\n"
      "aof_last_rewrite_time_sec:%" PRId64 "\r\naof_current_rewrite_time_sec:%" PRId64 "\r\n",
      writer != nullptr ? 1 : 0, checkpoints.running ? 1 : 0, checkpoints.scheduled ? 1 : 0,
      SecondsOf(checkpoints), RunsFor(checkpoints, source.now_ms));
  const bool writes = writer == nullptr || writer->state() == engine::LogWriter::State::kRunning;
  AppendFormat(out,
               "aof_last_bgrewrite_status:%s\r\naof_rewrites:%" PRIu64
               "\r\naof_rewrites_consecutive_failures:%" PRIu64 "\r\naof_last_write_status:%s\r\n",
               checkpoints.last_failed ? "err" : "ok", checkpoints.counts.made,
               checkpoints.counts.failed_in_row, writes ? "ok" : "err");
  AppendFormat(out, "aof_last_cow_size:%" PRIu64 "\r\n", checkpoints.last.image_bytes_peak);
  *out += "module_fork_in_progress:0\r\nmodule_fork_last_cow_size:0\r\n";
}

void OurLog(const engine::CommitLog& log, const engine::LogWriter& writer,
            const Checkpoints& checkpoints, std::string* out) {
  const uint64_t end = log.end_offset(), written = writer.written_offset(),
                 synced = writer.synced_offset(), first = writer.segments().first_offset();
  AppendFormat(out,
               "aof_current_size:%" PRIu64 "\r\naof_base_size:%" PRIu64
               "\r\naof_pending_rewrite:0\r\naof_buffer_length:%" PRIu64
               "\r\naof_pending_bio_fsync:%d\r\naof_delayed_fsync:%" PRIu64 "\r\n",
               checkpoints.table_bytes + checkpoints.log_bytes, checkpoints.table_bytes,
               end - std::min(end, written), synced < written ? 1 : 0, writer.delayed_syncs());
  AppendFormat(out,
               "log_end_offset:%" PRIu64 "\r\nlog_written_offset:%" PRIu64
               "\r\nlog_synced_offset:%" PRIu64 "\r\nlog_first_offset:%" PRIu64
               "\r\nlog_segments:%zu\r\nlog_kept_bytes:%" PRIu64 "\r\nlog_replay_bytes:%" PRIu64
               "\r\n",
               end, written, synced, first, writer.segments().count(), end + 1 - first,
               checkpoints.log_bytes);
  AppendFormat(
      out, "log_syncs:%" PRIu64 "\r\nlog_sync_us_max:%" PRIu64 "\r\nlog_failures:%" PRIu64 "\r\n",
      writer.syncs(), writer.sync_ns_max() / 1000, writer.failures());
  const Status failure = writer.failure();
  if (!failure.ok()) AppendFormat(out, "log_failure:%s\r\n", failure.message().c_str());
}

void OurCheckpoints(const CheckpointKeeper& keeper, const Checkpoints& checkpoints,
                    std::string* out) {
  const auto state = keeper.data().manifest().state();
  AppendFormat(out,
               "checkpoint_stage:%s\r\ncheckpoint_offset:%" PRIu64 "\r\ncheckpoint_entries:%" PRIu64
               "\r\ncheckpoint_tombstones:%" PRIu64 "\r\ncheckpoint_bytes:%" PRIu64
               "\r\ncheckpoint_ms:%" PRIu64 "\r\n",
               engine::NameOf(keeper.checkpointer().stage()), state->checkpoint.log_offset,
               checkpoints.last.entries, checkpoints.last.tombstones, checkpoints.last.bytes,
               checkpoints.last.ms);
  uint64_t dead_bytes = 0;
  for (const storage::TableEntry& table : state->tables) dead_bytes += table.dead_bytes;
  AppendFormat(out,
               "checkpoint_old_images:%" PRIu64 "\r\ncheckpoint_image_bytes:%" PRIu64
               "\r\ncheckpoint_failures:%" PRIu64 "\r\ntables:%zu\r\ntable_bytes:%" PRIu64
               "\r\ntable_runs:%zu\r\ntable_dead_bytes:%" PRIu64 "\r\ncompactions:%" PRIu64 "\r\n",
               checkpoints.last.old_images, keeper.checkpointer().image_bytes(),
               checkpoints.counts.failed, state->tables.size(), checkpoints.table_bytes,
               storage::CountRuns(*state), dead_bytes, keeper.compactions());
}

// While the data are brought back.
void Loading(const InfoSource& source, std::string* out) {
  const RunState& run = source.parts.run;
  const uint64_t total = run.load.total_bytes(), loaded = run.load.loaded_bytes();
  const uint64_t ms = source.now_ms - std::min(source.now_ms, run.started_ms);
  const double share = total == 0 ? 0 : static_cast<double>(loaded) / static_cast<double>(total);
  const double left_s = loaded == 0 ? 1 : static_cast<double>(ms) / 1000 * (1 - share) / share;
  AppendFormat(out,
               "loading_start_time:%" PRIu64 "\r\nloading_total_bytes:%" PRIu64
               "\r\nloading_rdb_used_mem:0\r\nloading_loaded_bytes:%" PRIu64
               "\r\nloading_loaded_perc:%.2f\r\nloading_eta_seconds:%" PRIu64 "\r\n",
               run.started_ms / 1000, total, loaded, 100 * share, static_cast<uint64_t>(left_s));
}

}  // namespace

uint64_t ChangesOf(const Parts& parts) {
  return SumOverWorkers(parts,
                        [](Worker& worker) { return worker.executor().counters().changes.load(); });
}

void InfoPersistence(InfoSource& source, std::string* out) {
  const CheckpointKeeper* keeper = source.parts.checkpoints;
  const engine::LogWriter* writer = source.parts.log_writer;
  const Checkpoints checkpoints = Look(keeper);
  const bool loading = (source.parts.gates.closed.load() & exec::kGateLoading) != 0;
  AppendFormat(out, "loading:%d\r\n", loading ? 1 : 0);
  *out +=
      "async_loading:0\r\ncurrent_cow_peak:0\r\ncurrent_cow_size:0\r\n"
      "current_cow_size_age:0\r\ncurrent_fork_perc:0.00\r\ncurrent_save_keys_processed:0\r\n"
      "current_save_keys_total:0\r\n";
  Rdb(source, LookAtSaves(source.parts, checkpoints), out);
  Aof(source, checkpoints, out);
  if (loading) Loading(source, out);
  if (writer != nullptr) OurLog(source.parts.log, *writer, checkpoints, out);
  if (keeper != nullptr) OurCheckpoints(*keeper, checkpoints, out);
}

}  // namespace terrace::server
