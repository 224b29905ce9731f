// Large collections in checkpoints: captured a piece at a time, they are in the tables what they were at the cut, whatever
// becomes of them meanwhile.
#include "engine/large_capture.h"

#include <doctest/doctest.h>

#include <string>

#include "engine/checkpoint_run.h"
#include "engine/large_keys.h"

namespace terrace::engine {
namespace {

using storage::PrintedSeed;

/// A world with large collections.
class LargeWorld : public World, public LargeKeys {
 public:
  explicit LargeWorld(uint64_t seed)
      : World(seed, {.cut = {.large = kInSmallPieces}}), LargeKeys(random, machine) {}
};

TEST_SUITE("engine/large_capture") {
  TEST_CASE("large collections are what they were at the cut, however they are edited meanwhile") {
    LargeWorld world(PrintedSeed("engine/large_capture edits"));
    for (int round = 0; round < 12; ++round) {
      CAPTURE(round);
      const uint64_t growing = round % 3 == 0 ? 90 : round % 3 == 1 ? 10 : 50;
      for (uint64_t i = 0; i < world.random.Below(2000); ++i) world.EditSomething(growing);
      for (const LargeKey& large : kLargeKeys) world.Add(0, large, world.AnyMember());
      world.Begin();
      uint64_t steps = 0;
      Must(world.Finish([&] {
        ++steps;
        for (uint64_t i = world.random.Below(20); i > 0; --i) world.EditSomething(growing);
      }));
      world.ExpectAtCut();
      CHECK(steps > 100);
      CHECK(world.stats().piece_items_peak > 0);
      CHECK(world.stats().piece_items_peak < kPieceItems + kBucketItems);
      CHECK(world.checkpointer().image_bytes() == 0);
      if (round % 4 == 3) world.Restart();
    }
  }

  TEST_CASE("whatever becomes of large keys as a whole, a checkpoint or its failure is right") {
    LargeWorld world(PrintedSeed("engine/large_capture whole"));
    int failed = 0;
    WorldState in_force;
    for (int round = 0; round < 40; ++round) {
      CAPTURE(round);
      for (int i = 0; i < 5; ++i) world.DisturbSomething();
      for (int i = 0; i < 100; ++i) world.EditSomething(50);
      world.Begin();
      const uint64_t cancel_in = world.random.Below(3) == 0 ? world.random.Below(150) : UINT64_MAX;
      uint64_t step = 0;
      const Status status = world.Finish([&] {
        if (world.random.Below(30) == 0) world.DisturbSomething();
        for (uint64_t i = world.random.Below(4); i > 0; --i) world.EditSomething(50);
        if (step++ == cancel_in) world.checkpointer().Cancel();
      });
      CHECK(world.checkpointer().image_bytes() == 0);
      if (status.ok()) in_force = world.at_cut;
      failed += status.ok() ? 0 : 1;
      CHECK(world.DifferenceFrom(in_force) == "");
      if (round % 10 == 9) {
        world.Checkpoint();
        world.Restart();
        in_force = world.machine->State();
        CHECK(Difference(in_force, world.at_cut) == "");
      }
    }
    CHECK(failed > 3);
  }

  TEST_CASE(
      "a large key that is deleted, overwritten, expired or flushed during its capture is in the "
      "tables as it was") {
    for (const LargeKey& large : kLargeKeys) {
      CAPTURE(large.key);
      const std::string key = large.key;
      for (int way = 0; way < 6; ++way) {
        CAPTURE(way);
        LargeWorld world(1);
        world.Begin();
        // By hash the walk comes to each of them some time; it has begun with all of them after these edits.
        for (const LargeKey& other : kLargeKeys) world.Add(0, other, "new");
        for (int i = 0; i < 30; ++i) REQUIRE(world.checkpointer().Step(world.machine->self()));
        if (way == 0) world.machine->Delete(0, key);
        if (way == 1) world.machine->SetString(0, key, "a string");
        if (way == 2) {
          world.machine->SetDeadline(0, key, world.machine->now_ms + 5);
          world.machine->now_ms += 10;
          world.machine->Touch(0, key);
        }
        if (way == 3) world.machine->Flush(0);
        if (way == 4) world.machine->Move(0, key, 0, "another name");
        if (way == 5) world.machine->Move(0, key, 1, key);
        if (way >= 4) {
          const LargeKey moved{way == 4 ? "another name" : large.key, large.type};
          for (int i = 0; i < 100; ++i) world.Add(way == 4 ? 0 : 1, moved, world.AnyMember());
        }
        Must(world.Finish());
        world.ExpectAtCut();
        const WorldState now = world.machine->State();
        CHECK(now.contains({0, key}) == (way == 1));
        world.Checkpoint();
        world.ExpectAtCut();
      }
    }
  }

  TEST_CASE("a large key that is renamed or moved during its capture is followed, not copied") {
    for (const LargeKey& large : kLargeKeys) {
      CAPTURE(large.key);
      for (int way = 0; way < 6; ++way) {
        CAPTURE(way);
        LargeWorld world(1);
        Machine& machine = *world.machine;
        machine.SetString(1, "a key", "so that the database takes part");
        machine.SetString(0, "another name", "to be overwritten");
        world.Begin();
        for (const LargeKey& other : kLargeKeys) world.Add(0, other, "new");
        for (int i = 0; i < 30; ++i) REQUIRE(world.checkpointer().Step(machine.self()));
        const uint64_t kept = world.checkpointer().image_bytes();
        const unsigned db = way < 3 ? 0 : 1;
        const LargeKey moved{"another name", large.type};
        machine.Move(0, large.key, db, moved.key);
        CHECK(world.checkpointer().image_bytes() <= kept + 100);  // an old image of what was there
        if (way == 1 || way == 4) {
          machine.Move(db, moved.key, 0, large.key);
          machine.Delete(0, large.key);
        }
        if (way == 2 || way == 5) machine.Flush(db);
        for (int i = 0; i < 100; ++i) world.Add(db, moved, world.AnyMember());
        Must(world.Finish([&] {
          if (way == 0 || way == 3) world.Add(db, moved, world.AnyMember());
        }));
        world.ExpectAtCut();
        CHECK(world.stats().piece_items_peak < kPieceItems + kBucketItems);
        CHECK(world.checkpointer().image_bytes() == 0);
        world.Checkpoint();
        world.ExpectAtCut();
      }
    }
  }

  TEST_CASE("a database that was flushed is needed while a captured value lies in it") {
    // The walk is in the first database, or is through with it, when values of the second lie there and it is flushed.
    int early = 0, late = 0;
    for (int flushed_after = 0;; flushed_after += 29) {
      CAPTURE(flushed_after);
      LargeWorld world(1);
      Machine& machine = *world.machine;
      for (const LargeKey& large : kLargeKeys) machine.Copy(0, large.key, 1, large.key);
      world.Begin();
      for (const LargeKey& large : kLargeKeys) world.Add(1, large, "new");
      int steps = 0;
      Must(world.Finish([&] {
        if (steps++ != flushed_after) return;
        for (const LargeKey& large : kLargeKeys) machine.Move(1, large.key, 0, large.key);
        machine.Flush(0);
        machine.SetString(0, "a key", "of the new keyspace");
      }));
      if (steps <= flushed_after) break;
      world.ExpectAtCut();
      (2 * flushed_after < steps ? early : late) += 1;
      world.Checkpoint();
      world.ExpectAtCut();
    }
    CHECK(early > 10);
    CHECK(late > 10);
  }

  TEST_CASE("two large keys that were moved to one name are both in the tables as they were") {
    // Whichever is captured, and freed, first.
    for (size_t i = 0; i < 2 * std::size(kLargeKeys); ++i) {
      CAPTURE(i);
      LargeWorld world(1);
      Machine& machine = *world.machine;
      world.Begin();
      for (const LargeKey& large : kLargeKeys) world.Add(0, large, "new");
      const size_t one = i / 2, other = (one + 1) % std::size(kLargeKeys);
      const LargeKey& first = kLargeKeys[i % 2 == 0 ? one : other];
      const LargeKey& second = kLargeKeys[i % 2 == 0 ? other : one];
      machine.Move(0, first.key, 0, "one name");
      machine.Move(0, second.key, 0, "one name");
      int steps = 0;
      Must(world.Finish([&] {
        if (steps++ != 400) return;
        if (i % 4 == 0) machine.Delete(0, "one name");
        if (i % 4 == 1) machine.Move(0, "one name", 0, "another");
        if (i % 4 == 2) world.Add(0, {"one name", second.type}, "newer");
      }));
      CHECK(steps > 400);
      world.ExpectAtCut();
      world.Checkpoint();
      world.ExpectAtCut();
    }
  }

  TEST_CASE(
      "a large key from which everything is taken during its capture is in the tables as it was") {
    for (const LargeKey& large : kLargeKeys) {
      LargeWorld world(1);
      world.Begin();
      int erased = 0;
      Must(world.Finish([&] {
        for (int i = 0; i < 50 && erased < 2 * kMembers; ++i, ++erased)
          world.Erase(0, large, world.Member(static_cast<uint64_t>(erased)));
      }));
      world.ExpectAtCut();
    }
  }

  TEST_CASE(
      "after a power cut at any moment the tables in force have all of the large collections") {
    const uint64_t seed = PrintedSeed("engine/large_capture crash");
    uint64_t old_ones = 0, new_ones = 0;
    for (uint64_t n = 1;; ++n) {
      CAPTURE(n);
      LargeWorld world(seed);
      world.Checkpoint();
      const WorldState before = world.at_cut;
      for (int i = 0; i < 300; ++i) world.EditSomething(50);
      const uint64_t changes = world.files.changes();
      world.files.StopAt(n);
      world.Begin();
      const Status status = world.Finish([&] { world.EditSomething(50); });
      if (world.files.changes() - changes < n) break;
      for (uint64_t outcome = 0; outcome < 3; ++outcome) {
        const auto disk = world.files.Crash(outcome);
        const auto manifest = Must(storage::Manifest::Open(*disk, kWorldDirectory));
        const WorldState state = LoadedState(*disk, *manifest);
        const bool is_old = Difference(state, before) == "";
        const bool is_new = Difference(state, world.at_cut) == "";
        CHECK((is_old || is_new));
        if (status.ok()) CHECK(is_new);
        old_ones += is_old ? 1 : 0;
        new_ones += is_new ? 1 : 0;
      }
    }
    CHECK(old_ones > 0);
    CHECK(new_ones > 0);
  }

  TEST_CASE(
      "whichever change of a file fails, the tables in force are whole, and so are the next") {
    LargeWorld world(PrintedSeed("engine/large_capture failure"));
    world.Checkpoint();
    WorldState in_force = world.at_cut;
    for (uint64_t n = 1, good = 0; good < 2; ++n) {
      CAPTURE(n);
      world.files.FailChange(n, n % 2 == 0 ? testing::Fault::kShortWrite : testing::Fault::kIo);
      const uint64_t changes = world.files.changes();
      for (const LargeKey& large : kLargeKeys) world.Add(0, large, world.AnyMember());
      world.Begin();
      const Status status = world.Finish([&] { world.EditSomething(50); });
      good += status.ok() && world.files.changes() - changes < n ? 1 : 0;
      world.files.FailChange(1'000'000, testing::Fault::kIo);
      // An install that failed may have happened.
      const std::string difference = world.DifferenceFrom(world.at_cut);
      if (status.ok()) CHECK(difference == "");
      if (difference == "") in_force = world.at_cut;
      CHECK(world.DifferenceFrom(in_force) == "");
    }
    world.Checkpoint();
    world.ExpectAtCut();
  }

  TEST_CASE("what edits of large collections make a checkpoint keep counts for its budget") {
    LargeWorld world(1);
    world.Begin();
    const uint64_t nothing = world.checkpointer().image_bytes();
    CHECK(nothing == 0);
    for (int i = 0; i < 1000; ++i)
      world.Add(0, kLargeKeys[3], world.Member(static_cast<uint64_t>(i)));
    const uint64_t kept = world.checkpointer().image_bytes();
    CHECK(kept > 1000 * 20);
    CHECK(kept < 1000 * 100);
    Must(world.Finish());
    CHECK(world.checkpointer().image_bytes() == 0);
    CHECK(world.stats().image_bytes_peak >= kept);
    CHECK(world.stats().old_images == 1);
  }

  TEST_CASE(
      "after a failure large collections are marked as changed, and the next checkpoint has them") {
    LargeWorld world(1);
    world.Checkpoint();
    for (const LargeKey& large : kLargeKeys) world.Add(0, large, "new");
    world.Begin();
    world.Add(0, kLargeKeys[0], "newer");
    for (int i = 0; i < 100; ++i) REQUIRE(world.checkpointer().Step(world.machine->self()));
    world.checkpointer().Cancel();
    CHECK(!world.Finish().ok());
    CHECK(world.machine->CountChanged() == std::size(kLargeKeys));
    world.Checkpoint();
    world.ExpectAtCut();
    CHECK(world.machine->CountChanged() == 0);
  }
}

}  // namespace
}  // namespace terrace::engine
