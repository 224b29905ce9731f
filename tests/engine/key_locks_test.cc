#include "engine/key_locks.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace terrace;
using namespace terrace::engine;

namespace {

// A keyspace, and one participant, which is in all the time. Hashes are the test's choice, so that keys can share one.
class TestKeys {
 public:
  TestKeys() { self_->In(); }
  ~TestKeys() {
    self_->Out();
    participants_.Leave(self_);
  }

  KeyRef RefTo(Bytes key, uint64_t hash) {
    KeyRef ref;
    ref.key = key;
    ref.hash = hash;
    ref.keyspace = &keyspace;
    return ref;
  }
  // What others do while nothing is locked.
  void Insert(Bytes key, uint64_t hash) {
    Change(key, hash,
           [&](Shard& shard, Slot) { keyspace.Insert(shard, hash, NewEntry(key), self_->slot()); });
  }
  void Replace(Bytes key, uint64_t hash) {
    Change(key, hash, [&](Shard& shard, Slot slot) {
      Entry::Delete(keyspace.Replace(shard, slot, hash, NewEntry(key)));
    });
  }
  void Remove(Bytes key, uint64_t hash) {
    Change(key, hash, [&](Shard& shard, Slot slot) {
      Entry::Delete(keyspace.Remove(shard, slot, hash, self_->slot()));
    });
  }
  // The entry as the ref has it after it was locked again, and as the keyspace has it.
  Entry* LockAgain(KeyRef& ref) {
    locks_.AcquireAgain(&ref);
    CHECK(locks_.Holds(ref.shard));
    CHECK(ref.shard->state() == Shard::State::kLive);
    const Slot slot = ref.shard->Lookup(ref.hash, ref.key);
    CHECK(ref.slot == slot);
    CHECK(ref.version == ref.shard->version());
    Entry* entry = ref.entry();
    locks_.Release();
    return entry;
  }
  void LockFirst(KeyRef& ref) {
    locks_.Acquire(&ref, 1);
    locks_.Release();
  }

 private:
  static Entry* NewEntry(Bytes key) { return Entry::NewString(key, StringSource::OfInteger(1), 0); }
  template <typename Body>
  void Change(Bytes key, uint64_t hash, Body body) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    Shard* shard = keyspace.staircase().Lock(hash);
    body(*shard, shard->Lookup(hash, key));
    shard->Unlock();
  }

  Participants participants_;
  Participant* self_ = participants_.Join();

 public:
  Keyspace keyspace{HashKey{5, 6}, participants_};

 private:
  KeyLocks locks_;
};

constexpr uint64_t kHash = 0x0123456789abcdef;

}  // namespace

TEST_SUITE("engine/key_locks") {
  TEST_CASE("a key that is locked again is where others have left it") {
    TestKeys test;
    test.Insert("a", kHash);
    KeyRef ref = test.RefTo("a", kHash);
    test.LockFirst(ref);
    Entry* const entry = ref.entry();
    REQUIRE(entry != nullptr);
    CHECK(test.LockAgain(ref) == entry);
    test.Insert("b", kHash);
    CHECK(test.LockAgain(ref) == entry);
    test.Replace("a", kHash);
    Entry* const replaced = test.LockAgain(ref);
    CHECK(replaced != nullptr);
    CHECK(replaced->key() == "a");
    test.Remove("a", kHash);  // its slot is the other key's now
    CHECK(test.LockAgain(ref) == nullptr);
    CHECK(test.LockAgain(ref) == nullptr);
    test.Insert("a", kHash);
    REQUIRE(test.LockAgain(ref) != nullptr);
    CHECK(ref.entry()->key() == "a");
  }

  TEST_CASE("another key of the same hash is not taken for the one before it") {
    TestKeys test;
    test.Insert("a", kHash);
    test.Insert("b", kHash);
    KeyRef ref = test.RefTo("a", kHash);
    test.LockFirst(ref);
    ref.key = "b";
    CHECK(test.LockAgain(ref)->key() == "b");
    ref.key = "c";
    CHECK(test.LockAgain(ref) == nullptr);
    ref.key = "a";
    CHECK(test.LockAgain(ref)->key() == "a");
  }

  TEST_CASE("a key whose shard was handed over meanwhile is locked where it is now") {
    TestKeys test;
    std::vector<std::string> keys;
    std::vector<KeyRef> refs;
    for (int i = 0; i < 3000; ++i) keys.push_back("key:" + std::to_string(i));
    for (const std::string& key : keys) {
      const uint64_t hash = test.keyspace.HashOf(key);
      test.Insert(key, hash);
      refs.push_back(test.RefTo(key, hash));
      test.LockFirst(refs.back());
    }
    std::vector<const Shard*> before;
    for (const KeyRef& ref : refs) before.push_back(ref.shard);
    while (test.keyspace.Step([] { return uint64_t{0}; })) {
    }
    size_t moved = 0;
    for (size_t i = 0; i < refs.size(); ++i) {
      Entry* entry = test.LockAgain(refs[i]);
      REQUIRE(entry != nullptr);
      CHECK(entry->key() == keys[i]);
      if (refs[i].shard != before[i]) ++moved;
    }
    CHECK(moved > 0);
  }
}
