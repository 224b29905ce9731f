// A keyspace against a std::map: random commands, the clock moved by hand, growing and shrinking all the
// time.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "engine/keyspace.h"
#include "model/model_run.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

struct Record {
  std::string value;
  uint64_t deadline_ms = 0;
};

class KeyspaceModel {
 public:
  explicit KeyspaceModel(uint64_t seed) : random_(seed) { self_->In(); }
  ~KeyspaceModel() {
    self_->Out();
    participants_.Leave(self_);
  }

  void Run(uint64_t operations) {
    const uint64_t phase = operations / 10;
    uint64_t target = 0;
    for (uint64_t i = 0; i < operations; ++i) {
      if (i % phase == 0)
        target = i / phase % 2 == 0 ? phase / 4 + random_.Below(phase / 4) : random_.Below(500);
      const bool grow = model_.size() < target;
      const uint64_t what = random_.Below(100);
      if (what < (grow ? 60 : 15)) {
        Set(NewKey());
      } else if (what < (grow ? 65 : 60)) {
        Remove(AnyKey());
      } else if (what < 70) {
        Set(AnyKey());
      } else if (what < 80) {
        Rearm(AnyKey());
      } else {
        Get(AnyKey());
      }
      now_ms_ += random_.Below(3);
      if (i % 512 == 0) Turn();
      if (i % (phase / 8) == 0) CheckEverything();
    }
    CheckEverything();
    REQUIRE(keyspace_.staircase().stats().handovers > 10);
    while (!model_.empty()) Remove(model_.begin()->first);
    Idle(1 << 20);
    CheckEverything();
    REQUIRE(keyspace_.staircase().shards() == 1);
  }

 private:
  std::string NewKey() {
    std::string key = "k" + std::to_string(random_.Below(1 << 20));
    if (random_.Below(50) == 0) key.append(300, '+');
    return key;
  }
  // Mostly one that exists: the first at or behind a random one.
  std::string AnyKey() {
    const std::string key = NewKey();
    const auto it = model_.lower_bound(key);
    return it == model_.end() || random_.Below(10) == 0 ? key : it->first;
  }
  std::string NewValue() {
    switch (random_.Below(8)) {
      case 0:
        return std::to_string(static_cast<int64_t>(random_.Next()));
      case 1:
        return std::string(random_.Below(1000), static_cast<char>('a' + random_.Below(26)));
      case 2:
        if (random_.Below(200) == 0) return std::string(kBlobBytesMin + random_.Below(5000), 'B');
        [[fallthrough]];
      default:
        return std::string(random_.Below(100), static_cast<char>('a' + random_.Below(26)));
    }
  }
  uint64_t NewDeadline() { return random_.Below(3) != 0 ? 0 : now_ms_ + random_.Below(60'000); }

  // Locks the key's shard, lets `body(shard, hash, slot)` work, then does what a server does: a step if it is
  // crowded. A key that is due is gone before the body sees it.
  template <typename Body>
  void WithKey(const std::string& key, Body body) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    const uint64_t hash = keyspace_.HashOf(key);
    Shard* shard = keyspace_.staircase().Lock(hash);
    Slot slot = shard->Lookup(hash, key);
    const auto record = model_.find(key);
    REQUIRE((slot != nullptr) == (record != model_.end()));
    if (slot != nullptr && Shard::At(slot)->IsDue(now_ms_)) {
      Entry::Delete(keyspace_.Remove(*shard, slot, hash, self_->slot()));
      model_.erase(record);
      slot = nullptr;
    }
    body(*shard, hash, slot);
    const bool wants_step = keyspace_.staircase().WantsStep(*shard);
    shard->Unlock();
    if (wants_step) Idle(1);
  }

  void Set(const std::string& key) {
    const std::string value = NewValue();
    const uint64_t deadline = NewDeadline();
    WithKey(key, [&](Shard& shard, uint64_t hash, Slot slot) {
      const StringSource source = StringSource::Compact(value);
      if (slot == nullptr) {
        keyspace_.Insert(shard, hash, Entry::NewString(key, source, deadline), self_->slot());
      } else {
        Entry* entry = Shard::At(slot);
        const uint64_t before = entry->deadline_ms();
        if (entry->TryAssign(source, deadline)) {
          keyspace_.DeadlineChanged(shard, hash, before, deadline);
        } else {
          Entry::Delete(
              keyspace_.Replace(shard, slot, hash, Entry::NewString(key, source, deadline)));
        }
      }
      model_[key] = {value, deadline};
    });
  }
  void Remove(const std::string& key) {
    WithKey(key, [&](Shard& shard, uint64_t hash, Slot slot) {
      if (slot == nullptr) return;
      Entry::Delete(keyspace_.Remove(shard, slot, hash, self_->slot()));
      model_.erase(key);
    });
  }
  void Rearm(const std::string& key) {
    const uint64_t deadline = NewDeadline();
    WithKey(key, [&](Shard& shard, uint64_t hash, Slot slot) {
      if (slot == nullptr) return;
      Entry* entry = Shard::At(slot);
      const uint64_t before = entry->deadline_ms();
      if (before != 0 && deadline != 0) {
        entry->set_deadline_ms(deadline);
        keyspace_.DeadlineChanged(shard, hash, before, deadline);
      } else {
        Entry::Delete(keyspace_.Replace(shard, slot, hash, Entry::NewCopy(*entry, key, deadline)));
      }
      model_[key].deadline_ms = deadline;
    });
  }
  void Get(const std::string& key) {
    WithKey(key, [&](Shard&, uint64_t, Slot slot) {
      if (slot == nullptr) return;
      const Record& record = model_.at(key);
      IntegerText text;
      REQUIRE(Shard::At(slot)->StringBytes(&text) == record.value);
      REQUIRE(Shard::At(slot)->deadline_ms() == record.deadline_ms);
    });
  }

  void Idle(int steps) {
    for (int i = 0;
         i < steps && keyspace_.NeedsStep() && keyspace_.Step([] { return uint64_t{0}; }); ++i) {
    }
  }

  // The end of a turn: due keys go, sometimes a step is done though nobody pressed for it, memory is
  // reclaimed.
  void Turn() {
    uint64_t earliest = ExpiryIndex::kNever;
    const unsigned parts = 1 + static_cast<unsigned>(random_.Below(4));
    const auto hash_of = [&](Bytes key) { return keyspace_.HashOf(key); };
    for (unsigned part = 0; part < parts; ++part) {
      earliest = std::min(earliest,
                          keyspace_.staircase().ForEachDue(now_ms_, part, parts, [&](Shard& shard) {
                            uint64_t hash = 0;
                            while (const Slot slot = shard.FindDue(now_ms_, hash_of, &hash)) {
                              const std::string key(Shard::At(slot)->key());
                              REQUIRE(model_.at(key).deadline_ms == Shard::At(slot)->deadline_ms());
                              REQUIRE(model_.at(key).deadline_ms < now_ms_);
                              model_.erase(key);
                              Entry::Delete(keyspace_.Remove(shard, slot, hash, self_->slot()));
                            }
                          }));
    }
    earliest_ms_ = earliest;
    if (random_.Below(4) == 0) Idle(static_cast<int>(random_.Below(20)));
    self_->Yield();
    participants_.Reclaim();
  }

  void CheckEverything() {
    Turn();
    REQUIRE(keyspace_.size() == model_.size());
    uint64_t mortal = 0, earliest = ExpiryIndex::kNever;
    for (const auto& [key, record] : model_) {
      if (record.deadline_ms == 0) continue;
      ++mortal;
      earliest = std::min(earliest, record.deadline_ms);
      REQUIRE(record.deadline_ms >= now_ms_);  // what was due has gone
    }
    REQUIRE(keyspace_.deadlines() == mortal);
    REQUIRE(earliest_ms_ <= earliest);
    std::set<std::string> seen;
    uint64_t cursor = 0;
    do {
      cursor = keyspace_.Scan(cursor, 1 + random_.Below(1000), [&](const Entry& entry) {
        const std::string key(entry.key());
        const auto record = model_.find(key);
        REQUIRE(record != model_.end());
        IntegerText text;
        REQUIRE(entry.StringBytes(&text) == record->second.value);
        REQUIRE(entry.deadline_ms() == record->second.deadline_ms);
        REQUIRE(seen.insert(key).second);  // nothing moves meanwhile, so nothing comes twice
      });
      REQUIRE(cursor < Staircase::kEnd);
    } while (cursor != 0);
    REQUIRE(seen.size() == model_.size());
  }

  Random random_;
  Participants participants_;
  Participant* self_ = participants_.Join();
  Keyspace keyspace_{HashKey{random_.Next(), random_.Next()}, participants_};
  std::map<std::string, Record> model_;
  uint64_t now_ms_ = 1'000'000;
  uint64_t earliest_ms_ = 0;
};

}  // namespace

TEST_SUITE("model/keyspace") {
  TEST_CASE("a keyspace answers like a map, whatever it is told") {
    KeyspaceModel model(ModelSeed("model/keyspace"));
    model.Run(std::max<uint64_t>(ModelOperations(2'000'000), 300'000));  // fewer would hardly grow
  }
}
