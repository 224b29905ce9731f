// DumpKeeper: the thread that writes dumps (engine/dumper.h) of a running server to `dbfilename` in `dir`: when somebody asks
// (BGSAVE, SAVE, SHUTDOWN) and, of a server without a log, when a save point is reached. If such a server cannot write its
// dump it takes no more changes that need room, unless stop-writes-on-bgsave-error says no: who has save points counts on them.
//
// Threads: Start and Stop by whoever owns it; the rest by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "engine/dumper.h"
#include "server/image_gate.h"
#include "server/parts.h"

namespace terrace::server {

class DumpKeeper {
 public:
  struct Counts {
    uint64_t made = 0;
    uint64_t failed = 0;
    uint64_t begun_ms = 0;  // wall clock: when the last one began
    uint64_t last_ms = 0;   // when the last good one was done
    uint64_t changes = 0;   // of all workers, up to the last good one's cut
  };

  DumpKeeper(Parts& parts, FileSystem& files);
  ~DumpKeeper() { Stop(); }
  DumpKeeper(const DumpKeeper&) = delete;
  DumpKeeper& operator=(const DumpKeeper&) = delete;

  void Start();
  /// One that is running is given up, and no other begins.
  void Cancel();
  /// The same, and waits for it.
  void Stop();

  /// False if one is running or asked for already.
  bool Request() TERRACE_EXCLUDES(mutex_);
  /// Makes one of what there is now, and waits for it. `self`: the caller's participant, which is in and is out meanwhile;
  /// nullptr if it is none.
  Status MakeNow(engine::Participant* self) TERRACE_EXCLUDES(mutex_);
  /// By a signal to stop: if there are save points one is made, and the server ends when it is good. False, and nothing is
  /// done, if there are none.
  bool EndAfterDump() TERRACE_EXCLUDES(mutex_);
  /// When the server ends and nobody changes anything any more: makes one if that was asked for, or, unless it was asked
  /// not to, if there are save points, and something has changed.
  void MakeLast() TERRACE_EXCLUDES(mutex_);
  enum class Last : uint8_t { kIfSavePoints, kAlways, kNever };
  void set_last(Last last) { last_.store(last, std::memory_order_relaxed); }

  /// `save` names some, and there is no log that keeps everything.
  bool has_save_points() const TERRACE_EXCLUDES(mutex_);
  bool running() const TERRACE_EXCLUDES(mutex_);
  const engine::Dumper& dumper() const { return dumper_; }
  Counts counts() const TERRACE_EXCLUDES(mutex_);

 private:
  void Run();
  bool WaitForWork(uint64_t* ticket) TERRACE_EXCLUDES(mutex_);
  bool IsDue() const TERRACE_REQUIRES(mutex_);
  void Follow(const config::Options& options) TERRACE_EXCLUDES(mutex_);
  void RefuseWritesOrNot() TERRACE_REQUIRES(mutex_);
  void Make() TERRACE_EXCLUDES(mutex_);
  Status MakeOne(engine::Dumper::Options options, uint64_t* changes);
  void Pace();

  Parts& parts_;
  ImageGate images_;
  engine::Dumper dumper_;
  std::atomic<bool> stop_{false};
  std::atomic<Last> last_{Last::kIfSavePoints};
  std::thread thread_;

  // The thread's own.
  engine::Participant* self_ = nullptr;

  mutable Mutex mutex_;
  CondVar wake_;
  CondVar done_;
  std::vector<config::SavePoint> points_ TERRACE_GUARDED_BY(mutex_);
  bool stop_writes_ TERRACE_GUARDED_BY(mutex_) = true;
  bool refuses_writes_ TERRACE_GUARDED_BY(mutex_) = false;
  uint64_t retry_ns_ TERRACE_GUARDED_BY(mutex_) = 0;
  // Who asks draws a ticket; a dump serves all tickets drawn before it began.
  uint64_t tickets_ TERRACE_GUARDED_BY(mutex_) = 0;
  uint64_t tickets_served_ TERRACE_GUARDED_BY(mutex_) = 0;
  bool making_ TERRACE_GUARDED_BY(mutex_) = false;
  uint64_t ends_with_ TERRACE_GUARDED_BY(mutex_) = 0;  // this ticket's dump; 0: none
  Status last_status_ TERRACE_GUARDED_BY(mutex_);
  Counts counts_ TERRACE_GUARDED_BY(mutex_);
};

/// What the eviction policy in force has a dump remember of keys' past.
engine::KeptAccess KeptBy(engine::EvictionPolicy policy);

}  // namespace terrace::server
