// PageSet: pages of the allocator, for whoever asks of millions of blocks whether they lie in one of them. Such a page begins and ends
// within slices of 64 KiB that have nothing else in them, so an address's slice says it: one probe of a table that is mostly empty.
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
    for (const HeapPage& page : pages) {
      for (uint64_t slice = SliceOf(page.begin); slice <= SliceOf(page.end() - 1); ++slice)
        Add(slice);
    }
  }

  bool Contains(const void* block) const {
    const uint64_t slice = SliceOf(reinterpret_cast<uintptr_t>(block));
    for (size_t i = PlaceOf(slice);; i = (i + 1) & (places_.size() - 1)) {
      if (places_[i] == 0) return false;
      if (places_[i] == slice) return true;
    }
  }

 private:
  static constexpr unsigned kSliceBits = 16;
  static constexpr size_t kSpread = 4;

  static uint64_t SliceOf(uintptr_t address) { return address >> kSliceBits; }
  size_t PlaceOf(uint64_t slice) const {
    return slice * 0x9e3779b97f4a7c15 >> 32 & (places_.size() - 1);
  }
  void Add(uint64_t slice) {
    size_t i = PlaceOf(slice);
    while (places_[i] != 0 && places_[i] != slice) i = (i + 1) & (places_.size() - 1);
    places_[i] = slice;
  }

  std::vector<uint64_t> places_ = {0};  // 0: none; no address of ours is there
};

}  // namespace terrace::engine
