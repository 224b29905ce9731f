#include "engine/shard_engine.h"

#include <algorithm>

namespace terrace::engine {

ShardEngine::ShardEngine(unsigned bits)
    : bits_(bits),
      segments_((size() + kSegmentShards - 1) / kSegmentShards),
      directory_(std::make_unique<std::atomic<Segment*>[]>(segments_)) {}

ShardEngine::~ShardEngine() {
  for (uint64_t i = 0; i < segments_; ++i) delete directory_[i].load(std::memory_order_relaxed);
}

Shard& ShardEngine::Make(uint64_t index) {
  std::atomic<Segment*>& place = directory_[index / kSegmentShards];
  Segment* segment = place.load(std::memory_order_acquire);
  if (segment == nullptr) {
    segment = new Segment;
    for (Shard& shard : segment->shards) shard.set_prefix_bits(bits_);
    place.store(segment, std::memory_order_release);
  }
  return segment->shards[index % kSegmentShards];
}

void ShardEngine::RefreshSegmentDue(uint64_t i) {
  Segment* segment = directory_[i].load(std::memory_order_acquire);
  if (segment == nullptr) return;
  // First forget, then look: a deadline noted in between lowers the fresh bound.
  segment->next_due_ms.store(ExpiryIndex::kNever, std::memory_order_seq_cst);
  uint64_t next = ExpiryIndex::kNever;
  for (const Shard& shard : segment->shards) next = std::min(next, shard.next_due_ms());
  Lower(segment->next_due_ms, next);
}

}  // namespace terrace::engine
