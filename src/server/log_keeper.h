// LogKeeper: tables and log of a running server (appendonly): loads the keys that the last checkpoint has (server/value_keeper.h
// has their values), brings the log behind it
// back to life, has it written on, and closes the gates that must be closed while that fails.
//
// Threads: Load by one, before anybody else may touch data; Start and Stop by who starts and ends the server; Prepare by one at a
// time; Continue, Engage and Disengage in an exclusive section; what the writer tells comes on the writer's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/log_writer.h"
#include "exec/executor.h"
#include "server/config/options.h"
#include "server/data_directory.h"
#include "server/parts.h"

namespace terrace::server {

/// What of the log stays in memory when it has been written: less where memory is bounded and the log counts.
size_t LogBytesKept(const config::Options& options);

class LogKeeper final : public engine::LogWriter::Listener {
 public:
  explicit LogKeeper(Parts& parts);
  ~LogKeeper() override { Stop(); }

  /// `executor` runs what the log holds; its participant is out. Changes nothing on the disk. The error says what stands in the
  /// way.
  Status Load(DataDirectory& data, exec::Executor& executor, engine::Participant& participant);
  /// What was loaded is written on.
  Status Continue(const config::Options& options);
  /// A log of this server's that begins now. It is not written before Engage.
  Status Prepare(const config::Options& options, DataDirectory& data);
  Status Engage();
  /// Everything appended so far is made durable; from now on nothing is kept.
  void Disengage();
  /// nullptr: there is no log.
  engine::LogWriter* writer() { return writer_.get(); }
  void Start();
  /// When nobody appends any more.
  void Stop();

  // engine::LogWriter::Listener
  void OnLogState(engine::LogWriter::State state, const Status& why) override;
  void OnLogBehind(bool behind) override;

 private:
  engine::LogWriter::Options OptionsFrom(const config::Options& options) const;
  Status LoadTables(DataDirectory& data);
  Status Replay(const storage::SegmentSet& set, uint64_t first, exec::Executor& executor,
                engine::Participant& participant);

  Parts& parts_;
  std::string directory_;
  std::unique_ptr<storage::SegmentSet> loaded_;  // between Load and Continue
  uint64_t first_ = 0;                           // offset that a restart begins at
  std::string history_;                          // of the log that was loaded
  std::unique_ptr<engine::LogWriter> writer_;
  // Of logs that were switched off: somebody may still look at how far they got.
  std::vector<std::unique_ptr<engine::LogWriter>> retired_;
};

}  // namespace terrace::server
