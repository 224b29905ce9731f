// LogSyncer: a thread that syncs the log's segment while the log writer goes on writing it, so that nobody waits for the disk
// who was not promised that (appendfsync everysec and no). One sync at a time.
//
// Threads: everything by the log writer.
#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "base/status.h"
#include "engine/commit_log.h"
#include "storage/segment_writer.h"

namespace terrace::engine {

class LogSyncer {
 public:
  struct Done {
    storage::SegmentWriter::SyncPoint point;
    Status status;
  };

  /// `log`'s carrier is woken when a sync is through.
  explicit LogSyncer(CommitLog& log) : log_(log) {}
  ~LogSyncer() { Stop(); }
  LogSyncer(const LogSyncer&) = delete;
  LogSyncer& operator=(const LogSyncer&) = delete;

  void Start();
  void Stop() TERRACE_EXCLUDES(mutex_);
  bool runs() const { return thread_.joinable(); }

  /// CONTRACT: none is under way, and the last one's outcome has been taken. `segment` stays until it is done.
  void Begin(const storage::SegmentWriter& segment) TERRACE_EXCLUDES(mutex_);
  /// Begun, and its outcome not taken yet.
  bool busy() const { return busy_; }
  /// The outcome, if it is through.
  std::optional<Done> Take() TERRACE_EXCLUDES(mutex_);
  /// The outcome, as soon as it is through. CONTRACT: busy().
  Done Wait() TERRACE_EXCLUDES(mutex_);

 private:
  void Run() TERRACE_EXCLUDES(mutex_);

  CommitLog& log_;
  std::thread thread_;
  bool busy_ = false;

  Mutex mutex_;
  CondVar changed_;
  bool stop_ TERRACE_GUARDED_BY(mutex_) = false;
  const storage::SegmentWriter* segment_ TERRACE_GUARDED_BY(mutex_) = nullptr;
  std::optional<storage::SegmentWriter::SyncPoint> wanted_ TERRACE_GUARDED_BY(mutex_);
  std::optional<Done> done_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::engine
