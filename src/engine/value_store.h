// ValueStore: the values that tables have, by key.
//
// The tables are those of the manifest in force at the moment of asking: the newest record of a key counts, as for whoever
// loads or compacts. So nobody has to know where a value lies, and a compaction may move it: an entry whose value is away
// has not changed since the checkpoint that wrote it, and then the newest record is that one. docs/residency.md says what that costs.
//
// A table that is not in force any more is closed when nobody reads it; until then it can be read although its file is gone.
//
// Threads: any. The mutex is a leaf, and is held while tables are opened: once a checkpoint or compaction.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/status.h"
#include "env/file_system.h"
#include "storage/manifest.h"
#include "storage/table_reader.h"

namespace terrace::engine {

class ValueStore {
 public:
  /// The tables of one manifest.
  struct Tables {
    std::shared_ptr<const storage::ManifestState> state;
    std::vector<std::shared_ptr<const storage::TableReader>> readers;  // newest first

    /// Those that may have a record of that position, newest first.
    const std::vector<const storage::TableReader*>& At(storage::Position position) const;
    /// When all readers are there.
    void Arrange();

   private:
    // From `first` to where the next one begins the same tables may have a record.
    struct Stretch {
      storage::Position first;
      std::vector<const storage::TableReader*> tables;
    };
    std::vector<Stretch> stretches_;
  };
  struct Value {
    uint8_t kind = 0;
    std::string bytes;
  };

  ValueStore(FileSystem& files, const storage::Manifest& manifest)
      : files_(files), manifest_(manifest) {}

  /// An error names file and offset. A key that no table has, or that is said to be removed, is one, too, but for one in ten million,
  /// for which the value of another is found: it is for whoever knows that the newest record of the key has a value, or looks
  /// whether it still has when he has read it (R3).
  StatusOr<Value> Read(uint32_t space, uint64_t hash, Bytes key) TERRACE_EXCLUDES(mutex_);
  StatusOr<std::shared_ptr<const Tables>> TablesInForce() TERRACE_EXCLUDES(mutex_);
  /// Tables are read a value here and a value there, and never through (ReadableFile::ExpectRandomReads).
  void ExpectRandomReads() TERRACE_EXCLUDES(mutex_);
  /// Lets go of all tables until somebody asks again.
  void Close() TERRACE_EXCLUDES(mutex_);
  FileSystem& files() const { return files_; }

 private:
  StatusOr<std::shared_ptr<const Tables>> Open(
      std::shared_ptr<const storage::ManifestState> state) const TERRACE_REQUIRES(mutex_);

  FileSystem& files_;
  const storage::Manifest& manifest_;
  Mutex mutex_;
  std::shared_ptr<const Tables> tables_ TERRACE_GUARDED_BY(mutex_);
  bool random_ TERRACE_GUARDED_BY(mutex_) = false;
};

}  // namespace terrace::engine
