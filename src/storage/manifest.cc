#include "storage/manifest.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/check.h"
#include "storage/file_names.h"

namespace terrace::storage {
namespace {

constexpr char kWhatToDo[] =
    "; nothing was changed. Restore the data directory from a backup, or begin with an empty one "
    "and copy the data "
    "from a replica";

Status Refusal(const std::string& path, const std::string& what) {
  return Status::Error(path + ": " + what + kWhatToDo);
}

bool Contains(const std::vector<std::string>& names, Bytes name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// M1 and the other orders are a matter of how it is written, not of what it says.
void Sort(ManifestState* state) {
  std::sort(state->tables.begin(), state->tables.end(),
            [](const TableEntry& a, const TableEntry& b) { return a.number < b.number; });
  std::sort(state->databases.begin(), state->databases.end(),
            [](const DatabaseSpace& a, const DatabaseSpace& b) { return a.database < b.database; });
  std::sort(state->dropped_spaces.begin(), state->dropped_spaces.end());
}

StatusOr<std::string> ReadWhole(FileSystem& files, const std::string& path) {
  const auto file = files.Open(path);
  if (!file.ok()) return Unexpected{file.error()};
  const uint64_t size = (*file)->Size();
  if (size > kManifestBytesMax)
    return Unexpected{
        Refusal(path, "offset 0: no manifest has " + std::to_string(size) + " bytes")};
  std::string bytes(size, '\0');
  const auto got = (*file)->ReadAt(0, bytes.data(), bytes.size());
  if (!got.ok()) return Unexpected{got.error()};
  bytes.resize(*got);
  return bytes;
}

}  // namespace

Manifest::Manifest(FileSystem& files, std::string directory, ManifestState state)
    : files_(files),
      directory_(std::move(directory)),
      state_(std::make_shared<const ManifestState>(std::move(state))),
      next_file_number_(state_->next_file_number) {}

std::string Manifest::Path(Bytes name) const { return PathIn(directory_, name); }

std::string Manifest::TablePath(uint64_t number) const { return Path(TableFileName(number)); }

StatusOr<bool> Manifest::Exists(FileSystem& files, const std::string& directory) {
  const auto names = files.List(directory);
  if (!names.ok()) return Unexpected{names.error()};
  return Contains(*names, kManifestName);
}

StatusOr<std::unique_ptr<Manifest>> Manifest::Create(FileSystem& files, std::string directory,
                                                     ManifestState state) {
  const auto names = files.List(directory);
  if (!names.ok()) return Unexpected{names.error()};
  for (const std::string& name : *names) {
    if (name == kManifestName)
      return Unexpected{Status::Error(PathIn(directory, name) + " is there already", EEXIST)};
    if (ParseTableFileName(name)) {
      return Unexpected{Refusal(PathIn(directory, name), "there is a table, but no " +
                                                             std::string(kManifestName) +
                                                             " that says what it belongs to")};
    }
  }
  std::unique_ptr<Manifest> manifest(new Manifest(files, std::move(directory), std::move(state)));
  if (Status status = manifest->Install([](ManifestState&) {}); !status.ok())
    return Unexpected{std::move(status)};
  return manifest;
}

StatusOr<std::unique_ptr<Manifest>> Manifest::Open(FileSystem& files, std::string directory) {
  const std::string path = PathIn(directory, kManifestName);
  auto bytes = ReadWhole(files, path);
  if (!bytes.ok()) return Unexpected{bytes.error()};
  auto state = DecodeManifest(*bytes);
  if (!state.ok()) return Unexpected{Refusal(path, state.error().message())};
  std::unique_ptr<Manifest> manifest(new Manifest(files, std::move(directory), *std::move(state)));
  if (Status status = manifest->Load(); !status.ok()) return Unexpected{std::move(status)};
  return manifest;
}

Status Manifest::Load() {
  const auto state = this->state();
  if (Status status = CheckTableFiles(*state, nullptr); !status.ok()) return status;
  // A file that a crash has left behind may bear a number that the manifest has not given out yet.
  const auto names = files_.List(directory_);
  if (!names.ok()) return names.error();
  for (const std::string& name : *names) {
    const auto number = ParseTableFileName(name);
    if (!number || *number == UINT64_MAX) continue;
    MutexLock lock(mutex_);
    next_file_number_ = std::max(next_file_number_, *number + 1);
  }
  return files_.SyncDirectory(directory_);
}

// Of the tables that `known` does not have.
Status Manifest::CheckTableFiles(const ManifestState& state, const ManifestState* known) const {
  std::set<uint64_t> checked;
  if (known != nullptr)
    for (const TableEntry& table : known->tables) checked.insert(table.number);
  for (const TableEntry& table : state.tables) {
    if (checked.contains(table.number)) continue;
    const std::string path = TablePath(table.number);
    const auto file = files_.Open(path);
    if (!file.ok() && file.error().error_number() == ENOENT)
      return Refusal(path, "the manifest names this table, and it is missing");
    if (!file.ok()) return file.error();
    const uint64_t size = (*file)->Size();
    if (size != table.file_bytes) {
      return Refusal(path, "offset " + std::to_string(std::min(size, table.file_bytes)) +
                               ": the manifest says that this table has " +
                               std::to_string(table.file_bytes) + " bytes, and it has " +
                               std::to_string(size));
    }
  }
  return Status::Ok();
}

std::shared_ptr<const ManifestState> Manifest::state() const {
  MutexLock lock(mutex_);
  return state_;
}

uint64_t Manifest::NewFileNumber() {
  MutexLock lock(mutex_);
  pending_.insert(next_file_number_);
  return next_file_number_++;
}

void Manifest::Abandon(uint64_t number) {
  MutexLock lock(mutex_);
  pending_.erase(number);
}

Status Manifest::Install(const std::function<void(ManifestState&)>& change) {
  MutexLock install(install_mutex_);
  const auto before = state();
  auto next = std::make_shared<ManifestState>(*before);
  change(*next);
  TERRACE_CHECK(
      next->generation == before->generation && next->directory_id == before->directory_id &&
      next->hash_key.k0 == before->hash_key.k0 && next->hash_key.k1 == before->hash_key.k1);
  ++next->generation;
  {
    MutexLock lock(mutex_);
    next->next_file_number = std::max(next->next_file_number, next_file_number_);
    // Two that may be on the disk never have the same number.
    if (!in_doubt_.empty()) next->generation = in_doubt_.back()->generation + 1;
  }
  Sort(next.get());
  if (Status status = CheckManifest(*next); !status.ok())
    return std::move(status).WithContext(Path(kManifestName) + " was not replaced");
  if (Status status = CheckTableFiles(*next, before.get()); !status.ok()) return status;
  if (Status status = files_.SyncDirectory(directory_); !status.ok()) return status;
  const std::string new_path = Path(kNewManifestName);
  if (Status status = WriteNewFile(new_path, EncodeManifest(*next)); !status.ok()) return status;
  {
    MutexLock lock(mutex_);
    in_doubt_.push_back(next);
  }
  if (Status status = files_.Rename(new_path, Path(kManifestName)); !status.ok()) return status;
  if (Status status = files_.SyncDirectory(directory_); !status.ok()) return status;
  MutexLock lock(mutex_);
  for (const TableEntry& table : next->tables) pending_.erase(table.number);
  state_ = std::move(next);
  in_doubt_.clear();
  return Status::Ok();
}

Status Manifest::WriteNewFile(const std::string& path, Bytes bytes) {
  auto file = files_.Create(path);
  if (!file.ok() && file.error().error_number() == EEXIST) {
    // Of an Install that failed or did not come to its end.
    if (Status status = files_.Remove(path); !status.ok()) return status;
    file = files_.Create(path);
  }
  if (!file.ok()) return file.error();
  if (Status status = (*file)->Append(bytes); !status.ok()) return status;
  return (*file)->Sync();
}

StatusOr<std::vector<std::string>> Manifest::UnknownFiles() {
  MutexLock install(install_mutex_);
  return ListUnknownFiles();
}

// While no Install runs: what it writes, MANIFEST.new, is known to it alone.
StatusOr<std::vector<std::string>> Manifest::ListUnknownFiles() {
  auto names = files_.List(directory_);
  if (!names.ok()) return names;
  MutexLock lock(mutex_);
  std::set<uint64_t> needed = pending_;
  for (const TableEntry& table : state_->tables) needed.insert(table.number);
  for (const auto& state : in_doubt_)
    for (const TableEntry& table : state->tables) needed.insert(table.number);
  std::erase_if(*names, [&needed](const std::string& name) {
    if (name == kNewManifestName) return false;
    const auto number = ParseTableFileName(name);
    return !number || needed.contains(*number);
  });
  std::sort(names->begin(), names->end());
  return names;
}

StatusOr<size_t> Manifest::RemoveUnknownFiles() {
  MutexLock install(install_mutex_);
  const auto names = ListUnknownFiles();
  if (!names.ok()) return Unexpected{names.error()};
  for (const std::string& name : *names)
    if (Status status = files_.Remove(Path(name)); !status.ok()) return Unexpected{status};
  return names->size();
}

}  // namespace terrace::storage
