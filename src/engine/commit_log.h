// CommitLog: the one log. Its bytes are the Redis replication stream; its offset is the replication offset. Here lives
// its memory side: a ring that units append RESP to while their locks are held, so that the log's order is the execution
// order. What reads the ring (the log writer, followers) comes with persistence and replication; until then it can be
// switched on and keeps the most recent bytes, as a backlog does.
//
//   offset      1 2 3 ...            first_offset()                          end_offset()
//   stream      . . . overwritten . .[. . . . . . . in the ring . . . . . . .]
//
// "Offset N" means that bytes 1..N of the stream exist; the next byte appended has offset N + 1.
//
// Invariants
//   R1  Units are whole: a unit's bytes are contiguous, MULTI/EXEC around them if it has more than one command.
//   R2  A unit's SELECT precedes it whenever its database differs from the stream's last one.
//
// Threads: Append by any participant, under its shard locks; the append lock is a leaf (docs/threads.md). enabled() is
// one relaxed load: while nobody needs the log, that is all a write pays.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "engine/shard_lock.h"

namespace terrace::engine {

class CommitLog {
 public:
  /// `ring_bytes` is a power of two.
  explicit CommitLog(size_t ring_bytes = 16 * kMiB);

  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  /// In an exclusive section. Switching on starts a new window of the ring and forgets the stream's database; a log that
  /// is on already keeps both.
  void SetEnabled(bool enabled);

  /// Appends one unit (`commands` RESP commands of the given bytes, the first run in database `first_db`, the last in
  /// `last_db`) and returns the log's end behind it.
  uint64_t Append(Bytes unit, uint32_t commands, unsigned first_db, unsigned last_db) TERRACE_EXCLUDES(append_lock_);

  uint64_t end_offset() const { return end_.load(std::memory_order_acquire); }
  /// First offset the ring still holds; end_offset() + 1 if it is empty.
  uint64_t first_offset() const;
  /// Copies bytes from `offset` on, at most `bytes_max`; false if the ring does not hold them any more.
  bool Read(uint64_t offset, size_t bytes_max, std::string* out) TERRACE_EXCLUDES(append_lock_);
  size_t ring_bytes() const { return ring_bytes_; }

 private:
  void Copy(Bytes bytes) TERRACE_REQUIRES(append_lock_);

  const size_t ring_bytes_;
  std::atomic<bool> enabled_{false};
  alignas(64) mutable ShardLock append_lock_;
  std::unique_ptr<char[]> ring_ TERRACE_GUARDED_BY(append_lock_);
  std::atomic<uint64_t> end_{0};    // written under the append lock
  uint64_t window_start_ TERRACE_GUARDED_BY(append_lock_) = 0;  // offsets up to here were never in this ring
  int stream_db_ TERRACE_GUARDED_BY(append_lock_) = -1;
};

}  // namespace terrace::engine
