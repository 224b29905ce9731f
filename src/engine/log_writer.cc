#include "engine/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace terrace::engine {
namespace {

// `appendfsync no` leaves it to the system, which waits as long; then nothing stays in memory for nothing.
constexpr uint64_t kNeverNs = 30'000'000'000;
// Up to there a sync gets cheaper by more than what zeros ahead cost.
constexpr uint64_t kSmallBatchBytes = 16 * kKiB;
constexpr uint64_t kRetryNs = 200'000'000;
// Nobody has to ring: whoever forgets to costs this.
constexpr uint64_t kSleepNs = 100'000'000;

}  // namespace

bool IsFullDisk(const Status& status) {
  return status.error_number() == ENOSPC || status.error_number() == EDQUOT;
}

LogWriter::LogWriter(CommitLog& log, std::unique_ptr<storage::SegmentSet> set, Clock& clock,
                     Listener& listener, Options options)
    : log_(log),
      set_(std::move(set)),
      clock_(clock),
      listener_(listener),
      options_(std::move(options)),
      syncer_(log),
      sync_(options_.sync),
      backlog_bytes_(options_.retention.backlog_bytes),
      log_bytes_max_(options_.retention.bytes_max) {}

LogWriter::~LogWriter() { static_cast<void>(Stop()); }

Status LogWriter::Open(const std::string& history) {
  history_ = history;
  const auto started = set_->StartSegment(history_);
  if (!started.ok()) return started.error();
  const uint64_t end = set_->next_offset() - 1;
  TERRACE_CHECK(log_.end_offset() == end);
  written_ = synced_ = end;
  synced_ns_ = clock_.MonotonicNs();
  // One of before may be half a ballast.
  static_cast<void>(set_->files().Remove(BallastPath()));
  const Status made = MakeBallast();
  if (!made.ok()) SetState(State::kShortOfRoom, made);
  log_.Carry(end);
  log_.SetEnabled(true);
  log_.Promise();
  return Status::Ok();
}

void LogWriter::Start() {
  syncer_.Start();
  thread_ = std::thread([this] { Run(); });
}

Status LogWriter::Stop() {
  if (stop_.exchange(true)) return Status::Ok();
  log_.Wake();
  if (thread_.joinable()) thread_.join();
  if (syncer_.busy()) {
    if (const Status status = TakeSync(true); !status.ok()) Fail(status);
  }
  syncer_.Stop();
  if (set_->writer() == nullptr) return Status::Ok();
  while (state() != State::kFailed && Round()) {
  }
  if (state() == State::kFailed) {
    retry_ns_ = 0;  // there is no later
    TryAgain();
  }
  if (state() == State::kFailed) return failure();
  Status done = Sync();
  if (done.ok()) done = set_->writer()->Mark();
  if (done.ok()) set_->CutZeros();
  log_.Carry(CommitLog::kNobody);
  return done;
}

void LogWriter::Run() {
  while (!stop_.load(std::memory_order_relaxed)) {
    if (Round()) {
      Gather();
      continue;
    }
    // While it fails there are bytes, and nothing to be done with them but to try again.
    const uint64_t known = state() == State::kFailed ? log_.end_offset() : written_offset();
    log_.WaitForBytes(known, kSleepNs);
  }
}

// Until those have come back who were there when the last sync was through, or most of them. They have replies to get first, and
// so have others before them: that may take longer than a sync. How long it took lately is how long it is waited for.
void LogWriter::Gather() {
  if (company_bytes_ == 0 || sync_.load(std::memory_order_relaxed) != LogSync::kAlways ||
      state() != State::kRunning)
    return;
  const uint64_t limit_ns = std::min(kGatherSyncs * sync_ns_, kGatherNsMax);
  if (patience_ns_ < kGatherNsMin) {
    // They did not come, time and again. That may change.
    if (++gathers_left_out_ % kGatherAgain != 0) return;
    patience_ns_ = limit_ns;
  }
  const uint64_t wanted = synced_offset() + company_bytes_ / 8 * 7;
  const uint64_t begun_ns = clock_.MonotonicNs();
  log_.WaitForBytes(wanted, std::min(patience_ns_, limit_ns));
  const uint64_t took_ns = clock_.MonotonicNs() - begun_ns;
  patience_ns_ =
      log_.end_offset() > wanted ? std::max(2 * took_ns, kGatherNsMin) : patience_ns_ / 2;
}

bool LogWriter::Round() {
  if (state() == State::kFailed) {
    TryAgain();
    TellIfBehind();
    if (state() == State::kFailed) return false;
  }
  const uint64_t written = written_offset(), syncs = this->syncs();
  Status status = TakeSync(false);
  if (status.ok()) status = Write();
  if (status.ok()) status = SyncIfDue();
  if (status.ok()) status = MarkIfQuiet();
  if (status.ok()) Release();
  if (!status.ok()) {
    Fail(status);
    if (retry_ns_ == 0) TryAgain();
  }
  if (state() == State::kShortOfRoom) TryForRoom();
  TellIfBehind();
  return written_offset() != written || this->syncs() != syncs;
}

Status LogWriter::Write() {
  while (true) {
    const uint64_t next = set_->next_offset();
    uint64_t rotate_at = rotate_at_.load(std::memory_order_relaxed);
    if (next >= rotate_at) {
      if (Status status = Rotate(); !status.ok()) return status;
      // Unless another one was asked for meanwhile.
      rotate_at_.compare_exchange_strong(rotate_at, UINT64_MAX, std::memory_order_relaxed);
      continue;
    }
    const LogChunks::Span span = log_.From(next);
    if (span.bytes.empty()) return Status::Ok();
    if (set_->writer()->file_bytes() >= options_.segment_bytes_max) {
      if (Status status = Rotate(); !status.ok()) return status;
    }
    // Before the append: a mark of the writer that stood for "nothing follows" no longer does.
    marked_ = false;
    if (options_.zeros_ahead_bytes != 0 && span.bytes.size() <= kSmallBatchBytes &&
        sync_.load(std::memory_order_relaxed) == LogSync::kAlways && state() == State::kRunning)
      set_->writer()->ZeroAhead(options_.zeros_ahead_bytes);
    if (Status status = set_->writer()->Append(span.bytes.substr(0, rotate_at - next));
        !status.ok())
      return status;
    written_.store(set_->next_offset() - 1, std::memory_order_relaxed);
    if (sync_.load(std::memory_order_relaxed) != LogSync::kAlways)
      log_.progress().Advance(written_offset());
    // Beside a sync that takes its time as much again may be written.
    const uint64_t unsynced = written_offset() - synced_offset();
    if (unsynced >= (syncer_.busy() ? 2 : 1) * options_.unsynced_bytes_max) return Status::Ok();
  }
}

Status LogWriter::SyncIfDue() {
  const uint64_t unsynced = written_offset() - synced_offset();
  if (unsynced == 0) return Status::Ok();
  const LogSync sync = sync_.load(std::memory_order_relaxed);
  const uint64_t passed = clock_.MonotonicNs() - synced_ns_;
  const bool due = sync == LogSync::kAlways || sync_wanted_.exchange(false) ||
                   unsynced >= options_.unsynced_bytes_max ||
                   passed >= (sync == LogSync::kEverySecond ? kSecondNs : kNeverNs);
  if (!due) return Status::Ok();
  if (sync == LogSync::kAlways || !syncer_.runs()) return Sync();
  if (syncer_.busy()) {
    // Once for each: what is due now is due in the next round, too.
    if (sync_begun_ns_ != delayed_ns_) delayed_syncs_.fetch_add(1, std::memory_order_relaxed);
    delayed_ns_ = sync_begun_ns_;
    return Status::Ok();
  }
  sync_begun_ns_ = clock_.MonotonicNs();
  syncer_.Begin(*set_->writer());
  return Status::Ok();
}

Status LogWriter::Sync() {
  if (Status status = TakeSync(true); !status.ok()) return status;
  sync_begun_ns_ = clock_.MonotonicNs();
  const uint64_t units = log_.units();
  const auto point = set_->writer()->BeginSync();
  Status status = EndSync(point, set_->writer()->SyncFile());
  units_ = units;
  return status;
}

Status LogWriter::EndSync(const storage::SegmentWriter::SyncPoint& point, const Status& status) {
  if (Status ended = set_->writer()->EndSync(point, status); !ended.ok()) return ended;
  syncs_.fetch_add(1, std::memory_order_relaxed);
  sync_ns_ = clock_.MonotonicNs() - sync_begun_ns_;
  sync_ns_max_.store(std::max(sync_ns_max(), sync_ns_), std::memory_order_relaxed);
  SyncedUpto(point.offset - 1);
  return Status::Ok();
}

// What the other thread has done.
Status LogWriter::TakeSync(bool wait) {
  if (!syncer_.busy()) return Status::Ok();
  const auto done = wait ? syncer_.Wait() : syncer_.Take();
  return done ? EndSync(done->point, done->status) : Status::Ok();
}

void LogWriter::SyncedUpto(uint64_t offset) {
  synced_ns_ = clock_.MonotonicNs();
  company_bytes_ = log_.units() - units_ > 1 ? log_.end_offset() - synced_offset() : 0;
  synced_.store(offset, std::memory_order_relaxed);
  log_.Carry(offset);
  log_.progress().Advance(offset);
}

Status LogWriter::MarkIfQuiet() {
  const bool quiet =
      log_.end_offset() == synced_offset() && clock_.MonotonicNs() - synced_ns_ >= kSecondNs;
  if (marked_ || !quiet) return Status::Ok();
  marked_ = true;
  return set_->writer()->Mark();
}

// The segment of before is synced by this.
Status LogWriter::Rotate() {
  if (Status status = TakeSync(true); !status.ok()) return status;
  const auto started = set_->StartSegment(history_);
  if (!started.ok()) return started.error();
  SyncedUpto(set_->next_offset() - 1);
  return Status::Ok();
}

// What cannot be removed now is removed with what comes next: nothing depends on it.
void LogWriter::Release() {
  const uint64_t below = Releasable();
  if (below <= released_) return;
  released_ = below;
  static_cast<void>(set_->RemoveBelow(below));
}

uint64_t LogWriter::Releasable() const {
  const uint64_t unneeded = release_below_.load(std::memory_order_relaxed);
  if (unneeded <= released_ || state() != State::kRunning) return unneeded;
  const uint64_t next = written_offset() + 1;
  const uint64_t backlog = backlog_bytes_.load(std::memory_order_relaxed);
  uint64_t below =
      std::max(drop_below_.load(std::memory_order_relaxed), next - std::min(next, backlog));
  const uint64_t bytes_max = log_bytes_max_.load(std::memory_order_relaxed);
  if (next - set_->first_offset() > bytes_max)
    below = std::max(below, set_->FirstStartFrom(next - bytes_max).value_or(unneeded));
  return std::min(below, unneeded);
}

// For a disk that is full. False if there was none of it.
bool LogWriter::DropBacklog() {
  const uint64_t first = set_->first_offset();
  static_cast<void>(set_->RemoveBelow(release_below_.load(std::memory_order_relaxed)));
  return set_->first_offset() != first;
}

void LogWriter::Fail(const Status& why) {
  failures_.fetch_add(1, std::memory_order_relaxed);
  if (IsFullDisk(why) && DropBacklog()) {
    retry_ns_ = 0;
  } else if (IsFullDisk(why) && ballast_) {
    // What it took is for deletes; an error now would only mean that it is there still.
    static_cast<void>(set_->files().Remove(BallastPath()));
    ballast_ = false;
    retry_ns_ = 0;
  } else {
    retry_ns_ = clock_.MonotonicNs() + kRetryNs;
  }
  SetState(State::kFailed, why);
}

void LogWriter::TryAgain() {
  if (clock_.MonotonicNs() < retry_ns_) return;
  static_cast<void>(TakeSync(true));  // of the segment that is given up
  const auto started = set_->StartSegment(history_);
  if (!started.ok()) return Fail(started.error());
  written_.store(set_->next_offset() - 1, std::memory_order_relaxed);
  Status status;
  do {
    status = Write();
    if (status.ok()) status = Sync();
  } while (status.ok() && written_offset() < log_.end_offset());
  if (!status.ok()) return Fail(status);
  if (ballast_) return SetState(State::kRunning, Status::Ok());
  SetState(State::kShortOfRoom, failure());
  TryForRoom();
}

void LogWriter::TryForRoom() {
  if (clock_.MonotonicNs() < retry_ns_) return;
  retry_ns_ = clock_.MonotonicNs() + kRetryNs;
  const auto free = set_->files().FreeBytes(options_.directory);
  // Twice: a log that took the rest at once would be where it came from.
  if (!free.ok() || *free < 2 * options_.ballast_bytes) return;
  if (MakeBallast().ok()) SetState(State::kRunning, Status::Ok());
}

Status LogWriter::MakeBallast() {
  auto file = set_->files().Create(BallastPath());
  if (!file.ok()) return file.error();
  const std::string zeros(256 * kKiB, '\0');
  Status status;
  for (uint64_t at = 0; status.ok() && at < options_.ballast_bytes; at += zeros.size())
    status = (*file)->Append(zeros);
  if (status.ok()) status = (*file)->Sync();
  if (!status.ok()) static_cast<void>(set_->files().Remove(BallastPath()));
  ballast_ = status.ok();
  return status;
}

void LogWriter::SetState(State state, const Status& why) {
  bool changed;
  {
    MutexLock lock(mutex_);
    changed = this->state() != state || failure_.message() != why.message();
    failure_ = why;
    state_.store(state, std::memory_order_release);
  }
  if (changed) listener_.OnLogState(state, why);
}

Status LogWriter::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

void LogWriter::TellIfBehind() {
  const uint64_t waiting = log_.end_offset() - written_offset();
  const bool behind = waiting > (behind_ ? options_.behind_bytes / 2 : options_.behind_bytes);
  if (behind == behind_) return;
  behind_ = behind;
  listener_.OnLogBehind(behind);
}

}  // namespace terrace::engine
