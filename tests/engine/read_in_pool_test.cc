// The pool under several askers, writers and the walk, made for the thread sanitizer.
#include "engine/read_in_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/checkpoint_world.h"
#include "engine/value_warmer.h"
#include "env/held_file_system.h"

namespace terrace::engine {
namespace {

using storage::Manifest;
using testing::LossyFileSystem;

constexpr int kKeys = 3000;

class Asker final : public Waiter {
 public:
  Asker() : Waiter(0) {}
  void Restart() override {
    ended_.store(true);
    ended_.notify_all();
  }
  void Wait() { ended_.wait(false); }

 private:
  std::atomic<bool> ended_{false};
};

std::string ValueOf(int i) { return std::string(30, 'v') + std::to_string(i); }

TEST_SUITE("engine/read_in_pool") {
  TEST_CASE("whoever asks has all its values in memory when it starts anew") {
    LossyFileSystem disk;
    testing::HeldFileSystem queued(disk);
    FileSystem* which = &disk;
    SUBCASE("a thread a read") {}
    SUBCASE("several reads a thread") { which = &queued; }
    FileSystem& files = *which;
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    const auto manifest = Must(Manifest::Create(files, kWorldDirectory, NewManifestState()));
    {
      Machine machine(files, *manifest, 1, {});
      for (int i = 0; i < kKeys; ++i) machine.SetString(1, Machine::KeyOf(i), ValueOf(i));
      machine.Exclusive([&] { machine.checkpointer().Begin({}); });
      Must(machine.checkpointer().Run(machine.self()));
    }
    Machine machine(files, *manifest, 1, {});
    Databases& databases = machine.databases();
    ValueStore store(files, *manifest);
    Residency residency(store, databases, machine.limits());
    databases.set_residency(&residency);
    Must(Must(CheckpointLoader::Open(files, *manifest, databases, machine.limits(),
                                     LoadValues::kNone))
             ->LoadPart(0, 1, machine.self()));
    REQUIRE(databases.away() == kKeys);
    ReadInPool pool(residency);
    pool.Start({.threads = 2, .reads_each = 4, .past_page_cache = true});
    CHECK(pool.readers() == (pool.queued() ? 8 : 4));

    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        Participant* self = databases.participants().Join();
        Random random(static_cast<uint64_t>(t));
        for (int round = 0; round < 300; ++round) {
          std::vector<KeyRef> refs;
          std::vector<std::string> names;
          std::vector<int> numbers;
          for (uint64_t n = 1 + random.Below(5); n > 0; --n) {
            numbers.push_back(static_cast<int>(random.Below(kKeys)));
            names.push_back(Machine::KeyOf(static_cast<uint64_t>(numbers.back())));
          }
          for (const std::string& name : names) refs.push_back(testing::RefOf(databases, 1, name));
          // As an executor: look under the locks, ask, look again.
          for (bool again = true; again;) {
            std::vector<AwayKey> keys;
            self->In();
            KeyLocks locks;
            locks.Acquire(refs.data(), refs.size());
            for (size_t i = 0; i < refs.size(); ++i) {
              const Entry* entry = refs[i].entry();
              if (entry->is_away()) {
                keys.emplace_back(*refs[i].keyspace, refs[i].hash, *entry);
              } else {
                IntegerText text;
                if (entry->StringBytes(&text) != ValueOf(numbers[i])) ++wrong;
              }
            }
            locks.Release();
            self->Out();
            again = !keys.empty();
            if (!again) break;
            const auto asker = std::make_shared<Asker>();
            const auto values = pool.Read(std::move(keys), asker);
            asker->Wait();
            self->In();
            values->PutIn();
            self->Out();
          }
        }
        databases.participants().Leave(self);
      });
    }
    threads.emplace_back([&] {
      Participant* self = databases.participants().Join();
      if (!ValueWarmer(residency).Warm(0, 1, *self, [] { return true; }).ok()) ++wrong;
      databases.participants().Leave(self);
    });
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(databases.away() == 0);
    CHECK(residency.counters().waiting == 0);
    CHECK(residency.counters().read_in + residency.counters().warmed == kKeys);
    pool.Stop();
  }

  TEST_CASE("what is small is put in by who asked, what is large by the pool") {
    LossyFileSystem files;
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    const auto manifest = Must(Manifest::Create(files, kWorldDirectory, NewManifestState()));
    {
      Machine machine(files, *manifest, 1, {});
      machine.SetString(1, "small", std::string(1000, 's'));
      machine.SetString(1, "large", std::string(100'000, 'l'));
      machine.Exclusive([&] { machine.checkpointer().Begin({}); });
      Must(machine.checkpointer().Run(machine.self()));
    }
    Machine machine(files, *manifest, 1, {});
    Databases& databases = machine.databases();
    ValueStore store(files, *manifest);
    Residency residency(store, databases, machine.limits());
    databases.set_residency(&residency);
    Must(Must(CheckpointLoader::Open(files, *manifest, databases, machine.limits(),
                                     LoadValues::kNone))
             ->LoadPart(0, 1, machine.self()));
    std::vector<AwayKey> keys;
    for (const char* name : {"small", "large"}) {
      KeyRef ref = testing::RefOf(databases, 1, name);
      machine.self().In();
      KeyLocks locks;
      locks.Acquire(&ref, 1);
      keys.emplace_back(*ref.keyspace, ref.hash, *ref.entry());
      locks.Release();
      machine.self().Out();
    }
    ReadInPool pool(residency);
    pool.Start({.threads = 2, .reads_each = 1});
    std::shared_ptr<ReadValues> values[2];
    for (auto& each : values) {
      const auto asker = std::make_shared<Asker>();
      each = pool.Read(keys, asker);
      asker->Wait();
    }
    CHECK(databases.away() == 1);
    machine.self().In();
    for (auto& each : values) each->PutIn();
    machine.self().Out();
    CHECK(databases.away() == 0);
    CHECK(residency.counters().read_in == 2);
    // Who has gone puts nothing in, and leaves nothing behind.
    const auto asker = std::make_shared<Asker>();
    pool.Read(keys, asker);
    asker->Wait();
    pool.Stop();
    CHECK(asker.use_count() == 1);
  }

  TEST_CASE("a key that several ask for before it is there is read once") {
    LossyFileSystem files;
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    const auto manifest = Must(Manifest::Create(files, kWorldDirectory, NewManifestState()));
    Machine machine(files, *manifest, 1, {});
    machine.SetString(1, "key", "value");
    machine.Exclusive([&] { machine.checkpointer().Begin({}); });
    Must(machine.checkpointer().Run(machine.self()));
    ValueStore store(files, *manifest);
    Residency residency(store, machine.databases(), machine.limits());
    ReadInPool pool(residency);
    std::vector<std::shared_ptr<Asker>> askers;
    const auto ask = [&](Bytes key, uint32_t mark) {
      AwayKey wanted;
      wanted.space = machine.databases().Get(1).space();
      wanted.hash = 7;  // they are not told apart by that
      wanted.key = key;
      wanted.mark = AwayMark::Of(100, mark);
      askers.push_back(std::make_shared<Asker>());
      pool.Read({wanted, wanted}, askers.back());
    };
    for (int i = 0; i < 3; ++i) ask("key", 1);
    ask("key", 2);  // written anew in between, and gone again
    ask("other", 1);
    ask("key", 1);
    CHECK(residency.counters().waiting == 6);
    pool.Start({.threads = 2, .reads_each = 1});
    for (const auto& asker : askers) asker->Wait();
    CHECK(residency.counters().waiting == 0);
    // No table has them at that hash, which is found once a read.
    CHECK(residency.counters().failed == 5);
  }

  TEST_CASE("who is still in line at the end is forgotten") {
    LossyFileSystem files;
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    const auto manifest = Must(Manifest::Create(files, kWorldDirectory, NewManifestState()));
    Machine machine(files, *manifest, 1, {});
    ValueStore store(files, *manifest);
    Residency residency(store, machine.databases(), machine.limits());
    ReadInPool pool(residency);  // without threads
    const auto asker = std::make_shared<Asker>();
    AwayKey key;
    key.space = 1;
    key.key = "key";
    pool.Read({key}, asker);
    CHECK(residency.counters().waiting == 1);
    pool.Stop();
    CHECK(asker.use_count() == 1);
  }
}

}  // namespace
}  // namespace terrace::engine
