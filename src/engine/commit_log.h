// CommitLog: the one log. Its bytes are the Redis replication stream; its offset is the replication offset. Here lives
// its memory side: units append RESP to it while their locks are held, so that the log's order is the execution order.
// The newest bytes stay in memory (engine/log_chunks.h), for followers and for the log writer (engine/log_writer.h),
// which carries them to the disk. While nobody needs the log it is off, and costs a unit one relaxed load.
//
//   offset      1 2 3 ...            first_offset()          carried()        end_offset()
//   stream      . . . dropped . . . .[. . . kept for . . . . . . . .][. . . . . ]
//                                      who lags behind                 must stay
//
// "Offset N" means that bytes 1..N of the stream exist; the next byte appended has offset N + 1.
//
// Invariants
//   R1  Units are whole: a unit's bytes are contiguous, MULTI/EXEC around them if it has more than one command, and
//       end_offset() is always the end of one.
//   R2  A unit's SELECT precedes it whenever its database differs from the stream's last one.
//   R3  While there is a carrier, no byte behind carried() is let go.
//
// Threads: Append by any participant, under its shard locks; the append lock is a leaf (docs/threads.md). One carrier.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/event_count.h"
#include "engine/log_chunks.h"
#include "engine/log_progress.h"
#include "engine/shard_lock.h"
#include "engine/write_offsets.h"

namespace terrace::engine {

class CommitLog {
 public:
  /// Keeps about the newest `kept_bytes` bytes in memory, and more only while they have not been carried on.
  explicit CommitLog(size_t kept_bytes = 16 * kMiB);

  enum Mode : uint32_t {
    kAppends = 1 << 0,
    kPromises =
        1
        << 1,  // more than that: replies wait until the log has got further than memory (progress())
  };

  /// Changes in exclusive sections only, so it stays what it is for a unit's length.
  uint32_t mode() const { return mode_.load(std::memory_order_relaxed); }
  bool enabled() const { return (mode() & kAppends) != 0; }
  /// In an exclusive section. Switching on begins to keep bytes and forgets the stream's database; a log that is
  /// on already goes on.
  void SetEnabled(bool enabled);

  /// In an exclusive section, of a log that is on: from now on replies wait for progress(), which stands at the end.
  void Promise();
  /// In an exclusive section: replies wait no more.
  void EndPromise();
  LogProgress& progress() { return progress_; }
  const LogProgress& progress() const { return progress_; }
  /// What readers wait for; only while the log promises.
  WriteOffsets& write_offsets() { return write_offsets_; }
  const WriteOffsets& write_offsets() const { return write_offsets_; }

  /// Appends one unit (`commands` RESP commands of the given bytes, the first run in database `first_db`, the last in
  /// `last_db`) and returns the log's end behind it.
  uint64_t Append(Bytes unit, uint32_t commands, unsigned first_db, unsigned last_db)
      TERRACE_EXCLUDES(append_lock_);
  /// Appends bytes of a leader's stream as they are, SELECT and MULTI included: a whole unit, or a command that changes
  /// nothing. The next unit of our own selects its database anew.
  uint64_t AppendReceived(Bytes bytes) TERRACE_EXCLUDES(append_lock_);

  uint64_t end_offset() const { return end_.load(std::memory_order_acquire); }
  /// How many times somebody has appended.
  uint64_t units() const { return units_.load(std::memory_order_relaxed); }
  /// Before the first unit: bytes 1..`offset` of the stream exist already, elsewhere.
  void ContinueFrom(uint64_t offset) TERRACE_EXCLUDES(append_lock_);
  /// In an exclusive section: whoever begins to read here finds out which database the next unit is for.
  void NameDatabaseAnew() TERRACE_EXCLUDES(append_lock_);
  /// First offset that is kept; end_offset() + 1 if there is none.
  uint64_t first_offset() const TERRACE_EXCLUDES(append_lock_);
  /// Whole units from `offset` on, if that is where one begins: as many as lie together. Empty if there is no such byte.
  LogChunks::Span From(uint64_t offset) const TERRACE_EXCLUDES(append_lock_);
  /// Copies bytes from `offset` on, at most `bytes_max`; false if they are not kept any more.
  bool Read(uint64_t offset, size_t bytes_max, std::string* out) TERRACE_EXCLUDES(append_lock_);
  size_t kept_bytes() const { return kept_bytes_; }
  /// What all of it takes; stands beside `maxmemory`, not under it.
  size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

  // --- the carrier ---
  /// From now on bytes stay until they are carried; those up to `offset` have been. kNobody: there is no carrier any more.
  void Carry(uint64_t offset) { carried_.store(offset, std::memory_order_release); }
  uint64_t carried() const { return carried_.load(std::memory_order_acquire); }
  static constexpr uint64_t kNobody = UINT64_MAX;
  /// Sleeps until there is a byte behind `offset` and somebody rings, until Wake, or for `ns`; seldom for less. Who rings earlier
  /// does not disturb.
  void WaitForBytes(uint64_t offset, uint64_t ns);
  /// By whoever has appended and holds no lock, once for all it did: cheap if the carrier is awake.
  void Ring() {
    // Either the carrier's exchange is before this and we see what it waits for, or it sees our bytes before it sleeps.
    if (TERRACE_UNLIKELY(end_offset() >= awaited_.fetch_or(0, std::memory_order_acq_rel))) Wake();
  }
  void Wake();

 private:
  const size_t kept_bytes_;
  std::atomic<uint32_t> mode_{0};
  LogProgress progress_;
  WriteOffsets write_offsets_;
  std::atomic<uint64_t> carried_{kNobody};
  static constexpr uint64_t kAwake = UINT64_MAX;
  std::atomic<uint64_t> awaited_{kAwake};  // the offset that a sleeping carrier waits for
  EventCount bell_;
  alignas(64) mutable ShardLock append_lock_;
  LogChunks chunks_ TERRACE_GUARDED_BY(append_lock_);
  // Written under the append lock.
  std::atomic<uint64_t> end_{0};
  std::atomic<uint64_t> units_{0};
  std::atomic<size_t> memory_bytes_{0};
  int stream_db_ TERRACE_GUARDED_BY(append_lock_) = -1;
};

}  // namespace terrace::engine
