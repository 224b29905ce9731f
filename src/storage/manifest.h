// The manifest in force (manifest_format.h): read at the start, replaced by Install.
//
// Install, in this order:
//   1  the caller has written and synced the new tables (TableWriter::Finish)
//   2  each new table is there in its full size
//   3  the directory is synced: the tables' names are durable
//   4  MANIFEST.new is written and synced
//   5  it is renamed to MANIFEST, and the directory synced: the commit point
//   6  only then may files go that the new set does not name: RemoveUnknownFiles
// A crash at any point leaves the old set or the new one, with all its files.
//
// If the last sync of 5 fails, or the rename itself, nobody knows which of the two a power cut would leave. So Install
// reports the failure and the old set stays in force here, but the files of neither are unknown until a later Install has
// succeeded.
//
// Open syncs the directory before it lets go of anything, too: what it has read may be a rename that a process made and
// did not live to sync, and the files of the set before must not go while that set can come back.
//
// Threads: any. Installs queue; each works on what the one before has left.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "env/file_system.h"
#include "storage/manifest_format.h"

namespace terrace::storage {

class Manifest {
 public:
  /// Whether there is one in `directory`, in whatever state.
  static StatusOr<bool> Exists(FileSystem& files, const std::string& directory);

  /// The first manifest of a new database. Refuses where there is one, and where there are tables without one.
  static StatusOr<std::unique_ptr<Manifest>> Create(FileSystem& files, std::string directory,
                                                    ManifestState state);

  /// Refuses a damaged manifest, and one whose tables are missing or of another size: the error names the file, the
  /// offset, and what can be done. Nothing was changed or removed then.
  static StatusOr<std::unique_ptr<Manifest>> Open(FileSystem& files, std::string directory);

  std::shared_ptr<const ManifestState> state() const;

  /// For a new table: no file has it, or ever had. From now on its file is known, until it was installed or abandoned.
  uint64_t NewFileNumber();
  /// The table will not be installed. Its file is unknown then, unless an Install that failed may have named it.
  void Abandon(uint64_t number);
  std::string TablePath(uint64_t number) const;

  /// Applies `change` to a copy of the state and makes that the one in force. It must leave generation, directory id and
  /// hash key alone; order is seen to here. An error leaves the old state in force; what it tells is above.
  Status Install(const std::function<void(ManifestState&)>& change);

  /// The names of our files in the directory that nobody needs: tables that were not installed or no longer are, a
  /// manifest that was not finished. What bears no name of ours is nobody's to touch.
  StatusOr<std::vector<std::string>> UnknownFiles();
  /// Removes them, and says how many. Whoever has such a table open can go on reading it.
  StatusOr<size_t> RemoveUnknownFiles();

 private:
  Manifest(FileSystem& files, std::string directory, ManifestState state);

  Status Load();
  Status CheckTableFiles(const ManifestState& state, const ManifestState* known) const;
  Status WriteNewFile(const std::string& path, Bytes bytes) TERRACE_REQUIRES(install_mutex_);
  StatusOr<std::vector<std::string>> ListUnknownFiles() TERRACE_REQUIRES(install_mutex_);
  std::string Path(Bytes name) const;

  FileSystem& files_;
  const std::string directory_;

  // Held over the files' slow calls; taken before mutex_.
  Mutex install_mutex_;

  mutable Mutex mutex_;
  std::shared_ptr<const ManifestState> state_ TERRACE_GUARDED_BY(mutex_);
  // States whose Install has failed since, and each of which may be on the disk nevertheless.
  std::vector<std::shared_ptr<const ManifestState>> in_doubt_ TERRACE_GUARDED_BY(mutex_);
  // Numbers given out, and neither installed nor abandoned.
  std::set<uint64_t> pending_ TERRACE_GUARDED_BY(mutex_);
  uint64_t next_file_number_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::storage
