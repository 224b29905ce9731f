#include "engine/keyspace.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "engine/databases.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

// A keyspace and one participant that is in.
class TestKeyspace {
 public:
  TestKeyspace() { self_->In(); }
  ~TestKeyspace() {
    self_->Out();
    participants_.Leave(self_);
  }

  void Insert(const std::string& key, uint64_t deadline_ms = 0) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t hash = keyspace.HashOf(key);
    Shard* shard = keyspace.staircase().Lock(hash);
    keyspace.Insert(*shard, hash, Entry::NewString(key, StringSource::OfInteger(1), deadline_ms),
                    self_->slot());
    shard->Unlock();
  }
  void Remove(const std::string& key) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t hash = keyspace.HashOf(key);
    Shard* shard = keyspace.staircase().Lock(hash);
    const Slot slot = shard->Lookup(hash, key);
    REQUIRE(slot != nullptr);
    Entry::Delete(keyspace.Remove(*shard, slot, hash, self_->slot()));
    shard->Unlock();
  }
  void Rearm(const std::string& key, uint64_t deadline_ms) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t hash = keyspace.HashOf(key);
    Shard* shard = keyspace.staircase().Lock(hash);
    const Slot slot = shard->Lookup(hash, key);
    REQUIRE(slot != nullptr);
    Entry::Delete(keyspace.Replace(*shard, slot, hash,
                                   Entry::NewString(key, StringSource::OfInteger(2), deadline_ms)));
    shard->Unlock();
  }
  void Steps(int count) {
    for (int i = 0; i < count && keyspace.Step([] { return uint64_t{0}; }); ++i) {
      self_->Yield();
      participants_.Reclaim();
    }
  }
  void StepUntilContent() { Steps(1 << 20); }
  std::multiset<std::string> ScanAll(uint64_t count) {
    std::multiset<std::string> seen;
    uint64_t cursor = 0;
    do {
      cursor = keyspace.Scan(cursor, count,
                             [&](const Entry& entry) { seen.insert(std::string(entry.key())); });
      REQUIRE(cursor < Staircase::kEnd);
    } while (cursor != 0);
    return seen;
  }

 private:
  Participants participants_;
  Participant* self_ = participants_.Join();

 public:
  Keyspace keyspace{HashKey{3, 4}, participants_};
};

std::string KeyOf(uint64_t i) { return "key:" + std::to_string(i); }

}  // namespace

TEST_SUITE("engine/keyspace") {
  TEST_CASE("size and deadlines follow inserts, replacements and removals") {
    TestKeyspace test;
    for (uint64_t i = 0; i < 3000; ++i) {
      test.Insert(KeyOf(i), i % 3 == 0 ? 1000 + i : 0);
      test.Steps(1);
    }
    CHECK(test.keyspace.size() == 3000);
    CHECK(test.keyspace.deadlines() == 1000);
    for (uint64_t i = 0; i < 300; ++i) test.Rearm(KeyOf(i), i % 2 == 0 ? 5000 : 0);
    CHECK(test.keyspace.size() == 3000);
    CHECK(test.keyspace.deadlines() == 1000 - 100 + 150);
    for (uint64_t i = 0; i < 3000; ++i) test.Remove(KeyOf(i));
    CHECK(test.keyspace.size() == 0);
    CHECK(test.keyspace.deadlines() == 0);
    test.StepUntilContent();
    CHECK(test.keyspace.staircase().shards() == 1);
  }

  TEST_CASE("a scan of a quiet keyspace gives every key exactly once") {
    TestKeyspace test;
    CHECK(test.ScanAll(10).empty());
    std::multiset<std::string> all;
    for (uint64_t i = 0; i < 5000; ++i) {
      test.Insert(KeyOf(i));
      all.insert(KeyOf(i));
      if (i == 0 || i == 10 || i == 700 || i == 2000 || i == 4999) {
        for (const uint64_t count :
             {uint64_t{0}, uint64_t{1}, uint64_t{10}, uint64_t{999}, uint64_t{100'000}}) {
          CHECK(test.ScanAll(count) == all);
        }
      }
      test.Steps(1);
    }
  }

  TEST_CASE("a scan visits whole buckets, about as many entries as asked for") {
    TestKeyspace test;
    for (uint64_t i = 0; i < 5000; ++i) {
      test.Insert(KeyOf(i));
      test.Steps(1);
    }
    for (const uint64_t count : {uint64_t{1}, uint64_t{10}, uint64_t{100}}) {
      uint64_t cursor = 0;
      do {
        uint64_t visited = 0;
        cursor = test.keyspace.Scan(cursor, count, [&](const Entry&) { ++visited; });
        if (cursor != 0) REQUIRE(visited >= count);
        REQUIRE(visited < count + 60);
      } while (cursor != 0);
    }
  }

  TEST_CASE(
      "a scan of a sparse keyspace returns after a bounded number of buckets and comes to an end") {
    TestKeyspace test;
    for (uint64_t i = 0; i < 20'000; ++i) {
      test.Insert(KeyOf(i));
      test.Steps(1);
    }
    for (uint64_t i = 0; i < 20'000; ++i) {
      if (i % 5000 != 0) test.Remove(KeyOf(i));
    }
    // Nobody has stepped: as many shards as before, four keys in them.
    const uint64_t buckets = test.keyspace.staircase().shards() * kShardBuckets;
    uint64_t cursor = 0, calls = 0, visited = 0;
    do {
      const uint64_t before = cursor;
      cursor = test.keyspace.Scan(cursor, 1, [&](const Entry&) { ++visited; });
      REQUIRE((cursor == 0 || cursor > before));
      ++calls;
    } while (cursor != 0);
    CHECK(visited == 4);
    CHECK(calls <= buckets);
    CHECK(test.ScanAll(1000).size() == 4);
  }

  TEST_CASE("any number is a cursor") {
    TestKeyspace test;
    for (uint64_t i = 0; i < 3000; ++i) {
      test.Insert(KeyOf(i));
      test.Steps(1);
    }
    Random random(11);
    for (int i = 0; i < 2000; ++i) {
      const uint64_t cursor = random.Next() >> random.Below(64);
      const uint64_t next = test.keyspace.Scan(cursor, 1 + random.Below(20), [](const Entry&) {});
      REQUIRE(next < Staircase::kEnd);
      REQUIRE((next == 0 || next > cursor));
    }
    CHECK(test.keyspace.Scan(Staircase::kEnd - 1, 10, [](const Entry&) {}) == 0);
    CHECK(test.keyspace.Scan(Staircase::kEnd, 10, [](const Entry&) {}) == 0);
    CHECK(test.keyspace.Scan(UINT64_MAX, 10, [](const Entry&) {}) == 0);
  }

  TEST_CASE("a scan with the largest count there is gives everything at once") {
    TestKeyspace test;
    for (uint64_t i = 0; i < 3000; ++i) {
      test.Insert(KeyOf(i));
      test.Steps(1);
    }
    for (const uint64_t count : {uint64_t{INT64_MAX}, UINT64_MAX}) {
      std::set<std::string> seen;
      CHECK(test.keyspace.Scan(
                0, count, [&](const Entry& entry) { seen.insert(std::string(entry.key())); }) == 0);
      CHECK(seen.size() == 3000);
    }
  }

  TEST_CASE(
      "a key that stays is never missed while the keyspace grows and shrinks between the calls") {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      TestKeyspace test;
      std::set<std::string> stable;
      for (uint64_t i = 0; i < 500; ++i) {
        test.Insert("stable:" + std::to_string(i));
        stable.insert("stable:" + std::to_string(i));
      }
      uint64_t low = 0, high = 0;  // the passing keys low .. high-1 are there
      const auto swing = [&](uint64_t target) {
        while (high - low < target) test.Insert(KeyOf(high++));
        while (high - low > target) test.Remove(KeyOf(low++));
        test.Steps(static_cast<int>(random.Below(40)));
      };
      swing(random.Below(12'000));
      std::set<std::string> seen;
      uint64_t cursor = 0;
      do {
        cursor = test.keyspace.Scan(cursor, 1 + random.Below(200), [&](const Entry& entry) {
          seen.insert(std::string(entry.key()));
        });
        if (random.Below(8) == 0) swing(random.Below(12'000));
      } while (cursor != 0);
      REQUIRE(std::includes(seen.begin(), seen.end(), stable.begin(), stable.end()));
    }
  }

  TEST_CASE("samples come from everywhere, and from the only key of a sparse keyspace") {
    TestKeyspace test;
    Random random(12);
    CHECK(!test.keyspace.Sample(random, [](Shard&, const Entry&) {}));
    for (uint64_t i = 0; i < 10'000; ++i) {
      test.Insert(KeyOf(i));
      test.Steps(1);
    }
    std::set<std::string> seen;
    for (int i = 0; i < 3000; ++i) {
      int visited = 0;
      REQUIRE(test.keyspace.Sample(random, [&](Shard& shard, const Entry& entry) {
        ++visited;
        seen.insert(std::string(entry.key()));
        CHECK(!shard.lock().TryLock());
      }));
      REQUIRE(visited > 0);
    }
    CHECK(seen.size() > 7000);  // 3000 buckets of about 1300
    for (uint64_t i = 0; i < 10'000; ++i) {
      if (i != 4711) test.Remove(KeyOf(i));
    }
    for (int i = 0; i < 20; ++i) {
      std::vector<std::string> sample;
      REQUIRE(test.keyspace.Sample(random,
                                   [&](Shard&, const Entry& e) { sample.emplace_back(e.key()); }));
      REQUIRE(sample == std::vector<std::string>{KeyOf(4711)});
    }
    test.Remove(KeyOf(4711));
    CHECK(!test.keyspace.Sample(random, [](Shard&, const Entry&) {}));
  }

  TEST_CASE("visiting every entry visits each once") {
    TestKeyspace test;
    for (uint64_t i = 0; i < 9000; ++i) {
      test.Insert(KeyOf(i));
      test.Steps(1);
    }
    std::map<std::string, int> seen;
    test.keyspace.ForEach([&](const Entry& entry) { ++seen[std::string(entry.key())]; });
    CHECK(seen.size() == 9000);
    CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& pair) { return pair.second == 1; }));
  }
}

TEST_SUITE("engine/contention") {
  TEST_CASE(
      "contention doubles the shards up to a limit; an emptied keyspace gives them up once it is "
      "quiet") {
    TestKeyspace test;
    constexpr uint64_t kShardsMax = 4;
    const auto use = [&](int times) {  // acquisitions
      for (int i = 0; i < times; ++i) {
        test.Insert("key");
        test.Remove("key");
      }
    };
    // Somebody else takes the shard's lock before each of our acquisitions and keeps it for a while, until we have had to
    // wait for more than one in five hundred.
    const auto contend = [&] {
      enum Turn { kOurs, kTake, kTaken, kOver };
      std::atomic<int> turn{kOurs};
      Shard* shard = test.keyspace.staircase().Guess(test.keyspace.HashOf("key"));
      std::thread other([&]() TERRACE_NO_THREAD_SAFETY_ANALYSIS {
        while (turn != kOver) {
          if (turn == kTake) {
            shard->lock().Lock();
            turn = kTaken;
            for (int i = 0; i < 50; ++i) std::this_thread::yield();
            shard->lock().Unlock();
          }
          std::this_thread::yield();
        }
      });
      do {
        turn = kTake;
        while (turn != kTaken) std::this_thread::yield();
        turn = kOurs;
        use(1);
      } while (shard->contended() * uint64_t{500} <= shard->acquisitions());
      turn = kOver;
      other.join();
    };
    for (uint64_t shards = 2; shards <= kShardsMax; shards *= 2) {
      use(6000);
      contend();
      test.keyspace.WatchContention(kShardsMax);
      CHECK(test.keyspace.shards_min() == shards);
      test.StepUntilContent();
      CHECK(test.keyspace.staircase().shards() == shards);
      test.keyspace.WatchContention(
          kShardsMax);  // new shards, new counts: the base for the next look
    }
    // Empty whenever somebody looks, but busy.
    use(10'000);
    test.keyspace.WatchContention(kShardsMax);
    CHECK(test.keyspace.shards_min() == kShardsMax);
    // Quiet, but not empty.
    test.Insert("key");
    test.keyspace.WatchContention(kShardsMax);
    CHECK(test.keyspace.shards_min() == kShardsMax);
    // Quiet and empty.
    test.Remove("key");
    test.keyspace.WatchContention(kShardsMax);
    CHECK(test.keyspace.shards_min() == 1);
    test.StepUntilContent();
    CHECK(test.keyspace.staircase().shards() == 1);
  }
}

TEST_SUITE("engine/databases") {
  TEST_CASE(
      "each number has a keyspace of its own; swapping exchanges two, flushing gives a fresh one") {
    Participants participants;
    Databases databases(16, HashKey{5, 6}, participants);
    CHECK(databases.count() == 16);
    Keyspace* first = &databases.Get(0);
    Keyspace* second = &databases.Get(1);
    CHECK(first != second);
    databases.Swap(0, 1);
    CHECK(&databases.Get(0) == second);
    CHECK(&databases.Get(1) == first);
    databases.Swap(3, 3);
    const std::unique_ptr<Keyspace> old = databases.Flush(0);
    CHECK(old.get() == second);
    CHECK(&databases.Get(0) != second);
    CHECK(databases.Get(0).size() == 0);
    CHECK(databases.Get(0).HashOf("key") == databases.HashOf("key"));
  }
}
