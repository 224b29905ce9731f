// LogWriter: carries the log from memory to the disk, and says how far it has got.
//
//   units append -> [ memory ] --- round: write --- sync ---> [ segments ]
//                                     |        |
//                     everysec, no:   |        +-- always: replies may leave (CommitLog::progress)
//                     replies may leave here
//
// A round writes all there is, each time whole units, and syncs it if the policy says so: what gathered while the last
// sync ran goes out together, over all connections (group commit). Under always the next sync waits a little for those whom
// the last one has set free: they would otherwise just miss it, and there would be two groups that take turns, with twice
// the syncs. Otherwise another thread syncs, and replies that do not depend on it go on (engine/log_syncer.h).
//
// When the disk fails (any failure, a full disk included) what was not synced yet is still in memory. It is written anew
// to another segment (storage/segment_format.h, L4), again and again until that works; meanwhile replies wait, and
// whoever listens refuses writes. On a full disk a ballast file gives its room, so that deletes can be logged: then the
// log is written again, but writes that need room stay refused until there is enough for a new ballast.
//
//   kRunning <---- room again, ballast made ---- kShortOfRoom
//      |                                             ^
//      +-- a write or sync fails --> kFailed --------+-- a new segment has taken what was left
//                                                    (without a ballast: straight back to kRunning)
//
// What a restart does not need is kept for followers that were away (LogRetention), but never at the price of a full disk: it
// goes first of all, before the ballast, and comes to nothing until there is room again.
//
// Threads: Round by one: the thread that Start makes, or a test. What is atomic is for all.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "base/status.h"
#include "engine/commit_log.h"
#include "engine/log_syncer.h"
#include "env/clock.h"
#include "storage/segment_set.h"

namespace terrace::engine {

/// When the log is synced; appendfsync.
enum class LogSync : uint8_t { kAlways, kEverySecond, kNever };

/// Whether it says that the disk has no room, for all or for us.
bool IsFullDisk(const Status& status);

/// What is kept of the log beside what a restart needs.
struct LogRetention {
  uint64_t backlog_bytes = 0;       // the newest so many, for followers
  uint64_t bytes_max = UINT64_MAX;  // and none of it if all segments together are longer
};

class LogWriter {
 public:
  enum class State : uint8_t { kRunning, kFailed, kShortOfRoom };

  /// Told of what others must know; on the writer's thread.
  class Listener {
   public:
    virtual ~Listener() = default;
    /// `why` says what happened, to which file.
    virtual void OnLogState(State state, const Status& why) = 0;
    /// So many bytes wait in memory that writes should, or no longer.
    virtual void OnLogBehind(bool behind) = 0;
  };

  struct Options {
    std::string directory;  // of the segments
    LogSync sync = LogSync::kEverySecond;
    uint64_t segment_bytes_max = 256 * kMiB;
    LogRetention retention = {};
    // Under always small batches are written onto so many zeros (SegmentWriter::ZeroAhead). The sync behind them takes some
    // 0.2 ms longer, once for a hundred others. 0: none.
    uint64_t zeros_ahead_bytes = 256 * kKiB;
    // What was not synced stays in memory, so it is synced when it has become this much, whatever the policy.
    uint64_t unsynced_bytes_max = 32 * kMiB;
    uint64_t ballast_bytes = 4 * kMiB;
    // Bytes in memory that are not written yet from which on, and down to half of which, the listener is told.
    uint64_t behind_bytes = 64 * kMiB;
  };

  /// `set` has been recovered from: it ends where the log begins to be appended to.
  LogWriter(CommitLog& log, std::unique_ptr<storage::SegmentSet> set, Clock& clock,
            Listener& listener, Options options);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Begins a segment of this history and lets the log promise. In an exclusive section, or before anybody appends. An error
  /// says why there can be no log.
  Status Open(const std::string& history);
  /// Runs rounds on a thread of its own, until Stop.
  void Start();
  /// Nothing is appended any more: writes, syncs and marks what there is. An error says what could not be made durable.
  Status Stop();

  /// Writes and syncs what there is to be. True if there was something.
  bool Round();

  void set_sync(LogSync sync) {
    sync_.store(sync, std::memory_order_relaxed);
    log_.Wake();
  }

  // --- any thread ---
  /// Whatever the policy, what is there now is synced soon; see synced_offset().
  void SyncSoon() {
    sync_wanted_.store(true, std::memory_order_relaxed);
    log_.Wake();
  }
  /// A segment begins at `offset`, which is the next that is appended: so what comes before can go by itself later. In an
  /// exclusive section, as only then nothing is appended meanwhile.
  void RotateAt(uint64_t offset) {
    rotate_at_.store(offset, std::memory_order_relaxed);
    log_.Wake();
  }
  /// No restart needs what comes before `offset` any more: segments that have nothing else go as the retention says.
  void ReleaseBelow(uint64_t offset) {
    release_below_.store(offset, std::memory_order_relaxed);
    log_.Wake();
  }
  /// The same, but they go at once.
  void DropBelow(uint64_t offset) {
    drop_below_.store(offset, std::memory_order_relaxed);
    ReleaseBelow(offset);
  }
  void set_retention(const LogRetention& retention) {
    backlog_bytes_.store(retention.backlog_bytes, std::memory_order_relaxed);
    log_bytes_max_.store(retention.bytes_max, std::memory_order_relaxed);
    log_.Wake();
  }
  State state() const { return state_.load(std::memory_order_acquire); }
  /// Why it is not running; Ok if it is.
  Status failure() const TERRACE_EXCLUDES(mutex_);
  uint64_t written_offset() const { return written_.load(std::memory_order_relaxed); }
  uint64_t synced_offset() const { return synced_.load(std::memory_order_relaxed); }
  uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }
  uint64_t sync_ns_max() const { return sync_ns_max_.load(std::memory_order_relaxed); }
  /// How often a sync was due while the one before was still under way.
  uint64_t delayed_syncs() const { return delayed_syncs_.load(std::memory_order_relaxed); }
  uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }
  const storage::SegmentSet& segments() const { return *set_; }

 private:
  void Run();
  void Gather();
  Status Write();
  Status SyncIfDue();
  Status Sync();
  Status EndSync(const storage::SegmentWriter::SyncPoint& point, const Status& status);
  Status TakeSync(bool wait);
  void SyncedUpto(uint64_t offset);
  Status MarkIfQuiet();
  Status Rotate();
  void Release();
  uint64_t Releasable() const;
  bool DropBacklog();
  void Fail(const Status& why);
  void TryAgain();
  void TryForRoom();
  Status MakeBallast();
  void SetState(State state, const Status& why);
  void TellIfBehind();
  std::string BallastPath() const { return options_.directory + "/BALLAST"; }

  static constexpr uint64_t kSecondNs = 1'000'000'000;
  // Who gathers waits for no longer than so many syncs take, and this; less than the least is not worth a sleep.
  static constexpr uint64_t kGatherSyncs = 4;
  static constexpr uint64_t kGatherNsMax = 1'000'000;
  static constexpr uint64_t kGatherNsMin = 20'000;
  static constexpr uint64_t kGatherAgain = 64;

  CommitLog& log_;
  const std::unique_ptr<storage::SegmentSet> set_;
  Clock& clock_;
  Listener& listener_;
  const Options options_;
  LogSyncer syncer_;
  std::string history_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::atomic<LogSync> sync_;
  std::atomic<bool> sync_wanted_{false};
  std::atomic<uint64_t> release_below_{0};
  std::atomic<uint64_t> drop_below_{0};
  std::atomic<uint64_t> backlog_bytes_{0};
  std::atomic<uint64_t> log_bytes_max_{UINT64_MAX};
  std::atomic<uint64_t> rotate_at_{UINT64_MAX};

  // The writer's own.
  bool ballast_ = false;
  bool behind_ = false;
  bool marked_ = true;
  uint64_t released_ = 0;
  uint64_t synced_ns_ = 0;      // when
  uint64_t sync_begun_ns_ = 0;  // the one of the other thread
  uint64_t delayed_ns_ = 0;     // the begin of the last one that held another one up
  uint64_t sync_ns_ = 0;        // what the last one took
  // Of those who wait for the log, when a sync is through: what they had written. 0: there are not several.
  uint64_t company_bytes_ = 0;
  uint64_t units_ = 0;  // of the log, when the last sync began
  uint64_t patience_ns_ = kGatherNsMax;
  uint64_t gathers_left_out_ = 0;
  uint64_t retry_ns_ = 0;

  std::atomic<State> state_{State::kRunning};
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> synced_{0};
  std::atomic<uint64_t> syncs_{0};
  std::atomic<uint64_t> sync_ns_max_{0};
  std::atomic<uint64_t> delayed_syncs_{0};
  std::atomic<uint64_t> failures_{0};

  mutable Mutex mutex_;
  Status failure_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::engine
