// DataDirectory: where the data live on the disk, opened before anything else is built: the manifest has the secret of the
// hash that all databases are ordered by.
//
//   dir/terrace-data/   LOCK  MANIFEST  00000012.table ...  00000000000000000042.log ...  BALLAST
#pragma once

#include <memory>
#include <string>

#include "base/siphash.h"
#include "env/directory_lock.h"
#include "env/file_system.h"
#include "storage/manifest.h"

namespace terrace::server {

class DataDirectory {
 public:
  /// Makes what is missing. The error says what stands in the way; then nothing was changed.
  static StatusOr<std::unique_ptr<DataDirectory>> Open(FileSystem& files, const std::string& dir);

  FileSystem& files() const { return files_; }
  const std::string& path() const { return path_; }
  storage::Manifest& manifest() const { return *manifest_; }
  HashKey hash_key() const { return manifest_->state()->hash_key; }
  /// What the tables in force take.
  uint64_t table_bytes() const;

 private:
  DataDirectory(FileSystem& files, std::string path, std::unique_ptr<DirectoryLock> lock,
                std::unique_ptr<storage::Manifest> manifest);

  FileSystem& files_;
  const std::string path_;
  const std::unique_ptr<DirectoryLock> lock_;
  const std::unique_ptr<storage::Manifest> manifest_;
};

}  // namespace terrace::server
