#include "engine/removed_keys.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace terrace::engine {
namespace {

constexpr size_t kHeadBytes = sizeof(uint64_t) + sizeof(uint32_t);
// The first chunk is small, as most keyspaces lose few keys; further ones are worth an allocation.
constexpr size_t kFirstChunkBytes = 1 * kKiB;
constexpr size_t kChunkBytes = 64 * kKiB;

}  // namespace

void RemovedKeys::Add(uint64_t hash, Bytes key) {
  const size_t bytes = kHeadBytes + key.size();
  if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < bytes) {
    const size_t chunk_bytes = chunks_.empty() ? kFirstChunkBytes : kChunkBytes;
    chunks_.emplace_back().reserve(std::max(bytes, chunk_bytes));
  }
  char head[kHeadBytes];
  const auto length = static_cast<uint32_t>(key.size());
  std::memcpy(head, &hash, sizeof hash);
  std::memcpy(head + sizeof hash, &length, sizeof length);
  chunks_.back().append(head, sizeof head).append(key);
  ++count_;
}

void RemovedKeys::Append(RemovedKeys&& other) {
  count_ += std::exchange(other.count_, 0);
  chunks_.insert(chunks_.end(), std::make_move_iterator(other.chunks_.begin()),
                 std::make_move_iterator(other.chunks_.end()));
  other.chunks_.clear();
}

std::vector<HashedKey> RemovedKeys::Sorted() const {
  std::vector<HashedKey> keys;
  keys.reserve(count_);
  for (const std::string& chunk : chunks_) {
    for (size_t at = 0; at < chunk.size();) {
      uint64_t hash;
      uint32_t length;
      std::memcpy(&hash, chunk.data() + at, sizeof hash);
      std::memcpy(&length, chunk.data() + at + sizeof hash, sizeof length);
      keys.push_back({hash, Bytes(chunk).substr(at + kHeadBytes, length)});
      at += kHeadBytes + length;
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

}  // namespace terrace::engine
