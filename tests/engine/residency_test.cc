// Values that are away: what a restart makes of tables without reading them, and every way in which a value comes back.
#include "engine/residency.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/checkpoint_world.h"
#include "engine/value_warmer.h"
#include "storage/compaction.h"

namespace terrace::engine {
namespace {

using storage::Manifest;
using storage::PrintedSeed;
using testing::LossyFileSystem;

const std::string kLong(40, 'v');  // too long to lie beside its key

// A server that has come back without its values.
struct Returned {
  Returned(LossyFileSystem& disk, Manifest& the_manifest)
      : files(disk),
        manifest(the_manifest),
        machine(files, manifest, 1, {}),
        store(files, manifest),
        residency(store, machine.databases(), machine.limits()) {
    machine.databases().set_residency(&residency);
    const auto loader = Must(CheckpointLoader::Open(files, manifest, machine.databases(),
                                                    machine.limits(), LoadValues::kNone));
    Must(loader->LoadPart(0, 1, machine.self()));
  }
  // As whoever walks over all entries sees them.
  WorldState State() {
    WorldState state;
    machine.self().In();
    for (unsigned db = 0; db < kWorldDatabases; ++db) {
      Keyspace& keyspace = machine.databases().Get(db);
      keyspace.ForEach([&](const Entry& entry) {
        const WholeEntry whole(machine.databases(), keyspace, entry);
        REQUIRE_MESSAGE(whole.get() != nullptr, whole.status().message());
        state[{db, std::string(entry.key())}] = StateOf(*whole.get(), machine.limits());
      });
    }
    machine.self().Out();
    return state;
  }
  Status ReadIn(unsigned db, const std::string& key) {
    machine.self().In();
    KeyRef ref = testing::RefOf(machine.databases(), db, key);
    KeyLocks locks;
    locks.Acquire(&ref, 1);
    REQUIRE(ref.entry() != nullptr);
    Status status = ref.entry()->is_away() ? residency.ReadIn(ref) : Status::Ok();
    locks.Release();
    machine.self().Out();
    return status;
  }
  AwayKey KeyOf(unsigned db, const std::string& name) {
    AwayKey key;
    machine.LookAt(db, name, [&](const Entry& entry) {
      const Keyspace& keyspace = machine.databases().Get(db);
      key = AwayKey(keyspace, keyspace.HashOf(name), entry);
    });
    return key;
  }
  bool Install(const AwayKey& key, StatusOr<Residency::OwnEntry> value) {
    machine.self().In();
    const bool installed = residency.Install(key, std::move(value));
    machine.self().Out();
    return installed;
  }
  Status Warm(unsigned parts = 1) {
    Status status;
    for (unsigned part = 0; part < parts && status.ok(); ++part)
      status = ValueWarmer(residency).Warm(part, parts, machine.self(), [] { return true; });
    return status;
  }
  uint64_t away() { return machine.databases().away(); }

  LossyFileSystem& files;
  Manifest& manifest;
  Machine machine;
  ValueStore store;
  Residency residency;
};

struct Disk {
  LossyFileSystem files;
  std::unique_ptr<Manifest> manifest;
  std::unique_ptr<Machine> machine;

  Disk() {
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    manifest = Must(Manifest::Create(files, kWorldDirectory, NewManifestState()));
    machine = std::make_unique<Machine>(files, *manifest, 1, Checkpointer::Options());
  }
  void Checkpoint() { CheckpointOf(*machine); }
  static void CheckpointOf(Machine& machine) {
    machine.Exclusive([&] { machine.checkpointer().Begin({}); });
    Must(machine.checkpointer().Run(machine.self()));
  }
};

TEST_SUITE("engine/residency") {
  TEST_CASE("what a restart makes of tables says all but the values, and those can be read") {
    const uint64_t seed = PrintedSeed("engine/residency");
    Disk disk;
    Machine& before = *disk.machine;
    Random random(seed);
    for (int i = 0; i < 4000; ++i) before.ChangeSomething(1500, 80);
    disk.Checkpoint();
    for (int i = 0; i < 500; ++i) before.ChangeSomething(1500, 40);
    disk.Checkpoint();
    const WorldState state = before.State();
    Returned after(disk.files, *disk.manifest);
    CHECK(after.away() > state.size() / 4);
    CHECK(after.away() < state.size());
    CHECK(after.machine.CountChanged() == 0);
    for (const auto& [name, should] : state) {
      const auto& [db, key] = name;
      after.machine.LookAt(db, key, [wanted = &should](const Entry& entry) {
        CHECK(entry.type() == wanted->type);
        CHECK(entry.deadline_ms() == wanted->deadline_ms);
        CHECK(entry.in_table());
      });
    }
    CHECK(Difference(after.State(), state) == "");
    // One by one some, and the walk the rest.
    const uint64_t away = after.away();
    uint64_t read = 0;
    for (const auto& [name, should] : state) {
      if (random.Below(3) != 0) continue;
      const uint64_t left = after.away();
      Must(after.ReadIn(name.first, name.second));
      read += left - after.away();
    }
    CHECK(read > 0);
    Must(after.Warm(3));
    CHECK(after.away() == 0);
    CHECK(after.residency.counters().warmed == away - read);
    CHECK(after.machine.CountChanged() == 0);
    CHECK(Difference(after.machine.State(), state) == "");
  }

  TEST_CASE("an entry without its value is replaced, removed and expired, and tables learn of it") {
    Disk disk;
    for (int i = 0; i < 100; ++i)
      disk.machine->SetString(1, Machine::KeyOf(i), kLong, i < 10 ? 2'000'000 : 0);
    disk.Checkpoint();
    Returned after(disk.files, *disk.manifest);
    CHECK(after.away() == 100);
    after.machine.now_ms = 2'000'001;  // the first ten are due when somebody looks
    for (int i = 0; i < 10; ++i) after.machine.Delete(1, Machine::KeyOf(i));
    for (int i = 10; i < 20; ++i) after.machine.Delete(1, Machine::KeyOf(i));
    for (int i = 20; i < 30; ++i) after.machine.SetString(1, Machine::KeyOf(i), "short");
    CHECK(after.away() == 70);
    CHECK(after.machine.databases().Get(1).size() == 80);
    WorldState state = after.State();
    // Away through a checkpoint, which has nothing of them to write.
    Disk::CheckpointOf(after.machine);
    CHECK(after.machine.checkpointer().stats()->entries == 10);
    CHECK(after.machine.checkpointer().stats()->tombstones == 20);
    CHECK(after.away() == 70);
    CHECK(LoadedState(disk.files, *disk.manifest) == state);
    // And through a compaction that takes the files away which the entries were made from.
    Must(storage::CompactAll(disk.files, *disk.manifest, {}));
    Must(disk.manifest->RemoveUnknownFiles());
    CHECK(Difference(after.State(), state) == "");
    Must(after.ReadIn(1, Machine::KeyOf(50)));
    CHECK(after.away() == 69);
    after.machine.Flush(1);
    CHECK(after.away() == 0);
    Must(after.Warm());
    CHECK(after.machine.State().empty());
  }

  TEST_CASE("a keyspace that has changed places is found by what tables call it") {
    Disk disk;
    disk.machine->SetString(0, "key", kLong);
    disk.machine->SetString(1, "key", kLong + "1");
    disk.Checkpoint();
    Returned after(disk.files, *disk.manifest);
    const AwayKey key = after.KeyOf(0, "key");
    auto value = after.residency.Read(key);
    after.machine.Swap(0, 1);
    CHECK(after.Install(key, std::move(value)));
    after.machine.LookAt(0, "key", [](const Entry& entry) { CHECK(entry.is_away()); });
    Must(after.Warm());
    const WorldState state = after.machine.State();
    CHECK(state.at({1, "key"}) == LoadedState(disk.files, *disk.manifest).at({0, "key"}));
    // And one that is gone is not found.
    auto late = after.residency.Read(key);
    after.machine.Flush(1);
    CHECK(!after.Install(key, std::move(late)));
  }

  TEST_CASE("what was read is put in only where the entry is still the one that was asked for") {
    Disk disk;
    for (int i = 0; i < 4; ++i) disk.machine->SetString(0, Machine::KeyOf(i), kLong);
    disk.Checkpoint();
    Returned after(disk.files, *disk.manifest);
    const auto overtaken = [&](int i, const auto& meanwhile) {
      const AwayKey key = after.KeyOf(0, Machine::KeyOf(i));
      auto value = after.residency.Read(key);
      REQUIRE(value.ok());
      meanwhile(Machine::KeyOf(i));
      return !after.Install(key, std::move(value));
    };
    CHECK(overtaken(0, [&](const std::string& key) { after.machine.Delete(0, key); }));
    CHECK(overtaken(1, [&](const std::string& key) { after.machine.SetString(0, key, "new"); }));
    CHECK(overtaken(2, [&](const std::string& key) { Must(after.ReadIn(0, key)); }));
    // It went, came back with another value, and that is away now: the mark is another one.
    CHECK(overtaken(3, [&](const std::string& name) {
      after.machine.LookAt(0, name, [](Entry& entry) {
        entry.set_away_mark(AwayMark::Of(entry.away_mark().size(), 1));
      });
    }));
    CHECK(!overtaken(3, [](const std::string&) {}));
    CHECK(after.machine.databases().Get(0).size() == 3);
  }

  TEST_CASE("a turned bit costs the values of its block and no others") {
    Disk disk;
    for (int i = 0; i < 1000; ++i) disk.machine->SetString(0, Machine::KeyOf(i), kLong);
    disk.Checkpoint();
    const WorldState state = disk.machine->State();
    const std::string table =
        disk.manifest->TablePath(disk.manifest->state()->tables.front().number);
    constexpr uint64_t kBlock = 8;  // the first, of values
    disk.files.Flip(table, kBlock + 100);
    Returned after(disk.files, *disk.manifest);
    CHECK(after.away() == 1000);
    std::vector<std::string> lost;
    for (int i = 0; i < 1000; i += 2) {
      const Status read = after.ReadIn(0, Machine::KeyOf(i));
      if (read.ok()) continue;
      lost.push_back(Machine::KeyOf(i));
      CHECK(read.message().find(table) != std::string::npos);
      CHECK(read.message().find("offset " + std::to_string(kBlock)) != std::string::npos);
    }
    CHECK(lost.size() > 10);
    CHECK(lost.size() < 100);
    Must(after.Warm());
    const uint64_t away = after.away();
    CHECK(away > lost.size());
    CHECK(away < 200);
    for (int i = 0; i < 1000; ++i) {
      after.machine.LookAt(0, Machine::KeyOf(i), [](const Entry& entry) {
        if (entry.is_away()) CHECK(entry.away_mark().unreadable());
      });
    }
    // They can be replaced and removed, and are whole again if the disk is.
    after.machine.SetString(0, lost[0], "new");
    after.machine.Delete(0, lost[1]);
    disk.files.Flip(table, kBlock + 100);
    Must(after.Warm());
    CHECK(after.away() == 0);
    WorldState whole = after.machine.State();
    CHECK(whole.size() == 999);
    whole[{0, lost[0]}] = state.at({0, lost[0]});
    whole[{0, lost[1]}] = state.at({0, lost[1]});
    CHECK(Difference(whole, state) == "");
  }

  TEST_CASE("what has no record in the tables is an error, too") {
    Disk disk;
    disk.machine->SetString(0, "key", kLong);
    disk.Checkpoint();
    disk.machine->Delete(0, "key");
    disk.Checkpoint();
    Returned after(disk.files, *disk.manifest);
    const uint64_t hash = after.machine.databases().HashOf("key");
    CHECK(after.store.Read(0, hash, "key").error().message() == "no table in force has it");
    CHECK(after.store.Read(7, hash, "key").error().message() == "no table in force has it");
  }
}

}  // namespace
}  // namespace terrace::engine
