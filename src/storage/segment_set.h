// SegmentSet: the log on the disk, as the segments of one directory; the format is in segment_format.h.
//
//   [ 1 ......... ][ 5001 ........ ][ 9000 ... next_offset()         a history id in each; where it changes, a leader
//     history A        history A        history B                    began anew
//
// Opening looks and changes nothing: it reads all headers and the frames of the last segment. The frames of the others are
// checked when they are read. The first StartSegment makes good what was found: it removes what was never in use, cuts the
// torn tail off and writes once more, into a new segment, what was read but is not known to be synced. Who died before may
// have died of a sync that failed: the kernel then shows bytes that it has given up on, and no later sync would tell.
// Segments that were there at opening are never appended to: the log goes on in a new one.
//
// What comes before `needed_from` is kept for followers alone. If something is wrong with such a segment (its header cannot be
// read, one is missing behind it) it is left out with all that is before it, and goes with the first StartSegment: what is
// left still has no gap.
//
// Threads: the log writer alone calls StartSegment, uses the writer and removes; Find and the look-ups are for all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "env/file_system.h"
#include "storage/segment_reader.h"
#include "storage/segment_writer.h"

namespace terrace::storage {

class SegmentSet {
 public:
  struct Options {
    // Where the log begins if there is no segment.
    uint64_t first_offset = 1;
    // The manifest knows that every byte before this one was on the disk: a log that ends earlier is damaged.
    uint64_t synced_upto = 0;
    // Whoever recovers begins to read here: segments that end before it may be damaged.
    uint64_t needed_from = 0;
    // Blocks to set aside for each new segment.
    uint64_t reserve_bytes = 0;
  };
  struct Segment {
    uint64_t start = 0;
    std::string path;
    std::string history;
    bool takes_over = false;
    uint64_t salt = 0;  // tells apart two segments that had the same start, one after the other
  };
  struct HistoryStart {
    std::string history;
    uint64_t offset = 0;
  };
  /// A segment, and where its successor starts if it has one.
  struct Place {
    Segment segment;
    std::optional<Segment> next;
  };

  static StatusOr<std::unique_ptr<SegmentSet>> Open(FileSystem& files, const std::string& directory,
                                                    const Options& options);

  // --- what opening found
  /// Words for the torn tail of the last segment, Ok if it has none. It does not count, and goes with the first StartSegment.
  const Status& torn_tail() const { return torn_tail_; }
  /// Files that were never in use, or are of no use any more; they, too, go with the first StartSegment.
  const std::vector<std::string>& unused() const { return unused_; }
  /// Words for what is wrong with a segment before `needed_from` that was left out, Ok if none was.
  const Status& left_out() const { return left_out_; }

  // --- any thread
  size_t count() const TERRACE_EXCLUDES(mutex_);
  /// The log offset of the oldest byte that is there; the next byte's if there is none.
  uint64_t first_offset() const TERRACE_EXCLUDES(mutex_);
  /// Each history and where it begins; the first may have begun earlier.
  std::vector<HistoryStart> histories() const TERRACE_EXCLUDES(mutex_);
  /// The segment that has the byte at `offset`, or would have it; nullopt: it was removed.
  std::optional<Place> Find(uint64_t offset) const TERRACE_EXCLUDES(mutex_);
  /// Where the first segment begins that has no byte before `offset`; nullopt: there is none.
  std::optional<uint64_t> FirstStartFrom(uint64_t offset) const TERRACE_EXCLUDES(mutex_);
  FileSystem& files() const { return files_; }

  // --- the log writer
  /// The log offset that the next byte gets. After a failure of the writer that is what the failed one was synced to: what
  /// came after it is appended again, to a new segment (L4).
  uint64_t next_offset() const;
  /// Begins a segment where the log ends, after a sync of the one before (L5). The writer of before is gone on success. On
  /// failure the one of before takes no more, and this wants to be called again.
  StatusOr<SegmentWriter*> StartSegment(Bytes history);
  /// Nothing follows: the zeros that were made ready go (SegmentWriter::ZeroAhead).
  void CutZeros();
  /// Of the newest segment; null before StartSegment.
  SegmentWriter* writer() const { return writer_.get(); }
  /// Removes the segments that have only bytes before `offset`; never the newest one. After a failure some may be left.
  Status RemoveBelow(uint64_t offset);

 private:
  SegmentSet(FileSystem& files, std::string directory, const Options& options);

  Status LookAround();
  StatusOr<SegmentHeader> HeaderOf(const std::string& path, uint64_t start) const;
  StatusOr<bool> WasInUse(const std::string& path) const;
  void LeaveOut(Status why) TERRACE_EXCLUDES(mutex_);
  Status Chain(const SegmentHeader& header, const std::string& path);
  Status FindEnd(uint64_t synced_upto);
  Status MakeGood();
  Status RewriteTail();
  StatusOr<SegmentWriter*> Create(const std::string& history, uint64_t start, bool takes_over,
                                  const std::function<Status(SegmentWriter&)>& fill = nullptr);
  void GiveBackSpace(const std::string& path, uint64_t size);

  FileSystem& files_;
  const std::string directory_;
  const Options options_;
  Status torn_tail_;
  std::vector<std::string> unused_;
  Status left_out_;
  uint64_t found_end_;            // the log's end at opening
  uint64_t found_synced_ = 0;     // up to where the last segment found says that it was synced
  uint64_t last_file_bytes_ = 0;  // of the last segment found: what of it counts
  bool tail_cut_ = false;
  bool made_good_ = false;
  bool removal_unsynced_ = false;
  std::unique_ptr<SegmentWriter> writer_;

  mutable Mutex mutex_;
  std::vector<Segment> segments_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::storage
