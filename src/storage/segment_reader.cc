#include "storage/segment_reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace terrace::storage {
namespace {

// Read at once; frames are often small.
constexpr size_t kWindowBytes = 64 * kKiB;

bool IsZeros(Bytes bytes) { return bytes.find_first_not_of('\0') == Bytes::npos; }

}  // namespace

StatusOr<std::unique_ptr<SegmentReader>> SegmentReader::Open(FileSystem& files,
                                                             const std::string& path,
                                                             uint64_t synced_upto) {
  auto file = files.Open(path);
  if (!file.ok()) return Unexpected{file.error()};
  char bytes[kSegmentHeaderBytes];
  const auto got = (*file)->ReadAt(0, bytes, sizeof bytes);
  if (!got.ok()) return Unexpected{got.error()};
  auto header = SegmentHeader::Decode(Bytes(bytes, *got));
  if (!header.ok()) return Unexpected{Status(header.error()).WithContext(path)};
  return std::unique_ptr<SegmentReader>(
      new SegmentReader(std::move(*file), path, std::move(*header), synced_upto));
}

SegmentReader::SegmentReader(std::unique_ptr<ReadableFile> file, std::string path,
                             SegmentHeader header, uint64_t synced_upto)
    : file_(std::move(file)),
      path_(std::move(path)),
      header_(std::move(header)),
      header_crc_(header_.Crc()),
      synced_upto_(synced_upto),
      here_{header_.start, kSegmentHeaderBytes},
      sound_end_(here_) {}

SegmentReader::Outcome SegmentReader::Next() {
  if (outcome_ == Outcome::kTornTail || outcome_ == Outcome::kDamage) return outcome_;
  auto found = TryFrame();
  if (found.ok() && *found != Found::kFrame && !window_.empty()) {
    // What was read ahead may have been zeros that a frame has been written onto since.
    window_.clear();
    found = TryFrame();
  }
  if (!found.ok()) return Failed(found.error());
  if (*found == Found::kFrame) {
    here_ = {frame_.header.end(), here_.file_offset + kFrameHeaderBytes + frame_.body.size()};
    if (!frame_.header.goes_on) sound_end_ = here_;  // L6
    return outcome_ = Outcome::kFrame;
  }
  const bool whole = sound_end_.file_offset == here_.file_offset;
  if (*found == Found::kNothing && whole && synced_upto_ <= here_.offset)
    return outcome_ = Outcome::kEnd;
  return Judge();
}

StatusOr<SegmentReader::Found> SegmentReader::TryFrame() {
  const auto start = Look(here_.file_offset, kFrameHeaderBytes);
  if (!start.ok()) return Unexpected{start.error()};
  if (start->empty()) {
    why_ = "the file ends here";
    return Found::kNothing;
  }
  if (IsZeros(*start)) {
    const auto only_zeros = OnlyZerosFrom(here_.file_offset);
    if (!only_zeros.ok()) return Unexpected{only_zeros.error()};
    why_ = "there are only zeros behind here";
    if (*only_zeros) return Found::kNothing;
    return Bad("there are zeros where a frame should begin");
  }
  if (start->size() < kFrameHeaderBytes) return Bad("the file ends within a frame's header");
  // L2, the cheap parts first: they are what makes the rest worth reading.
  const FrameHeader header = FrameHeader::Decode(*start);
  if (header.length > kFrameBodyBytesMax)
    return Bad("a frame says that it is longer than any may be");
  if (header.offset != here_.offset)
    return Bad("a frame has another log offset than the one due");  // L1
  if (header.synced > header.offset) return Bad("a frame says that more was synced than written");
  if (header.length > UINT64_MAX - header.offset)
    return Bad("a frame ends behind the last log offset");
  const auto frame = LookAtFrame(here_.file_offset, header);
  if (!frame.ok()) return Unexpected{frame.error()};
  if (frame->empty()) return Bad("the file ends within a frame");
  if (!FrameCrcMatches(header_crc_, *frame)) return Bad("a frame's checksum is wrong");
  frame_ = {header, frame->substr(kFrameHeaderBytes), here_.file_offset};
  return Found::kFrame;
}

StatusOr<bool> SegmentReader::OnlyZerosFrom(uint64_t at) {
  while (true) {
    const auto bytes = Look(at, kWindowBytes);
    if (!bytes.ok()) return Unexpected{bytes.error()};
    if (bytes->empty()) return true;
    if (!IsZeros(*bytes)) return false;
    at += bytes->size();
  }
}

StatusOr<SegmentReader::Found> SegmentReader::Bad(const char* why) {
  why_ = why;
  return Found::kBad;
}

// L3. A batch that has no end is lost from its beginning on.
SegmentReader::Outcome SegmentReader::Judge() {
  const Place& end = sound_end_;
  std::string known;
  if (synced_upto_ > end.offset) {
    known = ", though the log was on the disk up to log offset " + std::to_string(synced_upto_);
  } else {
    const auto missed = IsMissedLater(end);
    if (!missed.ok()) return Failed(missed.error());
    if (*missed) known = ", though a later frame says that this was on the disk";
  }
  if (!known.empty()) {
    status_ = Damage(path_, here_, why_ + known);
    return outcome_ = Outcome::kDamage;
  }
  status_ = Status::Error(path_ + " has a torn tail at byte " + std::to_string(end.file_offset) +
                          ", log offset " + std::to_string(end.offset) + ": " + why_ +
                          ", and nothing says that this was ever on the disk");
  return outcome_ = Outcome::kTornTail;
}

StatusOr<bool> SegmentReader::IsMissedLater(const Place& place) {
  uint64_t from = place.file_offset;
  while (true) {
    auto window = Look(from, kWindowBytes);
    if (!window.ok()) return Unexpected{window.error()};
    if (window->size() < kFrameHeaderBytes) return false;
    const size_t count = window->size() - kFrameHeaderBytes + 1;
    for (size_t i = 0; i < count; ++i) {
      const FrameHeader header = FrameHeader::Decode(window->substr(i));
      // The log grows by no more than the file does, so almost nothing passes that is no frame.
      if (header.synced <= place.offset || header.synced > header.offset ||
          header.offset - place.offset > from + i - place.file_offset ||
          header.length > kFrameBodyBytesMax) {
        continue;
      }
      const auto frame = LookAtFrame(from + i, header);
      if (!frame.ok()) return Unexpected{frame.error()};
      if (!frame->empty() && FrameCrcMatches(header_crc_, *frame)) return true;
      window = Look(from, kWindowBytes);
      if (!window.ok()) return Unexpected{window.error()};
      if (window->size() < i + kFrameHeaderBytes) return false;  // somebody has cut the file
    }
    from += count;
  }
}

StatusOr<Bytes> SegmentReader::LookAtFrame(uint64_t at, const FrameHeader& header) {
  const size_t size = kFrameHeaderBytes + header.length;
  auto frame = Look(at, size);
  if (frame.ok() && frame->size() < size) return Bytes();
  return frame;
}

StatusOr<Bytes> SegmentReader::Look(uint64_t at, size_t size) {
  const bool inside = at >= window_at_ && at - window_at_ <= window_.size() &&
                      size <= window_.size() - (at - window_at_);
  if (!inside) {
    window_.resize(std::max(size, kWindowBytes));
    const auto got = file_->ReadAt(at, window_.data(), window_.size());
    window_.resize(got.ok() ? *got : 0);
    window_at_ = at;
    if (!got.ok()) return Unexpected{got.error()};
  }
  return Bytes(window_).substr(at - window_at_, size);
}

Status SegmentReader::Damage(const std::string& path, const Place& place, const std::string& why) {
  return Status::Error(path + " is damaged at byte " + std::to_string(place.file_offset) +
                       ", log offset " + std::to_string(place.offset) + ": " + why +
                       ". What was logged from there on only a backup has; to start without it: "
                       "`terrace-inspect segment " +
                       path +
                       " --repair OUT`, put OUT in its place, and move away the segments that "
                       "begin behind it");
}

SegmentReader::Outcome SegmentReader::Failed(const Status& status) {
  status_ = status;
  return outcome_ = Outcome::kFailed;
}

}  // namespace terrace::storage
