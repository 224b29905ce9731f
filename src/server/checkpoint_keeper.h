// CheckpointKeeper: the thread that makes checkpoints (engine/checkpointer.h) of a running server, when somebody asks
// (BGSAVE, SAVE, BGREWRITEAOF, SHUTDOWN), a save point is reached, the log has grown enough since the last one, or a database
// that has tables was flushed, in database mode also when much has changed; and lets the log before them go.
//
//   cut, in an exclusive section -> walk, tables -> the log is synced up to the cut -> the manifest -> segments go
//
// The manifest must not speak of an offset that the log may lose to a power cut, hence the third step.
//
// Threads: Start and Stop by whoever owns it; Engage and Disengage in an exclusive section; the rest by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "engine/checkpointer.h"
#include "engine/log_writer.h"
#include "server/compaction_keeper.h"
#include "server/data_directory.h"
#include "server/image_gate.h"
#include "server/parts.h"
#include "server/write_pacer.h"

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
  };

  /// Told, on the keeper's thread, how a checkpoint ended.
  using Done = std::function<void(const Status&)>;

  CheckpointKeeper(Parts& parts, DataDirectory& data);
  ~CheckpointKeeper() { Stop(); }
  CheckpointKeeper(const CheckpointKeeper&) = delete;
  CheckpointKeeper& operator=(const CheckpointKeeper&) = delete;

  /// Before Start: makes one on this thread, of what nobody changes yet.
  Status MakeFirst();
  void Start();
  /// One that is running is given up.
  void Stop() TERRACE_EXCLUDES(mutex_);
  /// The log that checkpoints stand behind from now on.
  void Engage(engine::LogWriter& writer) TERRACE_EXCLUDES(mutex_);
  /// There is no log any more: one that is running is given up, and no other begins.
  void Disengage() TERRACE_EXCLUDES(mutex_);

  /// What a checkpoint is made for; all are the same.
  enum class Wish : uint8_t { kNone, kOwn, kSave, kRewrite };
  /// For whom one is being made, or will be next; kNone: nobody.
  Wish wish() const TERRACE_EXCLUDES(mutex_);
  /// Makes one, behind one that is running.
  void Request(Wish wish) TERRACE_EXCLUDES(mutex_);
  /// The same, and tells its end. It is given up if that takes longer than `limit_ms`, 0: never.
  void RequestNext(Done done, uint64_t limit_ms) TERRACE_EXCLUDES(mutex_);
  /// How long the log is that a restart would have to apply.
  uint64_t log_bytes() const;
  /// Or about to begin.
  bool running() const TERRACE_EXCLUDES(mutex_);
  /// Another one follows that which is running.
  bool scheduled() const TERRACE_EXCLUDES(mutex_);
  const engine::Checkpointer& checkpointer() const { return checkpointer_; }
  Counts counts() const TERRACE_EXCLUDES(mutex_);
  uint64_t compactions() const { return compaction_.compactions(); }
  DataDirectory& data() const { return data_; }

 private:
  void Run() TERRACE_EXCLUDES(mutex_);
  bool WaitForWork() TERRACE_EXCLUDES(mutex_);
  bool IsDue() TERRACE_REQUIRES(mutex_);
  bool MayTry() const TERRACE_REQUIRES(mutex_);
  void EndLocked() TERRACE_REQUIRES(mutex_);
  bool SomethingWasFlushed() const;
  void Make() TERRACE_EXCLUDES(mutex_);
  Status Complete(const storage::CheckpointMark& mark, engine::LogWriter& writer);
  bool WaitForLog(engine::LogWriter& writer, uint64_t offset);
  void Pace();
  void GiveUpIfLate() TERRACE_EXCLUDES(mutex_);

  Parts& parts_;
  DataDirectory& data_;
  ImageGate images_;
  engine::Checkpointer checkpointer_;
  CompactionKeeper compaction_;
  std::atomic<bool> stop_{false};
  std::thread thread_;

  // The thread's own.
  engine::Participant* self_ = nullptr;
  WritePacer pacer_;
  bool flushed_ = false;  // when there was last something to do

  mutable Mutex mutex_;
  CondVar wake_;
  engine::LogWriter* writer_ TERRACE_GUARDED_BY(mutex_) = nullptr;  // nullptr: there is no log
  Wish made_for_ TERRACE_GUARDED_BY(mutex_) = Wish::kNone;  // from the decision until it is done
  Wish next_for_ TERRACE_GUARDED_BY(mutex_) = Wish::kNone;
  std::vector<Done> waiting_ TERRACE_GUARDED_BY(mutex_);       // for the next one
  uint64_t limit_ns_ TERRACE_GUARDED_BY(mutex_) = UINT64_MAX;  // when it is too late
  uint64_t retry_ns_ TERRACE_GUARDED_BY(mutex_) = 0;           // not before that
  Counts counts_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::server
