#include "server/data_directory.h"

#include <utility>

#include "env/entropy.h"

namespace terrace::server {
namespace {

constexpr const char* kName = "terrace-data";

StatusOr<std::unique_ptr<storage::Manifest>> OpenManifest(FileSystem& files,
                                                          const std::string& path) {
  const auto exists = storage::Manifest::Exists(files, path);
  if (!exists.ok()) return Unexpected{exists.error()};
  if (*exists) return storage::Manifest::Open(files, path);
  storage::ManifestState state;
  FillWithEntropy(&state.directory_id, sizeof state.directory_id);
  FillWithEntropy(&state.hash_key, sizeof state.hash_key);
  state.checkpoint.log_offset = 1;  // the log has everything
  return storage::Manifest::Create(files, path, std::move(state));
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
  const std::string path = dir + "/" + kName;
  if (Status made = files.CreateDirectory(path); !made.ok()) return Unexpected{std::move(made)};
  if (Status synced = files.SyncDirectory(dir); !synced.ok()) return Unexpected{std::move(synced)};
  auto lock = DirectoryLock::Take(path);
  if (!lock.ok()) return Unexpected{lock.error()};
  auto manifest = OpenManifest(files, path);
  if (!manifest.ok()) return Unexpected{manifest.error()};
  // What a checkpoint that was cut off has left. If it cannot go now, it goes with the next one.
  static_cast<void>((*manifest)->RemoveUnknownFiles());
  return std::unique_ptr<DataDirectory>(
      new DataDirectory(files, path, *std::move(lock), *std::move(manifest)));
}

uint64_t DataDirectory::table_bytes() const {
  uint64_t bytes = 0;
  for (const storage::TableEntry& table : manifest_->state()->tables) bytes += table.file_bytes;
  return bytes;
}

}  // namespace terrace::server
