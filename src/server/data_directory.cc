#include "server/data_directory.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "env/entropy.h"
#include "server/log.h"
#include "storage/file_names.h"

namespace terrace::server {
namespace {

using storage::PathIn;

constexpr const char* kName = "terrace-data";
constexpr const char* kNameBefore = "terrace-data.before";
constexpr Bytes kUnfinished = "UNFINISHED";

StatusOr<bool> Has(FileSystem& files, const std::string& path, Bytes name) {
  const auto names = files.List(path);
  if (!names.ok()) return Unexpected{names.error()};
  return std::find(names->begin(), names->end(), name) != names->end();
}

bool IsOfLog(Bytes name) {
  return storage::ParseSegmentFileName(name) || storage::ParseNewSegmentFileName(name);
}

bool IsOurs(Bytes name) {
  return IsOfLog(name) || storage::ParseTableFileName(name) || name == storage::kManifestName ||
         name == storage::kNewManifestName;
}

Status RemoveThose(FileSystem& files, const std::string& path, bool (*which)(Bytes)) {
  const auto names = files.List(path);
  if (!names.ok()) return names.error();
  for (const std::string& name : *names) {
    if (!which(name)) continue;
    if (Status removed = files.Remove(PathIn(path, name)); !removed.ok()) return removed;
  }
  return files.SyncDirectory(path);
}

Status MakeMark(FileSystem& files, const std::string& path) {
  const auto there = Has(files, path, kUnfinished);
  if (!there.ok()) return there.error();
  if (*there) return Status::Ok();
  auto file = files.Create(PathIn(path, kUnfinished));
  if (!file.ok()) return file.error();
  return files.SyncDirectory(path);
}

Status RemoveMark(FileSystem& files, const std::string& path) {
  if (Status removed = files.Remove(PathIn(path, kUnfinished)); !removed.ok()) return removed;
  return files.SyncDirectory(path);
}

StatusOr<std::unique_ptr<storage::Manifest>> NewManifest(FileSystem& files, const std::string& path,
                                                         const HashKey& hash_key) {
  storage::ManifestState state;
  FillWithEntropy(&state.directory_id, sizeof state.directory_id);
  state.hash_key = hash_key;
  state.checkpoint.log_offset = 1;  // the log has everything
  return storage::Manifest::Create(files, path, std::move(state));
}

StatusOr<std::unique_ptr<storage::Manifest>> OpenManifest(FileSystem& files,
                                                          const std::string& path) {
  const auto exists = storage::Manifest::Exists(files, path);
  if (!exists.ok()) return Unexpected{exists.error()};
  if (*exists) return storage::Manifest::Open(files, path);
  HashKey hash_key;
  FillWithEntropy(&hash_key, sizeof hash_key);
  return NewManifest(files, path, hash_key);
}

StatusOr<std::unique_ptr<DirectoryLock>> Enter(FileSystem& files, const std::string& dir,
                                               const std::string& path) {
  if (Status made = files.CreateDirectory(path); !made.ok()) return Unexpected{std::move(made)};
  if (Status synced = files.SyncDirectory(dir); !synced.ok()) return Unexpected{std::move(synced)};
  return DirectoryLock::Take(path);
}

// The mark goes last: whatever comes between finds it again. Without a manifest what lies there was being replaced when the
// server stopped, and is nobody's.
Status GiveUpUnfinished(FileSystem& files, const std::string& path) {
  const auto manifest = storage::Manifest::Exists(files, path);
  if (!manifest.ok()) return manifest.error();
  if (Status removed = RemoveThose(files, path, *manifest ? IsOfLog : IsOurs); !removed.ok())
    return removed;
  return RemoveMark(files, path);
}

bool IsMark(Bytes name) { return name == kUnfinished || name == "LOCK" || name == "BALLAST"; }

// The marks go last: what comes between finds an unfinished one. If somebody has put files of his there it stays with them.
Status RemoveDirectory(FileSystem& files, const std::string& dir, const std::string& path) {
  if (Status removed = RemoveThose(files, path, IsOurs); !removed.ok()) return removed;
  if (Status removed = RemoveThose(files, path, IsMark); !removed.ok()) return removed;
  if (Status removed = files.RemoveDirectory(path);
      removed.error_number() != ENOTEMPTY && !removed.ok())
    return removed;
  return files.SyncDirectory(dir);
}

// What Replace has set aside comes back, unless its successor is finished.
Status SettleBefore(FileSystem& files, const std::string& dir, const std::string& path) {
  const std::string before = PathIn(dir, kNameBefore);
  const auto set_aside = Has(files, dir, kNameBefore);
  if (!set_aside.ok()) return set_aside.error();
  if (!*set_aside) return Status::Ok();
  const auto there = Has(files, dir, kName);
  if (!there.ok()) return there.error();
  if (*there) {
    // Nobody else may be at work there.
    const auto lock = DirectoryLock::Take(path);
    if (!lock.ok()) return lock.error();
    const auto unfinished = Has(files, path, kUnfinished);
    if (!unfinished.ok()) return unfinished.error();
    const auto manifest = storage::Manifest::Exists(files, path);
    if (!*unfinished && !manifest.ok()) return manifest.error();
    if (!*unfinished && *manifest) return RemoveDirectory(files, dir, before);
    if (Status removed = RemoveDirectory(files, dir, path); !removed.ok()) return removed;
  }
  Log(config::LogLevel::kWarning,
      "appendonly had been switched on in a running server that stopped before its first "
      "checkpoint: what %s had before is brought back",
      path.c_str());
  if (Status renamed = files.Rename(before, path); !renamed.ok()) return renamed;
  return files.SyncDirectory(dir);
}

// Of a server that was started without appendonly. What a cut off attempt has left is settled first.
Status SetAside(FileSystem& files, const std::string& dir, const std::string& path) {
  if (Status settled = SettleBefore(files, dir, path); !settled.ok()) return settled;
  const auto there = Has(files, dir, kName);
  if (!there.ok()) return there.error();
  if (!*there) return Status::Ok();
  const auto lock = DirectoryLock::Take(path);
  if (!lock.ok()) return lock.error();
  const auto manifest = storage::Manifest::Exists(files, path);
  if (manifest.ok() && !*manifest) return Status::Ok();  // nobody's
  const std::string before = PathIn(dir, kNameBefore);
  Log(config::LogLevel::kWarning,
      "%s holds the data of another server, or of an earlier one, that this one did not read: they "
      "are set aside as %s, and removed when the first checkpoint is made",
      path.c_str(), before.c_str());
  if (Status renamed = files.Rename(path, before); !renamed.ok()) return renamed;
  return files.SyncDirectory(dir);
}

}  // namespace

DataDirectory::DataDirectory(FileSystem& files, std::string path,
                             std::unique_ptr<DirectoryLock> lock,
                             std::unique_ptr<storage::Manifest> manifest)
    : files_(files),
      path_(std::move(path)),
      lock_(std::move(lock)),
      manifest_(std::move(manifest)) {}

StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(FileSystem& files,
                                                             const std::string& dir) {
  const std::string path = PathIn(dir, kName);
  if (Status settled = SettleBefore(files, dir, path); !settled.ok())
    return Unexpected{std::move(settled)};
  auto lock = Enter(files, dir, path);
  if (!lock.ok()) return Unexpected{lock.error()};
  const auto unfinished = Has(files, path, kUnfinished);
  if (!unfinished.ok()) return Unexpected{unfinished.error()};
  if (*unfinished) {
    if (Status status = GiveUpUnfinished(files, path); !status.ok())
      return Unexpected{std::move(status)};
  }
  auto manifest = OpenManifest(files, path);
  if (!manifest.ok()) return Unexpected{manifest.error()};
  // What a checkpoint that was cut off has left. If it cannot go now, it goes with the next one.
  static_cast<void>((*manifest)->RemoveUnknownFiles());
  std::unique_ptr<DataDirectory> opened(
      new DataDirectory(files, path, *std::move(lock), *std::move(manifest)));
  opened->was_unfinished_ = *unfinished;
  return opened;
}

StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Replace(FileSystem& files,
                                                                const std::string& dir,
                                                                const HashKey& hash_key) {
  const std::string path = PathIn(dir, kName);
  if (Status aside = SetAside(files, dir, path); !aside.ok()) return Unexpected{std::move(aside)};
  auto lock = Enter(files, dir, path);
  if (!lock.ok()) return Unexpected{lock.error()};
  if (Status marked = MakeMark(files, path); !marked.ok()) return Unexpected{std::move(marked)};
  if (Status removed = RemoveThose(files, path, IsOurs); !removed.ok())
    return Unexpected{std::move(removed)};
  auto manifest = NewManifest(files, path, hash_key);
  if (!manifest.ok()) return Unexpected{manifest.error()};
  std::unique_ptr<DataDirectory> opened(
      new DataDirectory(files, path, *std::move(lock), *std::move(manifest)));
  opened->unfinished_ = true;
  return opened;
}

Status DataDirectory::BeginUnfinished() {
  if (Status marked = MakeMark(files_, path_); !marked.ok()) return marked;
  unfinished_ = true;
  return RemoveThose(files_, path_, IsOfLog);
}

Status DataDirectory::Finish() {
  if (!unfinished_) return Status::Ok();
  if (Status removed = RemoveMark(files_, path_); !removed.ok()) return removed;
  unfinished_ = false;
  // What Replace has set aside. If it stays, the next start removes it.
  const std::string dir = path_.substr(0, path_.size() - (sizeof "/terrace-data" - 1));
  const auto set_aside = Has(files_, dir, kNameBefore);
  if (set_aside.ok() && *set_aside)
    static_cast<void>(RemoveDirectory(files_, dir, PathIn(dir, kNameBefore)).ok());
  return Status::Ok();
}

uint64_t DataDirectory::table_bytes() const {
  uint64_t bytes = 0;
  for (const storage::TableEntry& table : manifest_->state()->tables) bytes += table.file_bytes;
  return bytes;
}

}  // namespace terrace::server
