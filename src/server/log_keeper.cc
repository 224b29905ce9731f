#include "server/log_keeper.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "engine/checkpoint_loader.h"
#include "exec/log_replay.h"
#include "net/process.h"
#include "server/log.h"
#include "server/worker.h"
#include "storage/log_reader.h"

namespace terrace::server {
namespace {

using config::LogLevel;
using engine::LogSync;
using engine::LogWriter;

constexpr uint64_t kProgressNs = 1'000'000'000;
// Each takes part, beside the workers, in what has a limit (engine::Participants::kParticipantsMax).
constexpr unsigned kLoadersMax = 4;

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / kMiB; }

LogSync SyncOf(config::Appendfsync appendfsync) {
  switch (appendfsync) {
    case config::Appendfsync::kAlways:
      return LogSync::kAlways;
    case config::Appendfsync::kEverySecond:
      return LogSync::kEverySecond;
    case config::Appendfsync::kNo:
      return LogSync::kNever;
  }
  return LogSync::kEverySecond;
}

engine::LogRetention RetentionOf(const config::Options& options) {
  return {.backlog_bytes = options.repl_backlog_size_bytes,
          .bytes_max = options.wal_max_bytes == 0 ? UINT64_MAX : options.wal_max_bytes};
}

// A share of the memory that database mode has; elsewhere as much as there may be.
uint64_t LogShare(const config::Options& options, uint64_t most) {
  if (options.storage_mode != config::StorageMode::kDatabase || options.maxmemory_bytes == 0)
    return most;
  return std::clamp(options.maxmemory_bytes / 64, uint64_t{kMiB}, most);
}

}  // namespace

size_t LogBytesKept(const config::Options& options) { return LogShare(options, 16 * kMiB); }

LogKeeper::LogKeeper(Parts& parts) : parts_(parts) {
  for (const char* name : {"repl-backlog-size", "wal-max-bytes"}) {
    parts_.config.OnChange(name, [this](const config::Options&, const config::Options& now) {
      if (writer_ != nullptr) writer_->set_retention(RetentionOf(now));
      return Status::Ok();
    });
  }
  parts_.config.OnChange("appendfsync", [this](const config::Options&, const config::Options& now) {
    if (writer_ != nullptr) writer_->set_sync(SyncOf(now.appendfsync));
    return Status::Ok();
  });
}

Status LogKeeper::Load(DataDirectory& data, exec::Executor& executor,
                       engine::Participant& participant) {
  directory_ = data.path();
  const auto state = data.manifest().state();
  first_ = state->checkpoint.log_offset;
  auto set = storage::SegmentSet::Open(
      data.files(), directory_,
      {.first_offset = first_, .synced_upto = first_, .needed_from = first_});
  if (!set.ok()) return set.error();
  loaded_ = *std::move(set);
  const uint64_t log_bytes = loaded_->next_offset() - std::min(first_, loaded_->next_offset());
  LoadProgress& load = parts_.run.load;
  load.Expect(data.table_bytes() + log_bytes);
  if (load.total_bytes() == 0) load.ExpectNothing();
  if (!loaded_->left_out().ok()) {
    Log(LogLevel::kWarning,
        "What was kept of the log before the last checkpoint is damaged and goes; no data needs "
        "it: %s",
        loaded_->left_out().message().c_str());
  }
  if (loaded_->count() == 0 && first_ > 1 && !data.was_unfinished()) {
    Log(LogLevel::kWarning,
        "%s has no segment of the log, though there was one: what was logged since the last "
        "checkpoint is missing",
        directory_.c_str());
  }
  if (Status loaded = LoadTables(data); !loaded.ok()) return loaded;
  if (!loaded_->torn_tail().ok()) {
    Log(LogLevel::kWarning,
        "The log breaks off, as after a power cut; what was never promised is cut off: %s",
        loaded_->torn_tail().message().c_str());
  }
  const auto histories = loaded_->histories();
  history_ = histories.empty() ? state->checkpoint.history : histories.back().history;
  return Replay(*loaded_, first_, executor, participant);
}

Status LogKeeper::Continue(const config::Options& options) {
  const uint64_t end = loaded_->next_offset() - 1;
  if (end != 0) {
    parts_.run.second_replication_id = history_;
    parts_.run.second_replication_end = static_cast<int64_t>(end);
  }
  parts_.log.ContinueFrom(end);
  writer_ = std::make_unique<LogWriter>(parts_.log, std::move(loaded_), parts_.clock, *this,
                                        OptionsFrom(options));
  writer_->ReleaseBelow(first_);
  return Engage();
}

Status LogKeeper::Prepare(const config::Options& options, DataDirectory& data) {
  directory_ = data.path();
  auto set = storage::SegmentSet::Open(data.files(), directory_,
                                       {.first_offset = parts_.log.end_offset() + 1});
  if (!set.ok()) return set.error();
  writer_ = std::make_unique<LogWriter>(parts_.log, *std::move(set), parts_.clock, *this,
                                        OptionsFrom(options));
  return Status::Ok();
}

LogWriter::Options LogKeeper::OptionsFrom(const config::Options& options) const {
  return {.directory = directory_,
          .sync = SyncOf(options.appendfsync),
          .retention = RetentionOf(options),
          .unsynced_bytes_max = LogShare(options, LogWriter::Options().unsynced_bytes_max)};
}

Status LogKeeper::Engage() {
  parts_.log.NameDatabaseAnew();
  // A dump that failed may have closed it, which is not looked at while there is a log. Open closes it again if need be.
  parts_.gates.Open(exec::kGateLogFails);
  if (Status opened = writer_->Open(parts_.run.replication_id()); !opened.ok()) {
    writer_ = nullptr;
    return opened;
  }
  parts_.log_writer = writer_.get();
  return Status::Ok();
}

void LogKeeper::Disengage() {
  Stop();
  parts_.log.SetEnabled(false);
  parts_.log_writer = nullptr;
  retired_.push_back(std::move(writer_));
  parts_.gates.Open(exec::kGateLogFails | exec::kGateLogBehind);
  for (auto& worker : parts_.workers) worker->Raise(Signal::kUnpark);
}

Status LogKeeper::LoadTables(DataDirectory& data) {
  if (data.manifest().state()->tables.empty()) return Status::Ok();
  const uint64_t begun_ns = parts_.clock.MonotonicNs();
  auto loader =
      engine::CheckpointLoader::Open(data.files(), data.manifest(), parts_.databases,
                                     parts_.engine_settings.encoding, engine::LoadValues::kNone);
  if (!loader.ok()) return loader.error();
  // However many workers there are: now they rest.
  const auto count = std::min(static_cast<unsigned>(net::AllowedCpus()), kLoadersMax);
  uint64_t records = 1;
  for (const storage::TableEntry& table : data.manifest().state()->tables) records += table.records;
  const double key_bytes = static_cast<double>(data.table_bytes()) / static_cast<double>(records);
  (*loader)->set_go_on([this, key_bytes](uint64_t keys) {
    parts_.run.load.Add(static_cast<uint64_t>(key_bytes * static_cast<double>(keys)));
    return parts_.run.load.NoteKeys(keys);
  });
  std::vector<Status> outcomes(count);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      engine::Participant* self = parts_.participants.Join();
      outcomes[i] = (*loader)->LoadPart(i, count, *self);
      parts_.participants.Leave(self);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Status& outcome : outcomes) {
    if (!outcome.ok()) return std::move(outcome);
  }
  const double seconds = static_cast<double>(parts_.clock.MonotonicNs() - begun_ns) / 1e9;
  Log(LogLevel::kNotice, "Loaded the tables: %llu keys, %.1f MiB, %.3f seconds",
      static_cast<unsigned long long>((*loader)->keys()), MiB((*loader)->bytes()), seconds);
  return Status::Ok();
}

Status LogKeeper::Replay(const storage::SegmentSet& set, uint64_t first, exec::Executor& executor,
                         engine::Participant& participant) {
  const uint64_t end = set.next_offset();
  if (set.first_offset() > first) {
    return Status::Error("the log in " + directory_ + " begins at offset " +
                         std::to_string(set.first_offset()) + "; the bytes from " +
                         std::to_string(first) + " on are missing");
  }
  if (end == first) return Status::Ok();
  const uint64_t begun_ns = parts_.clock.MonotonicNs();
  uint64_t told_ns = begun_ns;
  storage::LogReader reader(set, first);
  exec::LogReplay replay(executor, first);
  while (true) {
    const auto bytes = reader.Next(end);
    if (!bytes.ok()) return bytes.error();
    if (bytes->empty()) break;
    const uint64_t commands = replay.commands();
    participant.In();
    const Status fed = replay.Feed(*bytes);
    participant.Out();
    if (!fed.ok()) return fed;
    parts_.run.load.Add(bytes->size());
    if (!parts_.run.load.NoteKeys(replay.commands() - commands))
      return Status::Error("loading was given up");
    if (parts_.participants.WantsReclaim()) parts_.participants.Reclaim();
    if (const uint64_t now_ns = parts_.clock.MonotonicNs(); now_ns - told_ns >= kProgressNs) {
      told_ns = now_ns;
      Log(LogLevel::kNotice, "Reading the log: %.0f of %.0f MiB", MiB(reader.offset() - first),
          MiB(end - first));
    }
  }
  if (Status whole = replay.End(); !whole.ok()) return whole;
  const double seconds = static_cast<double>(parts_.clock.MonotonicNs() - begun_ns) / 1e9;
  Log(LogLevel::kNotice, "Read the log: %.1f MiB, %llu commands, %.3f seconds", MiB(end - first),
      static_cast<unsigned long long>(replay.commands()), seconds);
  return Status::Ok();
}

void LogKeeper::Start() {
  if (writer_ != nullptr) writer_->Start();
}

void LogKeeper::Stop() {
  if (writer_ == nullptr) return;
  const Status stopped = writer_->Stop();
  if (!stopped.ok()) {
    Log(LogLevel::kWarning, "The end of the log could not be written: %s",
        stopped.message().c_str());
  }
}

void LogKeeper::OnLogState(LogWriter::State state, const Status& why) {
  if (state == LogWriter::State::kRunning) {
    parts_.gates.Open(exec::kGateLogFails);
    Log(LogLevel::kNotice, "The log is written again, all changes are accepted");
    return;
  }
  parts_.gates.set_log_failure("MISCONF Errors writing to the AOF file: " + why.message());
  parts_.gates.Close(exec::kGateLogFails);
  Log(LogLevel::kWarning, "%s: %s",
      state == LogWriter::State::kFailed
          ? "The log cannot be written; changes are refused until it can"
          : "The disk is full; only what needs no room is accepted until there is some",
      why.message().c_str());
}

void LogKeeper::OnLogBehind(bool behind) {
  if (behind) return parts_.gates.Close(exec::kGateLogBehind);
  parts_.gates.Open(exec::kGateLogBehind);
  for (auto& worker : parts_.workers) worker->Raise(Signal::kUnpark);
}

}  // namespace terrace::server
