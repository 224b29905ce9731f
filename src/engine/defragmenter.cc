#include "engine/defragmenter.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"

namespace terrace::engine {
namespace {

// Smaller blocks are keys without values, of which none goes; larger ones are no entries.
constexpr size_t kBlockBytesMin = 64;
constexpr size_t kBlockBytesMax = 64 * kKiB;
// Pages of a size that are this full together have no holes worth the while.
constexpr double kFullEnough = 0.94;
// For so many rounds pages with something in them that does not move are left alone.
constexpr unsigned kRoundsStuck = 64;
// What a round must promise: some pages of the allocator.
constexpr size_t kGainBytesMin = 256 * kKiB;

double FillOf(size_t used_bytes, size_t bytes) {
  return static_cast<double>(used_bytes) / static_cast<double>(bytes);
}

}  // namespace

std::vector<HeapPage> PagesToLeave(std::vector<HeapPage> pages, size_t bytes_max) {
  struct Sum {
    size_t bytes = 0;
    size_t used_bytes = 0;
    double fill() const { return FillOf(used_bytes, bytes); }
  };
  std::map<size_t, Sum> sizes;
  std::erase_if(pages, [](const HeapPage& page) {
    // One that is empty goes, or is used again, by itself.
    return page.bytes == 0 || page.used_bytes == 0 || page.block_bytes < kBlockBytesMin ||
           page.block_bytes > kBlockBytesMax;
  });
  for (const HeapPage& page : pages) {
    Sum& sum = sizes[page.block_bytes];
    sum.bytes += page.bytes;
    sum.used_bytes += page.used_bytes;
  }
  std::erase_if(pages, [&](const HeapPage& page) {
    const double fill = sizes[page.block_bytes].fill();
    return fill >= kFullEnough || FillOf(page.used_bytes, page.bytes) > fill;
  });
  std::sort(pages.begin(), pages.end(), [](const HeapPage& a, const HeapPage& b) {
    const double fill_a = FillOf(a.used_bytes, a.bytes), fill_b = FillOf(b.used_bytes, b.bytes);
    return fill_a != fill_b ? fill_a < fill_b : a.begin < b.begin;
  });
  size_t moves = 0, gain = 0;
  size_t count = 0;
  while (count < pages.size() && moves + pages[count].used_bytes <= bytes_max) {
    moves += pages[count].used_bytes;
    gain += pages[count].bytes - pages[count].used_bytes;
    ++count;
  }
  pages.resize(gain < kGainBytesMin ? 0 : count);
  std::sort(pages.begin(), pages.end(),
            [](const HeapPage& a, const HeapPage& b) { return a.begin < b.begin; });
  return pages;
}

bool Defragmenter::Begin(size_t bytes_max) {
  TERRACE_CHECK(!running());
  std::vector<HeapPage> pages = HeapPagesOfThisThread();
  if (++rounds_ % kRoundsStuck == 0) stuck_.clear();
  std::erase_if(pages, [this](const HeapPage& page) {
    if (left_.IsStuck(page)) stuck_.insert(page.begin);
    return stuck_.contains(page.begin);
  });
  pages = PagesToLeave(std::move(pages), bytes_max);
  left_ = PageSet(pages);
  if (pages.empty()) return false;
  fresh_ = std::make_unique<FreshPages>();
  db_ = 0;
  position_ = 0;
  moved_ = 0;
  counters_.rounds.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool Defragmenter::Step(uint64_t end_ns, uint64_t (*now_ns)()) {
  TERRACE_CHECK(running());
  for (; db_ < databases_.count(); ++db_, position_ = 0) {
    Keyspace& keyspace = databases_.Get(db_);
    if (keyspace.size() == 0) continue;
    bool more = true;
    keyspace.staircase().ForEachShard(position_, [&](Shard& shard, uint64_t, uint64_t end) {
      MoveShard(shard);
      position_ = end;
      more = now_ns() < end_ns;
      return more;
    });
    if (!more) return true;
  }
  End();
  return false;
}

void Defragmenter::MoveShard(Shard& shard) {
  uint64_t entries = 0, bytes = 0;
  // Most of the time went into waiting for the nodes of chains.
  constexpr unsigned kChainsAhead = 24, kChainEndsAhead = 12;  // buckets
  for (unsigned bucket = 0; bucket < kChainsAhead; ++bucket) shard.PrefetchChain(bucket);
  for (unsigned bucket = 0; bucket < kChainEndsAhead; ++bucket) shard.PrefetchChainEnd(bucket);
  for (unsigned bucket = 0; bucket < kShardBuckets; ++bucket) {
    if (bucket + kChainsAhead < kShardBuckets) shard.PrefetchChain(bucket + kChainsAhead);
    if (bucket + kChainEndsAhead < kShardBuckets) shard.PrefetchChainEnd(bucket + kChainEndsAhead);
    shard.MoveInBucket(bucket, [&](Entry* entry) {
      if (TERRACE_LIKELY(!left_.Contains(entry))) return entry;
      ++entries;
      bytes += entry->MemoryEstimate();
      left_.NoteMove(entry);
      return Entry::MoveTo(*fresh_, entry);
    });
  }
  if (entries == 0) return;
  moved_ += entries;
  counters_.moved_entries.fetch_add(entries, std::memory_order_relaxed);
  counters_.moved_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

}  // namespace terrace::engine
