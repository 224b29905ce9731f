// Loading what checkpoints have written; that it is the state at the cut is checkpointer_test.cc's.
#include "engine/checkpoint_loader.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/checkpoint_world.h"
#include "storage/table_reader.h"

namespace terrace::engine {
namespace {

using storage::Manifest;
using testing::LossyFileSystem;

class Directory {
 public:
  LossyFileSystem files;
  std::unique_ptr<Manifest> manifest;
  std::unique_ptr<Machine> machine;

  Directory() {
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    manifest = Must(Manifest::Create(files, kWorldDirectory, NewManifestState()));
    machine = std::make_unique<Machine>(files, *manifest, 1, Checkpointer::Options());
  }

  void Checkpoint() {
    machine->Exclusive([this] { machine->checkpointer().Begin({}); });
    Must(machine->checkpointer().Run(machine->self()));
  }
  std::string FirstTable() const {
    return manifest->TablePath(manifest->state()->tables.front().number);
  }
  std::string LoadError() {
    Machine fresh(files, *manifest, 1, {});
    const auto loaded = Load(files, *manifest, fresh);
    REQUIRE(!loaded.ok());
    return loaded.error().message();
  }
};

TEST_SUITE("engine/checkpoint_loader") {
  TEST_CASE("an empty directory is empty databases") {
    Directory directory;
    CHECK(LoadedState(directory.files, *directory.manifest).empty());
    directory.Checkpoint();
    CHECK(LoadedState(directory.files, *directory.manifest).empty());
  }

  TEST_CASE(
      "the staircase is as high as the keys ask for when they are loaded, whoever loads how much") {
    Directory directory;
    constexpr int kKeys = 100'000;
    for (int i = 0; i < kKeys; ++i) directory.machine->SetString(1, Machine::KeyOf(i), "value");
    directory.machine->SetString(2, "alone", "value", 2'000'000);
    directory.Checkpoint();
    for (const unsigned parts : {1u, 2u, 5u}) {
      CAPTURE(parts);
      Machine fresh(directory.files, *directory.manifest, 1, {});
      const auto loader = Must(CheckpointLoader::Open(directory.files, *directory.manifest,
                                                      fresh.databases(), fresh.limits()));
      std::vector<std::thread> threads;
      std::vector<Status> statuses(parts);
      for (unsigned part = 0; part < parts; ++part) {
        threads.emplace_back([&, part] {
          Participant* self = fresh.participants().Join();
          statuses[part] = loader->LoadPart(part, parts, *self);
          fresh.participants().Leave(self);
        });
      }
      for (std::thread& thread : threads) thread.join();
      for (const Status& status : statuses) Must(status);
      CHECK(loader->keys() == kKeys + 1);
      CHECK(loader->bytes() > kKeys * 10);
      CHECK(loader->next_due_ms() == 2'000'000);
      const Keyspace& keyspace = fresh.databases().Get(1);
      CHECK(keyspace.size() == kKeys);
      const uint64_t needed = kKeys / kShardEntriesTarget;
      CHECK(keyspace.staircase().shards() >= needed * 3 / 4);
      CHECK(keyspace.staircase().shards() <= needed * 2);
      CHECK(fresh.databases().Get(2).deadlines() == 1);
      CHECK(Difference(fresh.State(), directory.machine->State()) == "");
    }
  }

  TEST_CASE("a key whose deadline has passed is loaded: the log may still name it") {
    Directory directory;
    directory.machine->SetString(0, "late", "value", 1);
    directory.Checkpoint();
    const WorldState state = LoadedState(directory.files, *directory.manifest);
    REQUIRE(state.contains({0, "late"}));
    CHECK(state.at({0, "late"}).deadline_ms == 1);
  }

  TEST_CASE("a damaged block is an error that names file and offset") {
    Directory directory;
    for (int i = 0; i < 1000; ++i)
      directory.machine->SetString(0, Machine::KeyOf(i), std::string(100, 'v'));
    directory.Checkpoint();
    const std::string table = directory.FirstTable();
    const auto reader = Must(storage::TableReader::Open(directory.files, table, {}));
    // A block of values, and a block of keys.
    const uint64_t key_block = reader->index().front().offset;
    for (const uint64_t block : {uint64_t{8}, key_block}) {
      CAPTURE(block);
      directory.files.Flip(table, block + 30);
      const std::string error = directory.LoadError();
      CHECK(error.find(table) != std::string::npos);
      CHECK(error.find("offset " + std::to_string(block)) != std::string::npos);
      directory.files.Flip(table, block + 30);
    }
    CHECK(LoadedState(directory.files, *directory.manifest).size() == 1000);
  }

  TEST_CASE("databases that there are too few of, or with another secret, are refused") {
    Directory directory;
    directory.machine->SetString(3, "key", "value");
    directory.Checkpoint();
    Participants participants;
    Participant* self = participants.Join();
    {
      Databases few(3, directory.manifest->state()->hash_key, participants);
      const auto loader = CheckpointLoader::Open(directory.files, *directory.manifest, few,
                                                 directory.machine->limits());
      REQUIRE(!loader.ok());
      CHECK(loader.error().message().find("keys of database 3") != std::string::npos);
    }
    {
      Databases strange(4, HashKey{1, 1}, participants);
      const auto loader = Must(CheckpointLoader::Open(directory.files, *directory.manifest, strange,
                                                      directory.machine->limits()));
      const Status status = loader->LoadPart(0, 1, *self);
      CHECK(status.message().find("hash of its key") != std::string::npos);
    }
    participants.Leave(self);
    types::SeedTables(directory.manifest->state()->hash_key);
  }
}

}  // namespace
}  // namespace terrace::engine
