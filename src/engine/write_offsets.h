// WriteOffsets: up to which log offset a reader of some key must wait, so that it shows nobody a write that a power cut
// could still take back.
//
//   hash | 16 bits |  ->  [ offset of the last write of any key with these bits ]     2^16 places, 512 KiB
//
// Two keys that share a place wait for each other's writes: a little longer than needed, never shorter. It is made when
// the log first promises more than that a write is appended, and nobody looks at it before.
//
// Threads: Record with the key's shard locked, Of by a reader that has it locked, too: so it sees every write whose
// value it sees. A place may belong to shards of different lock holders, hence the atomic maximum.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

namespace terrace::engine {

class WriteOffsets {
 public:
  /// In an exclusive section.
  void Make() {
    if (places_ == nullptr) places_ = std::make_unique<std::atomic<uint64_t>[]>(kPlaces);
  }

  void Record(uint64_t hash, uint64_t offset) { Raise(PlaceOf(hash), offset); }
  /// Record or Of comes soon: half a megabyte does not stay in the caches that are near.
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&PlaceOf(hash), 1); }
  /// A unit whose keys are not known, or all of them (FLUSHALL).
  void RecordAll(uint64_t offset) { Raise(all_, offset); }
  uint64_t Of(uint64_t hash) const {
    return std::max(PlaceOf(hash).load(std::memory_order_relaxed),
                    all_.load(std::memory_order_relaxed));
  }

 private:
  static constexpr unsigned kPlaceBits = 16;
  static constexpr size_t kPlaces = size_t{1} << kPlaceBits;

  // The bits between those that choose the shard and those that are a slot's tag: any would do.
  std::atomic<uint64_t>& PlaceOf(uint64_t hash) const {
    return places_[hash >> 16 & (kPlaces - 1)];
  }
  static void Raise(std::atomic<uint64_t>& place, uint64_t offset) {
    uint64_t seen = place.load(std::memory_order_relaxed);
    while (seen < offset && !place.compare_exchange_weak(seen, offset, std::memory_order_relaxed)) {
    }
  }

  std::unique_ptr<std::atomic<uint64_t>[]> places_;
  std::atomic<uint64_t> all_{0};
};

}  // namespace terrace::engine
