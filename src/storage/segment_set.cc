#include "storage/segment_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "env/entropy.h"
#include "storage/file_names.h"
#include "storage/log_reader.h"

namespace terrace::storage {
namespace {

uint64_t NewSalt() {
  uint64_t salt;
  FillWithEntropy(&salt, sizeof salt);
  return salt;
}

// Of the last segment, before the offset from which on the log is needed: what it had behind that may have been needed. A
// repaired copy would end before that offset, too, and be refused.
Status DamagedBefore(uint64_t needed_from, const SegmentReader& reader) {
  return Status::Error(
      reader.path() + " is damaged at byte " + std::to_string(reader.here().file_offset) +
      ", log offset " + std::to_string(reader.here().offset) + ": " + reader.why() +
      ", though the log was on the disk up to log offset " + std::to_string(needed_from) +
      ", where the last checkpoint ends. The tables have everything before that; what was logged "
      "since only a backup has. To start without it move all segments (*.log) away");
}

// `why` may begin with the path.
Status DamagedHeader(const std::string& path, uint64_t start, Bytes why) {
  if (why.starts_with(path + ": ")) why.remove_prefix(path.size() + 2);
  return Status::Error(
      path + " is damaged at byte 0, log offset " + std::to_string(start) + ": " +
      std::string(why) +
      ". Without its header nothing in it can be read; what was logged from there on "
      "only a backup has. To start without it move it away, and the segments that "
      "begin behind it");
}

}  // namespace

SegmentSet::SegmentSet(FileSystem& files, std::string directory, const Options& options)
    : files_(files),
      directory_(std::move(directory)),
      options_(options),
      found_end_(options.first_offset),
      found_synced_(options.first_offset) {}

StatusOr<std::unique_ptr<SegmentSet>> SegmentSet::Open(FileSystem& files,
                                                       const std::string& directory,
                                                       const Options& options) {
  std::unique_ptr<SegmentSet> set(new SegmentSet(files, directory, options));
  if (Status status = set->LookAround(); !status.ok()) return Unexpected{std::move(status)};
  return set;
}

Status SegmentSet::LookAround() {
  const auto names = files_.List(directory_);
  if (!names.ok()) return names.error();
  std::vector<uint64_t> starts;
  for (const std::string& name : *names) {
    if (const auto start = ParseSegmentFileName(name)) starts.push_back(*start);
    if (ParseNewSegmentFileName(name)) unused_.push_back(PathIn(directory_, name));
  }
  std::sort(starts.begin(), starts.end());
  std::sort(unused_.begin(), unused_.end());
  uint64_t synced_upto = options_.synced_upto;
  for (size_t i = 0; i < starts.size(); ++i) {
    const uint64_t start = starts[i];
    const bool last = i + 1 == starts.size();
    const std::string path = PathIn(directory_, SegmentFileName(start));
    const auto header = HeaderOf(path, start);
    if (!header.ok()) {
      if (!last && starts[i + 1] <= options_.needed_from) {
        LeaveOut(header.error());
        unused_.push_back(path);
        continue;
      }
      const auto in_use = last ? WasInUse(path) : true;
      if (!in_use.ok()) return in_use.error();
      if (*in_use) return header.error();
      // L5: it was begun because all before it was on the disk.
      unused_.push_back(path);
      synced_upto = std::max(synced_upto, start);
      break;
    }
    if (Status status = Chain(*header, path); !status.ok()) {
      if (start > options_.needed_from) return status;
      LeaveOut(std::move(status));
      static_cast<void>(Chain(*header, path));  // as the first, which is always right
    }
  }
  return FindEnd(synced_upto);
}

StatusOr<SegmentHeader> SegmentSet::HeaderOf(const std::string& path, uint64_t start) const {
  const auto reader = SegmentReader::Open(files_, path);
  if (!reader.ok()) {
    const Status& error = reader.error();
    if (error.error_number() != 0) return Unexpected{error};
    return Unexpected{DamagedHeader(path, start, error.message())};
  }
  const SegmentHeader& header = (*reader)->header();
  if (header.start == start) return header;
  return Unexpected{Status::Error(path +
                                  " has the wrong name: by its header it begins at log offset " +
                                  std::to_string(header.start))};
}

// Of a last segment whose header cannot be read (L5).
StatusOr<bool> SegmentSet::WasInUse(const std::string& path) const {
  const auto file = files_.Open(path);
  if (!file.ok()) return Unexpected{file.error()};
  if ((*file)->Size() > kSegmentHeaderBytes) return true;
  const auto reader = SegmentReader::Open(files_, path);
  return reader.ok() || reader.error().error_number() != 0;
}

// All that was found so far: nobody needs it.
void SegmentSet::LeaveOut(Status why) {
  MutexLock lock(mutex_);
  for (Segment& segment : segments_) unused_.push_back(std::move(segment.path));
  segments_.clear();
  left_out_ = std::move(why);
}

// Files that somebody has taken away or put in from elsewhere show in the headers already.
Status SegmentSet::Chain(const SegmentHeader& header, const std::string& path) {
  MutexLock lock(mutex_);
  if (!segments_.empty()) {
    const Segment& before = segments_.back();
    const std::string follows = path + " follows the segment that begins at log offset ";
    if (!header.previous) {
      return Status::Error("the log overlaps: " + path +
                           " says that it is the first segment, but " + before.path +
                           " is there, too");
    }
    if (*header.previous > before.start) {
      return Status::Error("the log has a gap: " + follows + std::to_string(*header.previous) +
                           ", which is missing: before it comes " + before.path);
    }
    if (*header.previous < before.start) {
      return Status::Error("the log overlaps: " + follows + std::to_string(*header.previous) +
                           ", but " + before.path + " is between the two");
    }
  }
  segments_.push_back({header.start, path, header.history, header.takes_over, header.salt});
  return Status::Ok();
}

Status SegmentSet::FindEnd(uint64_t synced_upto) {
  std::string path;
  {
    MutexLock lock(mutex_);
    if (segments_.empty()) {
      if (synced_upto <= options_.first_offset) return Status::Ok();
      return Status::Error("the log is missing: " + directory_ +
                           " has no segment, though the log was on the disk up to log offset " +
                           std::to_string(synced_upto));
    }
    path = segments_.back().path;
  }
  auto opened = SegmentReader::Open(files_, path, synced_upto);
  if (!opened.ok()) return opened.error();
  SegmentReader& reader = **opened;
  SegmentReader::Outcome outcome;
  found_synced_ = reader.header().start;  // L5
  while ((outcome = reader.Next()) == SegmentReader::Outcome::kFrame)
    found_synced_ = std::max(found_synced_, reader.frame().header.synced);
  if (outcome != SegmentReader::Outcome::kEnd) {
    if (outcome == SegmentReader::Outcome::kDamage &&
        reader.sound_end().offset < options_.needed_from)
      return DamagedBefore(options_.needed_from, reader);
    if (outcome != SegmentReader::Outcome::kTornTail) return reader.status();
    torn_tail_ = reader.status();
  }
  found_end_ = reader.sound_end().offset;
  last_file_bytes_ = reader.sound_end().file_offset;
  return Status::Ok();
}

size_t SegmentSet::count() const {
  MutexLock lock(mutex_);
  return segments_.size();
}

uint64_t SegmentSet::first_offset() const {
  MutexLock lock(mutex_);
  return segments_.empty() ? options_.first_offset : segments_.front().start;
}

std::vector<SegmentSet::HistoryStart> SegmentSet::histories() const {
  MutexLock lock(mutex_);
  std::vector<HistoryStart> histories;
  for (const Segment& segment : segments_) {
    if (histories.empty() || histories.back().history != segment.history)
      histories.push_back({segment.history, segment.start});
  }
  return histories;
}

std::optional<SegmentSet::Place> SegmentSet::Find(uint64_t offset) const {
  MutexLock lock(mutex_);
  const auto after = std::upper_bound(
      segments_.begin(), segments_.end(), offset,
      [](uint64_t sought, const Segment& segment) { return sought < segment.start; });
  if (after == segments_.begin()) return std::nullopt;
  Place place{*(after - 1), std::nullopt};
  if (after != segments_.end()) place.next = *after;
  return place;
}

uint64_t SegmentSet::next_offset() const {
  if (writer_ == nullptr) return found_end_;
  return writer_->failure().ok() ? writer_->next_offset() : writer_->synced_offset();
}

std::optional<uint64_t> SegmentSet::FirstStartFrom(uint64_t offset) const {
  MutexLock lock(mutex_);
  for (const Segment& segment : segments_) {
    if (segment.start >= offset) return segment.start;
  }
  return std::nullopt;
}

StatusOr<SegmentWriter*> SegmentSet::StartSegment(Bytes history) {
  if (!made_good_) {
    if (Status status = MakeGood(); !status.ok()) return Unexpected{std::move(status)};
    // The tail's new segment is as good as any.
    if (writer_ != nullptr && writer_->header().history == history) return writer_.get();
  }
  const bool failed = writer_ != nullptr && !writer_->failure().ok();
  if (failed) {
    // On a full disk the new segment may need what the failed one gives back.
    GiveBackSpace(writer_->path(), writer_->synced_file_bytes());
  } else if (writer_ != nullptr) {
    if (Status status = writer_->Sync(); !status.ok()) return Unexpected{std::move(status)};  // L5
  }
  auto created = Create(std::string(history), next_offset(), failed);
  // The new segment may be on the disk in spite of the error: if the one of before grew on, the two would overlap.
  if (!created.ok() && writer_ != nullptr) writer_->Retire(created.error());
  return created;
}

// What the last segment has is on the disk when this returns, and no file is left that would stand in its successor's way.
Status SegmentSet::MakeGood() {
  for (; !unused_.empty(); unused_.pop_back()) {
    if (Status status = files_.Remove(unused_.back()); !status.ok()) return status;
    removal_unsynced_ = true;
  }
  if (removal_unsynced_) {
    if (Status status = files_.SyncDirectory(directory_); !status.ok()) return status;
    removal_unsynced_ = false;
  }
  std::string last;
  {
    MutexLock lock(mutex_);
    if (!segments_.empty()) last = segments_.back().path;
  }
  if (!last.empty() && !tail_cut_) {
    if (Status status = files_.Truncate(last, last_file_bytes_); !status.ok()) return status;
    tail_cut_ = true;
  }
  if (found_synced_ < found_end_ && writer_ == nullptr) {
    if (Status status = RewriteTail(); !status.ok()) return status;
  }
  made_good_ = true;
  return Status::Ok();
}

// It takes over when it has all of the tail, so whatever happens meanwhile there is a whole one.
Status SegmentSet::RewriteTail() {
  std::string history;
  {
    MutexLock lock(mutex_);
    history = segments_.back().history;
  }
  LogReader reader(*this, found_synced_);
  const auto fill = [&](SegmentWriter& writer) {
    while (true) {
      const auto bytes = reader.Next(found_end_);
      if (!bytes.ok()) return bytes.error();
      if (bytes->empty()) return Status::Ok();
      if (Status status = writer.Append(*bytes); !status.ok()) return status;
    }
  };
  const auto created = Create(history, found_synced_, true, fill);
  return created.ok() ? Status::Ok() : created.error();
}

StatusOr<SegmentWriter*> SegmentSet::Create(const std::string& history, uint64_t start,
                                            bool takes_over,
                                            const std::function<Status(SegmentWriter&)>& fill) {
  SegmentHeader header{
      .history = history, .start = start, .salt = NewSalt(), .takes_over = takes_over};
  bool replaces = false;
  {
    MutexLock lock(mutex_);
    // A segment without a byte that counts leaves its place, and what was said of the one before it stays true.
    replaces = !segments_.empty() && segments_.back().start == start;
    if (replaces) header.takes_over = segments_.back().takes_over;
    const size_t before = segments_.size() - (replaces ? 1 : 0);
    TERRACE_CHECK(before == 0 || segments_[before - 1].start < start);
    if (before > 0) header.previous = segments_[before - 1].start;
  }
  auto created = SegmentWriter::Create(files_, directory_, header,
                                       {.reserve_bytes = options_.reserve_bytes, .fill = fill});
  if (!created.ok()) return Unexpected{created.error()};
  const bool has_spare = writer_ != nullptr && (writer_->has_zeros_ahead() ||
                                                writer_->file_bytes() < options_.reserve_bytes);
  if (has_spare && !takes_over && !replaces) GiveBackSpace(writer_->path(), writer_->file_bytes());
  writer_ = std::move(*created);
  MutexLock lock(mutex_);
  if (replaces) segments_.pop_back();
  segments_.push_back({start, writer_->path(), history, header.takes_over, header.salt});
  return writer_.get();
}

// Blocks that were set aside and not used, and what a failed segment has that does not count (L4). If the cut fails they
// stay, which does no harm.
void SegmentSet::GiveBackSpace(const std::string& path, uint64_t size) {
  static_cast<void>(files_.Truncate(path, size).ok());
}

void SegmentSet::CutZeros() {
  if (writer_->has_zeros_ahead()) GiveBackSpace(writer_->path(), writer_->file_bytes());
}

Status SegmentSet::RemoveBelow(uint64_t offset) {
  while (true) {
    // L7
    if (removal_unsynced_) {
      if (Status status = files_.SyncDirectory(directory_); !status.ok()) return status;
      removal_unsynced_ = false;
    }
    std::string path;
    {
      MutexLock lock(mutex_);
      if (segments_.size() < 2 || segments_[1].start > offset) return Status::Ok();
      path = segments_.front().path;
    }
    if (Status status = files_.Remove(path); !status.ok()) return status;
    removal_unsynced_ = true;
    MutexLock lock(mutex_);
    segments_.erase(segments_.begin());
  }
}

}  // namespace terrace::storage
