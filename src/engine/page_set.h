// PageSet: pages of the allocator, for whoever asks of millions of blocks whether they lie in one of them. Such a page begins and ends
// within slices of 64 KiB that have nothing else in them, so an address's slice says it: one probe of a table that is mostly empty.
// It also knows in which of them nothing moves.
//
// Threads: one at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/heap_pages.h"

namespace terrace::engine {

class PageSet {
 public:
  PageSet() = default;
  explicit PageSet(std::vector<HeapPage> pages) : pages_(std::move(pages)) {
    size_t slices = 0;
    for (const HeapPage& page : pages_) slices += SliceOf(page.end() - 1) - SliceOf(page.begin) + 1;
    places_.resize(std::bit_ceil(kSpread * slices + 1));
    numbers_.resize(places_.size());
    for (uint32_t i = 0; i < pages_.size(); ++i) {
      const HeapPage& page = pages_[i];
      for (uint64_t slice = SliceOf(page.begin); slice <= SliceOf(page.end() - 1); ++slice)
        Add(slice, i);
    }
    moved_.resize(pages_.size());
  }

  bool Contains(const void* block) const {
    const uint64_t slice = SliceOf(reinterpret_cast<uintptr_t>(block));
    return places_[PlaceIn(slice)] == slice;
  }

  /// CONTRACT: it contains `block`.
  void NoteMove(const void* block) {
    moved_[numbers_[PlaceIn(SliceOf(reinterpret_cast<uintptr_t>(block)))]] = true;
  }
  /// Whether `now` is one of them as it is later, and nothing has left it: by a move, or by itself.
  bool IsStuck(const HeapPage& now) const {
    const size_t place = PlaceIn(SliceOf(now.begin));
    if (now.bytes == 0 || places_[place] != SliceOf(now.begin)) return false;
    const HeapPage& then = pages_[numbers_[place]];
    return then.begin == now.begin && then.block_bytes == now.block_bytes &&
           now.used_bytes >= then.used_bytes && !moved_[numbers_[place]];
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
    numbers_[i] = page;
  }

  std::vector<uint64_t> places_ = {0};  // 0: none; no address of ours is there
  std::vector<uint32_t> numbers_;       // which of the pages is at that place
  std::vector<HeapPage> pages_;         // as they were
  std::vector<bool> moved_;
};

}  // namespace terrace::engine
