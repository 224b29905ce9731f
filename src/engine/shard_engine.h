// ShardEngine: one array of 2^k shards that together cover hash space.
//
//   hash   | k bits: which shard | 6 bits: which bucket |   ...   | 16 bits: tag |
//
// The array is segmented, 64 shards a segment, and segments come into being as the staircase's frontier reaches them:
// opening an engine costs one directory (8 bytes for every 64 shards), so no allocation and no pause grows with the
// keyspace.
//
// Bounds of deadlines. Three parties meet here without a lock in common: a writer that adds a deadline, somebody who
// refreshes a segment's bound, and a worker that looks when to wake up. Two handshakes keep a deadline from falling between
// them; in both each side stores first and looks at the other's word second:
//
//   writer      stores the shard's bound, then looks at (and lowers) the segment's   DeadlineChanged, NoteDeadline
//   refresher   stores "never" to the segment's, then looks at the shards'            RefreshSegmentDue
//
//   writer      has lowered the segment's bound, then looks what workers armed        Worker::TellNewDeadline
//   worker      stores "nothing armed", then looks at segments' and shards' bounds    Worker::ArmExpiry
//
// "Stores, then looks" holds only if all four are sequentially consistent; with less, ARM may let the look pass the store
// and both sides see the other's old word (x86 would not: there lowering is a locked instruction). That goes for looks that
// find nothing to lower, too: whose bound they found has then been stored before anything the worker looks at later. It
// costs a fence where a bound changes; keys without deadlines never come here, and a look is a plain load on x86.
//
// Threads: segments are made by whoever holds the staircase's step lock and may be looked up by anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "engine/shard.h"

namespace terrace::engine {

/// More shards than any machine's memory fills; bucket and tag bits still fit behind them.
constexpr unsigned kShardBitsMax = 40;

class ShardEngine {
 public:
  static constexpr uint64_t kSegmentShards = 64;

  explicit ShardEngine(unsigned bits);
  ~ShardEngine();
  ShardEngine(const ShardEngine&) = delete;
  ShardEngine& operator=(const ShardEngine&) = delete;

  unsigned bits() const { return bits_; }
  uint64_t size() const { return uint64_t{1} << bits_; }
  uint64_t IndexOf(uint64_t hash) const { return bits_ == 0 ? 0 : hash >> (64 - bits_); }
  /// nullptr while nobody has needed its segment.
  Shard* Find(uint64_t index) const {
    Segment* segment = directory_[index / kSegmentShards].load(std::memory_order_acquire);
    return segment == nullptr ? nullptr : &segment->shards[index % kSegmentShards];
  }
  /// Makes the shard's segment if need be; new shards are kFuture.
  Shard& Make(uint64_t index);
  /// First hash behind shard `index`, in units of 2^16 so that the end of hash space has a number.
  uint64_t EndOf(uint64_t index) const { return (index + 1) << (48 - bits_); }

  /// A deadline was added to some shard of the hash's segment: keeps the segment's lower bound.
  void NoteDeadline(uint64_t hash, uint64_t deadline_ms) {
    Segment* segment = directory_[IndexOf(hash) / kSegmentShards].load(std::memory_order_acquire);
    if (segment != nullptr) Lower(segment->next_due_ms, deadline_ms);
  }
  uint64_t segments() const { return segments_; }
  /// Lower bound of the earliest deadline in segment `i`; kNever if it has none.
  uint64_t SegmentDue(uint64_t i) const {
    Segment* segment = directory_[i].load(std::memory_order_acquire);
    return segment == nullptr ? ExpiryIndex::kNever
                              : segment->next_due_ms.load(std::memory_order_seq_cst);
  }
  /// Looks the bound up anew from the shards. A deadline noted meanwhile is not lost: see above.
  void RefreshSegmentDue(uint64_t i);

 private:
  struct Segment {
    Shard shards[kSegmentShards];
    std::atomic<uint64_t> next_due_ms{ExpiryIndex::kNever};
  };

  static void Lower(std::atomic<uint64_t>& bound, uint64_t value) {
    uint64_t seen = bound.load(std::memory_order_seq_cst);
    while (value < seen && !bound.compare_exchange_weak(seen, value, std::memory_order_seq_cst)) {
    }
  }

  const unsigned bits_;
  const uint64_t segments_;
  std::unique_ptr<std::atomic<Segment*>[]> directory_;
};

}  // namespace terrace::engine
