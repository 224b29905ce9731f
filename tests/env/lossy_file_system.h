// LossyFileSystem: a disk in memory that keeps its promises to the letter and nothing beyond them, for tests that pull the
// plug.
//
// What a power cut (Crash) may leave, drawn from a seed:
//   - of a file's bytes since its last successful Sync: none; all; up to any byte; all but a part of the last Append; or
//     with any of their pages zero, also all but the last page. Of what a Sync failed to write: any pages, for ever.
//   - of a directory's changes since its last SyncDirectory: none, all, up to one of them, or any subset. A rename inside a
//     directory is one change; one between two directories is a new name there and a lost name here, each on its own.
//   - the entry of a directory counts as a change of its parent: what lies below is lost with it.
//
// Faults while it runs: the n-th change or look fails; everything stops at the n-th change; a bounded capacity.
//
// What it does not do: bytes that were synced do not rot (Flip does that on demand); a lost page is zero, never other old
// data, since files only grow; a failed SyncDirectory leaves its changes waiting, and a later one can succeed, as a
// journal that could not be written is replayed from memory or the file system goes read-only, which is StopAt.
//
// A *change* is a Create, Append, Sync, Reserve, ZeroAhead, Rename, Remove, Truncate, CreateDirectory, RemoveDirectory or
// SyncDirectory;
// a *look* is an Open, ReadAt, List or FreeBytes. Both are counted, from 1, whether they succeed or not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/file_system.h"

namespace terrace::testing {

enum class Fault {
  kIo,          // EIO; nothing is done. A Sync that fails drops its bytes' claim to be synced.
  kNoSpace,     // ENOSPC; nothing is done
  kShortWrite,  // ENOSPC after the first half of an Append; other changes: as kNoSpace
};

class LossyFileSystem : public FileSystem {
 public:
  struct Options {
    uint64_t capacity_bytes = UINT64_MAX;
    // The unit in which unsynced bytes get lost. Real disks have 512 or 4096; small ones bring small files to the same
    // places.
    size_t page_bytes = 512;
  };
  LossyFileSystem() : LossyFileSystem(Options()) {}
  explicit LossyFileSystem(Options options);
  ~LossyFileSystem() override;

  StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override;
  StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status Truncate(const std::string& path, uint64_t size) override;
  Status CreateDirectory(const std::string& path) override;
  Status RemoveDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  StatusOr<uint64_t> FreeBytes(const std::string& directory) override;

  /// Another disk: this one as it may be found after a power cut now. It has the same options, no faults, and everything
  /// on it is synced. This one goes on undisturbed, so that one run can be cut with many seeds.
  std::unique_ptr<LossyFileSystem> Crash(uint64_t seed) const;

  /// The n-th change from now (1: the next), and `times` - 1 more after it, fail.
  void FailChange(uint64_t n, Fault fault, uint64_t times = 1);
  /// The same for looks; they fail with EIO.
  void FailLook(uint64_t n, uint64_t times = 1);
  /// From the n-th change on (1: the next) nothing works any more: neither changes nor looks.
  void StopAt(uint64_t n);
  bool stopped() const;
  /// Space in use counts the bytes of files, or what was reserved for them if that is more; a removed file gives it back
  /// when it is no longer open.
  void set_capacity_bytes(uint64_t bytes);
  uint64_t used_bytes() const;

  uint64_t changes() const;
  uint64_t looks() const;
  /// The last change that was asked for, in words: "append 120 to log/0".
  std::string last_change() const;

  // Not counted, never failing; a missing file makes the test stop.
  bool Exists(const std::string& path) const;
  /// The file's bytes as they are now.
  std::string Contents(const std::string& path) const;
  /// A file with these bytes, whatever was there before. It and its directory, which must be there, are synced.
  void Put(const std::string& path, Bytes bytes);
  /// Turns bits of one byte.
  void Flip(const std::string& path, uint64_t offset, unsigned char mask = 1);

 private:
  class Disk;
  class Reader;
  class Writer;

  explicit LossyFileSystem(std::shared_ptr<Disk> disk);

  // Shared with open files, which may outlive this.
  const std::shared_ptr<Disk> disk_;
};

}  // namespace terrace::testing
