// CommitLog: the one log. Its bytes are the Redis replication stream; its offset is the replication offset. Here lives
// its memory side: a ring that units append RESP to while their locks are held, so that the log's order is the execution
// order. What reads the ring (the log writer, followers) comes with persistence and replication; until then it can be
// switched on and keeps the most recent bytes, as a backlog does. Once somebody brings the log further than memory, it
// can promise that a reply waits until its write has got there.
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
// Threads: Append by any participant, under its shard locks; the append lock is a leaf (docs/threads.md). mode() is
// one relaxed load: while nobody needs the log, that is all a unit pays.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "engine/log_progress.h"
#include "engine/shard_lock.h"
#include "engine/write_offsets.h"

namespace terrace::engine {

class CommitLog {
 public:
  /// `ring_bytes` is a power of two.
  explicit CommitLog(size_t ring_bytes = 16 * kMiB);

  enum Mode : uint32_t {
    kAppends = 1 << 0,
    kPromises =
        1
        << 1,  // more than that: replies wait until the log has got further than the ring (progress())
  };

  /// Changes in exclusive sections only, so it stays what it is for a unit's length.
  uint32_t mode() const { return mode_.load(std::memory_order_relaxed); }
  bool enabled() const { return (mode() & kAppends) != 0; }
  /// In an exclusive section. Switching on starts a new window of the ring and forgets the stream's database; a log that
  /// is on already keeps both.
  void SetEnabled(bool enabled);

  /// In an exclusive section, of a log that is on: from now on replies wait for progress(), which stands at the end.
  void Promise();
  /// In an exclusive section: replies wait no more.
  void EndPromise();
  LogProgress& progress() { return progress_; }
  const LogProgress& progress() const { return progress_; }
  /// What readers wait for; only while the log promises.
  WriteOffsets& write_offsets() { return write_offsets_; }

  /// Appends one unit (`commands` RESP commands of the given bytes, the first run in database `first_db`, the last in
  /// `last_db`) and returns the log's end behind it.
  uint64_t Append(Bytes unit, uint32_t commands, unsigned first_db, unsigned last_db)
      TERRACE_EXCLUDES(append_lock_);
  /// Appends bytes of a leader's stream as they are, SELECT and MULTI included: a whole unit, or a command that changes
  /// nothing. The next unit of our own selects its database anew.
  uint64_t AppendReceived(Bytes bytes) TERRACE_EXCLUDES(append_lock_);

  uint64_t end_offset() const { return end_.load(std::memory_order_acquire); }
  /// First offset the ring still holds; end_offset() + 1 if it is empty.
  uint64_t first_offset() const;
  /// Copies bytes from `offset` on, at most `bytes_max`; false if the ring does not hold them any more.
  bool Read(uint64_t offset, size_t bytes_max, std::string* out) TERRACE_EXCLUDES(append_lock_);
  size_t ring_bytes() const { return ring_bytes_; }

 private:
  void Copy(Bytes bytes) TERRACE_REQUIRES(append_lock_);

  const size_t ring_bytes_;
  std::atomic<uint32_t> mode_{0};
  LogProgress progress_;
  WriteOffsets write_offsets_;
  alignas(64) mutable ShardLock append_lock_;
  std::unique_ptr<char[]> ring_ TERRACE_GUARDED_BY(append_lock_);
  std::atomic<uint64_t> end_{0};  // written under the append lock
  uint64_t window_start_ TERRACE_GUARDED_BY(append_lock_) =
      0;  // offsets up to here were never in this ring
  int stream_db_ TERRACE_GUARDED_BY(append_lock_) = -1;
};

}  // namespace terrace::engine
