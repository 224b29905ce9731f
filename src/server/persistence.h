// Persistence: everything that keeps the data on the disk, switched on and off: at the start as `appendonly` says, later by
// CONFIG SET. What is there at the start is brought back while the workers run already and kGateLoading keeps clients out:
//
//   Restore   look            what is there to load: files of a Redis, or tables and a log; the disk is only read
//             load            into the databases, by this thread and helpers; given up when the server is to stop
//             go on (1)       the log gets a new segment: from here on the disk is written
//             import only     the first checkpoint; until its manifest is in force the files of the Redis count
//             Start           the keepers' threads; only now save points, eviction's checkpoints, BGSAVE can be
//             (machine.cc)    the gate opens, due keys are looked for
//   (1) in an exclusive section, as what others look at changes
//
// Where Restore fails or is given up nothing was started, and Stop has nothing to save.
//
//   off --- CONFIG SET appendonly yes ---> a log begins, and a checkpoint of everything is made; until that is in force the
//    ^                                     directory is unfinished (data_directory.h): a restart finds what was before
//    +--- CONFIG SET appendonly no ------- the log is made durable and ends; what is on the disk stays
//
// CONFIG SET has two halves. Listeners prepare what may fail; when all of them agree the switch is made while everybody is
// out (Switch).
//
// Threads: Restore by one of its own; Stop by who builds and runs the machine, behind it; the rest by workers, CONFIG SET being
// one at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/checkpoint_keeper.h"
#include "server/config/options.h"
#include "server/data_directory.h"
#include "server/dump_keeper.h"
#include "server/import_source.h"
#include "server/log_keeper.h"
#include "server/parts.h"
#include "server/value_keeper.h"

namespace terrace::server {

class Persistence {
 public:
  /// `data`: opened already; none: nothing is kept.
  Persistence(Parts& parts, std::unique_ptr<DataDirectory> data);

  /// Brings back what the disk holds, or imports what a Redis has left there, and goes on from there; the error says why that
  /// cannot be. `self` is the executor's participant, and out.
  Status Restore(const config::Options& options, const std::string& import_file,
                 exec::Executor& executor, engine::Participant& self);
  void Stop();

  /// Whether CONFIG SET has prepared what Switch is to do.
  bool wants_switch() const { return wanted_ != Wanted::kNothing; }
  /// In an exclusive section. The error says why the log could not be begun.
  Status Switch();

  /// Before the server stops: makes a checkpoint if `saves`, or if a restart would have much of the log to apply, but not for
  /// longer than the configuration says. `done` is called by whoever finds that it is through, or at once.
  void SaveBeforeStop(bool saves, CheckpointKeeper::Done done);

 private:
  enum class Wanted { kNothing, kOn, kOff };

  Status Load(const std::optional<ImportSource>& source, exec::Executor& executor,
              engine::Participant& self);
  Status GoOn();
  void Start();
  bool IsLoading() const;
  Status Follow(const config::Options& before, const config::Options& after);
  Status PrepareOn(const config::Options& options);

  Parts& parts_;
  std::unique_ptr<DataDirectory> data_;
  std::unique_ptr<ValueKeeper> values_;  // of tables that were there at the start
  LogKeeper log_;
  std::unique_ptr<CheckpointKeeper> checkpoints_;  // once there is a directory
  DumpKeeper dumps_;
  Wanted wanted_ = Wanted::kNothing;
  bool started_ = false;  // what is there was brought back
};

}  // namespace terrace::server
