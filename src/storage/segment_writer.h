// SegmentWriter: appends to one segment, from its creation to its last byte or its first failure. The format, and the
// invariants L1..L7, are in segment_format.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "env/file_system.h"
#include "storage/segment_format.h"

namespace terrace::storage {

class SegmentWriter {
 public:
  struct Options {
    // Blocks set aside for what follows; if there are not so many, that shows when they are needed.
    uint64_t reserve_bytes = 0;
    // Appends what the segment has from its first moment on; none: nothing.
    std::function<Status(SegmentWriter&)> fill;
  };

  /// Creates the segment in `directory`, in place of one of the same start. On return its header, what `fill` appended and
  /// its name are on the disk (L5); a file that could not be finished is removed again.
  static StatusOr<std::unique_ptr<SegmentWriter>> Create(FileSystem& files,
                                                         const std::string& directory,
                                                         const SegmentHeader& header,
                                                         const Options& options);

  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  /// Appends one batch. It is written, not synced. After a failure, here or in Sync, every call returns that failure and
  /// does nothing (L4).
  Status Append(Bytes batch);
  /// When three quarters of the zeros ahead are used up there are `bytes` of them again, as far as the disk has room: so that syncs
  /// cost half (WritableFile::ZeroAhead). Each byte is written twice by that: for batches that are small beside the blocks of a
  /// journal. The sync that comes next has some more to write.
  void ZeroAhead(uint64_t bytes);
  /// There may be zeros behind file_bytes().
  bool has_zeros_ahead() const { return zeroed_bytes_ != 0; }
  /// If a Sync came after the last frame, writes down how far it got; worth while before a pause.
  Status Mark();
  /// Everything appended is on the disk.
  Status Sync();
  /// The same in three steps, of which the middle one may be another thread's while this one appends.
  struct SyncPoint {
    uint64_t offset;      // of the log
    uint64_t file_bytes;  // of the segment
  };
  SyncPoint BeginSync() const { return {next_offset_, file_bytes_}; }
  Status SyncFile() const { return file_->Sync(); }
  Status EndSync(const SyncPoint& point, const Status& synced);

  /// From now on every call fails for this reason.
  void Retire(const Status& why);

  const SegmentHeader& header() const { return header_; }
  const std::string& path() const { return path_; }
  /// The log offset that the next byte gets.
  uint64_t next_offset() const { return next_offset_; }
  /// Every byte before this one is on the disk.
  uint64_t synced_offset() const { return synced_offset_; }
  uint64_t file_bytes() const { return file_bytes_; }
  /// As far as the file counts after a failure.
  uint64_t synced_file_bytes() const { return synced_file_bytes_; }
  const Status& failure() const { return failure_; }

 private:
  SegmentWriter(std::unique_ptr<WritableFile> file, std::string path, const SegmentHeader& header);

  Status Begin(const Options& options);
  Status AppendFrame(Bytes body, bool goes_on);
  Status Latch(const char* doing, const Status& status);

  const std::unique_ptr<WritableFile> file_;
  const std::string path_;
  const SegmentHeader header_;
  const uint32_t header_crc_;
  uint64_t next_offset_;
  uint64_t synced_offset_;
  uint64_t marked_offset_;  // what the last frame says is synced
  uint64_t file_bytes_ = 0;
  uint64_t synced_file_bytes_ = 0;
  uint64_t zeroed_bytes_ = 0;  // of the file: so far there are zeros
  bool zeros_refused_ = false;
  std::string buffer_;
  Status failure_;
};

}  // namespace terrace::storage
