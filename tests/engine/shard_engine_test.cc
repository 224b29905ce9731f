#include "engine/shard_engine.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

Slot InsertMortal(ShardEngine& engine, uint64_t hash, uint64_t deadline_ms) {
  Shard& shard = engine.Make(engine.IndexOf(hash));
  shard.Lock();
  const Slot slot =
      shard.Insert(hash, Entry::NewString("key", StringSource::OfInteger(1), deadline_ms));
  engine.NoteDeadline(hash, deadline_ms);
  shard.Unlock();
  return slot;
}

}  // namespace

TEST_SUITE("engine/shard_engine") {
  TEST_CASE("a hash names its shard by its high bits, and the shard's range contains it") {
    Random random(1);
    for (const unsigned bits : {0u, 1u, 5u, 6u, 7u, 12u}) {
      const ShardEngine engine(bits);
      CHECK(engine.size() == uint64_t{1} << bits);
      CHECK(engine.IndexOf(0) == 0);
      CHECK(engine.IndexOf(UINT64_MAX) == engine.size() - 1);
      CHECK(engine.EndOf(engine.size() - 1) == uint64_t{1} << 48);
      for (int i = 0; i < 1000; ++i) {
        const uint64_t hash = random.Next();
        const uint64_t index = engine.IndexOf(hash);
        REQUIRE((hash >> 16) < engine.EndOf(index));
        REQUIRE((index == 0 || (hash >> 16) >= engine.EndOf(index - 1)));
      }
    }
  }

  TEST_CASE("a shard is not there before somebody makes it, and stays where it is") {
    ShardEngine engine(8);
    for (uint64_t i = 0; i < engine.size(); ++i) CHECK(engine.Find(i) == nullptr);
    Shard& shard = engine.Make(70);
    CHECK(shard.state() == Shard::State::kFuture);
    CHECK(engine.Find(70) == &shard);
    CHECK(&engine.Make(70) == &shard);
    CHECK(engine.Find(64) != nullptr);  // of the same segment
    CHECK(engine.Find(63) == nullptr);
    CHECK(engine.Find(128) == nullptr);
  }

  TEST_CASE("buckets continue the shard's prefix: walking them is walking in hash order") {
    ShardEngine engine(3);
    uint64_t last = 0;
    for (unsigned step = 0; step < 8 * kShardBuckets; ++step) {
      const uint64_t hash = uint64_t{step} << (64 - 3 - kShardBucketBits);
      const Shard& shard = engine.Make(engine.IndexOf(hash));
      const uint64_t place = engine.IndexOf(hash) * kShardBuckets + shard.BucketOf(hash);
      REQUIRE(place == step);
      REQUIRE(place >= last);
      last = place;
    }
  }

  TEST_CASE("a segment's bound follows the earliest deadline of its shards") {
    ShardEngine engine(7);
    const uint64_t first = uint64_t{3} << 57, second = uint64_t{9} << 57,
                   other = uint64_t{100} << 57;
    CHECK(engine.segments() == 2);
    CHECK(engine.SegmentDue(0) == ExpiryIndex::kNever);
    const Slot slot = InsertMortal(engine, first, 500);
    InsertMortal(engine, second, 700);
    CHECK(engine.SegmentDue(0) == 500);
    CHECK(engine.SegmentDue(1) == ExpiryIndex::kNever);
    InsertMortal(engine, other, 300);
    CHECK(engine.SegmentDue(0) == 500);
    CHECK(engine.SegmentDue(1) == 300);

    Shard& shard = engine.Make(3);
    Entry::Delete(shard.Remove(slot, first));
    uint64_t hash = 0;
    CHECK(shard.FindDue(
              501, [&](Bytes) { return first; }, &hash) == nullptr);  // drops the stale pair
    CHECK(engine.SegmentDue(0) == 500);  // a lower bound until it is looked up
    engine.RefreshSegmentDue(0);
    CHECK(engine.SegmentDue(0) == 700);
    engine.RefreshSegmentDue(1);
    CHECK(engine.SegmentDue(1) == 300);
  }

  TEST_CASE("a deadline noted while the bound is looked up anew is not lost") {
    constexpr int kRounds = 30'000;
    ShardEngine engine(6);
    std::atomic<int> writer_at{0}, refresher_at{0};
    std::thread refresher([&] {
      for (int round = 1; round <= kRounds; ++round) {
        while (writer_at.load() < round) {
        }
        engine.RefreshSegmentDue(0);
        refresher_at.store(round);
      }
    });
    int lost = 0;
    for (int round = 1; round <= kRounds; ++round) {
      const uint64_t hash = static_cast<uint64_t>(round) << 58;
      Shard& shard = engine.Make(engine.IndexOf(hash));
      const uint64_t deadline = 1000;
      engine.NoteDeadline(
          hash,
          1);  // a bound that holds no more, below ours: what the refresher will put right
      Entry* entry = Entry::NewString("key", StringSource::OfInteger(1), deadline);
      writer_at.store(round);
      shard.Lock();
      for (int i = round % 256; i > 0; --i) asm volatile("");
      const Slot slot = shard.Insert(hash, entry);
      engine.NoteDeadline(hash, deadline);
      while (refresher_at.load() < round) {
      }
      if (engine.SegmentDue(0) > deadline) ++lost;
      Entry::Delete(shard.Remove(slot, hash));
      shard.expiry().Clear();
      shard.UpdateNextDue();
      shard.Unlock();
      engine.RefreshSegmentDue(0);
    }
    refresher.join();
    CHECK(lost == 0);
  }
}
