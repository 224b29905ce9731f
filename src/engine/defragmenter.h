// Defragmenter: gives memory back that the heap holds in holes. Where values come and go, and keys grow in the room they leave
// (`storage-mode database`), many pages of the allocator end with a few blocks each, and a page goes back to the system only
// when the last of them is free. So the entries in the emptiest pages move together into fresh ones, a round at a time:
//
//   Begin   which pages of this thread are emptier than their like; of these the emptiest, as far as what is in them may move
//   Step    the slots of some shards: an entry that lies in one of those pages is copied, and its slot says so
//   over    when all databases were gone through
//
// Pages become empty in the order of hashes, which is none, so most of them only at the end: until then there is as much more
// memory in use as has moved. Therefore rounds, and a bound for each.
//
// A page that nothing has left in its round, by a move or by itself, has something in it that does not move: the emptiest of all,
// perhaps, and it would be gone for again and again. So for some rounds it is left alone. (That a page is still there says nothing:
// as soon as one is empty another has its place.)
//
// It moves entries with what is in them, which is strings up to a blob's size; collections stay where they are. Nothing of it is a
// change: no key is marked, logged, or told of.
//
// Threads: one for each worker, on its thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "base/heap_pages.h"
#include "engine/databases.h"
#include "engine/page_set.h"

namespace terrace::engine {

class Defragmenter {
 public:
  /// Of all of them together.
  struct Counters {
    std::atomic<uint64_t> rounds{0};
    std::atomic<uint64_t> moved_entries{0};
    std::atomic<uint64_t> moved_bytes{0};
  };

  Defragmenter(Databases& databases, Counters& counters)
      : databases_(databases), counters_(counters) {}

  /// A round begins that moves up to about `bytes_max`; false if there is nothing to gain. CONTRACT: none is running.
  bool Begin(size_t bytes_max);
  bool running() const { return fresh_ != nullptr; }
  /// By the round that is running, or was last: none if what lies in those pages is no entries.
  uint64_t moved() const { return moved_; }
  /// Goes on until `now_ns` says it is `end_ns`, or a little longer. False when the round is over. The caller is in and holds no lock.
  bool Step(uint64_t end_ns, uint64_t (*now_ns)());
  /// The round is over now, if one is running. CONTRACT: before its thread ends, whose pages they are.
  void End() { fresh_.reset(); }

 private:
  void MoveShard(Shard& shard);

  Databases& databases_;
  Counters& counters_;
  PageSet left_;                         // the pages that entries leave, or left in the last round
  std::unordered_set<uintptr_t> stuck_;  // begins of those that nothing has left
  unsigned rounds_ = 0;                  // since these were forgotten the last time
  std::unique_ptr<FreshPages> fresh_;    // while a round is running
  unsigned db_ = 0;
  uint64_t position_ = 0;  // as the staircase counts
  uint64_t moved_ = 0;
};

/// Of `pages` those to be left, by address: the emptiest, with about `bytes_max` in them.
std::vector<HeapPage> PagesToLeave(std::vector<HeapPage> pages, size_t bytes_max);

}  // namespace terrace::engine
