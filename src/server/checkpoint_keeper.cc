#include "server/checkpoint_keeper.h"

#include <algorithm>
#include <chrono>

#include "server/info.h"
#include "server/log.h"
#include "server/worker.h"
#include "storage/compaction.h"

namespace terrace::server {
namespace {

using config::LogLevel;
using Stage = engine::Checkpointer::Stage;

// How soon somebody notices that the log has grown enough.
constexpr auto kLook = std::chrono::milliseconds(100);
// After one that failed; what made it fail is seldom gone at once.
constexpr uint64_t kRetryNs = 5'000'000'000;
// So many tables one may have to look into for a value; and so often all of it is written once more.
constexpr size_t kRunsMax = 8;

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / kMiB; }

}  // namespace

CheckpointKeeper::CheckpointKeeper(Parts& parts, DataDirectory& data, engine::LogWriter& writer)
    : parts_(parts),
      data_(data),
      writer_(writer),
      checkpointer_(data.files(), data.manifest(), parts.databases, parts.clock, {}) {}

void CheckpointKeeper::Start() {
  self_ = parts_.participants.Join();
  thread_ = std::thread([this] { Run(); });
}

void CheckpointKeeper::Stop() {
  if (!thread_.joinable()) return;
  stop_ = true;
  checkpointer_.Cancel();
  wake_.NotifyAll();
  thread_.join();
  parts_.participants.Leave(self_);
}

bool CheckpointKeeper::Request() {
  MutexLock lock(mutex_);
  if (requested_ || checkpointer_.running()) return false;
  requested_ = true;
  wake_.NotifyAll();
  return true;
}

CheckpointKeeper::Counts CheckpointKeeper::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

void CheckpointKeeper::Run() {
  while (WaitForWork()) {
    Make();
    if (!stop_) CompactIfMany();
  }
}

bool CheckpointKeeper::WaitForWork() {
  MutexLock lock(mutex_);
  while (!stop_) {
    if (std::exchange(requested_, false) || IsDue()) return true;
    wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kLook);
  }
  return false;
}

// As Redis rewrites its log: when it has grown by so many percent of what the data took, and is worth it.
bool CheckpointKeeper::IsDue() const {
  std::atomic<engine::EarlyCheckpoint>& early = parts_.eviction.early_checkpoint;
  if (early == engine::EarlyCheckpoint::kWanted) return true;
  if (early == engine::EarlyCheckpoint::kFailed && parts_.clock.MonotonicNs() >= retry_ns_)
    early = engine::EarlyCheckpoint::kNone;  // it may be wanted again
  const uint64_t percent = parts_.limits.log_growth_percent.load(std::memory_order_relaxed);
  if (percent == 0 || parts_.clock.MonotonicNs() < retry_ns_) return false;
  const uint64_t grown =
      parts_.log.end_offset() + 1 - data_.manifest().state()->checkpoint.log_offset;
  const uint64_t worth = parts_.limits.log_growth_bytes.load(std::memory_order_relaxed);
  return grown >= std::max(worth, data_.table_bytes() / 100 * percent);
}

void CheckpointKeeper::Make() {
  storage::CheckpointMark mark;
  mark.history = parts_.run.replication_id();
  uint64_t changes = 0;
  {
    MutexLock lock(mutex_);
    counts_.begun_ms = parts_.clock.WallMs();
  }
  self_->In();
  parts_.participants.Exclusive(self_, [&] {
    mark.log_offset = parts_.log.end_offset() + 1;
    parts_.log.NameDatabaseAnew();
    writer_.RotateAt(mark.log_offset);
    changes = ChangesOf(parts_);
    checkpointer_.Begin(mark);
  });
  self_->Out();
  bool waited = false;
  while (checkpointer_.running()) {
    if (checkpointer_.stage() == Stage::kInstall && !waited) {
      waited = true;
      if (!WaitForLog(mark.log_offset - 1)) checkpointer_.Cancel();
    }
    checkpointer_.Step(*self_);
    Pace();
  }
  const Status status = checkpointer_.status();
  retry_ns_ = status.ok() ? 0 : parts_.clock.MonotonicNs() + kRetryNs;
  using engine::EarlyCheckpoint;
  if (parts_.eviction.values_only) {
    parts_.eviction.early_checkpoint =
        status.ok() ? EarlyCheckpoint::kNone : EarlyCheckpoint::kFailed;
    for (auto& worker : parts_.workers) worker->Raise(Signal::kUnpark);
  }
  {
    MutexLock lock(mutex_);
    if (status.ok()) {
      ++counts_.made;
      counts_.failed_in_row = 0;
      counts_.last_ms = parts_.clock.WallMs();
      counts_.changes = changes;
    } else {
      ++counts_.failed;
      ++counts_.failed_in_row;
    }
  }
  if (!status.ok()) {
    Log(LogLevel::kWarning, "The checkpoint failed, the log is kept: %s", status.message().c_str());
    return;
  }
  // After an install that failed the disk may have an older manifest than is in force; this one says what is needed.
  writer_.ReleaseBelow(data_.manifest().state()->checkpoint.log_offset);
  const auto stats = checkpointer_.stats();
  Log(LogLevel::kNotice, "Checkpoint: %llu keys, %.1f MiB, %llu ms",
      static_cast<unsigned long long>(stats->entries), MiB(stats->bytes),
      static_cast<unsigned long long>(stats->ms));
}

// False if the log will not get there soon: writers must not be kept waiting for old images' sake on top of it.
bool CheckpointKeeper::WaitForLog(uint64_t offset) {
  while (writer_.synced_offset() < offset) {
    if (stop_ || writer_.state() == engine::LogWriter::State::kFailed) return false;
    writer_.SyncSoon();
    Pace();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Writers wait while the images of what they have changed take more than they should.
void CheckpointKeeper::Pace() {
  const bool wait = checkpointer_.over_budget();
  if (wait == writers_wait_) return;
  writers_wait_ = wait;
  if (wait) return parts_.gates.Close(exec::kGateImages);
  parts_.gates.Open(exec::kGateImages);
  for (auto& worker : parts_.workers) worker->Raise(Signal::kUnpark);
}

void CheckpointKeeper::CompactIfMany() {
  storage::Manifest& manifest = data_.manifest();
  if (storage::CountRuns(*manifest.state()) <= kRunsMax) return;
  storage::CompactionOptions options;
  options.go_on = [this](uint64_t) { return !stop_.load(std::memory_order_relaxed); };
  const auto done = storage::CompactAll(data_.files(), manifest, options);
  if (!done.ok()) {
    if (!stop_) Log(LogLevel::kWarning, "Compaction failed: %s", done.error().message().c_str());
    return;
  }
  static_cast<void>(manifest.RemoveUnknownFiles());
  MutexLock lock(mutex_);
  ++counts_.compactions;
}

}  // namespace terrace::server
