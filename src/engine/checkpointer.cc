#include "engine/checkpointer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "base/siphash.h"
#include "storage/compaction.h"

namespace terrace::engine {

using storage::ManifestState;

Checkpointer::Checkpointer(FileSystem& files, storage::Manifest& manifest, Databases& databases,
                           Clock& clock, const Options& options)
    : files_(files),
      manifest_(manifest),
      databases_(databases),
      clock_(clock),
      options_(options),
      cut_(databases, options.cut) {
  // Or everything would be written where nobody finds it.
  constexpr Bytes kProbe = "probe";
  TERRACE_CHECK(SipHash13(manifest.state()->hash_key, kProbe) == databases.HashOf(kProbe));
}

Checkpointer::~Checkpointer() { TERRACE_CHECK(!running()); }

// Of the first checkpoint nobody knows how large its tables will be: some half of what the values take in memory.
unsigned Checkpointer::PartitionBits() const {
  uint64_t bytes = 0;
  for (const storage::TableEntry& table : manifest_.state()->tables) bytes += table.file_bytes;
  const auto used = static_cast<uint64_t>(std::max<int64_t>(UsedMemory(), 0));
  return storage::PartitionBitsFor(std::max(bytes, used / 2));
}

void Checkpointer::Begin(const storage::CheckpointMark& mark) {
  TERRACE_CHECK(!running());
  cancelled_.store(false, std::memory_order_relaxed);
  begun_ns_ = clock_.MonotonicNs();
  mark_ = mark;
  counts_ = Stats{.log_offset = mark.log_offset};
  overwritten_ = 0;
  failure_ = Status::Ok();
  stretch_ = {};
  next_space_ = std::max(next_space_, manifest_.state()->next_space);
  cut_.Begin(&next_space_);
  run_ = std::make_unique<storage::RunWriter>(
      files_, manifest_,
      storage::RunWriter::Options{.log_offset = mark.log_offset,
                                  .table_bytes_max = options_.table_bytes_max,
                                  .partition_bits = PartitionBits()});
  Enter(Stage::kWalk);
}

Status Checkpointer::Run(Participant& self) {
  while (Step(self)) {
  }
  return status();
}

bool Checkpointer::Step(Participant& self) {
  TERRACE_DCHECK(!self.is_in());  // it waits for files, and for exclusive sections
  const Stage now = stage();
  if (cancelled_.load(std::memory_order_relaxed) && now != Stage::kIdle && now <= Stage::kInstall) {
    cancelled_.store(false, std::memory_order_relaxed);
    Fail(Status::Error("the checkpoint was cancelled"));
    return true;
  }
  switch (now) {
    case Stage::kIdle:
      return false;
    case Stage::kWalk:
      Walk(self);
      break;
    case Stage::kSync:
      Sync();
      break;
    case Stage::kVerify:
      Verify();
      break;
    case Stage::kInstall:
      Install();
      break;
    case Stage::kUndo:
      Undo(self);
      break;
    case Stage::kRelease:
      Release();
      break;
    case Stage::kTidy:
      Tidy();
      break;
  }
  return running();
}

void Checkpointer::Walk(Participant& self) {
  Status status;
  if (stretch_.large != nullptr) {
    status = WritePiece(self);
  } else {
    if (!cut_.Next(self, &stretch_)) return Enter(Stage::kSync);
    status = WriteStretch();
  }
  if (!status.ok()) Fail(std::move(status));
}

// Two lists in the same order, and nothing in both.
Status Checkpointer::WriteStretch() {
  std::string room;
  auto key = stretch_.keys.cbegin();
  const auto write_key = [&] {
    Bytes head, value;
    const storage::KeyRecord record = key->Record(stretch_.space, &head, &value, &room);
    ++key;
    if (head.empty()) return run_->Add(record, value);
    if (Status status = run_->BeginValue(record); !status.ok()) return status;
    if (Status status = run_->AppendValue(head); !status.ok()) return status;
    if (Status status = run_->AppendValue(value); !status.ok()) return status;
    return run_->EndValue();
  };
  for (const HashedKey& removed : stretch_.removed) {
    while (key != stretch_.keys.cend() && key->name() < removed)
      if (Status status = write_key(); !status.ok()) return status;
    storage::KeyRecord record{.space = stretch_.space, .hash = removed.hash};
    record.key = removed.key;
    record.kind = storage::kTombstone;
    if (Status status = run_->Add(record, Bytes()); !status.ok()) return status;
  }
  while (key != stretch_.keys.cend())
    if (Status status = write_key(); !status.ok()) return status;
  counts_.entries += stretch_.keys.size();
  counts_.tombstones += stretch_.removed.size();
  overwritten_ += stretch_.overwritten;
  return stretch_.large == nullptr ? Status::Ok() : BeginLarge();
}

Status Checkpointer::BeginLarge() {
  const LargeCapture& large = *stretch_.large;
  storage::KeyRecord record{.space = stretch_.space, .hash = large.name().hash};
  record.key = large.name().key;
  record.kind = static_cast<uint8_t>(large.code());
  record.deadline_ms = large.deadline_ms();
  ++counts_.entries;
  return run_->BeginValue(record);
}

Status Checkpointer::WritePiece(Participant& self) {
  if (cut_.NextPiece(self, &piece_)) return run_->AppendValue(piece_);
  stretch_.large = nullptr;
  return run_->EndValue();
}

void Checkpointer::Sync() {
  if (Status status = run_->Finish(); !status.ok()) return Fail(std::move(status));
  Enter(Stage::kVerify);
}

void Checkpointer::Verify() {
  const auto more = run_->VerifyNext();
  if (!more.ok()) return Fail(more.error());
  if (!*more) Enter(Stage::kInstall);
}

void Checkpointer::Install() {
  Status status = manifest_.Install([this](ManifestState& state) { ChangeManifest(&state); });
  if (!status.ok()) return Fail(std::move(status));
  counts_.tables = run_->tables().size();
  counts_.bytes = run_->bytes();
  run_->Installed();
  Enter(Stage::kRelease);
}

void Checkpointer::ChangeManifest(ManifestState* state) const {
  AddDeadBytes(state);
  uint64_t run = 0;
  for (const storage::TableEntry& table : state->tables) run = std::max(run, table.run);
  for (const storage::TableFacts& facts : run_->tables())
    state->tables.push_back(storage::TableEntry::Of(facts, run + 1));
  state->checkpoint = mark_;
  state->next_space = std::max(state->next_space, next_space_);
  // A space that no database has any more was flushed.
  const auto& spaces = cut_.databases();
  for (const storage::DatabaseSpace& old : state->databases) {
    const bool lives = std::any_of(spaces.begin(), spaces.end(),
                                   [&old](const auto& now) { return now.space == old.space; });
    if (!lives) state->dropped_spaces.push_back(old.space);
  }
  state->databases = spaces;
  storage::ForgetDeadSpaces(state);
}

// Which table had the overwritten record nobody knows: each gets its share of them.
void Checkpointer::AddDeadBytes(ManifestState* state) const {
  uint64_t records = 0;
  for (const storage::TableEntry& table : state->tables) records += table.records;
  if (records == 0) return;
  const double share =
      std::min(1.0, static_cast<double>(overwritten_) / static_cast<double>(records));
  for (storage::TableEntry& table : state->tables) {
    const auto dead = static_cast<uint64_t>(share * static_cast<double>(table.file_bytes));
    table.dead_bytes = std::min(table.file_bytes, table.dead_bytes + dead);
  }
}

void Checkpointer::Fail(Status failure) {
  failure_ = std::move(failure);
  run_->GiveUp();
  stretch_.large = nullptr;
  databases_.participants().Exclusive(nullptr, [this] { cut_.GiveUp(); });
  Enter(Stage::kUndo);
}

void Checkpointer::Undo(Participant& self) {
  if (!cut_.UndoNext(self)) Enter(Stage::kRelease);
}

void Checkpointer::Release() {
  counts_.old_images = cut_.old_images();
  counts_.image_bytes_peak = cut_.image_bytes_peak();
  counts_.piece_items_peak = cut_.piece_items_peak();
  databases_.participants().Exclusive(nullptr, [this] { cut_.End(); });
  Enter(Stage::kTidy);
}

// What cannot be removed now is unknown to the next one, too.
void Checkpointer::Tidy() {
  static_cast<void>(manifest_.RemoveUnknownFiles());
  run_.reset();
  counts_.ms = (clock_.MonotonicNs() - begun_ns_) / 1'000'000;
  {
    MutexLock lock(mutex_);
    status_ = failure_;
    if (failure_.ok()) stats_ = counts_;
  }
  Enter(Stage::kIdle);
}

Status Checkpointer::status() const {
  MutexLock lock(mutex_);
  return status_;
}

std::optional<Checkpointer::Stats> Checkpointer::stats() const {
  MutexLock lock(mutex_);
  return stats_;
}

const char* NameOf(Checkpointer::Stage stage) {
  switch (stage) {
    case Checkpointer::Stage::kIdle:
      return "idle";
    case Checkpointer::Stage::kWalk:
      return "walk";
    case Checkpointer::Stage::kSync:
      return "sync";
    case Checkpointer::Stage::kVerify:
      return "verify";
    case Checkpointer::Stage::kInstall:
      return "install";
    case Checkpointer::Stage::kUndo:
      return "undo";
    case Checkpointer::Stage::kRelease:
      return "release";
    case Checkpointer::Stage::kTidy:
      return "tidy";
  }
  return "";
}

}  // namespace terrace::engine
