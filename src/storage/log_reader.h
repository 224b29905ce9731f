// LogReader: the log's bytes from any offset on, across segments. Recovery reads with it, and followers that are behind
// what memory holds.
//
// Threads: one at a time; the log may grow, lose its oldest segments and get new ones meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/segment_reader.h"
#include "storage/segment_set.h"

namespace terrace::storage {

class LogReader {
 public:
  /// The first byte to come is that at `offset`.
  LogReader(const SegmentSet& set, uint64_t offset) : set_(set), offset_(offset) {}

  /// The next stretch of bytes before log offset `upto`, until the next call; empty: there are no more. An error says
  /// why what should be there is not: damage, a file that cannot be read, a gap, an offset whose segment was removed.
  /// CONTRACT: the log has been written up to `upto`, and a failure has not taken that back (SegmentSet::next_offset()). What
  /// is synced never goes back; what is not yet is in memory anyway.
  StatusOr<Bytes> Next(uint64_t upto);

  uint64_t offset() const { return offset_; }

 private:
  Status OpenSegment();
  Status LeaveSegment();
  /// The part of the frame just read that was not handed out yet; empty if it all comes before offset_.
  StatusOr<Bytes> Rest();
  Status Explain(SegmentReader::Outcome outcome, uint64_t upto) const;

  const SegmentSet& set_;
  uint64_t offset_;
  Bytes rest_;  // of the frame in reader_, from offset_ on
  std::unique_ptr<SegmentReader> reader_;
  std::optional<SegmentSet::Segment> next_;  // as known when reader_ was opened
};

}  // namespace terrace::storage
