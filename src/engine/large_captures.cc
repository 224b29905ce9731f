#include "engine/large_captures.h"

#include <utility>

#include "base/check.h"

namespace terrace::engine {

void LargeCaptures::Add(uint32_t space, std::unique_ptr<LargeCapture> capture) {
  const storage::Position position{space, capture->name().hash};
  MutexLock lock(mutex_);
  captures_.emplace(position, std::move(capture));
}

LargeCapture* LargeCaptures::Find(uint32_t space, HashedKey name) {
  MutexLock lock(mutex_);
  const auto [from, to] = captures_.equal_range({space, name.hash});
  for (auto at = from; at != to; ++at)
    if (at->second->name() == name) return at->second.get();
  return nullptr;
}

LargeCapture* LargeCaptures::FirstBelow(uint32_t space, uint64_t end) {
  MutexLock lock(mutex_);
  const auto first = captures_.lower_bound({space, 0});
  if (first == captures_.end() || first->first.space != space || (first->first.hash >> 16) >= end)
    return nullptr;
  return first->second.get();
}

std::unique_ptr<LargeCapture> LargeCaptures::Remove(uint32_t space, const LargeCapture& capture) {
  MutexLock lock(mutex_);
  const auto [from, to] = captures_.equal_range({space, capture.name().hash});
  for (auto at = from; at != to; ++at) {
    if (at->second.get() != &capture) continue;
    std::unique_ptr<LargeCapture> removed = std::move(at->second);
    captures_.erase(at);
    return removed;
  }
  TERRACE_CHECK(false && "a capture that is not in");
  return nullptr;
}

std::vector<std::unique_ptr<LargeCapture>> LargeCaptures::RemoveAll() {
  std::vector<std::unique_ptr<LargeCapture>> all;
  MutexLock lock(mutex_);
  for (auto& [position, capture] : captures_) all.push_back(std::move(capture));
  captures_.clear();
  return all;
}

}  // namespace terrace::engine
