// PageSet: pages of the allocator, for whoever asks of millions of blocks whether they lie in one of them. Such a page begins and ends
// within slices of 64 KiB that have nothing else in them, so an address's slice says it: one probe of a table that is mostly empty.
// It also knows from which of them something has moved.
//
// Threads: one at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/heap_pages.h"

namespace terrace::engine {

class PageSet {
 public:
  PageSet() = default;
  explicit PageSet(const std::vector<HeapPage>& pages) {
    size_t slices = 0;
    for (const HeapPage& page : pages) slices += SliceOf(page.end() - 1) - SliceOf(page.begin) + 1;
    places_.resize(std::bit_ceil(kSpread * slices + 1));
    pages_.resize(places_.size());
    for (const HeapPage& page : pages) {
      for (uint64_t slice = SliceOf(page.begin); slice <= SliceOf(page.end() - 1); ++slice)
        Add(slice, static_cast<uint32_t>(begins_.size()));
      begins_.push_back(page.begin);
    }
    moved_.resize(begins_.size());
  }

  bool Contains(const void* block) const {
    const uint64_t slice = SliceOf(reinterpret_cast<uintptr_t>(block));
    return places_[PlaceIn(slice)] == slice;
  }

  /// CONTRACT: it contains `block`.
  void NoteMove(const void* block) {
    moved_[pages_[PlaceIn(SliceOf(reinterpret_cast<uintptr_t>(block)))]] = true;
  }
  /// The begins of those from which nothing has moved.
  std::vector<uintptr_t> WithoutMoves() const {
    std::vector<uintptr_t> begins;
    for (size_t i = 0; i < begins_.size(); ++i)
      if (!moved_[i]) begins.push_back(begins_[i]);
    return begins;
  }

 private:
  static constexpr unsigned kSliceBits = 16;
  static constexpr size_t kSpread = 4;

  static uint64_t SliceOf(uintptr_t address) { return address >> kSliceBits; }
  size_t PlaceOf(uint64_t slice) const {
    return slice * 0x9e3779b97f4a7c15 >> 32 & (places_.size() - 1);
  }
  // Where it is, or would be.
  size_t PlaceIn(uint64_t slice) const {
    size_t i = PlaceOf(slice);
    while (places_[i] != 0 && places_[i] != slice) i = (i + 1) & (places_.size() - 1);
    return i;
  }
  void Add(uint64_t slice, uint32_t page) {
    const size_t i = PlaceIn(slice);
    places_[i] = slice;
    pages_[i] = page;
  }

  std::vector<uint64_t> places_ = {0};  // 0: none; no address of ours is there
  std::vector<uint32_t> pages_;         // which one is at that place
  std::vector<uintptr_t> begins_;
  std::vector<bool> moved_;
};

}  // namespace terrace::engine
