// Checkpointer: writes what has changed since the last checkpoint into tables, as it was at one offset of the log, while
// everybody goes on. What it must get right is in docs/checkpoints.md.
//
//   Begin       the cut, in an exclusive section: microseconds
//   kWalk       a shard at a time, or a piece of a large collection: captured under its lock, then sorted and written with no
//               lock held
//   kSync       the last table is complete and on the disk
//   kVerify     every table is read back
//   kInstall    the manifest names them, and the offset: the commit point
//   kRelease    nobody takes old images any more
//   kTidy       files that nobody needs go
//
// and when one of them fails, or Cancel was called: kUndo, which marks as changed what was captured, kRelease and kTidy. The
// tables in force are those of before then, and the next checkpoint writes all of what this one did not.
//
// Threads: Begin by anybody, in an exclusive section; Step and Run by one thread, which is a participant of its own and out
// when it calls; the rest by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "engine/checkpoint_cut.h"
#include "engine/databases.h"
#include "env/clock.h"
#include "env/file_system.h"
#include "storage/manifest.h"
#include "storage/run_writer.h"

namespace terrace::engine {

class Checkpointer {
 public:
  struct Options {
    uint64_t table_bytes_max = 256 * kMiB;
    CheckpointCut::Options cut;
  };
  enum class Stage : uint8_t {
    kIdle,
    kWalk,
    kSync,
    kVerify,
    kInstall,
    kUndo,
    kRelease,
    kTidy,
  };
  /// Of a checkpoint that was installed.
  struct Stats {
    uint64_t log_offset = 0;
    uint64_t entries = 0;
    uint64_t tombstones = 0;
    uint64_t tables = 0;
    uint64_t bytes = 0;  // of the tables
    uint64_t ms = 0;     // from Begin on
    uint64_t old_images = 0;
    uint64_t image_bytes_peak = 0;
    uint64_t piece_items_peak = 0;  // of large collections, under a shard's lock at once
  };

  /// All outlive it. The manifest's hash key is that of the databases.
  Checkpointer(FileSystem& files, storage::Manifest& manifest, Databases& databases, Clock& clock,
               const Options& options);
  /// CONTRACT: none is running (Cancel, then Run).
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// In an exclusive section, between two units of the log: what the databases hold now is what the log makes of them up to
  /// `mark`. CONTRACT: none is running.
  void Begin(const storage::CheckpointMark& mark);
  bool running() const { return stage() != Stage::kIdle; }
  Stage stage() const { return stage_.load(std::memory_order_acquire); }

  /// Goes on a little: one shard or piece, one table, one step of the others. False when the checkpoint is over.
  bool Step(Participant& self);
  /// To its end.
  Status Run(Participant& self);
  /// One that is running ends soon, with an error. It cannot be told from one that just came to its end in time.
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  /// Of the last one that ended; Ok before the first.
  Status status() const TERRACE_EXCLUDES(mutex_);
  /// Of the last one that was installed; none before the first.
  std::optional<Stats> stats() const TERRACE_EXCLUDES(mutex_);

  /// What old images take. Beyond what they may, writers should wait, holding nothing, until the walk has come further.
  uint64_t image_bytes() const { return cut_.image_bytes(); }

 private:
  unsigned PartitionBits() const;
  void Walk(Participant& self);
  Status WriteStretch();
  Status BeginLarge();
  Status WritePiece(Participant& self);
  void Sync();
  void Verify();
  void Install();
  void ChangeManifest(storage::ManifestState* state) const;
  void AddDeadBytes(storage::ManifestState* state) const;
  void Undo(Participant& self);
  void Release();
  void Tidy();
  void Fail(Status failure);
  void Enter(Stage stage) { stage_.store(stage, std::memory_order_release); }

  FileSystem& files_;
  storage::Manifest& manifest_;
  Databases& databases_;
  Clock& clock_;
  const Options options_;

  std::atomic<Stage> stage_{Stage::kIdle};
  std::atomic<bool> cancelled_{false};
  CheckpointCut cut_;

  // Of the checkpoint that is running: written by Begin and by the thread that steps.
  storage::CheckpointMark mark_;
  // Also after one that failed: a keyspace keeps the space that it got.
  uint32_t next_space_ = 0;
  uint64_t begun_ns_ = 0;
  std::unique_ptr<storage::RunWriter> run_;
  CheckpointCut::Stretch stretch_;  // large: of which not all has been written
  std::string piece_;
  Stats counts_;
  uint64_t overwritten_ = 0;
  Status failure_;

  mutable Mutex mutex_;
  Status status_ TERRACE_GUARDED_BY(mutex_);
  std::optional<Stats> stats_ TERRACE_GUARDED_BY(mutex_);
};

/// As INFO shows it.
const char* NameOf(Checkpointer::Stage stage);

}  // namespace terrace::engine
