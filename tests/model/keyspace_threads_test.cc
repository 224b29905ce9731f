// A keyspace under several threads, made for the thread sanitizer. Each worker has keys of its own and so
// knows exactly what they must be; all of them share the shards, and everybody steps the staircase. Meanwhile
// one thread walks and looks for keys that stay, one expires keys, one asks for exclusive sections and
// counts.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "engine/keyspace.h"
#include "model/model_run.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

constexpr unsigned kWorkers = 4;
constexpr uint64_t kStableKeys =
    kShardEntriesTarget / 3;  // few enough for two shards to become one again
// A worker's; fewer would hardly grow.
constexpr uint64_t kOperations = std::max<uint64_t>(ModelOperations(600'000), 60'000);

uint64_t NoClock() { return 0; }

// What the threads share. doctest's checks are not made for other threads, so failures are counted and named
// here.
struct World {
  explicit World(uint64_t run_seed) : seed(run_seed) {}

  void Fail(const char* what) {
    failures.fetch_add(1);
    std::fprintf(stderr, "failed: %s\n", what);
  }
  void Expect(bool holds, const char* what) {
    if (!holds) Fail(what);
  }

  const uint64_t seed;
  Participants participants;
  Keyspace keyspace{HashKey{seed, ~seed}, participants};
  std::atomic<unsigned> workers_left{kWorkers};
  std::atomic<int> failures{0};
  // Keys each writer has put there: plain, and read by others only in an exclusive section.
  struct alignas(64) Live {
    int64_t keys = 0;
    bool busy = false;
  };
  Live live[kWorkers + 1];
  bool done() const { return workers_left.load() == 0; }
};

// One thread's way into the keyspace.
class Member {
 public:
  explicit Member(World& world) : world_(world), participant_(world.participants.Join()) {
    participant_->In();
  }
  ~Member() {
    participant_->Out();
    world_.participants.Leave(participant_);
  }

  /// Between two operations: out of the way if somebody wants the world to stand still.
  void Pause(bool end_of_turn) {
    if (end_of_turn) {
      participant_->Out();
      world_.participants.Reclaim();
      participant_->In();
    } else if (participant_->WantedOut()) {
      participant_->Yield();
    }
  }
  template <typename Body>
  void WithShard(const std::string& key, Body body) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    Keyspace& keyspace = world_.keyspace;
    const uint64_t hash = keyspace.HashOf(key);
    keyspace.staircase().Guess(hash)->PrefetchBucket(hash);
    keyspace.staircase().Guess(hash)->PrefetchEntry(hash);
    Shard* shard = keyspace.staircase().Lock(hash);
    body(*shard, hash, shard->Lookup(hash, key));
    const bool wants_step = keyspace.staircase().WantsStep(*shard);
    shard->Unlock();
    if (wants_step) keyspace.Step(&NoClock);
  }
  unsigned slot() const { return participant_->slot(); }
  Participant* get() { return participant_; }

 private:
  World& world_;
  Participant* participant_;
};

class Worker {
 public:
  Worker(World& world, unsigned number)
      : world_(world), number_(number), random_(world.seed * 31 + number), member_(world) {}

  void Run(uint64_t operations) {
    World::Live& live = world_.live[number_];
    for (uint64_t i = 0; i < operations; ++i) {
      const uint64_t target =
          i * 8 / operations % 2 == 0 ? operations / 20 : 50;  // up and down four times
      live.busy = true;
      const std::string key =
          std::to_string(number_) + ":" + std::to_string(random_.Below(operations / 8));
      const uint64_t what = random_.Below(10);
      if (what < (model_.size() < target ? 7 : 3)) {
        Set(key);
      } else if (what < 7) {
        Remove(model_.empty() ? key : AtOrAfter(key));
      } else {
        Get(key);
      }
      live.keys = static_cast<int64_t>(model_.size());
      live.busy = false;
      if (i % 16 == 0 && world_.keyspace.NeedsStep()) world_.keyspace.Step(&NoClock);
      member_.Pause(i % 64 == 0);
    }
    for (const auto& [key, value] : model_) Get(key);
    live.busy = true;
    while (!model_.empty()) Remove(model_.begin()->first);
    live.keys = 0;
    live.busy = false;
    world_.workers_left.fetch_sub(1);
  }

 private:
  std::string AtOrAfter(const std::string& key) const {
    const auto it = model_.lower_bound(key);
    return it == model_.end() ? model_.begin()->first : it->first;
  }
  void Set(const std::string& key) {
    const std::string value(random_.Below(90), static_cast<char>('a' + random_.Below(26)));
    // Far away: the expiry indexes have work to do, nobody is ever due.
    const uint64_t deadline = random_.Below(3) == 0 ? UINT64_MAX / 2 + random_.Below(1000) : 0;
    member_.WithShard(key, [&](Shard& shard, uint64_t hash, Slot slot) {
      const StringSource source = StringSource::Of(value);
      if (slot == nullptr) {
        world_.keyspace.Insert(shard, hash, Entry::NewString(key, source, deadline),
                               member_.slot());
        world_.Expect(model_.count(key) == 0, "a key of mine is not there");
      } else {
        Entry* entry = Shard::At(slot);
        const uint64_t before = entry->deadline_ms();
        if (entry->TryAssign(source, deadline)) {
          world_.keyspace.DeadlineChanged(shard, hash, before, deadline);
        } else {
          Entry::Delete(
              world_.keyspace.Replace(shard, slot, hash, Entry::NewString(key, source, deadline)));
        }
      }
    });
    model_[key] = value;
  }
  void Remove(const std::string& key) {
    member_.WithShard(key, [&](Shard& shard, uint64_t hash, Slot slot) {
      world_.Expect((slot != nullptr) == (model_.count(key) == 1),
                    "a key is there iff I put it there");
      if (slot != nullptr) Entry::Delete(world_.keyspace.Remove(shard, slot, hash, member_.slot()));
    });
    model_.erase(key);
  }
  void Get(const std::string& key) {
    member_.WithShard(key, [&](Shard&, uint64_t, Slot slot) {
      const auto it = model_.find(key);
      world_.Expect((slot != nullptr) == (it != model_.end()), "a key is there iff I put it there");
      if (slot == nullptr || it == model_.end()) return;
      IntegerText text;
      world_.Expect(Shard::At(slot)->StringBytes(&text) == it->second,
                    "a key holds what I put there");
    });
  }

  World& world_;
  const unsigned number_;
  Random random_;
  Member member_;
  std::map<std::string, std::string> model_;
};

std::string StableKey(uint64_t i) { return "stable:" + std::to_string(i); }

void InsertStableKeys(World& world) {
  Member member(world);
  for (uint64_t i = 0; i < kStableKeys; ++i) {
    const std::string key = StableKey(i);
    member.WithShard(key, [&](Shard& shard, uint64_t hash, Slot) {
      world.keyspace.Insert(shard, hash, Entry::NewString(key, StringSource::OfInteger(1), 0),
                            member.slot());
    });
  }
}

void WalkAgainAndAgain(World& world) {
  Member member(world);
  Random random(world.seed + 1);
  while (!world.done()) {
    std::set<std::string> seen;
    uint64_t cursor = 0;
    do {
      cursor = world.keyspace.Scan(cursor, 1 + random.Below(300), [&](const Entry& entry) {
        if (entry.key().substr(0, 7) == "stable:") seen.insert(std::string(entry.key()));
      });
      world.Expect(cursor < Staircase::kEnd, "cursors have 48 bits");
      world.Expect(world.keyspace.Sample(random, [](Shard&, const Entry&) {}),
                   "there is always a key to sample");
      member.Pause(true);
    } while (cursor != 0);
    world.Expect(seen.size() == kStableKeys, "a walk misses no key that stays");
  }
}

// Keys with near deadlines come, and go when the clock has passed them: every one, and none too early.
void ExpireAgainAndAgain(World& world) {
  Member member(world);
  World::Live& live = world.live[kWorkers];
  Random random(world.seed + 2);
  std::map<std::string, uint64_t> deadlines;
  const auto hash_of = [&](Bytes key) { return world.keyspace.HashOf(key); };
  uint64_t now = 1000, next = 0;
  const auto expire = [&](Shard& shard) {
    uint64_t hash = 0;
    while (const Slot slot = shard.FindDue(now, hash_of, &hash)) {
      const auto it = deadlines.find(std::string(Shard::At(slot)->key()));
      world.Expect(it != deadlines.end() && it->second < now, "what expires is due");
      if (it != deadlines.end()) deadlines.erase(it);
      Entry::Delete(world.keyspace.Remove(shard, slot, hash, member.slot()));
    }
  };
  while (!world.done() || !deadlines.empty()) {
    live.busy = true;
    for (int i = 0; i < 20 && !world.done(); ++i) {
      const std::string key = "mortal:" + std::to_string(next++);
      const uint64_t deadline = now + random.Below(100);
      deadlines[key] = deadline;
      member.WithShard(key, [&](Shard& shard, uint64_t hash, Slot) {
        world.keyspace.Insert(shard, hash,
                              Entry::NewString(key, StringSource::OfInteger(1), deadline),
                              member.slot());
      });
    }
    now += 10;
    for (unsigned part = 0; part < 3; ++part)
      world.keyspace.staircase().ForEachDue(now, part, 3, expire);
    live.keys = static_cast<int64_t>(deadlines.size());
    live.busy = false;
    member.Pause(true);
  }
  live.keys = 0;
}

void StandStillAgainAndAgain(World& world) {
  Member member(world);
  while (!world.done()) {
    world.participants.Exclusive(member.get(), [&] {
      int64_t keys = kStableKeys;
      for (const World::Live& live : world.live) {
        world.Expect(!live.busy, "nobody is in the middle of an operation");
        keys += live.keys;
      }
      world.Expect(world.keyspace.size() == static_cast<uint64_t>(keys),
                   "the size is exact when all stand still");
    });
    for (int i = 0; i < 20 && !world.done(); ++i) member.Pause(true);
  }
}

}  // namespace

TEST_SUITE("model/keyspace_threads") {
  TEST_CASE("threads with keys of their own never disturb each other while the staircase moves") {
    World world(ModelSeed("model/keyspace_threads"));
    InsertStableKeys(world);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kWorkers; ++i) {
      threads.emplace_back([&world, i] { Worker(world, i).Run(kOperations); });
    }
    threads.emplace_back([&world] { WalkAgainAndAgain(world); });
    threads.emplace_back([&world] { ExpireAgainAndAgain(world); });
    threads.emplace_back([&world] { StandStillAgainAndAgain(world); });
    for (std::thread& thread : threads) thread.join();
    CHECK(world.failures == 0);
    CHECK(world.keyspace.size() == kStableKeys);
    CHECK(world.participants.exclusive_sections() > 0);
    CHECK(world.keyspace.staircase().stats().handovers > 10);

    Member member(world);
    while (world.keyspace.Step(&NoClock)) member.Pause(true);
    CHECK(world.keyspace.staircase().shards() == 1);
    member.Pause(true);
    CHECK(world.participants.Reclaim() == 0);
  }
}
