// Eviction: whom to drop when memory is full. Redis' policies, by sampling: a few keys from random buckets, the best of
// them goes; candidates that were good but not the best are kept in a small pool for the next round.
//
// Threads: one Evictor a participant; settings are shared and read relaxed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/memory.h"
#include "engine/key_locks.h"
#include "engine/reaper.h"
#include "engine/unit.h"
#include "engine/write_brake.h"

namespace terrace::engine {

enum class EvictionPolicy : uint8_t {
  kNoEviction,
  kAllKeysLru,
  kAllKeysLfu,
  kAllKeysRandom,
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
};

/// What is asked of who makes checkpoints, where only what tables have may leave memory.
enum class EarlyCheckpoint : uint8_t { kNone, kWanted, kFailed };

struct EvictionSettings {
  std::atomic<int64_t> memory_max{0};  // 0: no limit
  std::atomic<EvictionPolicy> policy{EvictionPolicy::kNoEviction};
  std::atomic<uint32_t> samples{5};
  /// Values go and keys stay: what tables have leaves memory and is read again when it is needed (engine/residency.h). Which
  /// go first is as the policy says; it cannot say that none do, nor does it matter which keys have deadlines.
  std::atomic<bool> values_only{false};
  /// What the process holds beyond what it uses comes off the limit, where values can make up for it (server/heap_mender.h).
  std::atomic<int64_t> holes{0};
  /// With values_only: about what values take that can leave at once (server/write_pacer.h).
  std::atomic<int64_t> loose_bytes{0};
  std::atomic<EarlyCheckpoint> early_checkpoint{EarlyCheckpoint::kNone};
  WriteBrake brake;

  /// What may be used; 0: any number. The holes may be of a maximum that was larger a moment ago, or was there at all.
  int64_t limit() const {
    const int64_t max = memory_max.load(std::memory_order_relaxed);
    return max - std::min(holes.load(std::memory_order_relaxed), max / 4);
  }
  /// Whether a look at what waits is due. What every command may ask.
  bool IsFull() const {
    const int64_t most = limit();
    return most != 0 && UsedMemory() > most;
  }
  /// Used memory without what waits for the reaper, which is as good as free (engine/reaper.h).
  int64_t KeptMemory(const Reaper& reaper) const {
    const auto most = static_cast<uint64_t>(limit());
    // What waits first: what the reaper frees in between would be counted twice otherwise, as used and as gone.
    const uint64_t free =
        reaper.collection_bytes() + std::min(reaper.keyspace_bytes(), most);  // R3
    return UsedMemory() - static_cast<int64_t>(free);
  }
  /// Whether keys or values have to go. A server whose reaper is busy has its limit like any other: it is the bytes that count, and
  /// those are bounded (R1 to R3). Of `log_bytes`, what the log keeps, no key goes: that would only make it longer, and a slow disk
  /// is no reason to lose keys. Values do, which are not lost.
  bool OverLimit(const Reaper& reaper, uint64_t log_bytes = 0) const {
    const bool log_counts = values_only.load(std::memory_order_relaxed);
    return IsFull() &&
           KeptMemory(reaper) - (log_counts ? 0 : static_cast<int64_t>(log_bytes)) > limit();
  }
  /// Whether writes are to be refused if nothing can go. Holes and the log are nobody's fault.
  bool OverMaximum(const Reaper& reaper, uint64_t log_bytes) const {
    return IsFull() && KeptMemory(reaper) - static_cast<int64_t>(log_bytes) >
                           memory_max.load(std::memory_order_relaxed);
  }
};

class Evictor {
 public:
  explicit Evictor(const EvictionSettings& settings) : settings_(settings) {}

  /// Picks the next key to go, over all databases; false if the policy finds none. The key may have changed or gone by
  /// the time it is locked.
  bool PickVictim(Unit& unit, unsigned* db, std::string* key);
  /// With values_only: whether most of what was looked at since the last call cannot leave before a checkpoint.
  bool TakeMostlyHeld();

 private:
  struct Candidate {
    uint64_t score;  // the higher, the sooner it goes
    unsigned db;
    std::string key;
  };

  void SampleDatabase(Unit& unit, unsigned db, EvictionPolicy policy);
  void SampleValues(Unit& unit, unsigned db, EvictionPolicy policy);
  bool PickKey(Unit& unit, EvictionPolicy policy);
  bool PickValue(Unit& unit, EvictionPolicy policy);
  uint32_t samples() const {
    return std::max(1u, settings_.samples.load(std::memory_order_relaxed));
  }
  void Offer(uint64_t score, unsigned db, Bytes key);

  static constexpr size_t kPoolKeys = 16;

  const EvictionSettings& settings_;
  EvictionPolicy pool_policy_ = EvictionPolicy::kNoEviction;
  std::vector<Candidate> pool_;  // ascending score: the best candidate last
  uint32_t unused_ = 0;          // candidates that were seen and not paid for by victims yet
  uint64_t seen_held_ = 0;
  uint64_t seen_loose_ = 0;
};

}  // namespace terrace::engine
