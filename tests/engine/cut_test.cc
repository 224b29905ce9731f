// A cut through a keyspace that goes on changing: what the walk captures and what the observer is shown before it changes
// must together be the state at the cut, each key exactly once.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/edit.h"
#include "engine/key_ref.h"
#include "types/items.h"
#include "types/listpack.h"

using namespace terrace;
using namespace terrace::engine;

namespace {

struct Record {
  std::string value;
  uint64_t deadline_ms = 0;
  bool operator==(const Record&) const = default;
};
using State = std::map<std::string, Record>;

// A list is "[one,two,]".
Record RecordOf(const Entry& entry) {
  if (entry.type() == Type::kList) {
    std::string elements = "[";
    types::ForEachElement(entry.collection(),
                          [&](Bytes element) { elements.append(element).append(","); });
    return {elements + "]", entry.deadline_ms()};
  }
  IntegerText text;
  return {std::string(entry.StringBytes(&text)), entry.deadline_ms()};
}

// The cut through one keyspace: the walk, and the observer of what changes ahead of it.
class Cut final : public EditObserver {
 public:
  Cut(Keyspace& keyspace, uint16_t epoch, State at_cut)
      : keyspace_(keyspace), at_cut_(std::move(at_cut)) {
    keyspace.BeginCut(this, epoch);
  }

  void OldImage(const Keyspace& keyspace, uint64_t hash, Entry& entry) override {
    REQUIRE(&keyspace == &keyspace_);
    Keep(hash, entry);
    ++old_images;
  }
  void TakeOver(std::unique_ptr<Keyspace> keyspace) override {
    REQUIRE(keyspace.get() == &keyspace_);
    flushed = std::move(keyspace);
  }
  /// One shard of the walk; false when it is over.
  bool Step() {
    REQUIRE(position_ < Staircase::kEnd);
    const uint64_t from = position_;
    position_ = keyspace_.CaptureShard(from, [&](Entry& entry) {
      const uint64_t hash = keyspace_.HashOf(entry.key());
      REQUIRE((hash >> 16) >= from);
      Keep(hash, entry);
      entry.ClearChanged();
      return ++walked % 100 != 0;  // now and then no more of the shard
    });
    REQUIRE(position_ > from);
    return position_ < Staircase::kEnd;
  }
  void Finish() {
    keyspace_.EndCut();
    REQUIRE(seen_ == at_cut_);
  }

  uint64_t old_images = 0, walked = 0, lists = 0;
  std::unique_ptr<Keyspace> flushed;

 private:
  void Keep(uint64_t hash, const Entry& entry) {
    REQUIRE(hash == keyspace_.HashOf(entry.key()));
    // As whoever writes it down later: from a copy, because the entry goes on changing.
    Entry* copy = Entry::NewCopy(entry, entry.key(), entry.deadline_ms());
    REQUIRE(seen_.emplace(std::string(entry.key()), RecordOf(*copy)).second);  // exactly once
    lists += copy->type() == Type::kList ? 1 : 0;
    Entry::Delete(copy);
  }

  Keyspace& keyspace_;
  const State at_cut_;
  State seen_;
  uint64_t position_ = 0;
};

class World {
 public:
  explicit World(uint64_t seed)
      : random_(seed), unit_(databases_, log_, settings_, counters_, *self_, seed) {
    self_->In();
  }
  ~World() {
    self_->Out();
    participants_.Leave(self_);
  }

  void ChangeSomething() {
    unit_.Begin(1, Origin::kClient);
    const auto db = static_cast<unsigned>(random_.Below(2));
    const std::string key = KeyOf(random_.Below(keys_));
    const uint64_t what = random_.Below(100);
    // Waves: the staircase climbs and comes down while cuts go on.
    if (what < growing_) return random_.Below(4) == 0 ? Push(db, key) : Set(db, key);
    if (what < 80) return Delete(db, key);
    if (what < 85) return Rearm(db, key);
    if (what < 90) return Append(db, key);
    if (what < 92) return Add(db, key);
    if (what < 96) return Push(db, key);
    if (what < 97) return Pop(db, key);
    Move(db, key, random_.Below(2) == 0 ? db : 1 - db, KeyOf(random_.Below(keys_)));
  }
  void Wave(uint64_t growing) { growing_ = growing; }

  void BeginCuts() {
    ++epoch_;
    Exclusive([&] {
      for (unsigned db = 0; db < 2; ++db) {
        cuts_.push_back(std::make_unique<Cut>(databases_.Get(db), epoch_, model_[db]));
      }
    });
  }
  void WalkAndChange(uint64_t changes_a_step) {
    for (auto& cut : cuts_) {
      bool more = true;
      while (more) {
        for (uint64_t i = random_.Below(changes_a_step + 1); i > 0; --i) ChangeSomething();
        more = cut->Step();
      }
    }
  }
  void EndCuts() {
    for (auto& cut : cuts_) {
      Exclusive([&] { cut->Finish(); });
      old_images += cut->old_images;
      walked += cut->walked;
      lists += cut->lists;
      if (cut->flushed != nullptr) databases_.Discard(std::move(cut->flushed));
    }
    cuts_.clear();
  }
  void Flush(unsigned db) {
    Exclusive([&] { databases_.Discard(databases_.Flush(db)); });
    model_[db].clear();
  }
  void Swap() {
    Exclusive([&] { databases_.Swap(0, 1); });
    std::swap(model_[0], model_[1]);
  }
  /// Every entry that differs from `before` must be marked as changed.
  uint64_t CountChanged() {
    uint64_t changed = 0;
    for (unsigned db = 0; db < 2; ++db) {
      databases_.Get(db).ForEach([&](const Entry& entry) { changed += entry.changed() ? 1 : 0; });
    }
    return changed;
  }
  uint64_t handovers() {
    return databases_.Get(0).staircase().stats().handovers +
           databases_.Get(1).staircase().stats().handovers;
  }
  uint64_t size() const { return model_[0].size() + model_[1].size(); }

  void Set(unsigned db, const std::string& key) {
    const Record record{NewValue(), random_.Below(4) == 0 ? 1000 + random_.Below(1000) : 0};
    With(db, key, [&](KeyRef& ref) {
      Edit(unit_, ref).SetString(StringSource::Compact(record.value), record.deadline_ms);
      model_[db][key] = record;
    });
  }

  uint64_t old_images = 0, walked = 0, lists = 0;

 private:
  static std::string KeyOf(uint64_t i) { return "key:" + std::to_string(i); }
  std::string NewValue() {
    if (random_.Below(4) == 0) return std::to_string(random_.Below(1'000'000));
    const size_t size =
        random_.Below(500) == 0 ? kBlobBytesMin + 1 + random_.Below(100) : random_.Below(200);
    return std::string(size, static_cast<char>('a' + random_.Below(26)));
  }
  void Exclusive(const std::function<void()>& body) { participants_.Exclusive(self_, body); }
  template <typename Body>
  void With(unsigned db, const std::string& key, Body body) {
    KeyRef ref = testing::RefOf(databases_, db, key);
    KeyLocks locks;
    locks.Acquire(&ref, 1);
    body(ref);
    locks.Release();
    StepIfCrowded();
  }
  void StepIfCrowded() {
    if (unit_.crowded == nullptr) return;
    std::exchange(unit_.crowded, nullptr)->Step([] { return uint64_t{0}; });
    self_->Yield();
    participants_.Reclaim();
  }
  void Delete(unsigned db, const std::string& key) {
    With(db, key, [&](KeyRef& ref) {
      if (ref.entry() == nullptr) return;
      Edit(unit_, ref).Delete();
      model_[db].erase(key);
    });
  }
  void Rearm(unsigned db, const std::string& key) {
    const uint64_t deadline_ms = random_.Below(2) == 0 ? 0 : 1000 + random_.Below(1000);
    With(db, key, [&](KeyRef& ref) {
      if (ref.entry() == nullptr) return;
      Edit(unit_, ref).SetDeadline(deadline_ms);
      model_[db][key].deadline_ms = deadline_ms;
    });
  }
  void Append(unsigned db, const std::string& key) {
    With(db, key, [&](KeyRef& ref) {
      if (ref.entry() == nullptr || ref.entry()->type() != Type::kString) return;
      std::string& value = model_[db][key].value;
      Edit(unit_, ref).GrowString(value.size() + 3)[value.size()] = '+';
      std::memcpy(Edit(unit_, ref).MutableString() + value.size(), "+++", 3);
      value += "+++";
    });
  }
  void Add(unsigned db, const std::string& key) {
    With(db, key, [&](KeyRef& ref) {
      if (ref.entry() == nullptr || ref.entry()->encoding() != Encoding::kInteger) return;
      Edit(unit_, ref).SetInteger(ref.entry()->integer() + 1);
      std::string& value = model_[db][key].value;
      value = std::to_string(std::stoll(value) + 1);
    });
  }
  // One element more, in place; what is no list becomes one.
  void Push(unsigned db, const std::string& key) {
    const std::string element = NewValue();
    With(db, key, [&](KeyRef& ref) {
      Edit edit(unit_, ref);
      const bool is_list = ref.entry() != nullptr && ref.entry()->type() == Type::kList;
      types::Listpack list =
          is_list ? types::Listpack(ref.entry()->collection().data) : types::Listpack::New();
      list.Append(element);
      const types::Value value{Type::kList, Encoding::kListpack, list.data()};
      Record& record = model_[db][key];
      if (ref.entry() != nullptr && !is_list) {
        edit.ReplaceWithCollection(value);
        record.deadline_ms = 0;
      } else {
        edit.SetCollection(value);
      }
      if (!is_list) record.value = "[]";
      record.value.insert(record.value.size() - 1, element + ",");
    });
  }
  void Pop(unsigned db, const std::string& key) {
    With(db, key, [&](KeyRef& ref) {
      if (ref.entry() == nullptr || ref.entry()->type() != Type::kList) return;
      Edit edit(unit_, ref);
      types::Listpack list(ref.entry()->collection().data);
      list.Erase(list.First());
      edit.entry()->set_collection({Type::kList, Encoding::kListpack, list.data()});
      if (list.empty()) {
        edit.Delete();
        model_[db].erase(key);
        return;
      }
      std::string& value = model_[db][key].value;
      value.erase(1, value.find(','));
    });
  }
  // RENAME within a database, MOVE to the other.
  void Move(unsigned from_db, const std::string& from, unsigned to_db, const std::string& to) {
    const bool renames = from_db == to_db;
    if (renames && from == to) return;
    KeyRef refs[2] = {testing::RefOf(databases_, from_db, from),
                      testing::RefOf(databases_, to_db, renames ? to : from)};
    const std::string target(refs[1].key);
    KeyLocks locks;
    locks.Acquire(refs, 2);
    if (refs[0].entry() != nullptr) {
      Edit source(unit_, refs[0]), destination(unit_, refs[1]);
      source.MoveTo(destination);
      model_[to_db][target] = model_[from_db][from];
      model_[from_db].erase(from);
    }
    locks.Release();
    StepIfCrowded();
  }

  Random random_;
  Participants participants_;
  Participant* self_ = participants_.Join();
  Databases databases_{2, HashKey{7, 11}, participants_};
  CommitLog log_{64};
  EngineSettings settings_;
  EngineCounters counters_;
  Unit unit_;
  State model_[2];
  std::vector<std::unique_ptr<Cut>> cuts_;
  uint16_t epoch_ = 0;
  uint64_t growing_ = 70;
  const uint64_t keys_ = 12'000;
};

}  // namespace

TEST_SUITE("engine/cut") {
  TEST_CASE(
      "walk and old images together are the state at the cut, while edits go on and the staircase "
      "moves") {
    World world(1);
    for (int round = 0; round < 8; ++round) {
      world.Wave(round % 4 < 2 ? 70 : 10);
      for (int i = 0; i < 8000; ++i) world.ChangeSomething();
      world.BeginCuts();
      world.WalkAndChange(3000);
      world.EndCuts();
    }
    CHECK(world.walked > 10'000);
    CHECK(world.old_images > 5'000);
    CHECK(world.handovers() > 10);
    CHECK(world.lists > 1'000);
  }

  TEST_CASE("a cut outlives FLUSHALL and SWAPDB: it goes on with the keyspaces it began with") {
    World world(2);
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 6000; ++i) world.ChangeSomething();
      world.BeginCuts();
      for (int i = 0; i < 500; ++i) world.ChangeSomething();
      if (round % 2 == 0) world.Swap();
      world.Flush(0);
      for (int i = 0; i < 500; ++i) world.ChangeSomething();
      if (round % 2 == 1) world.Swap();
      world.WalkAndChange(300);
      world.EndCuts();
    }
    CHECK(world.walked > 1000);
    CHECK(world.old_images > 1000);
  }

  TEST_CASE(
      "what is new or edited is marked as changed, and a walk that captures it clears the mark") {
    World world(3);
    for (int i = 0; i < 5000; ++i) world.ChangeSomething();
    CHECK(world.CountChanged() == world.size());
    world.BeginCuts();
    world.WalkAndChange(0);
    world.EndCuts();
    CHECK(world.CountChanged() == 0);
    world.Set(0, "key:1");
    CHECK(world.CountChanged() == 1);
  }

  TEST_CASE("somebody interested in a key is told of it until it has heard enough") {
    struct Listener : Interest {
      bool KeyChanges(uint64_t, Bytes key) override {
        heard.emplace_back(key);
        return heard.size() < 2;
      }
      std::vector<std::string> heard;
    };
    InterestTable table;
    const auto listener = std::make_shared<Listener>();
    table.Add({1, "a", listener, false});
    table.Add({1, "b", listener, false});  // another key with the same hash
    table.KeyChanges(1, "a");
    table.KeyChanges(2, "a");
    CHECK(listener->heard == std::vector<std::string>{"a"});
    CHECK(!table.empty());
    table.KeyChanges(1, "a");
    table.KeyChanges(1, "a");
    CHECK(listener->heard == std::vector<std::string>{"a", "a"});
    CHECK(table.items().size() == 1);
    CHECK(table.Find(1, "b", listener.get()) != nullptr);
  }
}
