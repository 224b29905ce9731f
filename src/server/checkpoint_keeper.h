// CheckpointKeeper: the thread that makes checkpoints (engine/checkpointer.h) of a running server, when somebody asks
// (BGSAVE, BGREWRITEAOF) or the log has grown enough since the last one, lets the log before them go, and makes one run of
// the tables when there are many.
//
//   cut, in an exclusive section -> walk, tables -> the log is synced up to the cut -> the manifest -> segments go
//
// The manifest must not speak of an offset that the log may lose to a power cut, hence the third step.
//
// Threads: Start and Stop by whoever owns it; the rest by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/mutex.h"
#include "engine/checkpointer.h"
#include "engine/log_writer.h"
#include "server/data_directory.h"
#include "server/parts.h"

namespace terrace::server {

class CheckpointKeeper {
 public:
  struct Counts {
    uint64_t made = 0;
    uint64_t failed = 0;
    uint64_t failed_in_row = 0;
    uint64_t begun_ms = 0;  // wall clock: when the last one began
    uint64_t last_ms = 0;   // when the last good one was done
    uint64_t changes = 0;   // of all workers, up to the last good one's cut
    uint64_t compactions = 0;
  };

  CheckpointKeeper(Parts& parts, DataDirectory& data, engine::LogWriter& writer);
  ~CheckpointKeeper() { Stop(); }
  CheckpointKeeper(const CheckpointKeeper&) = delete;
  CheckpointKeeper& operator=(const CheckpointKeeper&) = delete;

  /// Before Start: makes one on this thread, of what nobody changes yet.
  Status MakeFirst();
  void Start();
  /// One that is running is given up.
  void Stop();

  /// False if one is running or asked for already.
  bool Request() TERRACE_EXCLUDES(mutex_);
  bool running() const { return checkpointer_.running(); }
  const engine::Checkpointer& checkpointer() const { return checkpointer_; }
  Counts counts() const TERRACE_EXCLUDES(mutex_);
  DataDirectory& data() const { return data_; }

 private:
  void Run();
  bool WaitForWork() TERRACE_EXCLUDES(mutex_);
  bool IsDue() const;
  void Make();
  bool WaitForLog(uint64_t offset);
  void Pace();
  void CompactIfMany();

  Parts& parts_;
  DataDirectory& data_;
  engine::LogWriter& writer_;
  engine::Checkpointer checkpointer_;
  std::atomic<bool> stop_{false};
  std::thread thread_;

  // The thread's own.
  engine::Participant* self_ = nullptr;
  bool writers_wait_ = false;
  uint64_t retry_ns_ = 0;

  mutable Mutex mutex_;
  CondVar wake_;
  bool requested_ TERRACE_GUARDED_BY(mutex_) = false;
  Counts counts_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::server
