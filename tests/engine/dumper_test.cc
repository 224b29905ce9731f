// Dumps of databases that go on changing: what is read from the file is what the databases held at the cut, key by key,
// whatever happened before, meanwhile and since; and checkpoints in between find what they would have found without.
#include "engine/dumper.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "engine/access_clock.h"
#include "engine/dump_run.h"

namespace terrace::engine {
namespace {

using storage::PrintedSeed;
using testing::Fault;

TEST_SUITE("engine/dumper") {
  TEST_CASE("what is read from the file is the state at the cut, whatever goes on around it") {
    DumpWorld world(PrintedSeed("engine/dumper"));
    Random& random = world.random;
    uint64_t images = 0;
    for (int round = 0; round < 32; ++round) {
      CAPTURE(round);
      const uint64_t growing = round % 8 < 4 ? 80 : 15;
      world.Change(random.Below(6000), growing);
      if (random.Below(4) == 0) world.FlushOrSwap();
      if (round % 3 == 1) {
        // A checkpoint knows what has changed, dump or no dump.
        Marks marks;
        const WorldState state = world.machine->State();
        world.machine->Exclusive([&] { world.machine->checkpointer().Begin(marks.Next(random)); });
        Must(world.machine->checkpointer().Run(world.machine->self()));
        CHECK(Difference(LoadedState(world.files, *world.manifest), state) == "");
      }
      Must(world.Begin());
      const bool quiet = round % 4 == 0;
      Must(world.Finish([&] {
        if (quiet) return;
        world.Change(random.Below(40), growing);
        if (random.Below(200) == 0) world.FlushOrSwap();
      }));
      CHECK(world.DifferenceFromCut() == "");
      const Dumper::Stats stats = world.dumper->stats().value();
      CHECK(stats.keys == world.at_cut.size());
      CHECK(stats.bytes == world.files.Contents(kDumpPath).size());
      CHECK(world.dumper->image_bytes() == 0);
      CHECK(!world.files.Exists(kDumpPathOfNew));
      images += stats.old_images;
    }
    CHECK(images > 0);
  }

  TEST_CASE("the marks that checkpoints go by are as they were") {
    DumpWorld world(PrintedSeed("engine/dumper/marks"));
    world.Change(3000, 80);
    Marks marks;
    world.machine->Exclusive(
        [&] { world.machine->checkpointer().Begin(marks.Next(world.random)); });
    Must(world.machine->checkpointer().Run(world.machine->self()));
    world.Change(300, 50);
    const uint64_t changed = world.machine->CountChanged();
    CHECK(changed > 0);
    Must(world.Dump());
    CHECK(world.machine->CountChanged() == changed);
  }

  TEST_CASE("one that is given up has been everywhere all the same, and leaves the file that was") {
    DumpWorld world(PrintedSeed("engine/dumper/cancel"));
    world.Change(5000, 80);
    Must(world.Dump());
    const std::string before = world.files.Contents(kDumpPath);
    int given_up = 0;
    for (int steps = 0; steps < 20; steps += 3) {
      CAPTURE(steps);
      world.Change(500, 60);
      Must(world.Begin());
      int left = steps;
      bool cancelled = false;
      const Status status = world.Finish([&] {
        world.Change(5, 60);
        if (left-- != 0 || world.dumper->stage() != Dumper::Stage::kWalk) return;
        cancelled = true;
        world.dumper->Cancel();
        if (steps % 2 == 0) world.FlushOrSwap();
      });
      if (!cancelled) break;  // it does not take so many steps
      ++given_up;
      CHECK(status.message() == "the dump was cancelled");
      CHECK(world.CountUnstamped() == 0);
      CHECK(world.dumper->image_bytes() == 0);
      CHECK(world.files.Contents(kDumpPath) == before);
      CHECK(!world.files.Exists(kDumpPathOfNew));
    }
    CHECK(given_up >= 2);
    Must(world.Dump());
    CHECK(world.DifferenceFromCut() == "");
  }

  TEST_CASE("whichever change of a file fails, it is said, and the next dump is whole") {
    DumpWorld world(PrintedSeed("engine/dumper/failure"));
    world.Change(6000, 90);
    Must(world.Dump());
    for (uint64_t n = 1, good = 0; good < 2; ++n) {
      CAPTURE(n);
      world.Change(50, 50);
      const std::string before = world.files.Contents(kDumpPath);
      world.files.FailChange(n, n % 2 == 0 ? Fault::kShortWrite : Fault::kIo);
      const uint64_t changes = world.files.changes();
      const Status status = world.Dump();
      const bool met = world.files.changes() - changes >= n;
      // A file of before that cannot be removed is met again as one that is there, and said.
      good += status.ok() && !met ? 1 : 0;
      if (!status.ok()) {
        CHECK(world.CountUnstamped() == 0);
        const std::string now = world.files.Contents(kDumpPath);
        CHECK((now == before || Difference(DumpedState(now), world.at_cut) == ""));
      } else {
        CHECK(world.DifferenceFromCut() == "");
      }
      world.files.FailChange(1'000'000, Fault::kIo);
      Must(world.Dump());
      CHECK(world.DifferenceFromCut() == "");
    }
  }

  TEST_CASE(
      "after a power cut at any moment the name has the file of before or the new one, whole") {
    const uint64_t seed = PrintedSeed("engine/dumper/crash");
    uint64_t stops = 0, old_ones = 0, new_ones = 0;
    for (uint64_t n = 1;; ++n) {
      CAPTURE(n);
      DumpWorld world(seed);
      world.Change(4000, 90);
      Must(world.Dump());
      const WorldState before = world.at_cut;
      world.Change(1000, 50);
      const uint64_t changes = world.files.changes();
      world.files.StopAt(n);
      const Status status = world.Dump();
      if (world.files.changes() - changes < n) break;
      ++stops;
      for (uint64_t outcome = 0; outcome < 6; ++outcome) {
        const auto disk = world.files.Crash(outcome);
        const WorldState state = DumpedState(disk->Contents(kDumpPath));
        const bool is_old = Difference(state, before) == "";
        const bool is_new = Difference(state, world.at_cut) == "";
        CHECK((is_old || is_new));
        if (status.ok()) CHECK(is_new);
        old_ones += is_old ? 1 : 0;
        new_ones += is_new ? 1 : 0;
      }
    }
    MESSAGE(stops, " stops: ", old_ones, " old files, ", new_ones, " new ones");
    CHECK(old_ones > 0);
    CHECK(new_ones > 0);
  }

  TEST_CASE("a field's deadline that comes in between asks for a newer version of RDB") {
    DumpWorld world(1);
    Machine& machine = *world.machine;
    for (int i = 0; i < 2000; ++i) machine.SetString(1, Machine::KeyOf(i), "value");
    machine.self().In();
    CHECK(RdbVersionFor(machine.databases()) == rdb::kRdbVersionDefault);
    machine.self().Out();
    Must(world.Dump());
    REQUIRE(world.Begin(rdb::kRdbVersionDefault).ok());
    CHECK(world.Finish().ok());
    CHECK(!world.dumper->version_too_low());
    // So many changes that some hash has fields with deadlines.
    world.Change(4000, 100);
    machine.self().In();
    CHECK(RdbVersionFor(machine.databases()) == rdb::kRdbVersionTimedFields);
    machine.self().Out();
    REQUIRE(world.Begin(rdb::kRdbVersionDefault).ok());
    CHECK(!world.Finish().ok());
    CHECK(world.dumper->version_too_low());
    Must(world.Dump());
    CHECK(!world.dumper->version_too_low());
    CHECK(world.DifferenceFromCut() == "");
  }

  TEST_CASE("what the eviction policy knows of a key is in the file") {
    // How the keys of the file were used; the only thing that differs between them.
    class Used final : public rdb::FileTaker {
     public:
      Status TakeDatabase(uint64_t) override { return Status::Ok(); }
      Status TakeKey(Bytes key, const rdb::KeyFacts& facts, const rdb::PayloadBody&) override {
        lines[std::string(key)] = facts.idle_seconds ? "idle " + std::to_string(*facts.idle_seconds)
                                  : facts.frequency
                                      ? "frequency " + std::to_string(*facts.frequency)
                                      : "unknown";
        return Status::Ok();
      }
      Status TakeFunctions(Bytes) override { return Status::Ok(); }
      Status TakeModuleData(Bytes) override { return Status::Ok(); }
      std::map<std::string, std::string> lines;
    };
    DumpWorld world(1);
    world.clock.AdvanceMs(5'000'000);
    const uint64_t now_ms = world.clock.WallMs();
    world.machine->SetString(0, "seldom", "value");
    world.machine->SetString(0, "often", "value");
    const auto dump = [&](KeptAccess kept) {
      Must(world.dumper->Open(
          {.directory = kWorldDirectory, .name = kDumpName, .name_of_new = "new", .kept = kept}));
      world.machine->Exclusive([&] { world.dumper->Begin(); });
      Must(world.Finish());
      Used used;
      Must(rdb::ReadFile(world.files.Contents(kDumpPath), used));
      return used.lines;
    };
    using Lines = std::map<std::string, std::string>;
    const auto set_access = [&](const char* key, uint32_t access) {
      world.machine->LookAt(0, key, [&](Entry& entry) { entry.set_access(access); });
    };
    CHECK(dump(KeptAccess::kNone) == Lines{{"seldom", "unknown"}, {"often", "unknown"}});
    set_access("seldom", (LruClock(now_ms) - 300) & kAccessClockMask);
    set_access("often", LruClock(now_ms));
    CHECK(dump(KeptAccess::kIdle) == Lines{{"seldom", "idle 300"}, {"often", "idle 0"}});
    set_access("seldom", LfuPack(LfuMinutes(now_ms), 1));
    set_access("often", LfuPack(LfuMinutes(now_ms), 200));
    CHECK(dump(KeptAccess::kFrequency) ==
          Lines{{"seldom", "frequency 1"}, {"often", "frequency 200"}});
  }

  TEST_CASE("databases without keys are not in the file, those with keys say how many") {
    DumpWorld world(1);
    Must(world.Dump());
    CHECK(DumpedState(world.files.Contents(kDumpPath)).empty());
    for (int i = 0; i < 70; ++i)
      world.machine->SetString(2, Machine::KeyOf(i), "value", i < 7 ? 2'000'000 : 0);
    Must(world.Begin());
    world.machine->Swap(2, 3);
    Must(world.Finish());
    // Database 2: 70 keys, 7 of them with a deadline.
    CHECK(world.files.Contents(kDumpPath).find(std::string("\xfe\x02\xfb\x40\x46\x07", 6)) !=
          std::string::npos);
    CHECK(world.DifferenceFromCut() == "");
  }
}

}  // namespace
}  // namespace terrace::engine
