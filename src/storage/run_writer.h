// Writes the records of one run, in order, into as many tables as their size asks for: what a checkpoint or a compaction
// does before it installs them.
//
//   Add ... Add   Finish   VerifyNext ... VerifyNext   install what tables() says   Installed
//
// Whatever ends before Installed gives the tables up: their files are unknown to the manifest then, which removes them when
// it may (Manifest::RemoveUnknownFiles).
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "env/file_system.h"
#include "storage/manifest.h"
#include "storage/table_writer.h"

namespace terrace::storage {

class RunWriter {
 public:
  struct Options {
    uint64_t log_offset = 0;
    // A table of this size is finished. Smaller ones are more files and more open descriptors, larger ones keep what is
    // dead in them for longer, and their filter and index are held in memory while they are written.
    uint64_t table_bytes_max = 256 * kMiB;
    // Not 0: tables also end at the bounds of 2^n equal parts of hash space, and of spaces, so that those of different runs
    // align and can be compacted a part at a time (compaction.h).
    unsigned partition_bits = 0;
  };

  /// `files` and `manifest` outlive the writer.
  RunWriter(FileSystem& files, Manifest& manifest, const Options& options)
      : files_(files), manifest_(manifest), options_(options) {}
  ~RunWriter() { GiveUp(); }
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;

  /// CONTRACT: as TableWriter::Add has it, over all tables.
  Status Add(const KeyRecord& record, Bytes value);
  /// As TableWriter has it.
  Status BeginValue(const KeyRecord& record);
  Status AppendValue(Bytes piece) { return writer_->AppendValue(piece); }
  Status EndValue(std::optional<uint64_t> size = std::nullopt) { return writer_->EndValue(size); }
  /// What was added is complete and synced.
  Status Finish();
  /// Reads the next table back, if there is one that was not; true while there are more.
  StatusOr<bool> VerifyNext();

  /// Those that are finished.
  const std::vector<TableFacts>& tables() const { return tables_; }
  /// Of files, so far.
  uint64_t bytes() const;

  /// The manifest names the tables now.
  void Installed();
  /// They will not be installed.
  void GiveUp();

 private:
  bool EndsTable(const KeyRecord& record) const;
  Status BeginRecord(const KeyRecord& record);
  Status FinishTable();

  FileSystem& files_;
  Manifest& manifest_;
  const Options options_;
  std::unique_ptr<TableWriter> writer_;
  uint64_t number_ = 0;  // of the table that is being written
  Position last_;
  std::vector<TableFacts> tables_;
  size_t verified_ = 0;
};

}  // namespace terrace::storage
