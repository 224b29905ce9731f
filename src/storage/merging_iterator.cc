#include "storage/merging_iterator.h"

#include <algorithm>
#include <utility>

namespace terrace::storage {

MergingIterator::MergingIterator(const std::vector<const TableReader*>& newest_first,
                                 Tombstones tombstones, PositionRange range)
    : tombstones_(tombstones) {
  sources_.reserve(newest_first.size());
  for (const TableReader* table : newest_first) {
    waiting_.push_back({std::max(table->facts().smallest, range.first), sources_.size()});
    sources_.push_back(std::make_unique<KeyIterator>(*table, range));
  }
  std::sort(waiting_.begin(), waiting_.end(),
            [](const Waiting& a, const Waiting& b) { return a.smallest > b.smallest; });
}

bool MergingIterator::IsBefore(size_t a, size_t b) const {
  const auto order = CompareOrder(sources_[a]->record(), sources_[b]->record());
  return order != 0 ? order < 0 : a < b;
}

void MergingIterator::SiftDown(size_t at) {
  const size_t moved = heap_[at];
  while (true) {
    size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && IsBefore(heap_[child + 1], heap_[child])) ++child;
    if (!IsBefore(heap_[child], moved)) break;
    heap_[at] = heap_[child];
    at = child;
  }
  heap_[at] = moved;
}

void MergingIterator::SiftUp(size_t at) {
  const size_t moved = heap_[at];
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (!IsBefore(moved, heap_[parent])) break;
    heap_[at] = heap_[parent];
    at = parent;
  }
  heap_[at] = moved;
}

// Whoever may have a record at or before the top is in the heap from here on; false if nothing is left, or damaged.
bool MergingIterator::Join() {
  while (!waiting_.empty() && (heap_.empty() || waiting_.back().smallest <= record().position())) {
    const size_t source = waiting_.back().source;
    waiting_.pop_back();
    if (sources_[source]->Next()) {
      heap_.push_back(source);
      SiftUp(heap_.size() - 1);
    } else if (sources_[source]->status().ok()) {
      sources_[source].reset();
    } else {
      status_ = sources_[source]->status();
      heap_.clear();
      return false;
    }
  }
  return !heap_.empty();
}

bool MergingIterator::Start() {
  started_ = true;
  return Join();
}

// Moves the top on; false if nothing is left, or damaged.
bool MergingIterator::Advance() {
  KeyIterator& top = *sources_[heap_[0]];
  if (!top.Next()) {
    if (!top.status().ok()) {
      status_ = top.status();
      heap_.clear();
      return false;
    }
    sources_[heap_[0]].reset();
    heap_[0] = heap_.back();
    heap_.pop_back();
  }
  if (heap_.size() > 1) SiftDown(0);
  return Join();
}

// Whether the top is an older record of what was on top before. Several tables only: one has no two of a kind.
bool MergingIterator::IsRepeat() {
  const StoredRecord& record = sources_[heap_[0]]->record();
  return record.hash == last_position_.hash && record.space == last_position_.space &&
         record.sub == last_sub_ && record.key == last_key_;
}

bool MergingIterator::Next() {
  if (!status_.ok() || (started_ && heap_.empty())) return false;
  bool more = false;
  while (true) {
    if (!started_) {
      more = Start();
    } else {
      if (heap_.size() > 1) {
        last_position_ = record().position();
        last_key_ = record().key;
        last_sub_ = record().sub;
        more = Advance();
        while (more && IsRepeat()) {
          ++hidden_;
          more = Advance();
        }
      } else {
        more = Advance();
      }
    }
    if (!more) return false;
    if (tombstones_ == Tombstones::kShown || !record().is_tombstone()) return true;
  }
}

}  // namespace terrace::storage
