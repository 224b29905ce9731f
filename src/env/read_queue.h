// ReadQueue: reads of files, several under way at a time, by one thread that sleeps until one of them is done.
//
//   Begin  Begin  Begin  Wait ............ Done Done   Begin  Wait ...
//                             ^ one call of the kernel begins all three, and its end brings all that is done by then
//
// The machine's files have one through io_uring(7), where the kernel has that and lets us use it (containers often do not):
// what is in the page cache is read in passing, and the rest costs no thread its sleep but the one. Everywhere else a queue has a
// depth of 1: it reads where it is told to, and whoever wants several reads under way has several threads.
//
// Threads: one thread's, made by it; Wake is for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"

namespace terrace {

class ReadableFile;

class ReadQueue {
 public:
  struct Read {
    const ReadableFile* file;
    uint64_t offset;
    char* out;
    size_t size;
    void* tag;  // the caller's
    // Nobody will want these bytes again soon: where it can be they do not go through the page cache, which for bytes that are
    // not there costs twice the CPU of the read and makes room for them.
    bool once = false;
  };
  /// As ReadableFile::ReadAt returns it.
  struct Done {
    void* tag;
    StatusOr<size_t> bytes;
  };

  virtual ~ReadQueue() = default;
  /// So many reads may be under way.
  virtual size_t depth() const = 0;
  virtual size_t under_way() const = 0;
  /// CONTRACT: fewer than depth() are under way; `file` and `out` stay until it is done.
  virtual void Begin(const Read& read) = 0;
  /// Sleeps until something is done or somebody wakes it; then `done` has all that is done.
  virtual void Wait(std::vector<Done>* done) = 0;
  /// Wait returns: the one that runs, or the next one.
  virtual void Wake() = 0;

  // --- for those who have a loop to sleep in ---
  /// Begins what was asked for.
  virtual void Submit() = 0;
  /// The same; `done` has what is done by then. Does not sleep.
  virtual void Take(std::vector<Done>* done) = 0;
  /// Readable when something is done that Take has not brought, and now and then for nothing; -1 where nothing is ever under way. Stays the same.
  virtual int descriptor() = 0;
};

/// A queue of depth 1 for any file.
std::unique_ptr<ReadQueue> NewSerialReadQueue();
/// One for files with a descriptor (ReadableFile::descriptor); nullptr: the kernel has no io_uring for us.
std::unique_ptr<ReadQueue> NewKernelReadQueue(size_t depth);

}  // namespace terrace
