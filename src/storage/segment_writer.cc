#include "storage/segment_writer.h"

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "storage/file_names.h"

namespace terrace::storage {
StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(FileSystem& files,
                                                               const std::string& directory,
                                                               const SegmentHeader& header,
                                                               const Options& options) {
  const std::string unfinished = PathIn(directory, NewSegmentFileName(header.start));
  const std::string path = PathIn(directory, SegmentFileName(header.start));
  auto file = files.Create(unfinished);
  if (!file.ok() && file.error().error_number() == EEXIST) {
    // One of ours that could not be removed when it failed.
    if (Status status = files.Remove(unfinished); !status.ok())
      return Unexpected{std::move(status)};
    file = files.Create(unfinished);
  }
  if (!file.ok()) return Unexpected{file.error()};
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(std::move(*file), path, header));
  // The file gets its name when it is whole. Under it, a segment of the same start is there before and the new one after,
  // whatever happens between: of the only segment of a log one of the two is always found.
  Status status = writer->Begin(options);
  if (status.ok()) status = files.Rename(unfinished, path);
  if (!status.ok()) {
    // If this fails, too, the next one to open the log finds it.
    static_cast<void>(files.Remove(unfinished).ok());
    return Unexpected{std::move(status)};
  }
  if (status = files.SyncDirectory(directory); !status.ok()) return Unexpected{std::move(status)};
  return writer;
}

Status SegmentWriter::Begin(const Options& options) {
  // Refused, the blocks are asked for again by every append, which handles it.
  static_cast<void>(file_->Reserve(options.reserve_bytes).ok());
  const std::string header = header_.Encode();
  if (const Status status = file_->Append(header); !status.ok()) return Latch("write", status);
  file_bytes_ += header.size();
  if (options.fill) {
    if (Status status = options.fill(*this); !status.ok()) return status;
  }
  return Sync();
}

SegmentWriter::SegmentWriter(std::unique_ptr<WritableFile> file, std::string path,
                             const SegmentHeader& header)
    : file_(std::move(file)),
      path_(std::move(path)),
      header_(header),
      header_crc_(header.Crc()),
      next_offset_(header.start),
      synced_offset_(header.start),  // L5
      marked_offset_(header.start) {}

Status SegmentWriter::Append(Bytes batch) {
  while (!batch.empty()) {
    const Bytes body = batch.substr(0, kFrameBodyBytesMax);
    batch.remove_prefix(body.size());
    if (Status status = AppendFrame(body, !batch.empty()); !status.ok()) return status;  // L6
  }
  return failure_;
}

void SegmentWriter::ZeroAhead(uint64_t bytes) {
  if (!failure_.ok() || zeros_refused_ || file_bytes_ + bytes / 4 < zeroed_bytes_) return;
  zeroed_bytes_ = file_bytes_ + bytes;
  // Where there is no room for them frames are appended as ever.
  zeros_refused_ = !file_->ZeroAhead(zeroed_bytes_).ok();
}

Status SegmentWriter::Mark() {
  return synced_offset_ > marked_offset_ ? AppendFrame("", false) : failure_;
}

Status SegmentWriter::AppendFrame(Bytes body, bool goes_on) {
  if (!failure_.ok()) return failure_;                      // L4
  TERRACE_CHECK(synced_offset_ <= next_offset_);            // L2
  TERRACE_CHECK(body.size() <= UINT64_MAX - next_offset_);  // L1
  const FrameHeader frame{.length = static_cast<uint32_t>(body.size()),
                          .goes_on = goes_on,
                          .offset = next_offset_,
                          .synced = synced_offset_};
  buffer_.clear();
  frame.Encode(header_crc_, body, &buffer_);
  if (const Status status = file_->Append(buffer_); !status.ok()) return Latch("write", status);
  next_offset_ = frame.end();
  marked_offset_ = frame.synced;
  file_bytes_ += buffer_.size();
  return Status::Ok();
}

Status SegmentWriter::Sync() {
  if (!failure_.ok()) return failure_;  // L4: a second sync of this file would prove nothing
  const SyncPoint point = BeginSync();
  return EndSync(point, SyncFile());
}

Status SegmentWriter::EndSync(const SyncPoint& point, const Status& synced) {
  if (!failure_.ok()) return failure_;
  if (!synced.ok()) return Latch("sync", synced);
  synced_offset_ = point.offset;
  synced_file_bytes_ = point.file_bytes;
  return Status::Ok();
}

void SegmentWriter::Retire(const Status& why) {
  if (failure_.ok()) failure_ = why;
}

Status SegmentWriter::Latch(const char* doing, const Status& status) {
  // In our words: the file knows only the name under which it was created.
  failure_ = Status::FromErrno("cannot " + std::string(doing) + " " + path_, status.error_number());
  return failure_;
}

}  // namespace terrace::storage
