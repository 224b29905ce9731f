#include "engine/log_chunks.h"

#include <algorithm>
#include <utility>

namespace terrace::engine {

char* LogChunks::Extend(uint64_t offset, size_t bytes) {
  if (chunks_.empty() || chunks_.back()->capacity - chunks_.back()->used < bytes) {
    std::shared_ptr<Chunk> chunk = std::exchange(spare_, nullptr);
    // A reader that took it before it fell out may still read it.
    if (chunk == nullptr || chunk->capacity < bytes || chunk.use_count() != 1) {
      if (chunk != nullptr) memory_bytes_ -= chunk->capacity;
      const size_t capacity = std::max(chunk_bytes_, bytes);
      chunk = std::make_shared<Chunk>(capacity);
      memory_bytes_ += capacity;
    }
    chunk->start = offset;
    chunk->used = 0;
    chunks_.push_back(std::move(chunk));
  }
  Chunk& tail = *chunks_.back();
  char* room = tail.bytes + tail.used;
  tail.used += bytes;
  used_bytes_ += bytes;
  return room;
}

void LogChunks::Shrink(size_t bytes_max, uint64_t upto) {
  while (used_bytes_ > bytes_max && chunks_.size() > 1 && chunks_.front()->end() <= upto) {
    std::shared_ptr<Chunk> chunk = std::move(chunks_.front());
    chunks_.pop_front();
    used_bytes_ -= chunk->used;
    if (spare_ == nullptr && chunk->capacity == chunk_bytes_) {
      spare_ = std::move(chunk);
    } else {
      memory_bytes_ -= chunk->capacity;
    }
  }
}

void LogChunks::Clear() {
  chunks_.clear();
  spare_ = nullptr;
  used_bytes_ = memory_bytes_ = 0;
}

LogChunks::Span LogChunks::From(uint64_t offset) const {
  const auto after = std::upper_bound(
      chunks_.begin(), chunks_.end(), offset,
      [](uint64_t wanted, const std::shared_ptr<Chunk>& chunk) { return wanted < chunk->start; });
  if (after == chunks_.begin()) return {};
  const std::shared_ptr<Chunk>& chunk = *std::prev(after);
  const size_t at = offset - chunk->start;
  if (at >= chunk->used) return {};
  return {chunk, Bytes(chunk->bytes + at, chunk->used - at)};
}

}  // namespace terrace::engine
