#include "engine/dumper.h"

#include <algorithm>

#include "base/check.h"
#include "rdb/body_compression.h"

namespace terrace::engine {
namespace {

// So that the kernel does not gather a file's worth of pages and write them all at the end.
constexpr uint64_t kBytesBetweenSyncs = 16 * kMiB;

}  // namespace

Dumper::~Dumper() { TERRACE_CHECK(!running()); }

Status Dumper::Open(Options options) {
  TERRACE_CHECK(!running());
  options_ = std::move(options);
  // Of somebody who did not come to the end.
  static_cast<void>(files_.Remove(path_of_new()));
  auto file = files_.Create(path_of_new());
  if (!file.ok()) {
    MutexLock lock(mutex_);
    return status_ = file.error();
  }
  file_ = *std::move(file);
  return Status::Ok();
}

void Dumper::Begin() {
  TERRACE_CHECK(!running() && file_ != nullptr);
  cancelled_.store(false, std::memory_order_relaxed);
  begun_ns_ = clock_.MonotonicNs();
  cut_ms_ = clock_.WallMs();
  unsynced_bytes_ = 0;
  counts_ = Stats();
  failure_ = write_status_ = Status::Ok();
  version_too_low_ = false;
  db_.reset();
  stretch_ = {};
  cut_.Begin(options_.rdb_version, options_.compression);
  writer_ = std::make_unique<rdb::FileWriter>([this](Bytes bytes) { return Append(bytes); },
                                              options_.rdb_version);
  for (const auto& [name, value] : options_.notes) writer_->Note(name, value);
  Enter(Stage::kWalk);
}

bool Dumper::Step(Participant& self) {
  TERRACE_DCHECK(!self.is_in());  // it waits for files, and for exclusive sections
  switch (stage()) {
    case Stage::kIdle:
      return false;
    case Stage::kWalk:
      Walk(self);
      break;
    case Stage::kFinish:
      if (Status status = Finish(); !status.ok()) Fail(std::move(status));
      Enter(Stage::kRelease);
      break;
    case Stage::kRelease:
      End();
      break;
  }
  return running();
}

void Dumper::Walk(Participant& self) {
  if (failure_.ok() && cancelled_.load(std::memory_order_relaxed))
    Fail(Status::Error("the dump was cancelled"));
  Status written;
  if (stretch_.large != nullptr) {
    written = WritePiece(self);
  } else {
    if (!cut_.Next(self, &stretch_)) return Enter(failure_.ok() ? Stage::kFinish : Stage::kRelease);
    if (!failure_.ok()) return;
    written = WriteStretch();
  }
  if (written.ok() && cut_.version_too_low()) {
    version_too_low_ = true;
    written = Status::Error("a hash has got fields with deadlines meanwhile");
  }
  if (written.ok()) written = cut_.unreadable();
  if (!written.ok()) Fail(std::move(written));
}

Status Dumper::WriteStretch() {
  if (stretch_.keys.empty() && stretch_.large == nullptr) return Status::Ok();
  if (db_ != stretch_.db) {
    db_ = stretch_.db;
    // Hints, both of them.
    writer_->SelectDatabase(*db_, stretch_.db_keys,
                            std::min(stretch_.db_deadlines, stretch_.db_keys));
  }
  const auto facts = [this](uint64_t deadline_ms, uint32_t access) {
    return FactsOf(deadline_ms, access, options_.kept, cut_ms_, options_.lfu);
  };
  std::string room, compressed;
  for (const CapturedKey& key : stretch_.keys) {
    Bytes body = key.Body(&room);
    if (options_.compression == rdb::Compression::kLzf) body = rdb::CompressBody(body, &compressed);
    writer_->Key(key.key(), facts(key.deadline_ms(), key.access()), body);
    if (!writer_->ok()) return write_status_;
  }
  counts_.keys += stretch_.keys.size();
  if (const LargeCapture* large = stretch_.large) {
    writer_->BeginKey(large->name().key, facts(large->deadline_ms(), large->access()),
                      large->code());
    ++counts_.keys;
  }
  return write_status_;
}

Status Dumper::WritePiece(Participant& self) {
  if (!cut_.NextPiece(self, &piece_)) stretch_.large = nullptr;
  writer_->Value(piece_);
  return write_status_;
}

bool Dumper::Append(Bytes bytes) {
  write_status_ = file_->Append(bytes);
  unsynced_bytes_ += bytes.size();
  if (write_status_.ok() && unsynced_bytes_ >= kBytesBetweenSyncs) {
    unsynced_bytes_ = 0;
    write_status_ = file_->Sync();
  }
  return write_status_.ok();
}

Status Dumper::Finish() {
  if (!writer_->Finish()) return write_status_;
  if (Status synced = file_->Sync(); !synced.ok()) return synced;
  counts_.bytes = file_->Size();
  file_.reset();
  if (Status renamed = files_.Rename(path_of_new(), path()); !renamed.ok()) return renamed;
  return files_.SyncDirectory(options_.directory);
}

void Dumper::Fail(Status failure) {
  failure_ = std::move(failure);
  stretch_.large = nullptr;
  databases_.participants().Exclusive(nullptr, [this] { cut_.GiveUp(); });
}

void Dumper::End() {
  counts_.old_images = cut_.old_images();
  counts_.image_bytes_peak = cut_.image_bytes_peak();
  counts_.piece_items_peak = cut_.piece_items_peak();
  databases_.participants().Exclusive(nullptr, [this] { cut_.End(); });
  writer_.reset();
  file_.reset();
  if (!failure_.ok()) static_cast<void>(files_.Remove(path_of_new()));
  counts_.ms = (clock_.MonotonicNs() - begun_ns_) / 1'000'000;
  {
    MutexLock lock(mutex_);
    status_ = failure_;
    if (failure_.ok()) stats_ = counts_;
  }
  Enter(Stage::kIdle);
}

Status Dumper::status() const {
  MutexLock lock(mutex_);
  return status_;
}

std::optional<Dumper::Stats> Dumper::stats() const {
  MutexLock lock(mutex_);
  return stats_;
}

}  // namespace terrace::engine
