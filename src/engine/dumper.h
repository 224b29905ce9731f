// Dumper: writes an RDB file of all databases as they are at one moment, while everybody goes on: no fork, and no more
// memory than the old images (engine/old_images.h) and a stretch of keys take.
//
//   Open        the file beside the one of that name
//   Begin       the cut, in an exclusive section: microseconds
//   kWalk       a shard at a time, or a piece of a large collection: captured under its lock, compressed and written with
//               no lock held
//   kFinish     the file is complete, on the disk, and has its name
//   kRelease    nobody takes old images any more
//
// When something fails, or Cancel was called, the walk goes on without copying anything (engine/dump_cut.h), the file that
// was there stays, and the new one goes.
//
// Threads: Begin by anybody, in an exclusive section; Open and Step by one thread, which is a participant of its own and out
// when it calls; the rest by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "engine/dump_cut.h"
#include "engine/dump_file.h"
#include "env/clock.h"
#include "env/file_system.h"
#include "rdb/file_writer.h"

namespace terrace::engine {

class Dumper {
 public:
  struct Options {
    std::string directory;
    std::string name;
    /// What the file is called before it is whole. Not the same for two servers that share a directory: one would give its
    /// name to the other's unfinished file.
    std::string name_of_new;
    uint16_t rdb_version = rdb::kRdbVersionDefault;
    rdb::Compression compression = rdb::Compression::kLzf;
    KeptAccess kept = KeptAccess::kNone;
    LfuSettings lfu = {};
    /// Before the keys.
    std::vector<std::pair<std::string, std::string>> notes;
  };
  enum class Stage : uint8_t { kIdle, kWalk, kFinish, kRelease };
  /// Of a file that is in its place.
  struct Stats {
    uint64_t keys = 0;
    uint64_t bytes = 0;
    uint64_t ms = 0;  // from Begin on
    uint64_t old_images = 0;
    uint64_t image_bytes_peak = 0;
    uint64_t piece_items_peak = 0;  // of large collections, under a shard's lock at once
  };

  /// All outlive it.
  Dumper(FileSystem& files, Databases& databases, Clock& clock,
         const LargeCaptures::Options& large = {}, ImageBudget* budget = nullptr)
      : files_(files), databases_(databases), clock_(clock), cut_(databases, large, budget) {}
  /// CONTRACT: none is under way.
  ~Dumper();
  Dumper(const Dumper&) = delete;
  Dumper& operator=(const Dumper&) = delete;

  /// CONTRACT: none is under way.
  Status Open(Options options);
  /// In an exclusive section: what the databases hold now is what the file will have. CONTRACT: Open was content.
  void Begin();
  bool running() const { return stage() != Stage::kIdle; }
  Stage stage() const { return stage_.load(std::memory_order_acquire); }
  /// Goes on a little. False when it is over.
  bool Step(Participant& self);
  /// One that is under way ends soon, with an error.
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  /// Of the last one that ended; Ok before the first.
  Status status() const TERRACE_EXCLUDES(mutex_);
  /// The last one failed because some key needs a newer version of RDB.
  bool version_too_low() const { return version_too_low_; }
  /// Of the last one that was good; none before the first.
  std::optional<Stats> stats() const TERRACE_EXCLUDES(mutex_);

  /// What old images take. Beyond what they may, writers should wait, holding nothing, until the walk has come further.
  uint64_t image_bytes() const { return cut_.image_bytes(); }

 private:
  void Walk(Participant& self);
  Status WriteStretch();
  Status WritePiece(Participant& self);
  bool Append(Bytes bytes);
  Status Finish();
  void Fail(Status failure);
  void End();
  std::string path() const { return options_.directory + "/" + options_.name; }
  std::string path_of_new() const { return options_.directory + "/" + options_.name_of_new; }
  void Enter(Stage stage) { stage_.store(stage, std::memory_order_release); }

  FileSystem& files_;
  Databases& databases_;
  Clock& clock_;
  std::atomic<Stage> stage_{Stage::kIdle};
  std::atomic<bool> cancelled_{false};
  DumpCut cut_;

  // Of the one that is under way: written by Open, Begin and the thread that steps.
  Options options_;
  std::unique_ptr<WritableFile> file_;
  std::unique_ptr<rdb::FileWriter> writer_;
  DumpCut::Stretch stretch_;  // large: of which not all has been written
  std::string piece_;
  std::optional<unsigned> db_;  // whose keys are being written
  uint64_t begun_ns_ = 0;
  uint64_t cut_ms_ = 0;
  uint64_t unsynced_bytes_ = 0;
  Stats counts_;
  Status write_status_;
  Status failure_;
  bool version_too_low_ = false;

  mutable Mutex mutex_;
  Status status_ TERRACE_GUARDED_BY(mutex_);
  std::optional<Stats> stats_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::engine
