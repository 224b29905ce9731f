// Large collections in dumps: captured a piece at a time, they are in the file what they were at the cut, whatever becomes of
// them meanwhile.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "engine/access_clock.h"
#include "engine/dump_run.h"
#include "engine/large_keys.h"
#include "engine/residency.h"

namespace terrace::engine {
namespace {

using storage::PrintedSeed;
using testing::Fault;

class LargeDumpWorld : public DumpWorld, public LargeKeys {
 public:
  explicit LargeDumpWorld(uint64_t seed)
      : DumpWorld(seed, kInSmallPieces), LargeKeys(random, machine) {}

  void TouchAll() {
    for (const LargeKey& large : kLargeKeys) Add(0, large, "new");
  }
};

TEST_SUITE("engine/large_dump") {
  TEST_CASE("large collections are what they were at the cut, however they are edited meanwhile") {
    LargeDumpWorld world(PrintedSeed("engine/large_dump edits"));
    for (int round = 0; round < 12; ++round) {
      CAPTURE(round);
      const uint64_t growing = round % 3 == 0 ? 90 : round % 3 == 1 ? 10 : 50;
      for (uint64_t i = 0; i < world.random.Below(2000); ++i) world.EditSomething(growing);
      world.TouchAll();
      Must(world.Begin());
      uint64_t steps = 0;
      Must(world.Finish([&] {
        ++steps;
        for (uint64_t i = world.random.Below(20); i > 0; --i) world.EditSomething(growing);
      }));
      CHECK(world.DifferenceFromCut() == "");
      CHECK(steps > 100);
      const Dumper::Stats stats = world.dumper->stats().value();
      CHECK(stats.keys == world.at_cut.size());
      CHECK(stats.piece_items_peak > 0);
      CHECK(stats.piece_items_peak < kPieceItems + kBucketItems);
      CHECK(world.dumper->image_bytes() == 0);
    }
  }

  TEST_CASE("whatever becomes of large keys as a whole, a dump is right, or is given up") {
    LargeDumpWorld world(PrintedSeed("engine/large_dump whole"));
    Marks marks;
    int given_up = 0;
    Must(world.Dump());
    for (int round = 0; round < 60; ++round) {
      CAPTURE(round);
      for (int i = 0; i < 5; ++i) world.DisturbSomething();
      for (int i = 0; i < 100; ++i) world.EditSomething(50);
      const std::string before = world.files.Contents(kDumpPath);
      Must(world.Begin());
      const uint64_t cancel_in = world.random.Below(3) == 0 ? world.random.Below(150) : UINT64_MAX;
      uint64_t step = 0;
      const Status status = world.Finish([&] {
        if (world.random.Below(30) == 0) world.DisturbSomething();
        for (uint64_t i = world.random.Below(4); i > 0; --i) world.EditSomething(50);
        if (step++ == cancel_in) world.dumper->Cancel();
      });
      CHECK(world.dumper->image_bytes() == 0);
      CHECK(world.CountUnstamped() == 0);
      if (status.ok()) {
        CHECK(world.DifferenceFromCut() == "");
      } else {
        ++given_up;
        CHECK(world.files.Contents(kDumpPath) == before);
      }
      if (round % 7 == 6) {
        const WorldState state = world.machine->State();
        world.machine->Exclusive(
            [&] { world.machine->checkpointer().Begin(marks.Next(world.random)); });
        Must(world.machine->checkpointer().Run(world.machine->self()));
        CHECK(Difference(LoadedState(world.files, *world.manifest), state) == "");
      }
    }
    CHECK(given_up > 3);
  }

  TEST_CASE(
      "a large key that is deleted, overwritten, expired, flushed, exchanged or moved during its "
      "capture is in the file as it was") {
    enum Way { kDelete, kOverwrite, kExpire, kFlush, kSwap, kRename, kMove, kWays };
    for (const LargeKey& large : kLargeKeys) {
      CAPTURE(large.key);
      const std::string key = large.key;
      for (int way = 0; way < kWays; ++way) {
        CAPTURE(way);
        LargeDumpWorld world(1);
        Machine& machine = *world.machine;
        Must(world.Begin());
        // The walk has begun with all of them after these edits, and is somewhere among them after those steps.
        world.TouchAll();
        for (int i = 0; i < 30; ++i) REQUIRE(world.dumper->Step(machine.self()));
        if (way == kDelete) machine.Delete(0, key);
        if (way == kOverwrite) machine.SetString(0, key, "a string");
        if (way == kExpire) {
          machine.SetDeadline(0, key, machine.now_ms + 5);
          machine.now_ms += 10;
          machine.Touch(0, key);
        }
        if (way == kFlush) machine.Flush(0);
        if (way == kSwap) machine.Swap(0, 1);
        if (way == kRename) machine.Move(0, key, 0, "another name");
        if (way == kMove) machine.Move(0, key, 1, key);
        if (way >= kSwap) {
          const LargeKey moved{way == kRename ? "another name" : large.key, large.type};
          for (int i = 0; i < 100; ++i) world.Add(way == kRename ? 0 : 1, moved, world.AnyMember());
        }
        Must(world.Finish());
        CHECK(world.DifferenceFromCut() == "");
        Must(world.Dump());
        CHECK(world.DifferenceFromCut() == "");
      }
    }
  }

  TEST_CASE("a database that was flushed is needed while a captured value lies in it") {
    // The walk is in the first database, or is through with it, when values of the second lie there and it is flushed.
    int rounds = 0;
    for (int flushed_after = 0;; flushed_after += 29, ++rounds) {
      CAPTURE(flushed_after);
      LargeDumpWorld world(1);
      Machine& machine = *world.machine;
      for (const LargeKey& large : kLargeKeys) machine.Copy(0, large.key, 1, large.key);
      Must(world.Begin());
      for (const LargeKey& large : kLargeKeys) world.Add(1, large, "new");
      int steps = 0;
      Must(world.Finish([&] {
        if (steps++ != flushed_after) return;
        for (const LargeKey& large : kLargeKeys) machine.Move(1, large.key, 0, large.key);
        machine.Flush(0);
        machine.SetString(0, "a key", "of the new keyspace");
      }));
      if (steps <= flushed_after) break;
      CHECK(world.DifferenceFromCut() == "");
      Must(world.Dump());
      CHECK(world.DifferenceFromCut() == "");
    }
    CHECK(rounds > 20);
  }

  TEST_CASE("what a dump keeps of large collections counts for its budget until it is given up") {
    LargeDumpWorld world(1);
    Must(world.Begin());
    CHECK(world.dumper->image_bytes() == 0);
    for (uint64_t i = 0; i < 1000; ++i) world.Add(0, kLargeKeys[3], world.Member(i));
    const uint64_t kept = world.dumper->image_bytes();
    CHECK(kept > 1000 * 20);
    CHECK(kept < 1000 * 100);
    SUBCASE("to the end") {
      Must(world.Finish());
      CHECK(world.dumper->stats()->image_bytes_peak >= kept);
      CHECK(world.dumper->stats()->old_images == 1);
    }
    SUBCASE("what is moved to a database that has no part in the cut counts, too") {
      world.machine->Move(0, kLargeKeys[3].key, 1, "another name");
      CHECK(world.dumper->image_bytes() > kept + 1000 * 10);
      Must(world.Finish());
      CHECK(world.DifferenceFromCut() == "");
    }
    SUBCASE("given up") {
      for (int i = 0; i < 20; ++i) REQUIRE(world.dumper->Step(world.machine->self()));
      world.dumper->Cancel();
      CHECK_FALSE(world.Finish().ok());
    }
    CHECK(world.dumper->image_bytes() == 0);
  }

  TEST_CASE(
      "streams are written for readers of the version, and timed fields ask for a newer one") {
    LargeDumpWorld world(1);
    Must(world.Begin(rdb::kRdbVersionDefault));
    CHECK_FALSE(world.Finish().ok());
    CHECK(world.dumper->version_too_low());
    for (const char* timed : {"large hash", "large timed hash"}) world.machine->Delete(0, timed);
    Must(world.Begin(rdb::kRdbVersionDefault));
    Must(world.Finish());
    CHECK(world.DifferenceFromCut() == "");
    const std::string name = std::string(1, 12) + "large stream";
    const std::string old_file = world.files.Contents(kDumpPath);
    CHECK(old_file[old_file.find(name) - 1] ==
          static_cast<char>(rdb::ValueCode::kStreamListpacks2));
    Must(world.Dump());
    const std::string file = world.files.Contents(kDumpPath);
    CHECK(file[file.find(name) - 1] == static_cast<char>(rdb::ValueCode::kStreamListpacks3));
  }

  TEST_CASE("a large collection that is being dumped does not leave memory") {
    LargeDumpWorld world(1);
    Machine& machine = *world.machine;
    Marks marks;
    machine.Exclusive([&] { machine.checkpointer().Begin(marks.Next(world.random)); });
    Must(machine.checkpointer().Run(machine.self()));
    const auto may_go = [&] {
      int count = 0;
      for (const LargeKey& large : kLargeKeys) {
        machine.LookAt(0, large.key, [&](Entry& entry) {
          count += Residency::CanLetGo(machine.databases().Get(0), entry) ? 1 : 0;
        });
      }
      return count;
    };
    const int all = may_go();
    CHECK(all == 4);  // those without timed fields
    Must(world.Begin());
    int fewest = all;
    Must(world.Finish([&] { fewest = std::min(fewest, may_go()); }));
    CHECK(fewest == 0);
    CHECK(may_go() == all);
  }

  TEST_CASE("a large key has its deadline and what the eviction policy knows of it") {
    LargeDumpWorld world(1);
    world.clock.AdvanceMs(5'000'000);
    for (const LargeKey& large : kLargeKeys)
      if (large.key != Bytes("large zset")) world.machine->Delete(0, large.key);
    world.machine->SetDeadline(0, "large zset", 0x1234567890);
    world.machine->LookAt(0, "large zset", [&](Entry& entry) {
      entry.set_access(LfuPack(LfuMinutes(world.clock.WallMs()), 77));
    });
    Must(world.dumper->Open({.directory = kWorldDirectory,
                             .name = kDumpName,
                             .name_of_new = "new",
                             .kept = KeptAccess::kFrequency}));
    world.machine->Exclusive([&] { world.dumper->Begin(); });
    Must(world.Finish());
    const std::string facts =
        std::string("\xfc\x90\x78\x56\x34\x12\0\0\0\xf9\x4d\5\12large zset", 23);
    CHECK(world.files.Contents(kDumpPath).find(facts) != std::string::npos);
  }

  TEST_CASE("whichever change of a file fails, the next dump is whole") {
    LargeDumpWorld world(PrintedSeed("engine/large_dump failure"));
    Must(world.Dump());
    for (uint64_t n = 1, good = 0; good < 2; ++n) {
      CAPTURE(n);
      const std::string before = world.files.Contents(kDumpPath);
      world.files.FailChange(n, n % 2 == 0 ? Fault::kShortWrite : Fault::kIo);
      const uint64_t changes = world.files.changes();
      Status status = world.Begin();
      if (status.ok()) {
        status = world.Finish([&] {
          for (int i = 0; i < 3; ++i) world.EditSomething(50);
        });
      }
      const bool met = world.files.changes() - changes >= n;
      good += status.ok() && !met ? 1 : 0;
      if (!status.ok()) {
        CHECK(world.CountUnstamped() == 0);
        CHECK((world.files.Contents(kDumpPath) == before || world.DifferenceFromCut() == ""));
      } else {
        CHECK(world.DifferenceFromCut() == "");
      }
      world.files.FailChange(1'000'000, Fault::kIo);
    }
    Must(world.Dump());
    CHECK(world.DifferenceFromCut() == "");
  }

  TEST_CASE(
      "after a power cut at any moment the name has the file of before or the new one, whole") {
    const uint64_t seed = PrintedSeed("engine/large_dump crash");
    uint64_t old_ones = 0, new_ones = 0;
    for (uint64_t n = 1;; ++n) {
      CAPTURE(n);
      LargeDumpWorld world(seed);
      Must(world.Dump());
      const WorldState before = world.at_cut;
      for (int i = 0; i < 300; ++i) world.EditSomething(50);
      const uint64_t changes = world.files.changes();
      world.files.StopAt(n);
      Status status = world.Begin();
      if (status.ok()) status = world.Finish([&] { world.EditSomething(50); });
      if (world.files.changes() - changes < n) break;
      for (uint64_t outcome = 0; outcome < 3; ++outcome) {
        const WorldState state = DumpedState(world.files.Crash(outcome)->Contents(kDumpPath));
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
}

}  // namespace
}  // namespace terrace::engine
