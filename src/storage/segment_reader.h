// SegmentReader: the frames of one segment in their order, and what stands at their end. The file may be damaged: nothing
// of it is believed before it was checked, and no more of it is in memory at once than a frame may have.
//
// Threads: one at a time. The file may grow meanwhile: what was the end is asked for again by the next call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/file_system.h"
#include "storage/segment_format.h"

namespace terrace::storage {

class SegmentReader {
 public:
  struct Frame {
    FrameHeader header;
    Bytes body;  // until the next call
    uint64_t file_offset = 0;
  };
  /// A place between two frames.
  struct Place {
    uint64_t offset = 0;
    uint64_t file_offset = 0;
  };
  enum class Outcome {
    kFrame,     // frame() has it
    kEnd,       // the file ends behind a whole batch, or there are only zeros behind it
    kTornTail,  // what follows sound_end() was never promised to anybody (L3, L6); status() has words
    kDamage,    // something that was on the disk is not there; status() names place and remedy
    kFailed,  // the file cannot be read, which says nothing about what is in it; the next call tries again
  };

  /// Reads the header. `synced_upto`: a log offset; others (a later segment, the manifest) know that every byte before it
  /// was on the disk. An error without an error number is about the header's bytes.
  static StatusOr<std::unique_ptr<SegmentReader>> Open(FileSystem& files, const std::string& path,
                                                       uint64_t synced_upto = 0);

  Outcome Next();

  const SegmentHeader& header() const { return header_; }
  const std::string& path() const { return path_; }
  const Frame& frame() const { return frame_; }
  /// Behind the last frame that ended a batch.
  const Place& sound_end() const { return sound_end_; }
  /// Behind the last frame: differs from sound_end() within a batch.
  const Place& here() const { return here_; }
  /// Why there is no frame at here(), in a few words.
  std::string why() const { return why_; }
  uint64_t file_bytes() const { return file_->Size(); }
  const Status& status() const { return status_; }

  /// "FILE is damaged at byte N, log offset M: WHY", and the command that saves what is before.
  static Status Damage(const std::string& path, const Place& place, const std::string& why);

 private:
  SegmentReader(std::unique_ptr<ReadableFile> file, std::string path, SegmentHeader header,
                uint64_t synced_upto);

  /// `size` bytes from `at`, or those up to the file's end. Until the next call.
  StatusOr<Bytes> Look(uint64_t at, size_t size);
  StatusOr<Bytes> LookAtFrame(uint64_t at, const FrameHeader& header);
  /// From `at` to the file's end.
  StatusOr<bool> OnlyZerosFrom(uint64_t at);
  enum class Found { kFrame, kNothing, kBad };
  /// What stands at here_: a valid frame, then in frame_; the file's end; or anything else, then why_ has words.
  StatusOr<Found> TryFrame();
  StatusOr<Found> Bad(const char* why);
  /// Torn tail or damage.
  Outcome Judge();
  /// Whether a good frame behind `at` says that bytes at or behind `place.offset` were synced.
  StatusOr<bool> IsMissedLater(const Place& place);
  Outcome Failed(const Status& status);

  const std::unique_ptr<ReadableFile> file_;
  const std::string path_;
  const SegmentHeader header_;
  const uint32_t header_crc_;
  const uint64_t synced_upto_;

  std::string window_;  // of the file, from window_at_ on
  uint64_t window_at_ = 0;
  Frame frame_;
  Place here_;
  Place sound_end_;
  const char* why_ = "";
  Outcome outcome_ = Outcome::kFrame;
  Status status_;
};

}  // namespace terrace::storage
