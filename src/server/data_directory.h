// DataDirectory: where the data live on the disk, opened before anything else is built: the manifest has the secret of the
// hash that all databases are ordered by.
//
//   dir/terrace-data/   LOCK  MANIFEST  00000012.table ...  00000000000000000042.log ...  BALLAST  UNFINISHED
//
// UNFINISHED is there while a log has begun that no checkpoint stands in front of: appendonly was switched on in a server that
// had data already. Such a log cannot be applied to anything. Found at a start, what the tables have counts, and that log
// goes.
//
// A server that was started without appendonly has databases that are ordered by another secret than what lies there. So
// that is set aside, and counts until the first checkpoint of the new one is in force:
//
//   terrace-data         -- Replace -->  terrace-data.before                   -- Finish -->  (gone)
//                                        terrace-data, UNFINISHED, new         -- Finish -->  terrace-data
//
// A start that finds terrace-data.before beside a terrace-data that is not there, or is unfinished, or has no manifest, brings
// it back; otherwise it has had its time and goes.
//
// Threads: one at a time; what is const, any.
#pragma once

#include <atomic>
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
  /// A directory for databases with this key that hold data already, in place of what lies there, which is set aside. It is
  /// unfinished.
  static StatusOr<std::unique_ptr<DataDirectory>> Replace(FileSystem& files, const std::string& dir,
                                                          const HashKey& hash_key);

  /// Whether Open has found an unfinished one, whose log is gone now.
  bool was_unfinished() const { return was_unfinished_; }
  /// A log begins anew in front of which there is no checkpoint; there is none in the directory now.
  Status BeginUnfinished();
  /// There is one.
  Status Finish();
  bool unfinished() const { return unfinished_; }

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
  bool was_unfinished_ = false;
  std::atomic<bool> unfinished_{false};
};

}  // namespace terrace::server
