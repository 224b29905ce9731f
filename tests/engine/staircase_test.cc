#include "engine/staircase.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "base/random.h"
#include "engine/staircase_fixture.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

#ifdef NDEBUG
constexpr uint64_t kManyKeys = 200'000;
#else
constexpr uint64_t kManyKeys = 60'000;
#endif

// Every shard that hash space leads to is live, in order, without gap or overlap; returns how many entries
// they hold.
uint64_t CheckShards(Staircase& staircase) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  uint64_t next = 0, entries = 0, shards = 0;
  staircase.ForEachShard(0, [&](Shard& shard, uint64_t begin, uint64_t end) {
    REQUIRE(begin == next);
    REQUIRE(end > begin);
    REQUIRE(shard.state() == Shard::State::kLive);
    REQUIRE(staircase.Guess(begin << 16) == &shard);
    REQUIRE(staircase.Guess((end << 16) - 1) == &shard);
    // S1: the frontier is a border between shards.
    REQUIRE((staircase.frontier() <= begin || staircase.frontier() >= end));
    uint64_t visited = 0;
    for (unsigned i = 0; i < kShardBuckets; ++i) {
      shard.ForEachInBucket(i, [&](const Entry* entry) {
        const uint64_t hash = staircase.HashOf(entry->key());
        REQUIRE((hash >> 16) >= begin);
        REQUIRE((hash >> 16) < end);
        REQUIRE(shard.BucketOf(hash) == i);
        ++visited;
      });
    }
    REQUIRE(visited == shard.count());
    entries += visited;
    ++shards;
    next = end;
    return true;
  });
  REQUIRE(next == Staircase::kEnd);
  REQUIRE(shards == staircase.shards());
  return entries;
}

double LoadPerBucket(const StaircaseFixture& fixture, const Staircase& staircase) {
  return static_cast<double>(fixture.entries()) /
         (static_cast<double>(staircase.shards()) * kShardBuckets);
}

}  // namespace

TEST_SUITE("engine/staircase") {
  TEST_CASE("an empty staircase is one shard and wants nothing") {
    StaircaseFixture fixture;
    CHECK(fixture.staircase().shards() == 1);
    CHECK(!fixture.staircase().moving());
    CHECK(!fixture.staircase().NeedsStep(0, 1));
    CHECK(!fixture.Step());
    CHECK(CheckShards(fixture.staircase()) == 0);
  }

  TEST_CASE("every key stays reachable while the frontier moves") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    uint64_t handovers = 0;
    constexpr uint64_t kKeys = 20'000;
    for (uint64_t i = 0; i < kKeys; ++i) {
      fixture.Insert(StaircaseFixture::KeyOf(i));
      if (staircase.stats().handovers == handovers) continue;
      handovers = staircase.stats().handovers;
      REQUIRE(CheckShards(staircase) == i + 1);
      for (uint64_t k = 0; k <= i; k += 1 + i / 500)
        REQUIRE(fixture.Has(StaircaseFixture::KeyOf(k)));
    }
    CHECK(handovers > 15);
    for (uint64_t i = kKeys; i-- > 0;) {
      REQUIRE(fixture.Remove(StaircaseFixture::KeyOf(i)));
      fixture.Step();
      if (staircase.stats().handovers == handovers) continue;
      handovers = staircase.stats().handovers;
      REQUIRE(CheckShards(staircase) == i);
      for (uint64_t k = 0; k < i; k += 1 + i / 500)
        REQUIRE(fixture.Has(StaircaseFixture::KeyOf(k)));
      REQUIRE(!fixture.Has(StaircaseFixture::KeyOf(i)));
    }
    CHECK(staircase.shards() == 1);
  }

  TEST_CASE("the first hand-over follows at once when an engine has been opened for it") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    uint64_t keys = 0;
    while (!staircase.moving()) fixture.Insert(StaircaseFixture::KeyOf(keys++));
    CHECK(keys <= kShardEntriesTarget + 1);
    fixture.StepUntilContent();
    CHECK(staircase.shards() == 2);
    CHECK(staircase.stats().handovers == 1);
    CHECK(CheckShards(staircase) == keys);
  }

  TEST_CASE(
      "growing keeps the load a bucket near its target, and the bytes that are not entries low") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    const auto entry_bytes =
        static_cast<double>(AllocationSize(8 + 10 + 8));  // "key:123456" and an integer
    const int64_t before = UsedMemory();
    for (uint64_t i = 0; i < kManyKeys; ++i) {
      const std::string key = "key:" + std::to_string(100'000 + i);
      const uint64_t shards = staircase.shards();
      fixture.Insert(key);
      REQUIRE(staircase.shards() <= shards + 1);  // one share at a time
      if (i < 16 * kShardEntriesTarget || i % 997 != 0) continue;
      CAPTURE(i);
      REQUIRE(LoadPerBucket(fixture, staircase) < kBucketLoad * 1.08);
      REQUIRE(LoadPerBucket(fixture, staircase) > kBucketLoad * 0.95);
      const double bytes =
          static_cast<double>(UsedMemory() - before) / static_cast<double>(i + 1) - entry_bytes;
      REQUIRE(bytes < 64.0 / kBucketLoad +
                          4);  // a share of a bucket; the rest are overflow nodes and shards
    }
    CHECK(CheckShards(staircase) == kManyKeys);
    for (uint64_t i = 0; i < kManyKeys; ++i)
      REQUIRE(fixture.Has("key:" + std::to_string(100'000 + i)));
  }

  TEST_CASE("after everything is removed one shard is left, and no memory") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    fixture.Insert("stays");
    const int64_t before = UsedMemory();
    for (uint64_t i = 0; i < kManyKeys; ++i) fixture.Insert(StaircaseFixture::KeyOf(i));
    for (uint64_t i = 0; i < kManyKeys; ++i) REQUIRE(fixture.Remove(StaircaseFixture::KeyOf(i)));
    fixture.StepUntilContent();
    CHECK(staircase.shards() == 1);
    CHECK(!staircase.moving());
    CHECK(fixture.Has("stays"));
    CHECK(CheckShards(staircase) == 1);
    CHECK(UsedMemory() - before < 4 * 1024);  // room of vectors that once held more
  }

  TEST_CASE("removing alone makes it shrink while the idle hands help") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    for (uint64_t i = 0; i < 30'000; ++i) fixture.Insert(StaircaseFixture::KeyOf(i));
    const uint64_t high = staircase.shards();
    for (uint64_t i = 0; i < 29'000; ++i) {
      fixture.Remove(StaircaseFixture::KeyOf(i));
      if (i % 10 == 0) fixture.Step();
    }
    CHECK(high >= 25);
    CHECK(staircase.shards() <= 8);
    CHECK(LoadPerBucket(fixture, staircase) > kBucketLoad / 4.0 * 0.9);
    CHECK(CheckShards(staircase) == 1000);
  }

  TEST_CASE("a keyspace that hovers around a size does not walk up and down") {
    for (const uint64_t size : {uint64_t{kShardEntriesTarget}, uint64_t{5000}, uint64_t{20'000}}) {
      StaircaseFixture fixture;
      for (uint64_t i = 0; i < size; ++i) fixture.Insert(StaircaseFixture::KeyOf(i));
      fixture.StepUntilContent();
      const uint64_t handovers = fixture.staircase().stats().handovers;
      Random random(size);
      for (uint64_t i = 0; i < 20'000; ++i) {
        const std::string key = StaircaseFixture::KeyOf(size + random.Below(size / 10));
        if (!fixture.Remove(key)) fixture.Insert(key);
        fixture.Step();
      }
      CHECK(fixture.staircase().stats().handovers - handovers <=
            2 + size / kShardEntriesTarget / 5);
    }
  }

  TEST_CASE("a walk that the load has overtaken is finished and the next one begins") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    Random random(7);
    uint64_t low = 0, high = 0;  // keys low .. high-1 are there
    for (int swing = 0; swing < 12; ++swing) {
      const uint64_t target = random.Below(25'000);
      while (high - low < target) fixture.Insert(StaircaseFixture::KeyOf(high++));
      for (uint64_t steps = random.Below(8); steps > 0; --steps) fixture.Step();
      while (high - low > target) fixture.Remove(StaircaseFixture::KeyOf(low++));
      for (uint64_t steps = random.Below(8); steps > 0; --steps) fixture.Step();
      REQUIRE(CheckShards(staircase) == high - low);
      for (uint64_t i = low; i < high; i += 37) REQUIRE(fixture.Has(StaircaseFixture::KeyOf(i)));
    }
    fixture.StepUntilContent();
    CHECK(CheckShards(staircase) == high - low);
  }

  TEST_CASE(
      "contention can ask for more shards than the load, and they go when it no longer does") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    for (uint64_t i = 0; i < 100; ++i) fixture.Insert(StaircaseFixture::KeyOf(i));
    fixture.shards_min = 32;
    CHECK(staircase.NeedsStep(100, 32));
    fixture.StepUntilContent();
    CHECK(staircase.shards() >= 32);
    CHECK(staircase.shards() < 64);
    CHECK(!staircase.NeedsStep(100, 32));
    CHECK(CheckShards(staircase) == 100);
    for (uint64_t i = 0; i < 100; ++i) REQUIRE(fixture.Has(StaircaseFixture::KeyOf(i)));
    fixture.shards_min = 1;
    fixture.StepUntilContent();
    CHECK(staircase.shards() == 1);
    CHECK(CheckShards(staircase) == 100);
  }

  TEST_CASE(
      "model: at any load and floor the walk comes to an end, stays there, and an emptied keyspace "
      "is one shard") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    Random random(17);
    uint64_t low = 0, high = 0;  // keys low .. high-1 are there
    for (int round = 0; round < 60; ++round) {
      CAPTURE(round);
      // Often right at a threshold: whole shards, a quarter of them, and one key more or less.
      const uint64_t whole =
          kShardEntriesTarget / (random.Below(2) == 0 ? 1 : 4) * random.Below(20);
      const uint64_t target = whole + random.Below(3) - (whole == 0 ? 0 : 1);
      fixture.shards_min = random.Below(4) == 0 ? 1 + random.Below(20) : 1;
      CAPTURE(target);
      CAPTURE(fixture.shards_min);
      while (high - low < target) fixture.Insert(StaircaseFixture::KeyOf(high++));
      while (high - low > target) fixture.Remove(StaircaseFixture::KeyOf(low++));
      // One walk that the load has overtaken, and then at most one for every doubling: fewer steps than 4 x shards.
      REQUIRE(static_cast<uint64_t>(fixture.StepUntilContent()) <= 4 * 64);
      REQUIRE(staircase.shards() >= fixture.shards_min);
      REQUIRE(staircase.shards() * kShardEntriesTarget >=
              target / kShardEntriesTarget * kShardEntriesTarget);
      // One key comes and goes, a shard's worth of scatter at most: nothing moves any more but a single step each way.
      const uint64_t handovers = staircase.stats().handovers;
      for (int i = 0; i < 200; ++i) {
        fixture.Insert("guest");
        fixture.StepUntilContent();
        fixture.Remove("guest");
        fixture.StepUntilContent();
      }
      const uint64_t settled = staircase.stats().handovers;
      REQUIRE(settled - handovers <= 64);
      for (int i = 0; i < 50; ++i) {
        fixture.Insert("guest");
        fixture.StepUntilContent();
        fixture.Remove("guest");
        fixture.StepUntilContent();
      }
      REQUIRE(staircase.stats().handovers == settled);
    }
    fixture.shards_min = 1;
    while (high > low) fixture.Remove(StaircaseFixture::KeyOf(low++));
    fixture.StepUntilContent();
    CHECK(staircase.shards() == 1);
    CHECK(!staircase.moving());
    CHECK(CheckShards(staircase) == 0);
  }

  TEST_CASE("a floor that no walk can reach starts none, and asks for none at every write") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    fixture.shards_min = 16;
    fixture.StepUntilContent();
    REQUIRE(staircase.shards() == 16);
    fixture.shards_min = 10;  // half of 16 would be too few
    CHECK(fixture.StepUntilContent() == 0);
    CHECK(!staircase.moving());
    fixture.Insert("key");  // asks once at most
    const uint64_t hash = staircase.HashOf("key");
    CHECK(!staircase.WantsStep(*staircase.Guess(hash)));
    fixture.shards_min = 8;
    CHECK(fixture.StepUntilContent() == 8);
    CHECK(staircase.shards() == 8);
  }

  TEST_CASE("interest in a key moves along with its range, in its order") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    std::vector<std::shared_ptr<Watch>> watches;
    const auto shard_of = [&](const std::string& key) {
      return staircase.Guess(staircase.HashOf(key));
    };
    for (uint64_t i = 0; i < 200; ++i) {  // half of the keys do not exist
      const std::string key = StaircaseFixture::KeyOf(i * 100);
      watches.push_back(std::make_shared<Watch>());
      shard_of(key)->MakeInterest().Add({staircase.HashOf(key), key, watches.back(), false});
    }
    const auto check_all = [&] {
      for (uint64_t i = 0; i < 200; ++i) {
        const std::string key = StaircaseFixture::KeyOf(i * 100);
        const InterestTable* table = shard_of(key)->interest();
        REQUIRE(table != nullptr);
        REQUIRE(table->Find(staircase.HashOf(key), key, watches[i].get()) != nullptr);
      }
      size_t items = 0;
      staircase.ForEachShard(0, [&](Shard& shard, uint64_t, uint64_t) {
        if (shard.interest() != nullptr) items += shard.interest()->items().size();
        return true;
      });
      REQUIRE(items == 200);
    };
    for (uint64_t i = 0; i < 10'000; ++i) fixture.Insert(StaircaseFixture::KeyOf(i));
    check_all();
    for (uint64_t i = 0; i < 10'000; ++i) fixture.Remove(StaircaseFixture::KeyOf(i));
    fixture.StepUntilContent();
    CHECK(staircase.shards() == 1);
    check_all();
    for (uint64_t i = 0; i < 200; i += 2) {
      const std::string key = StaircaseFixture::KeyOf(i * 100);
      shard_of(key)->interest()->KeyChanges(staircase.HashOf(key), key);
    }
    for (uint64_t i = 0; i < 200; ++i) CHECK(watches[i]->broken() == (i % 2 == 0));
  }

  TEST_CASE(
      "what is due is found at any frontier, by the part whose range of hash space it lies in") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    Random random(9);
    struct Mortal {
      uint64_t deadline_ms;
      uint64_t hash;
    };
    std::map<std::string, Mortal> mortals;
    uint64_t now = 1000;
    const auto hash_of = [&](Bytes key) { return staircase.HashOf(key); };
    for (uint64_t i = 0; i < 12'000; ++i) {
      const std::string key = StaircaseFixture::KeyOf(i);
      const uint64_t deadline = random.Below(3) == 0 ? 0 : now + random.Below(5000);
      fixture.Insert(key, deadline);
      if (deadline != 0) mortals[key] = {deadline, staircase.HashOf(key)};
      if (i % 100 != 0) continue;
      now += 30;
      const unsigned parts = 1 + static_cast<unsigned>(random.Below(5));
      const unsigned part = static_cast<unsigned>(random.Below(parts));
      const uint64_t earliest = staircase.ForEachDue(now, part, parts, [&](Shard& shard) {
        uint64_t hash = 0;
        while (const Slot slot = shard.FindDue(now, hash_of, &hash)) {
          const auto mortal = mortals.find(std::string(Shard::At(slot)->key()));
          REQUIRE(mortal != mortals.end());
          REQUIRE(mortal->second.deadline_ms == Shard::At(slot)->deadline_ms());
          REQUIRE(mortal->second.deadline_ms < now);
          REQUIRE(mortal->second.hash == hash);
          mortals.erase(mortal);
          Entry::Delete(shard.Remove(slot, hash));
        }
      });
      REQUIRE(earliest >= now);
      const uint64_t width = Staircase::kEnd / parts;
      for (const auto& [name, mortal] : mortals) {
        if (std::min<uint64_t>((mortal.hash >> 16) / width, parts - 1) != part) continue;
        REQUIRE(mortal.deadline_ms >= now);
        REQUIRE(mortal.deadline_ms >= earliest);
      }
    }
    CHECK(staircase.stats().handovers > 5);
  }

  TEST_CASE("a hand-over makes no deadline another part's: who was told of it will find it") {
    constexpr unsigned kParts = 3;
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    for (uint64_t i = 0; i < 500; ++i) fixture.Insert("mortal:" + std::to_string(i), 1000 + i);
    const auto no_due = [](Shard&) { FAIL("nothing is due"); };
    for (unsigned part = 0; part < kParts; ++part)
      CHECK(staircase.ForEachDue(500, part, kParts, no_due) <= 1010);
    fixture.shards_min = 200;  // several segments
    fixture.StepUntilContent();
    CHECK(staircase.shards() >= 200);
    uint64_t found = 0;
    for (unsigned part = 0; part < kParts; ++part) {
      const uint64_t before = found;
      const uint64_t earliest = staircase.ForEachDue(5000, part, kParts, [&](Shard& shard) {
        found += shard.count();
        shard.expiry().Clear();
        shard.UpdateNextDue();
      });
      CHECK(earliest == ExpiryIndex::kNever);
      CHECK(found > before);
    }
    CHECK(found == 500);
  }

  TEST_CASE("who waited for a shard while it was handed over finds the key where it has gone") {
    StaircaseFixture fixture;
    constexpr uint64_t kKeys =
        kShardEntriesTarget / 3;  // few enough for two shards to become one again
    for (uint64_t i = 0; i < kKeys; ++i) fixture.Insert(StaircaseFixture::KeyOf(i));
    std::atomic<bool> done{false};
    std::atomic<uint64_t> missed{0}, looked{0};
    std::thread reader([&] {
      Participant* self = fixture.participants().Join();
      Random random(13);
      while (!done) {
        self->In();
        for (int i = 0; i < 50; ++i) {
          if (!fixture.Has(StaircaseFixture::KeyOf(random.Below(kKeys)))) missed.fetch_add(1);
        }
        looked.fetch_add(50);
        self->Out();
      }
      fixture.participants().Leave(self);
    });
    // Two shards and one, over and over: every other lookup meets the shard that is moving.
    for (int walk = 0; walk < 500 || looked < 20'000; ++walk) {
      fixture.shards_min = walk % 2 == 0 ? 2 : 1;
      fixture.StepUntilContent();
    }
    done = true;
    reader.join();
    CHECK(missed == 0);
    CHECK(fixture.staircase().stats().handovers >= 500);
  }

  TEST_CASE("walking the shards survives steps between two visits") {
    StaircaseFixture fixture;
    Staircase& staircase = fixture.staircase();
    for (uint64_t i = 0; i < 10'000; ++i) fixture.Insert(StaircaseFixture::KeyOf(i));
    // Forwards in pieces; between them the staircase is driven up or down by another load than the real one.
    for (const uint64_t wanted_shards : {uint64_t{64}, uint64_t{1}}) {
      fixture.shards_min = wanted_shards;
      std::set<std::string> seen;
      uint64_t from = 0;
      while (from < Staircase::kEnd) {
        staircase.ForEachShard(from, [&](Shard& shard, uint64_t, uint64_t end) {
          for (unsigned i = 0; i < kShardBuckets; ++i) {
            shard.ForEachInBucket(
                i, [&](const Entry* entry) { seen.insert(std::string(entry->key())); });
          }
          from = end;
          return false;
        });
        fixture.Step();
        fixture.Step();
      }
      CHECK(seen.size() == 10'000);
    }
  }
}
