#include "storage/log_reader.h"

#include <algorithm>
#include <utility>

namespace terrace::storage {
namespace {

using Outcome = SegmentReader::Outcome;

}  // namespace

StatusOr<Bytes> LogReader::Next(uint64_t upto) {
  while (offset_ < upto) {
    if (!rest_.empty()) {
      const Bytes given = rest_.substr(0, upto - offset_);
      rest_.remove_prefix(given.size());
      offset_ += given.size();
      return given;
    }
    if (reader_ != nullptr && next_ && next_->start <= offset_) {
      if (Status status = LeaveSegment(); !status.ok()) return Unexpected{std::move(status)};
    }
    if (reader_ == nullptr) {
      if (Status status = OpenSegment(); !status.ok()) return Unexpected{std::move(status)};
    }
    const Outcome outcome = reader_->Next();
    if (outcome == Outcome::kFrame) {
      auto rest = Rest();
      if (!rest.ok()) return Unexpected{rest.error()};
      rest_ = *rest;
      continue;
    }
    // What a segment does not have may be in one that has taken over since, or come after it.
    const auto place = set_.Find(offset_);
    if (!place || place->segment.salt == reader_->header().salt)
      return Unexpected{Explain(outcome, upto)};
    reader_.reset();
  }
  return Bytes();
}

Status LogReader::OpenSegment() {
  const auto place = set_.Find(offset_);
  if (!place) {
    return Status::Error("the log has no byte at offset " + std::to_string(offset_) +
                         " any more: it begins at " + std::to_string(set_.first_offset()));
  }
  auto opened = SegmentReader::Open(set_.files(), place->segment.path);
  if (!opened.ok()) {
    const Status& error = opened.error();
    if (error.error_number() != 0) return error;
    return SegmentReader::Damage(place->segment.path, {place->segment.start, 0}, error.message());
  }
  reader_ = std::move(*opened);
  next_ = place->next;
  return Status::Ok();
}

// L4: only what was taken over may go on behind its successor's start.
Status LogReader::LeaveSegment() {
  const std::unique_ptr<SegmentReader> left = std::move(reader_);
  if (next_->takes_over) return Status::Ok();
  Outcome outcome;
  while ((outcome = left->Next()) == Outcome::kFrame && left->frame().body.empty()) continue;
  if (outcome != Outcome::kFrame) return Status::Ok();
  return Status::Error("the log overlaps: " + left->path() + " goes on behind log offset " +
                       std::to_string(next_->start) + ", where " + next_->path + " begins");
}

StatusOr<Bytes> LogReader::Rest() {
  const SegmentReader::Frame& frame = reader_->frame();
  uint64_t end = frame.header.end();
  if (next_ && frame.header.offset < next_->start && end > next_->start) {
    if (!next_->takes_over) {
      return Unexpected{
          Status::Error("the log overlaps: " + next_->path + " begins within the frame at byte " +
                        std::to_string(frame.file_offset) + " of " + reader_->path())};
    }
    end = next_->start;
  }
  if (end <= offset_) return Bytes();
  return frame.body.substr(offset_ - frame.header.offset, end - offset_);
}

Status LogReader::Explain(Outcome outcome, uint64_t upto) const {
  if (outcome == Outcome::kFailed || outcome == Outcome::kDamage) return reader_->status();
  const std::string goes_on =
      next_ ? "; that leaves a gap, since " + next_->path + " begins at log offset " +
                  std::to_string(next_->start)
            : ", though the log was written up to log offset " + std::to_string(upto);
  return SegmentReader::Damage(reader_->path(), reader_->here(), reader_->why() + goes_on);
}

}  // namespace terrace::storage
