// Checkpoints of databases that go on changing: what is loaded from the tables is what the databases held at the cut, key by
// key, whatever happened before, meanwhile and since.
#include "engine/checkpointer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/checkpoint_run.h"
#include "storage/compaction.h"
#include "storage/file_names.h"

namespace terrace::engine {
namespace {

using storage::Manifest;
using storage::PrintedSeed;
using testing::LossyFileSystem;

// The records that the tables have of a key, newest first: 'v' for a value, 't' for a tombstone.
std::string RecordsOf(World& world, unsigned db, const std::string& key) {
  const auto state = world.manifest->state();
  uint32_t space = Keyspace::kNoSpace;
  for (const auto& database : state->databases)
    if (database.database == db) space = database.space;
  std::vector<storage::TableEntry> tables = state->tables;
  std::stable_sort(tables.begin(), tables.end(),
                   [](const auto& a, const auto& b) { return a.run > b.run; });
  std::string found;
  for (const auto& table : tables) {
    const auto reader =
        Must(storage::TableReader::Open(world.files, world.manifest->TablePath(table.number), {}));
    const auto record = Must(reader->Find(space, world.machine->databases().HashOf(key), key));
    if (record) found += record->is_tombstone() ? 't' : 'v';
  }
  return found;
}

TEST_SUITE("engine/checkpointer") {
  TEST_CASE("what is loaded is the state at the cut, whatever goes on around it") {
    const uint64_t seed = PrintedSeed("engine/checkpointer");
    World world(seed, {.table_bytes_max = 100'000, .cut = {.stretch_bytes = 20'000}});
    Random& random = world.random;
    uint64_t images = 0, tombstones = 0, failed = 0, handovers = 0, flushes = 0, compactions = 0;
    WorldState in_force;
    // Cuts of installs that failed since: the disk may show one of them to a restart.
    std::map<uint64_t, WorldState> in_doubt;
    for (int round = 0; round < 48; ++round) {
      CAPTURE(round);
      const uint64_t keys = 9'000;
      const uint64_t growing = round % 8 < 4 ? 80 : 15;
      const auto change = [&](uint64_t times) {
        for (uint64_t i = 0; i < times; ++i) world.machine->ChangeSomething(keys, growing);
      };
      const auto flush_or_swap = [&] {
        const auto a = static_cast<unsigned>(random.Below(kWorldDatabases));
        const auto b = static_cast<unsigned>(random.Below(kWorldDatabases));
        // FLUSHALL, FLUSHDB, SWAPDB.
        const uint64_t what = random.Below(6);
        for (unsigned db = 0; db < kWorldDatabases && what == 0; ++db) world.machine->Flush(db);
        if (what == 1) world.machine->Flush(a);
        if (what > 1) world.machine->Swap(a, b);
        if (what < 2) ++flushes;
      };
      change(random.Below(6000));
      if (random.Below(4) == 0) flush_or_swap();
      world.Begin();
      const bool is_disturbed = random.Below(3) == 0;
      const uint64_t at_a_step = random.Below(3) == 0 ? 0 : random.Below(400);
      if (random.Below(4) == 0) world.files.FailChange(1 + random.Below(20), testing::Fault::kIo);
      const uint64_t cancel_in = random.Below(6) == 0 ? random.Below(40) : UINT64_MAX;
      uint64_t step = 0;
      const Status status = world.Finish([&] {
        change(random.Below(at_a_step + 1));
        if (is_disturbed && random.Below(10) == 0) flush_or_swap();
        if (step++ == cancel_in) world.checkpointer().Cancel();
      });
      world.files.FailChange(1, testing::Fault::kIo, 0);
      if (status.ok()) {
        world.ExpectAtCut();
        in_force = world.at_cut;
        in_doubt.clear();
        images += world.stats().old_images;
        tombstones += world.stats().tombstones;
      } else {
        ++failed;
        in_doubt[world.mark.log_offset] = world.at_cut;
        CHECK(world.DifferenceFrom(in_force) == "");
      }
      CHECK(world.checkpointer().image_bytes() == 0);
      if (random.Below(5) == 0) {
        const auto compacted =
            Must(storage::CompactAll(world.files, *world.manifest, {.table_bytes_max = 200'000}));
        CHECK(compacted.records == in_force.size());
        CHECK(world.DifferenceFrom(in_force) == "");
        CHECK(storage::CountRuns(*world.manifest->state()) <= 1);
        ++compactions;
      }
      handovers += world.machine->Handovers();
      if (random.Below(6) == 0) {
        world.Restart();
        const auto found = in_doubt.find(world.manifest->state()->checkpoint.log_offset);
        if (found != in_doubt.end()) in_force = found->second;
        in_doubt.clear();
        CHECK(Difference(world.machine->State(), in_force) == "");
      }
    }
    std::printf("engine/checkpointer: %llu old images, %llu tombstones, %llu failed\n",
                static_cast<unsigned long long>(images),
                static_cast<unsigned long long>(tombstones),
                static_cast<unsigned long long>(failed));
    CHECK(images > 300);
    CHECK(tombstones > 1000);
    CHECK(failed > 0);
    CHECK(handovers > 100);
    CHECK(flushes > 0);
    CHECK(compactions > 0);
  }

  TEST_CASE(
      "a removed key that a table has gets a tombstone once, one that no table has gets none") {
    World world(1);
    world.machine->SetString(0, "stays", "1");
    world.machine->SetString(0, "goes", "2");
    world.Checkpoint();
    CHECK(world.stats().entries == 2);
    world.machine->Delete(0, "goes");
    world.machine->SetString(0, "passes", "3");
    world.machine->Delete(0, "passes");
    CHECK(world.machine->databases().Get(0).removed_keys() == 1);
    world.Checkpoint();
    CHECK(world.stats().entries == 0);
    CHECK(world.stats().tombstones == 1);
    CHECK(RecordsOf(world, 0, "goes") == "tv");
    CHECK(RecordsOf(world, 0, "passes") == "");
    world.Checkpoint();
    CHECK(world.stats().tombstones == 0);
    CHECK(world.stats().tables == 0);
    CHECK(Must(world.manifest->UnknownFiles()).empty());
    world.ExpectAtCut();
    // No longer in a table as far as anybody can see.
    world.machine->SetString(0, "goes", "4");
    world.machine->Delete(0, "goes");
    CHECK(world.machine->databases().Get(0).removed_keys() == 0);
  }

  TEST_CASE(
      "a key that came back before the cut is written as it is, and one that came back after it is "
      "gone") {
    World world(1);
    world.machine->SetString(0, "before", "1");
    world.machine->SetString(0, "after", "1");
    world.Checkpoint();
    world.machine->Delete(0, "before");
    world.machine->Delete(0, "after");
    world.machine->SetString(0, "before", "2");
    world.Begin();
    world.machine->SetString(0, "after", "2");
    Must(world.Finish());
    CHECK(RecordsOf(world, 0, "before") == "vv");
    CHECK(RecordsOf(world, 0, "after") == "tv");
    world.ExpectAtCut();
    world.Checkpoint();
    CHECK(RecordsOf(world, 0, "before") == "vv");
    CHECK(RecordsOf(world, 0, "after") == "vtv");
    world.ExpectAtCut();
  }

  TEST_CASE(
      "a key removed while a checkpoint runs is in it, and gone with the next, wherever the walk "
      "was") {
    for (const bool is_walked : {false, true}) {
      CAPTURE(is_walked);
      World world(1);
      world.machine->SetString(0, "a", "1");
      world.Begin();
      while (is_walked && world.checkpointer().stage() == Checkpointer::Stage::kWalk)
        world.checkpointer().Step(world.machine->self());
      world.machine->Delete(0, "a");
      world.machine->SetString(0, "b", "1");
      world.machine->Delete(0, "b");
      Must(world.Finish());
      CHECK(world.stats().old_images == (is_walked ? 0 : 1));
      CHECK(RecordsOf(world, 0, "a") == "v");
      CHECK(RecordsOf(world, 0, "b") == "");
      world.ExpectAtCut();
      world.Checkpoint();
      CHECK(RecordsOf(world, 0, "a") == "tv");
      CHECK(RecordsOf(world, 0, "b") == "");
      world.ExpectAtCut();
    }
  }

  TEST_CASE("a key that moved is in no table under its new name") {
    World world(1);
    world.machine->SetString(0, "a", "1");
    world.machine->SetString(0, "moves", "2");
    world.machine->SetString(0, "over", "3");
    world.machine->SetString(0, "other", "4");
    world.machine->SetString(2, "there", "5");
    world.Checkpoint();
    world.machine->Move(0, "a", 0, "b");
    world.machine->Delete(0, "b");
    world.machine->Move(0, "moves", 2, "moves");
    world.machine->Delete(2, "moves");
    world.machine->Move(0, "other", 0, "over");
    world.machine->Delete(0, "over");
    world.Checkpoint();
    CHECK(world.stats().entries == 0);
    CHECK(RecordsOf(world, 0, "a") == "tv");
    CHECK(RecordsOf(world, 0, "b") == "");
    CHECK(RecordsOf(world, 0, "moves") == "tv");
    CHECK(RecordsOf(world, 2, "moves") == "");
    CHECK(RecordsOf(world, 2, "there") == "v");
    CHECK(RecordsOf(world, 0, "over") == "tv");
    CHECK(RecordsOf(world, 0, "other") == "tv");
    world.ExpectAtCut();
  }

  TEST_CASE("what is loaded is in a table: removing it leaves a tombstone") {
    World world(1);
    world.machine->SetString(0, "a", "1");
    world.Checkpoint();
    world.Restart();
    world.machine->Delete(0, "a");
    world.Checkpoint();
    CHECK(RecordsOf(world, 0, "a") == "tv");
    world.ExpectAtCut();
  }

  TEST_CASE(
      "a checkpoint that fails marks what it had captured, no more, and keeps the removed keys") {
    for (const bool at_once : {false, true}) {
      CAPTURE(at_once);
      World world(1);
      for (int i = 0; i < 3000; ++i) world.machine->SetString(0, Machine::KeyOf(i), "old");
      world.Checkpoint();
      for (int i = 0; i < 100; ++i) world.machine->SetString(0, Machine::KeyOf(i), "new");
      for (int i = 100; i < 150; ++i) world.machine->Delete(0, Machine::KeyOf(i));
      CHECK(world.machine->CountChanged() == 100);
      for (int attempt = 0; attempt < 2; ++attempt) {
        world.Begin();
        if (!at_once) {
          while (world.checkpointer().stage() != Checkpointer::Stage::kInstall)
            world.checkpointer().Step(world.machine->self());
          CHECK(world.machine->CountChanged() == 0);
        } else {
          world.checkpointer().Step(world.machine->self());
        }
        world.checkpointer().Cancel();
        CHECK(world.Finish().message().find("cancelled") != std::string::npos);
        CHECK(world.machine->CountChanged() == 100);
        CHECK(world.machine->databases().Get(0).removed_keys() == 50);
        CHECK(Must(world.manifest->UnknownFiles()).empty());
      }
      world.Checkpoint();
      CHECK(world.stats().entries == 100);
      CHECK(world.stats().tombstones == 50);
      world.ExpectAtCut();
    }
  }

  TEST_CASE(
      "old images are counted while they wait, and an edit that makes them too many says so") {
    ImageBudget budget;
    budget.bytes_max = 10'000;
    int told = 0;
    budget.full = [&told] { ++told; };
    World world(1, {.cut = {.budget = &budget}});
    for (int i = 0; i < 100; ++i)
      world.machine->SetString(0, Machine::KeyOf(i), std::string(100, 'a'));
    world.Begin();
    CHECK(world.checkpointer().image_bytes() == 0);
    for (int i = 0; i < 20; ++i)
      world.machine->SetString(0, Machine::KeyOf(i), std::string(100, 'b'));
    const uint64_t bytes = world.checkpointer().image_bytes();
    CHECK(bytes > 20 * 100);
    CHECK(bytes < 20 * 400);
    CHECK(told == 0);
    for (int i = 0; i < 100; ++i)
      world.machine->SetString(0, Machine::KeyOf(i), std::string(100, 'c'));
    CHECK(world.checkpointer().image_bytes() > 10'000);
    CHECK(told > 0);
    world.checkpointer().Step(world.machine->self());
    CHECK(world.checkpointer().image_bytes() == 0);
    Must(world.Finish());
    CHECK(world.stats().old_images == 100);
    CHECK(world.stats().image_bytes_peak >= 5 * bytes);
    world.ExpectAtCut();
    // What a table has already needs none.
    world.Checkpoint();
    world.Begin();
    for (int i = 0; i < 100; ++i)
      world.machine->SetString(0, Machine::KeyOf(i), std::string(100, 'd'));
    CHECK(world.checkpointer().image_bytes() == 0);
    Must(world.Finish());
    world.ExpectAtCut();
  }

  TEST_CASE("a shard of large values is let go between them") {
    World world(1);
    for (int i = 0; i < 100; ++i)
      world.machine->SetString(0, Machine::KeyOf(i), std::string(20'000, 'a'));
    world.Begin();
    int steps = 0;
    for (; world.checkpointer().stage() == Checkpointer::Stage::kWalk; ++steps) {
      world.checkpointer().Step(world.machine->self());
      world.machine->SetString(0, Machine::KeyOf(steps), "b");
    }
    CHECK(steps > 20);
    CHECK(steps <= static_cast<int>(kShardBuckets) + 1);
    Must(world.Finish());
    CHECK(world.stats().old_images > 0);
    world.ExpectAtCut();
  }

  TEST_CASE(
      "the second checkpoint after changing one key in a hundred writes a fortieth of the first") {
    World world(1);
    const std::string value(64, 'v');
    constexpr int kKeys = 100'000;
    for (int i = 0; i < kKeys; ++i) world.machine->SetString(0, Machine::KeyOf(i), value);
    world.Checkpoint();
    const auto first = world.stats();
    CHECK(first.entries == kKeys);
    CHECK(first.bytes > kKeys * 64);
    for (int i = 0; i < kKeys / 100; ++i)
      world.machine->SetString(0, Machine::KeyOf(static_cast<int>(world.random.Below(kKeys))),
                               "x" + value);
    world.Checkpoint();
    CHECK(world.stats().entries > kKeys / 100 * 9 / 10);
    CHECK(world.stats().bytes * 40 < first.bytes);
    world.ExpectAtCut();
  }

  TEST_CASE(
      "FLUSHALL frees the disk with the next checkpoint, while a flushed database's tables wait "
      "for a compaction") {
    World world(1);
    for (unsigned db = 0; db < 2; ++db)
      for (int i = 0; i < 1000; ++i)
        world.machine->SetString(db, Machine::KeyOf(i), std::string(100, 'a'));
    world.Checkpoint();
    const uint64_t used = world.files.used_bytes();
    world.machine->Flush(0);
    world.machine->SetString(0, "new", "1");
    world.Checkpoint();
    CHECK(world.files.used_bytes() > used);
    CHECK(world.manifest->state()->dropped_spaces == std::vector<uint32_t>{0});
    world.ExpectAtCut();
    const auto compacted = Must(storage::CompactAll(world.files, *world.manifest));
    CHECK(compacted.tables_before == 2);
    CHECK(compacted.tables == 1);
    CHECK(compacted.records == 1001);
    CHECK(world.manifest->state()->dropped_spaces.empty());
    Must(world.manifest->RemoveUnknownFiles());
    CHECK(world.files.used_bytes() < used * 2 / 3);
    world.ExpectAtCut();
    for (unsigned db = 0; db < 2; ++db) world.machine->Flush(db);
    world.Checkpoint();
    CHECK(world.manifest->state()->tables.empty());
    CHECK(world.manifest->state()->databases.empty());
    CHECK(world.files.used_bytes() < 1000);
    world.ExpectAtCut();
  }

  TEST_CASE(
      "two databases that are exchanged are two numbers in the manifest, and nothing is written "
      "anew") {
    World world(1);
    world.machine->SetString(0, "a", "1");
    world.machine->SetString(1, "b", "1");
    world.Checkpoint();
    world.Begin();
    world.machine->Swap(0, 1);
    Must(world.Finish());
    world.ExpectAtCut();
    world.Checkpoint();
    CHECK(world.stats().entries == 0);
    world.ExpectAtCut();
    CHECK(world.at_cut.contains({1, "a"}));
  }

  TEST_CASE("the manifest knows about how much of its tables is dead") {
    World world(1);
    for (int i = 0; i < 1000; ++i)
      world.machine->SetString(0, Machine::KeyOf(i), std::string(100, 'a'));
    world.Checkpoint();
    for (int i = 0; i < 250; ++i) world.machine->Delete(0, Machine::KeyOf(i));
    for (int i = 250; i < 500; ++i) world.machine->SetString(0, Machine::KeyOf(i), "b");
    world.machine->SetString(0, "new", "b");
    world.Checkpoint();
    const auto tables = world.manifest->state()->tables;
    REQUIRE(tables.size() == 2);
    CHECK(tables[0].dead_bytes == tables[0].file_bytes / 2);
    CHECK(tables[1].dead_bytes == 0);
  }

  TEST_CASE("the numbers of cuts go round") {
    World world(1);
    world.machine->SetString(0, "a", "1");
    world.machine->Exclusive([&] {
      Keyspace& keyspace = world.machine->databases().Get(0);
      keyspace.BeginCut(nullptr, UINT16_MAX - 1);
    });
    for (int round = 0; round < 4; ++round) {
      world.machine->SetString(0, "b" + std::to_string(round), "1");
      world.Begin();
      world.machine->SetString(0, "b" + std::to_string(round), "2");
      world.machine->SetString(0, "c" + std::to_string(round), "1");
      Must(world.Finish());
      world.ExpectAtCut();
      CHECK(world.machine->databases().Get(0).epoch() == (round == 0 ? UINT16_MAX : round));
    }
  }
}

}  // namespace
}  // namespace terrace::engine
