#include "engine/expiry_index.h"

#include <algorithm>

namespace terrace::engine {
namespace {

// std::push_heap keeps the largest on top; we want the earliest.
bool Later(const ExpiryIndex::Item& a, const ExpiryIndex::Item& b) { return a.deadline_ms > b.deadline_ms; }

}  // namespace

void ExpiryIndex::Add(uint64_t deadline_ms, uint64_t hash) {
  heap_.push_back({deadline_ms, hash});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

void ExpiryIndex::Pop(bool was_stale) {
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  heap_.pop_back();
  if (was_stale && stale_ > 0) --stale_;
  if (heap_.empty()) Clear();
}

void ExpiryIndex::RemoveDuplicates() {
  // A key re-armed to the same deadline left equal pairs that all hold; one is enough.
  std::sort(heap_.begin(), heap_.end(), [](const Item& a, const Item& b) {
    return a.deadline_ms != b.deadline_ms ? a.deadline_ms < b.deadline_ms : a.hash < b.hash;
  });
  heap_.erase(std::unique(heap_.begin(), heap_.end(),
                          [](const Item& a, const Item& b) {
                            return a.deadline_ms == b.deadline_ms && a.hash == b.hash;
                          }),
              heap_.end());
  // Ascending order is a heap with the earliest on top.
}

void ExpiryIndex::Clear() {
  heap_.clear();
  heap_.shrink_to_fit();
  stale_ = 0;
}

}  // namespace terrace::engine
