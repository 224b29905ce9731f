// FileSystem: the one door to files, so that a test can take the disk's place: one that loses what was not synced, tears
// the last write and fails at the n-th call (tests/env/).
//
// What is durable when (the contract both sides are held to):
//   - a file's bytes: after its Sync() returned Ok
//   - a name (Create, Rename, Remove): after SyncDirectory() of its directory returned Ok
//   - a Sync() that failed says nothing about the bytes since the last one that succeeded, and never will: the kernel
//     reports such an error once and forgets the pages. The writer must write them elsewhere.
//
// Paths are as the operating system takes them. Errors carry errno and name the file.
//
// Threads: a FileSystem may be used by all; a File by one at a time, but for ReadAt, which any may call, and Sync, which may
// run beside Append.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "env/read_queue.h"

namespace terrace {

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// Fills `out` from `offset` on. Returns how many bytes there were: fewer than `size` only at the file's end.
  virtual StatusOr<size_t> ReadAt(uint64_t offset, char* out, size_t size) const = 0;
  virtual uint64_t Size() const = 0;
  /// For queues that know the kernel's files; -1: it is none.
  virtual int descriptor() const { return -1; }
  /// One that reads whole pages, to whole pages, without the page cache (O_DIRECT); -1: there is none.
  virtual int direct_descriptor() const { return -1; }
  /// From here on reads come in no order: what lies behind one is not worth reading ahead, which would drive out of the page
  /// cache what is.
  virtual void ExpectRandomReads() const {}
};

class WritableFile {
 public:
  /// Closes without syncing; an error then is nobody's.
  virtual ~WritableFile() = default;
  /// All or an error; after an error some of the bytes may be in the file.
  virtual Status Append(Bytes bytes) = 0;
  /// Returns when everything appended before is on the disk (fdatasync). Others may append meanwhile.
  virtual Status Sync() = 0;
  /// Sets blocks aside so that the first `size` bytes will not meet a full disk; the file's size stays. Ok where the file
  /// system cannot.
  virtual Status Reserve(uint64_t size) = 0;
  /// Makes the file at least `size` bytes long: zeros, which what is appended from then on overwrites. A sync of what stands on
  /// zeros that are on the disk writes those bytes and nothing else: where a file ends has not changed, nor which blocks it
  /// has, so no journal is involved (ext4: 39 us of CPU and 96 in all instead of 78 and 183). After an error some of the zeros
  /// may be there.
  virtual Status ZeroAhead(uint64_t size) = 0;
  /// Zeros ahead included.
  virtual uint64_t Size() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) = 0;
  /// A new, empty file; one of that name is an error (EEXIST).
  virtual StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  /// Replaces `to`, atomically.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  /// Cuts the file to `size` bytes and syncs it.
  virtual Status Truncate(const std::string& path, uint64_t size) = 0;
  virtual Status CreateDirectory(const std::string& path) = 0;  // Ok if it is there
  virtual Status RemoveDirectory(const std::string& path) = 0;  // ENOTEMPTY if something is in it
  virtual Status SyncDirectory(const std::string& path) = 0;
  /// Names, not paths, in no order; without "." and "..".
  virtual StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  virtual StatusOr<uint64_t> FreeBytes(const std::string& directory) = 0;
  /// For the calling thread; up to `depth` reads under way, or 1 where it cannot be more.
  virtual std::unique_ptr<ReadQueue> NewReadQueue(size_t /*depth*/) { return NewSerialReadQueue(); }
};

/// The machine's files.
FileSystem& SystemFiles();

}  // namespace terrace
