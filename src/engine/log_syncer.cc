#include "engine/log_syncer.h"

#include <utility>

#include "base/check.h"

namespace terrace::engine {

void LogSyncer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void LogSyncer::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void LogSyncer::Begin(const storage::SegmentWriter& segment) {
  TERRACE_CHECK(!busy_);
  busy_ = true;
  MutexLock lock(mutex_);
  segment_ = &segment;
  wanted_ = segment.BeginSync();
  changed_.NotifyAll();
}

std::optional<LogSyncer::Done> LogSyncer::Take() {
  MutexLock lock(mutex_);
  std::optional<Done> done = std::exchange(done_, std::nullopt);
  if (done) busy_ = false;
  return done;
}

LogSyncer::Done LogSyncer::Wait() {
  TERRACE_CHECK(busy_);
  MutexLock lock(mutex_);
  while (!done_) changed_.Wait(mutex_);
  busy_ = false;
  return *std::exchange(done_, std::nullopt);
}

void LogSyncer::Run() {
  MutexLock lock(mutex_);
  while (true) {
    while (!stop_ && !wanted_) changed_.Wait(mutex_);
    if (!wanted_) return;  // what was begun is ended before the thread is
    const auto point = *std::exchange(wanted_, std::nullopt);
    const storage::SegmentWriter* segment = segment_;
    mutex_.Unlock();
    const Status status = segment->SyncFile();
    mutex_.Lock();
    done_ = Done{point, status};
    changed_.NotifyAll();
    log_.Wake();
  }
}

}  // namespace terrace::engine
