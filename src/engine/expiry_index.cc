#include "engine/expiry_index.h"

#include <algorithm>

namespace terrace::engine {
namespace {

// std::push_heap keeps the largest on top; we want the earliest.
bool Later(const ExpiryIndex::Item& a, const ExpiryIndex::Item& b) {
  return a.deadline_ms > b.deadline_ms;
}

}  // namespace

void ExpiryIndex::Add(uint64_t deadline_ms, uint64_t hash) {
  if (pairs_ == nullptr) pairs_ = std::make_unique<Pairs>();
  std::vector<Item>& heap = pairs_->heap;
  heap.push_back({deadline_ms, hash});
  std::push_heap(heap.begin(), heap.end(), Later);
}

void ExpiryIndex::Pop(bool was_stale) {
  std::vector<Item>& heap = pairs_->heap;
  std::pop_heap(heap.begin(), heap.end(), Later);
  heap.pop_back();
  if (was_stale && pairs_->stale > 0) --pairs_->stale;
  if (heap.empty()) Clear();
}

void ExpiryIndex::RemoveDuplicates() {
  // A key re-armed to the same deadline left equal pairs that all hold; one is enough.
  std::vector<Item>& heap = pairs_->heap;
  std::sort(heap.begin(), heap.end(), [](const Item& a, const Item& b) {
    return a.deadline_ms != b.deadline_ms ? a.deadline_ms < b.deadline_ms : a.hash < b.hash;
  });
  const auto same = [](const Item& a, const Item& b) {
    return a.deadline_ms == b.deadline_ms && a.hash == b.hash;
  };
  heap.erase(std::unique(heap.begin(), heap.end(), same), heap.end());
  // Ascending order is a heap with the earliest on top.
}

}  // namespace terrace::engine
