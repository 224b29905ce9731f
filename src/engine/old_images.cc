#include "engine/old_images.h"

#include <algorithm>
#include <utility>

namespace terrace::engine {

void OldImages::Add(uint32_t space, CapturedKey image) {
  const storage::Position position{space, image.hash()};
  MutexLock lock(mutex_);
  const uint64_t bytes = bytes_.load(std::memory_order_relaxed) + image.bytes() + kNodeBytes;
  images_.emplace(position, std::move(image));
  ++taken_;
  bytes_peak_ = std::max(bytes_peak_, bytes);
  bytes_.store(bytes, std::memory_order_relaxed);
}

void OldImages::TakeBelow(uint32_t space, uint64_t end, std::vector<CapturedKey>* out) {
  std::vector<Images::node_type> taken;  // freed when the lock is
  {
    MutexLock lock(mutex_);
    uint64_t bytes = bytes_.load(std::memory_order_relaxed);
    for (auto at = images_.begin(); at != images_.end();) {
      if (at->first.space != space || (at->first.hash >> 16) >= end) break;
      bytes -= at->second.bytes() + kNodeBytes;
      taken.push_back(images_.extract(at++));
    }
    bytes_.store(bytes, std::memory_order_relaxed);
  }
  for (Images::node_type& node : taken) out->push_back(std::move(node.mapped()));
}

void OldImages::Clear() {
  Images images;
  MutexLock lock(mutex_);
  images.swap(images_);
  taken_ = 0;
  bytes_peak_ = 0;
  bytes_.store(0, std::memory_order_relaxed);
}

uint64_t OldImages::bytes_peak() const {
  MutexLock lock(mutex_);
  return bytes_peak_;
}

uint64_t OldImages::taken() const {
  MutexLock lock(mutex_);
  return taken_;
}

}  // namespace terrace::engine
