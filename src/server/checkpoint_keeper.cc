#include "server/checkpoint_keeper.h"

#include <algorithm>
#include <chrono>

#include "base/memory.h"
#include "base/short_slices.h"
#include "server/info.h"
#include "server/log.h"
#include "server/save_points.h"
#include "server/worker.h"
#include "storage/compaction.h"

namespace terrace::server {
namespace {

using config::LogLevel;
using Stage = engine::Checkpointer::Stage;

// How soon somebody notices that the log has grown enough.
constexpr auto kLook = std::chrono::milliseconds(100);
// Where memory is bounded it may fill up within that.
constexpr auto kLookSoon = std::chrono::milliseconds(20);
// After one that failed; what made it fail is seldom gone at once.
constexpr uint64_t kRetryNs = 5'000'000'000;
// What a flushed database may keep of the disk until the next checkpoint.
constexpr uint64_t kFlushedBytesMax = kMiB;
// And how long a log may be that ends with nothing. A queue is empty again and again.
constexpr uint64_t kEmptyLogBytesMax = 8 * kMiB;

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / kMiB; }

}  // namespace

CheckpointKeeper::CheckpointKeeper(Parts& parts, DataDirectory& data)
    : parts_(parts),
      data_(data),
      images_(parts),
      checkpointer_(data.files(), data.manifest(), parts.databases, parts.clock,
                    {.cut = {.budget = &images_.budget()}}),
      compaction_(parts, data),
      pacer_(parts) {}

Status CheckpointKeeper::MakeFirst() {
  self_ = parts_.participants.Join();
  Make();
  parts_.participants.Leave(self_);
  return checkpointer_.status();
}

void CheckpointKeeper::Start() {
  self_ = parts_.participants.Join();
  compaction_.Start();
  compaction_.Look();
  thread_ = std::thread([this] {
    GiveWayToWorkers();
    Run();
  });
}

void CheckpointKeeper::Stop() {
  if (!thread_.joinable()) return;
  stop_ = true;
  compaction_.Stop();
  checkpointer_.Cancel();
  wake_.NotifyAll();
  thread_.join();
  parts_.participants.Leave(self_);
  std::vector<Done> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  for (const Done& done : waiting) done(Status::Error("the server stops"));
}

void CheckpointKeeper::Engage(engine::LogWriter& writer) {
  MutexLock lock(mutex_);
  writer_ = &writer;
  next_for_ = Wish::kNone;
  retry_ns_ = 0;
}

void CheckpointKeeper::Disengage() {
  checkpointer_.Cancel();
  MutexLock lock(mutex_);
  writer_ = nullptr;
  next_for_ = Wish::kNone;
}

CheckpointKeeper::Wish CheckpointKeeper::wish() const {
  MutexLock lock(mutex_);
  return made_for_ != Wish::kNone ? made_for_ : next_for_;
}

void CheckpointKeeper::Request(Wish wish) {
  MutexLock lock(mutex_);
  next_for_ = wish;
  wake_.NotifyAll();
}

void CheckpointKeeper::RequestNext(Done done, uint64_t limit_ms) {
  MutexLock lock(mutex_);
  next_for_ = Wish::kSave;
  waiting_.push_back(std::move(done));
  if (limit_ms != 0) limit_ns_ = parts_.clock.MonotonicNs() + limit_ms * 1'000'000;
  wake_.NotifyAll();
}

bool CheckpointKeeper::running() const {
  MutexLock lock(mutex_);
  return made_for_ != Wish::kNone || next_for_ != Wish::kNone || checkpointer_.running();
}

bool CheckpointKeeper::scheduled() const {
  MutexLock lock(mutex_);
  return made_for_ != Wish::kNone && next_for_ != Wish::kNone;
}

uint64_t CheckpointKeeper::log_bytes() const {
  return parts_.log.end_offset() + 1 - data_.manifest().state()->checkpoint.log_offset;
}

CheckpointKeeper::Counts CheckpointKeeper::counts() const {
  MutexLock lock(mutex_);
  Counts counts = counts_;
  // One that is asked for counts as running, and for no time yet.
  if (made_for_ == Wish::kNone && next_for_ != Wish::kNone) counts.begun_ms = parts_.clock.WallMs();
  return counts;
}

void CheckpointKeeper::Run() {
  while (WaitForWork()) {
    MutexLock turn(parts_.cut_turn);
    if (stop_) return;
    Make();
  }
}

bool CheckpointKeeper::WaitForWork() {
  while (!stop_) {
    // Before the lock: whoever has everybody out may want it.
    const bool flushed = flushed_ = SomethingWasFlushed();
    pacer_.Look(*self_);
    MutexLock lock(mutex_);
    const bool due = writer_ == nullptr
                         ? !waiting_.empty()
                         : next_for_ != Wish::kNone || (flushed && MayTry()) || IsDue();
    if (due) {
      made_for_ = next_for_ != Wish::kNone ? next_for_ : Wish::kOwn;
      next_for_ = Wish::kNone;
      counts_.begun_ms = parts_.clock.WallMs();
      return true;
    }
    wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() +
                                (parts_.eviction.values_only ? kLookSoon : kLook));
  }
  return false;
}

// Not at once again when one has failed.
bool CheckpointKeeper::MayTry() const { return parts_.clock.MonotonicNs() >= retry_ns_; }

// As Redis rewrites its log: when it has grown by so many percent of what the data took, and is worth it. But never beyond
// what a restart shall have to apply.
bool CheckpointKeeper::IsDue() {
  std::atomic<engine::EarlyCheckpoint>& early = parts_.eviction.early_checkpoint;
  if (early == engine::EarlyCheckpoint::kWanted) return true;
  if (!MayTry()) return false;
  if (early == engine::EarlyCheckpoint::kFailed)
    early = engine::EarlyCheckpoint::kNone;  // it may be wanted again
  const std::vector<config::SavePoint> points = parts_.limits.save_points();
  if (parts_.eviction.brake.WantsCheckpoint(parts_.log.end_offset())) return true;
  if (data_.unfinished() ||
      AtSavePoint(points, ChangesOf(parts_) - counts_.changes,
                  std::max(counts_.last_ms, parts_.run.started_ms), parts_.clock.WallMs()))
    return true;
  if (log_bytes() >= parts_.limits.log_bytes_max.load(std::memory_order_relaxed)) return true;
  const uint64_t percent = parts_.limits.log_growth_percent.load(std::memory_order_relaxed);
  const uint64_t worth = parts_.limits.log_growth_bytes.load(std::memory_order_relaxed);
  return percent != 0 && log_bytes() >= std::max(worth, data_.table_bytes() / 100 * percent);
}

// Some space has tables, and no database; or there is nothing but a log that ends with nothing. FLUSHALL gives its room on the
// disk back at once.
bool CheckpointKeeper::SomethingWasFlushed() const {
  if (data_.table_bytes() + log_bytes() < kFlushedBytesMax) return false;
  const auto state = data_.manifest().state();
  self_->In();
  bool empty = log_bytes() >= kEmptyLogBytesMax;
  for (unsigned db = 0; db < parts_.databases.count(); ++db)
    empty = empty && parts_.databases.Get(db).size() == 0;
  const bool any =
      empty || std::any_of(state->databases.begin(), state->databases.end(),
                           [&](const storage::DatabaseSpace& known) {
                             for (unsigned db = 0; db < parts_.databases.count(); ++db) {
                               if (parts_.databases.Get(db).space() == known.space) return false;
                             }
                             return true;
                           });
  self_->Out();
  return any;
}

void CheckpointKeeper::Make() {
  storage::CheckpointMark mark;
  mark.history = parts_.run.replication_id();
  if (parts_.run.second_replication_end >= 0) {
    mark.second_history = parts_.run.second_replication_id;
    mark.second_history_end = static_cast<uint64_t>(parts_.run.second_replication_end);
  }
  uint64_t changes = 0;
  engine::LogWriter* writer = nullptr;
  std::vector<Done> waiting;
  {
    MutexLock lock(mutex_);
    counts_.begun_ms = parts_.clock.WallMs();
    waiting.swap(waiting_);
    // The cut is still to come: it serves those as well.
    if (next_for_ != Wish::kNone) made_for_ = std::exchange(next_for_, Wish::kNone);
  }
  Pace();
  self_->In();
  parts_.participants.Exclusive(self_, [&] {
    {
      MutexLock lock(mutex_);
      writer = writer_;
    }
    if (writer == nullptr) return;  // it was switched off meanwhile
    mark.log_offset = parts_.log.end_offset() + 1;
    parts_.log.NameDatabaseAnew();
    writer->RotateAt(mark.log_offset);
    changes = ChangesOf(parts_);
    checkpointer_.Begin(mark);
  });
  self_->Out();
  if (writer == nullptr) {
    {
      MutexLock lock(mutex_);
      EndLocked();
    }
    for (const Done& done : waiting) done(Status::Error("there is no log any more"));
    return;
  }
  using engine::EarlyCheckpoint;
  // Who finds no room while it runs waits for it.
  if (parts_.eviction.values_only) parts_.eviction.early_checkpoint = EarlyCheckpoint::kWanted;
  const Status status = Complete(mark, *writer);
  if (status.ok()) {
    const auto stats = checkpointer_.stats();
    pacer_.CheckpointDone(*self_, stats->bytes, stats->ms);
    compaction_.Look();
  } else if (engine::IsFullDisk(status)) {
    writer->DropBelow(data_.manifest().state()->checkpoint.log_offset);
  }
  if (parts_.eviction.values_only) {
    parts_.eviction.early_checkpoint =
        status.ok() ? EarlyCheckpoint::kNone : EarlyCheckpoint::kFailed;
    for (auto& worker : parts_.workers) worker->Raise(Signal::kUnpark);
    PurgeMemory();  // its buffers: the allocator would keep them for a while, and memory is short
  }
  {
    MutexLock lock(mutex_);
    EndLocked();
    // Another log than this one's knows nothing of its failure.
    if (writer == writer_) retry_ns_ = status.ok() ? 0 : parts_.clock.MonotonicNs() + kRetryNs;
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
  if (status.ok()) {
    const auto stats = checkpointer_.stats();
    Log(LogLevel::kNotice, "Checkpoint: %llu keys, %.1f MiB, %llu ms",
        static_cast<unsigned long long>(stats->entries), MiB(stats->bytes),
        static_cast<unsigned long long>(stats->ms));
  } else {
    Log(LogLevel::kWarning, "The checkpoint failed, the log is kept: %s", status.message().c_str());
  }
  for (const Done& done : waiting) done(status);
}

// Before anybody is told: who asks for another one then gets it.
void CheckpointKeeper::EndLocked() {
  made_for_ = Wish::kNone;
  if (waiting_.empty()) limit_ns_ = UINT64_MAX;  // else it is that of the next one
}

// One that has begun, to its end.
Status CheckpointKeeper::Complete(const storage::CheckpointMark& mark, engine::LogWriter& writer) {
  bool waited = false;
  while (checkpointer_.running()) {
    if (checkpointer_.stage() == Stage::kInstall && !waited) {
      waited = true;
      if (!WaitForLog(writer, mark.log_offset - 1)) checkpointer_.Cancel();
    }
    GiveUpIfLate();
    checkpointer_.Step(*self_);
    std::this_thread::
        yield();  // a worker that was woken meanwhile runs now, and not at the next tick
    Pace();
  }
  if (Status status = checkpointer_.status(); !status.ok()) return status;
  // After an install that failed the disk may have an older manifest than is in force; this one says what is needed.
  const uint64_t needed = data_.manifest().state()->checkpoint.log_offset;
  // Who flushes wants room on the disk; and a follower that was away gets an empty copy sooner than that log.
  flushed_ ? writer.DropBelow(needed) : writer.ReleaseBelow(needed);
  return data_.Finish();
}

void CheckpointKeeper::GiveUpIfLate() {
  MutexLock lock(mutex_);
  if (parts_.clock.MonotonicNs() >= limit_ns_ || parts_.run.load.given_up()) checkpointer_.Cancel();
}

// False if the log will not get there soon: writers must not be kept waiting for old images' sake on top of it.
bool CheckpointKeeper::WaitForLog(engine::LogWriter& writer, uint64_t offset) {
  while (writer.synced_offset() < offset) {
    if (stop_ || writer.state() == engine::LogWriter::State::kFailed) return false;
    writer.SyncSoon();
    GiveUpIfLate();
    Pace();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

void CheckpointKeeper::Pace() {
  pacer_.Look(*self_);
  const uint64_t bytes_max = parts_.limits.image_bytes.load(std::memory_order_relaxed);
  images_.Pace(checkpointer_.image_bytes(), pacer_.ImageBytesMax(bytes_max));
}

}  // namespace terrace::server
