// Staircase: two engines and the frontier between them. How a keyspace grows and shrinks with nobody waiting.
//
//   hash space 0 ----------------------------------------------------- 2^64
//   next engine     [s][s][s][s]                                            half as wide (growing) or twice (shrinking)
//   current engine              [  shard  ][  shard  ][  shard  ]
//                               ^ frontier
//
// When the load asks for it, the next engine opens and takes over hash space from the left, a step at a time: growing,
// shard i of the current engine becomes shards 2i and 2i+1 of the next; shrinking, shards 2i and 2i+1 become shard i.
// When the frontier reaches the end, the next engine becomes the current one.
//
// The walk is tied to the load, so that the average number of entries a bucket stays at kBucketLoad over the whole
// keyspace: the shards left of the frontier are at half the load of those right of it.
//
// Invariants
//   S1  A hash belongs to the next engine iff its position (hash >> 16) lies before the frontier.
//   S2  What a reader finds by looking at engines and frontier without a lock is a guess. It is right iff the shard,
//       once locked, is kLive: a shard is made kLive or kMoved only under its lock. A wrong guess is retried.
//   S3  Entries move only while both the old and the new shards are locked.
//
// Threads: Locate by anybody who is in (engine/participants.h). One thread steps at a time (step_mutex_), the others do
// not wait for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/mutex.h"
#include "base/siphash.h"
#include "engine/participants.h"
#include "engine/shard_engine.h"

namespace terrace::engine {

class Staircase {
 public:
  struct Stats {
    uint64_t handovers = 0;
    uint64_t handover_ns_max = 0;
    uint64_t handover_ns_sum = 0;
    uint64_t engines_opened = 0;
  };

  Staircase(HashKey hash_key, Participants& participants);
  ~Staircase();
  Staircase(const Staircase&) = delete;
  Staircase& operator=(const Staircase&) = delete;

  uint64_t HashOf(Bytes key) const { return SipHash13(hash_key_, key); }

  /// Probably the shard of `hash` (S2); never nullptr.
  Shard* Guess(uint64_t hash) const {
    while (true) {
      ShardEngine* next = next_.load(std::memory_order_acquire);
      ShardEngine* engine =
          next != nullptr && (hash >> 16) < frontier_.load(std::memory_order_acquire)
              ? next
              : current_.load(std::memory_order_acquire);
      if (Shard* shard = engine->Find(engine->IndexOf(hash))) return shard;
    }
  }
  /// The shard of `hash`, locked.
  Shard* Lock(uint64_t hash) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    while (true) {
      Shard* shard = Guess(hash);
      shard->Lock();
      if (TERRACE_LIKELY(shard->state() == Shard::State::kLive)) return shard;
      shard->Unlock();
    }
  }
  void NoteDeadline(uint64_t hash, uint64_t deadline_ms);

  /// What the load asks of the staircase. Cheap; `shard` is one that just grew or shrank, and is locked.
  bool WantsStep(const Shard& shard) const {
    const uint32_t count = shard.count();
    return count > grow_above_.load(std::memory_order_relaxed) ||
           count < shrink_below_.load(std::memory_order_relaxed);
  }
  /// One hand-over, or the making of the memory it will fill, if the load of the keyspace (`entries` in all) or contention
  /// asks for it and nobody else is at it.
  /// The caller is in and holds no lock. `now_ns` measures; false if there was nothing to do.
  bool Step(uint64_t entries, uint64_t shards_min, uint64_t (*now_ns)());
  /// True if Step would find something to do.
  bool NeedsStep(uint64_t entries, uint64_t shards_min) const;

  /// Visits the shards in hash order, each locked, from position `from` (hash >> 16) on, until visit returns false.
  /// visit(Shard&, begin, end) with the shard's range in positions. Survives steps in between.
  void ForEachShard(uint64_t from,
                    const std::function<bool(Shard&, uint64_t begin, uint64_t end)>& visit)
      TERRACE_NO_THREAD_SAFETY_ANALYSIS;

  /// Calls due(Shard&) for each shard, locked, that may have a key whose deadline is before `now_ms` and whose hash lies
  /// in range `part` of `parts` equal ranges of hash space. Returns the earliest deadline left there (kNever: none).
  /// Ranges of hash space and not of shards: a hand-over never makes a key another part's.
  uint64_t ForEachDue(uint64_t now_ms, unsigned part, unsigned parts,
                      const std::function<void(Shard&)>& due) TERRACE_NO_THREAD_SAFETY_ANALYSIS;

  static constexpr uint64_t kEnd = uint64_t{1} << 48;

  uint64_t shards() const;
  uint64_t frontier() const {
    return next_.load(std::memory_order_acquire) == nullptr ? 0 : frontier_.load();
  }
  unsigned current_bits() const { return current_.load(std::memory_order_acquire)->bits(); }
  unsigned next_bits() const;
  bool moving() const { return next_.load(std::memory_order_acquire) != nullptr; }
  Stats stats() const;

 private:
  enum class Direction : uint8_t { kNone, kUp, kDown };

  Direction Wanted(uint64_t entries, uint64_t shards_min) const;
  void Open(Direction direction) TERRACE_REQUIRES(step_mutex_);
  void Close() TERRACE_REQUIRES(step_mutex_);
  /// Fresh memory is slow to touch (tens of microseconds a page on a virtual machine), so it is made in a step of its own.
  /// The shards are nobody's yet: while they are kFuture only the stepping thread, and prefetches, which look for the array
  /// without a lock, see them. False if nothing was missing.
  bool PrepareNext() TERRACE_REQUIRES(step_mutex_);
  void HandOverNext() TERRACE_REQUIRES(step_mutex_) TERRACE_NO_THREAD_SAFETY_ANALYSIS;
  void MoveEntries(Shard& from, ShardEngine& to);
  uint64_t ForEachDueIn(ShardEngine& engine, uint64_t begin, uint64_t end, uint64_t now_ms,
                        const std::function<void(Shard&)>& due) TERRACE_NO_THREAD_SAFETY_ANALYSIS;
  void UpdateLimits(uint64_t shards_min);

  const HashKey hash_key_;
  Participants& participants_;
  std::atomic<ShardEngine*> current_;
  std::atomic<ShardEngine*> next_{nullptr};
  std::atomic<uint64_t> frontier_{0};
  std::atomic<uint32_t> grow_above_{0};
  std::atomic<uint32_t> shrink_below_{0};

  alignas(64) Mutex step_mutex_;
  std::atomic<uint64_t> handovers_{0};
  std::atomic<uint64_t> handover_ns_max_{0};
  std::atomic<uint64_t> handover_ns_sum_{0};
  std::atomic<uint64_t> engines_opened_{1};
};

}  // namespace terrace::engine
