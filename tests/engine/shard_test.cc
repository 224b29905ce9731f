#include "engine/shard.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/random.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

constexpr size_t kBucketArrayBytes = size_t{kShardBuckets} * 64;
constexpr size_t kNodeBytes = 32;

// A hash that falls into `bucket` of a shard whose engine has 2^prefix_bits shards; `rest` are its low bits,
// of which the lowest 16 are the tag.
uint64_t HashIn(unsigned bucket, uint64_t rest, unsigned prefix_bits = 0) {
  return uint64_t{bucket} << (64 - kShardBucketBits - prefix_bits) | rest;
}

// A shard and what should be in it. Keys are numbers, each with a hash the test chose.
class CheckedShard {
 public:
  explicit CheckedShard(unsigned prefix_bits = 0) { shard.set_prefix_bits(prefix_bits); }

  void Insert(int key, uint64_t hash, uint64_t deadline_ms = 0) {
    const std::string name = std::to_string(key);
    hashes[name] = hash;
    deadlines[name] = deadline_ms;
    const Slot slot =
        shard.Insert(hash, Entry::NewString(name, StringSource::OfInteger(key), deadline_ms));
    CHECK(Shard::At(slot)->key() == name);
  }
  void Remove(int key) {
    const std::string name = std::to_string(key);
    const uint64_t hash = hashes.at(name);
    const Slot slot = shard.Lookup(hash, name);
    REQUIRE(slot != nullptr);
    Entry* removed = shard.Remove(slot, hash);
    CHECK(removed->key() == name);
    Entry::Delete(removed);
    hashes.erase(name);
    deadlines.erase(name);
  }
  // The deadline changes by a new entry in the slot, or in place where that is possible.
  void Rearm(int key, uint64_t deadline_ms) {
    const std::string name = std::to_string(key);
    const uint64_t hash = hashes.at(name);
    const Slot slot = shard.Lookup(hash, name);
    REQUIRE(slot != nullptr);
    const uint64_t before = Shard::At(slot)->deadline_ms();
    if (Shard::At(slot)->TryAssign(StringSource::OfInteger(key), deadline_ms)) {
      shard.DeadlineChanged(hash, before, deadline_ms);
    } else {
      Entry::Delete(shard.Replace(
          slot, hash, Entry::NewString(name, StringSource::OfInteger(key), deadline_ms)));
    }
    deadlines[name] = deadline_ms;
  }

  // Every key is found where it should be and nothing else is there.
  void CheckContents() const {
    REQUIRE(shard.count() == hashes.size());
    for (const auto& [name, hash] : hashes) {
      const Slot slot = shard.Lookup(hash, name);
      REQUIRE(slot != nullptr);
      REQUIRE(Shard::At(slot)->key() == name);
    }
    std::multiset<std::string> seen;
    for (unsigned i = 0; i < kShardBuckets; ++i) {
      shard.ForEachInBucket(i, [&](const Entry* entry) {
        seen.insert(std::string(entry->key()));
        REQUIRE(shard.BucketOf(hashes.at(std::string(entry->key()))) == i);
      });
    }
    REQUIRE(seen.size() == hashes.size());
    for (const auto& [name, hash] : hashes) REQUIRE(seen.count(name) == 1);
  }

  // Removes what is due and returns the keys in the order in which they were found.
  std::vector<std::string> TakeDue(uint64_t now_ms) {
    std::vector<std::string> due;
    uint64_t hash = 0;
    const auto hash_of = [this](Bytes key) { return hashes.at(std::string(key)); };
    while (Slot slot = shard.FindDue(now_ms, hash_of, &hash)) {
      due.emplace_back(Shard::At(slot)->key());
      REQUIRE(hashes.at(due.back()) == hash);
      Entry::Delete(shard.Remove(slot, hash));
      hashes.erase(due.back());
      deadlines.erase(due.back());
    }
    return due;
  }
  uint64_t EarliestDeadline() const {
    uint64_t earliest = ExpiryIndex::kNever;
    for (const auto& [name, deadline] : deadlines) {
      if (deadline != 0) earliest = std::min(earliest, deadline);
    }
    return earliest;
  }
  size_t Mortals() const {
    return static_cast<size_t>(std::count_if(deadlines.begin(), deadlines.end(),
                                             [](const auto& pair) { return pair.second != 0; }));
  }

  Shard shard;
  std::unordered_map<std::string, uint64_t> hashes;
  std::unordered_map<std::string, uint64_t> deadlines;
};

}  // namespace

TEST_SUITE("engine/shard") {
  TEST_CASE("an empty shard finds nothing and has no buckets to prefetch") {
    Shard shard;
    CHECK(shard.Lookup(0, "key") == nullptr);
    CHECK(shard.Lookup(UINT64_MAX, "") == nullptr);
    shard.PrefetchBucket(7);
    shard.PrefetchEntry(7);
    uint64_t hash = 0;
    CHECK(shard.FindDue(
              UINT64_MAX, [](Bytes) { return uint64_t{0}; }, &hash) == nullptr);
    int visited = 0;
    shard.ForEachInBucket(0, [&](const Entry*) { ++visited; });
    CHECK(visited == 0);
  }

  TEST_CASE("the bucket is named by the hash bits right behind the shard's prefix") {
    for (const unsigned prefix_bits : {0u, 1u, 9u, kShardBucketBits, 40u}) {
      Shard shard;
      shard.set_prefix_bits(prefix_bits);
      const uint64_t prefix = prefix_bits == 0 ? 0 : UINT64_MAX << (64 - prefix_bits);
      for (unsigned bucket = 0; bucket < kShardBuckets; ++bucket) {
        REQUIRE(shard.BucketOf(prefix | HashIn(bucket, 0x1ffff >> 1, prefix_bits)) == bucket);
      }
    }
  }

  TEST_CASE("one bucket takes any number of keys, whether tags or whole hashes collide") {
    for (const char* kind : {"other tags", "equal tags", "equal hashes", "tag zero"}) {
      CAPTURE(kind);
      CheckedShard checked;
      for (int i = 0; i < 300; ++i) {
        uint64_t rest = static_cast<uint64_t>(i) * 0x10001;
        if (kind == std::string("equal tags")) rest = static_cast<uint64_t>(i) << 16 | 0xbeef;
        if (kind == std::string("equal hashes")) rest = 0xbeef;
        if (kind == std::string("tag zero")) rest = static_cast<uint64_t>(i) << 16;
        checked.Insert(i, HashIn(77, rest));
        if (i < 30) checked.CheckContents();
      }
      checked.CheckContents();
      CHECK(checked.shard.Lookup(HashIn(77, 0xbeef), "missing") == nullptr);
      CHECK(checked.shard.Lookup(HashIn(77, 0), "missing") == nullptr);
      CHECK(checked.shard.Lookup(HashIn(76, 0xbeef), "0") == nullptr);
      checked.shard.PrefetchBucket(HashIn(77, 0xbeef));
      checked.shard.PrefetchEntry(HashIn(77, 0xbeef));
    }
  }

  TEST_CASE("removals in any order leave the others reachable") {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      CheckedShard checked(3);
      std::vector<int> present;
      const uint64_t high = 1 + random.Below(50);
      int next = 0;
      // Swings between empty and `high` keys over two buckets, so chains form and dissolve many times.
      for (int turn = 0; turn < 6; ++turn) {
        while (present.size() < high) {
          const bool grow = random.Below(4) != 0 || present.empty();
          if (grow) {
            checked.Insert(next, HashIn(40 + static_cast<unsigned>(random.Below(2)),
                                        random.Below(1 << 18), 3));
            present.push_back(next++);
          } else {
            const size_t at = random.Below(present.size());
            checked.Remove(present[at]);
            present.erase(present.begin() + static_cast<std::ptrdiff_t>(at));
          }
          checked.CheckContents();
        }
        const uint64_t low = random.Below(high);
        while (present.size() > low) {
          const size_t at = random.Below(present.size());
          checked.Remove(present[at]);
          present.erase(present.begin() + static_cast<std::ptrdiff_t>(at));
          checked.CheckContents();
        }
      }
    }
  }

  TEST_CASE("a chain has the fewest nodes that hold it and dissolves as it empties") {
    constexpr unsigned kKeys = 60;
    const auto entry_bytes = static_cast<int64_t>(AllocationSize(8 + 2 + 8));
    // 8 keys stand in the bucket; a node costs one place for the link to it and brings four.
    const auto expected_bytes = [&](int64_t keys) {
      const int64_t nodes = keys <= 8 ? 0 : (keys - 8 + 2) / 3;
      return static_cast<int64_t>(kBucketArrayBytes) + keys * entry_bytes +
             nodes * static_cast<int64_t>(kNodeBytes);
    };
    std::vector<std::string> names;
    std::vector<unsigned> order;
    for (unsigned i = 0; i < kKeys; ++i) {
      names.push_back(std::to_string(10 + i));
      order.push_back(i);
    }
    Random random(5);
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);

    Shard shard;
    const int64_t before = UsedMemory();
    for (unsigned i = 0; i < kKeys; ++i) {
      shard.Insert(HashIn(1, i), Entry::NewString(names[i], StringSource::OfInteger(i), 0));
      REQUIRE(UsedMemory() - before == expected_bytes(i + 1));
    }
    int64_t left = kKeys;
    for (const unsigned i : order) {
      Entry::Delete(shard.Remove(shard.Lookup(HashIn(1, i), names[i]), HashIn(1, i)));
      REQUIRE(UsedMemory() - before == expected_bytes(--left));
    }
  }

  TEST_CASE("the destructor frees entries, chains and buckets") {
    const int64_t before = UsedMemory();
    {
      Shard shard;
      for (int i = 0; i < 500; ++i) {
        const std::string name = std::to_string(i);
        shard.Insert(HashIn(static_cast<unsigned>(i % 20), static_cast<uint64_t>(i)),
                     Entry::NewString(name, StringSource::Of(std::string(300, 'x')),
                                      1 + static_cast<uint64_t>(i)));
      }
    }
    CHECK(UsedMemory() == before);
  }

  TEST_CASE("a slot is good as long as the version stays the same") {
    CheckedShard checked;
    checked.Insert(1, HashIn(5, 1));
    const Slot slot = checked.shard.Lookup(HashIn(5, 1), "1");
    uint32_t version = checked.shard.version();
    CHECK(checked.shard.Lookup(HashIn(5, 1), "1") == slot);
    CHECK(Shard::At(slot)->TryAssign(StringSource::OfInteger(9), 0));
    CHECK(checked.shard.version() == version);

    checked.Insert(2, HashIn(6, 2));
    CHECK(checked.shard.version() != version);
    version = checked.shard.version();
    checked.Rearm(1, 100);  // another entry in the slot
    CHECK(checked.shard.version() != version);
    CHECK(checked.shard.Lookup(HashIn(5, 1), "1") == slot);
    version = checked.shard.version();
    checked.Remove(2);
    CHECK(checked.shard.version() != version);
  }

  TEST_CASE("Replace puts the new entry where the old one was, also deep in a chain") {
    CheckedShard checked;
    for (int i = 0; i < 40; ++i) checked.Insert(i, HashIn(9, static_cast<uint64_t>(i)));
    for (int i = 0; i < 40; ++i) {
      const std::string name = std::to_string(i);
      const uint64_t hash = HashIn(9, static_cast<uint64_t>(i));
      const Slot slot = checked.shard.Lookup(hash, name);
      Entry* old =
          checked.shard.Replace(slot, hash, Entry::NewString(name, StringSource::Of("new"), 0));
      CHECK(old->integer() == i);
      Entry::Delete(old);
      CHECK(checked.shard.Lookup(hash, name) == slot);
    }
    checked.CheckContents();
    CHECK(checked.shard.count() == 40);
  }

  TEST_CASE("a slot tells whose value is away, wherever entries come and go") {
    Shard shard;
    Random random(3);
    const auto name = [](uint64_t i) { return "k" + std::to_string(i); };
    const auto make = [&](uint64_t i, bool away) {
      return away ? Entry::NewAway(name(i), Type::kString, AwayMark::Of(100, 1), 0)
                  : Entry::NewString(name(i), StringSource::OfInteger(1), 0);
    };
    constexpr uint64_t kBucket = 5;
    std::map<std::string, bool> away;
    for (int step = 0; step < 5000; ++step) {
      const uint64_t i = random.Below(60);  // chains of several nodes
      const uint64_t hash = HashIn(kBucket, i * 77);
      const bool goes = random.Below(2) != 0;
      const Slot slot = shard.Lookup(hash, name(i));
      if (slot == nullptr) {
        shard.Insert(hash, make(i, goes));
        away[name(i)] = goes;
      } else if (random.Below(3) == 0) {
        Entry::Delete(shard.Remove(slot, hash));
        away.erase(name(i));
      } else {
        Entry::Delete(shard.Replace(slot, hash, make(i, goes)));
        away[name(i)] = goes;
      }
      if (step % 50 == 0) {
        shard.MoveInBucket(kBucket, [&](Entry* entry) {
          Entry* moved = make(std::stoul(std::string(entry->key().substr(1))), entry->is_away());
          Entry::Delete(entry);
          return moved;
        });
      }
      std::map<std::string, bool> seen;
      shard.ForEachInBucket(
          kBucket, [&](const Entry* entry) { seen[std::string(entry->key())] = entry->is_away(); });
      REQUIRE(seen == away);
      std::set<std::string> here;
      shard.ForEachResidentInBucket(kBucket,
                                    [&](const Entry* entry) { here.emplace(entry->key()); });
      std::erase_if(seen, [](const auto& each) { return each.second; });
      REQUIRE(here.size() == seen.size());
      for (const auto& [key, unused] : seen) REQUIRE(here.contains(key));
    }
    for (uint64_t i = 0; i < 60; ++i) {
      const uint64_t hash = HashIn(kBucket, i * 77);
      if (const Slot slot = shard.Lookup(hash, name(i))) Entry::Delete(shard.Remove(slot, hash));
    }
  }

  TEST_CASE("what is due is found in the order of deadlines, and nothing else") {
    CheckedShard checked;
    Random random(6);
    for (int i = 0; i < 500; ++i) {
      checked.Insert(i, HashIn(static_cast<unsigned>(random.Below(30)), random.Below(1 << 20)),
                     random.Below(3) == 0 ? 0 : 1 + random.Below(1000));
    }
    size_t mortals = checked.Mortals();
    CHECK(checked.shard.deadlines() == mortals);
    for (uint64_t now = 0; now <= 1100; now += 37) {
      std::map<std::string, uint64_t> expected;
      for (const auto& [name, deadline] : checked.deadlines) {
        if (deadline != 0 && deadline < now) expected[name] = deadline;
      }
      uint64_t last = 0;
      for (const std::string& name : checked.TakeDue(now)) {
        REQUIRE(expected.count(name) == 1);
        REQUIRE(expected[name] >= last);
        last = expected[name];
        expected.erase(name);
        --mortals;
      }
      REQUIRE(expected.empty());
      REQUIRE(checked.shard.deadlines() == mortals);
      REQUIRE(checked.shard.next_due_ms() == checked.EarliestDeadline());
    }
    CHECK(mortals == 0);
    CHECK(checked.shard.expiry().empty());
    checked.CheckContents();
  }

  TEST_CASE("what is due stays found whatever was re-armed, replaced and removed before") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      CheckedShard checked;
      uint64_t now = 1000;
      int next = 0;
      for (int step = 0; step < 4000; ++step) {
        const uint64_t what = random.Below(10);
        // Few deadlines and few hashes: equal pairs, and equal deadlines within one bucket, are common.
        const uint64_t deadline = random.Below(4) == 0 ? 0 : now + random.Below(20);
        if (checked.hashes.empty() || what < 3) {
          checked.Insert(next++, HashIn(static_cast<unsigned>(random.Below(3)), random.Below(8)),
                         deadline);
        } else if (what < 8) {
          auto any = checked.hashes.begin();
          std::advance(any, static_cast<std::ptrdiff_t>(random.Below(checked.hashes.size())));
          checked.Rearm(std::stoi(any->first), deadline);
        } else if (what < 9) {
          auto any = checked.hashes.begin();
          std::advance(any, static_cast<std::ptrdiff_t>(random.Below(checked.hashes.size())));
          checked.Remove(std::stoi(any->first));
        } else {
          now += random.Below(8);
          std::set<std::string> expected;
          for (const auto& [name, due] : checked.deadlines) {
            if (due != 0 && due < now) expected.insert(name);
          }
          const std::vector<std::string> due = checked.TakeDue(now);
          REQUIRE(std::set<std::string>(due.begin(), due.end()) == expected);
          REQUIRE(due.size() == expected.size());
        }
        REQUIRE(checked.shard.next_due_ms() <= checked.EarliestDeadline());
        REQUIRE(checked.shard.deadlines() == checked.Mortals());
      }
      checked.CheckContents();
    }
  }

  TEST_CASE("re-arming one key for ever does not pile up stale pairs") {
    CheckedShard checked;
    checked.Insert(1, HashIn(3, 3), 1);
    checked.Insert(2, HashIn(3, 4), 1'000'000);
    for (uint64_t i = 2; i < 100'000; ++i) checked.Rearm(1, i);
    CHECK(checked.shard.expiry().items().size() < 200);
    CHECK(checked.shard.deadlines() == 2);
    CHECK(checked.TakeDue(99'999).empty());
    CHECK(checked.TakeDue(100'000) == std::vector<std::string>{"1"});
    CHECK(checked.TakeDue(1'000'001) == std::vector<std::string>{"2"});
  }

  TEST_CASE("keys that come and go with the same deadline do not pile up pairs") {
    CheckedShard checked;
    checked.Insert(0, HashIn(3, 0), 500);  // stays, in the same bucket with the same deadline
    for (int i = 1; i < 20'000; ++i) {
      checked.Insert(i, HashIn(3, static_cast<uint64_t>(i)), 500);
      checked.Remove(i);
    }
    CHECK(checked.shard.expiry().items().size() < 200);
    CHECK(checked.TakeDue(501) == std::vector<std::string>{"0"});
    CHECK(checked.shard.expiry().empty());
  }

  TEST_CASE("two keys of one hash and one deadline both become due") {
    CheckedShard checked;
    checked.Insert(1, HashIn(3, 3), 10);
    checked.Insert(2, HashIn(3, 3), 10);
    CHECK(checked.TakeDue(10).empty());
    CHECK(checked.TakeDue(11).size() == 2);
    CHECK(checked.shard.count() == 0);
  }

  TEST_CASE("a due key that is not removed is found again") {
    CheckedShard checked;
    checked.Insert(1, HashIn(3, 3), 10);
    const auto hash_of = [&](Bytes key) { return checked.hashes.at(std::string(key)); };
    uint64_t hash = 0;
    for (int i = 0; i < 3; ++i) {
      const Slot slot = checked.shard.FindDue(100, hash_of, &hash);
      REQUIRE(slot != nullptr);
      CHECK(Shard::At(slot)->key() == "1");
    }
  }

  TEST_CASE("the lock counts how often it was taken, and who had to wait") {
    Shard shard;
    for (int i = 0; i < 2; ++i) {
      shard.Lock();
      bool taken_twice = false;
      std::thread other([&] {
        if (!shard.lock().TryLock()) return;
        taken_twice = true;
        shard.lock().Unlock();
      });
      other.join();
      CHECK(!taken_twice);
      shard.Unlock();
    }
    CHECK(shard.acquisitions() == 2);
    CHECK(shard.contended() == 0);
  }

  TEST_CASE("what is counted under the lock is counted exactly by several threads") {
    Shard shard;
    uint64_t plain = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 30'000; ++i) {
          shard.Lock();
          ++plain;
          shard.Unlock();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(plain == 90'000);
    CHECK(shard.acquisitions() == 90'000);
    CHECK(shard.contended() < 90'000);
  }
}
