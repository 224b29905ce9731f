// Checkpoints and compactions stopped at every change of a file, with the power cut there, and with every change and every
// look failing once. What a restart finds is what the databases held at the cut of the last checkpoint that was
// acknowledged, or of one that was under way: all of it, and nothing else.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/checkpoint_world.h"
#include "storage/compaction.h"
#include "storage/file_names.h"

namespace terrace::engine {
namespace {

using storage::Manifest;
using storage::PrintedSeed;
using testing::Fault;
using testing::LossyFileSystem;

constexpr uint64_t kCrashSeeds = 6;
constexpr int kRounds = 5;
constexpr uint64_t kKeys = 120;

/// The states that a restart may find, by the offset of their cut.
using States = std::map<uint64_t, WorldState>;

// One life of a server on one disk.
class Server {
 public:
  Server(FileSystem& files, uint64_t seed, uint64_t offset, WorldState found)
      : files_(files), random_(seed), offset_(offset), acknowledged_(offset) {
    states_.emplace(offset, std::move(found));
  }

  bool Start() {
    const auto exists = Manifest::Exists(files_, kWorldDirectory);
    if (!exists.ok()) return false;
    auto manifest = *exists ? Manifest::Open(files_, kWorldDirectory)
                            : Manifest::Create(files_, kWorldDirectory, NewManifestState());
    if (!manifest.ok()) return false;
    manifest_ = *std::move(manifest);
    machine_ = std::make_unique<Machine>(files_, *manifest_, random_.Next(),
                                         Checkpointer::Options{.table_bytes_max = 3000});
    return Load(files_, *manifest_, *machine_).ok() && manifest_->RemoveUnknownFiles().ok();
  }
  bool is_started() const { return machine_ != nullptr; }

  bool Round(int number) {
    const auto change = [this](uint64_t times) {
      for (uint64_t i = 0; i < times; ++i) machine_->ChangeSomething(kKeys, 60);
    };
    change(40);
    if (number % 3 == 1) machine_->Flush(static_cast<unsigned>(random_.Below(kWorldDatabases)));
    if (number % 3 == 2) machine_->Swap(0, 1);
    storage::CheckpointMark mark;
    mark.log_offset = offset_ += 10;
    states_[offset_] = machine_->State();
    machine_->Exclusive([&] { machine_->checkpointer().Begin(mark); });
    do {
      change(random_.Below(8));
    } while (machine_->checkpointer().Step(machine_->self()));
    if (!machine_->checkpointer().status().ok()) return false;
    Acknowledge(offset_);
    return number % 2 == 0 || storage::CompactAll(files_, *manifest_).ok();
  }
  // From the start through kRounds, or to the first failure: then false.
  bool Live() {
    bool going = Start();
    for (int round = 0; going && round < kRounds; ++round) going = Round(round);
    return going;
  }

  const States& states() const { return states_; }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  void Acknowledge(uint64_t offset) {
    acknowledged_ = offset;
    states_.erase(states_.begin(), states_.find(offset));
  }

  FileSystem& files_;
  Random random_;
  uint64_t offset_;
  uint64_t acknowledged_;
  States states_;
  std::unique_ptr<Manifest> manifest_;
  std::unique_ptr<Machine> machine_;
};

struct Found {
  uint64_t offset;
  WorldState state;
};

// Which of the states that may be there is there; all of it is looked at.
Found FoundAfter(LossyFileSystem& files, const Server& before) {
  const auto manifest = Must(Manifest::Open(files, kWorldDirectory));
  const uint64_t offset = manifest->state()->checkpoint.log_offset;
  const auto found = before.states().find(offset);
  REQUIRE(found != before.states().end());
  CHECK(Difference(LoadedState(files, *manifest), found->second) == "");
  Must(manifest->RemoveUnknownFiles());
  size_t tables = 0;
  for (const std::string& name : Must(files.List(kWorldDirectory)))
    tables += storage::ParseTableFileName(name).has_value() ? 1 : 0;
  CHECK(tables == manifest->state()->tables.size());
  return {offset, found->second};
}

void MakeDirectory(LossyFileSystem& files) {
  Must(files.CreateDirectory(kWorldDirectory));
  Must(files.SyncDirectory("."));
}

bool HasManifest(LossyFileSystem& files) { return Must(Manifest::Exists(files, kWorldDirectory)); }

TEST_SUITE("engine/checkpoint_crash") {
  TEST_CASE("stopped at every change of a file, a restart finds the state at a cut") {
    const uint64_t seed = PrintedSeed("engine/checkpoint_crash");
    uint64_t stops = 0, old = 0, fresh = 0;
    for (uint64_t stop = 1;; ++stop) {
      CAPTURE(stop);
      LossyFileSystem files({.page_bytes = 64});
      MakeDirectory(files);
      files.StopAt(stop);
      Server server(files, seed, 0, {});
      const bool lived = server.Live();
      if (!files.stopped()) {
        REQUIRE(lived);
        break;
      }
      ++stops;
      for (uint64_t crash = 0; crash < kCrashSeeds; ++crash) {
        CAPTURE(crash);
        const auto disk = files.Crash(crash);
        if (!server.is_started() && !HasManifest(*disk)) continue;
        Found found = FoundAfter(*disk, server);
        ++(found.offset == server.acknowledged() ? old : fresh);
        // And it can go on from there.
        if (crash != stop % kCrashSeeds) continue;
        Server next(*disk, seed + crash, found.offset, std::move(found.state));
        REQUIRE(next.Start());
        for (int round = 0; round < 2; ++round) REQUIRE(next.Round(round));
        FoundAfter(*disk, next);
      }
    }
    std::printf("engine/checkpoint_crash: %llu stops, %llu crashes each; old %llu, new %llu\n",
                static_cast<unsigned long long>(stops),
                static_cast<unsigned long long>(kCrashSeeds), static_cast<unsigned long long>(old),
                static_cast<unsigned long long>(fresh));
    CHECK(stops > 50);
    CHECK(old > 0);
    CHECK(fresh > 0);
  }

  TEST_CASE("stopped a second time, while it starts and goes on") {
    const uint64_t seed = PrintedSeed("engine/checkpoint_crash");
    uint64_t stops = 0;
    bool ended = false;
    for (uint64_t stop = 7; !ended; stop += 7) {
      LossyFileSystem files({.page_bytes = 64});
      MakeDirectory(files);
      files.StopAt(stop);
      Server server(files, seed, 0, {});
      static_cast<void>(server.Live());
      ended = !files.stopped();
      for (uint64_t again = 1;; ++again) {
        CAPTURE(stop);
        CAPTURE(again);
        const auto disk = files.Crash(stop + again);
        if (!HasManifest(*disk)) break;
        // The same power cut once more, to be looked at beforehand.
        Found found = FoundAfter(*files.Crash(stop + again), server);
        disk->StopAt(again);
        Server next(*disk, seed + again, found.offset, std::move(found.state));
        bool going = next.Start();
        for (int round = 1; going && round < 3; ++round) going = next.Round(round);
        if (!disk->stopped()) {
          REQUIRE(going);
          break;
        }
        ++stops;
        for (uint64_t crash = 0; crash < 2; ++crash) FoundAfter(*disk->Crash(crash), next);
      }
    }
    std::printf("engine/checkpoint_crash: %llu second stops\n",
                static_cast<unsigned long long>(stops));
    CHECK(stops > 100);
  }

  TEST_CASE(
      "every change failing once leaves the old state or the new one, and the next checkpoint is "
      "whole") {
    const uint64_t seed = PrintedSeed("engine/checkpoint_crash");
    uint64_t faults = 0;
    for (const Fault fault : {Fault::kIo, Fault::kNoSpace, Fault::kShortWrite}) {
      for (uint64_t change = 1;; ++change) {
        CAPTURE(change);
        LossyFileSystem files({.page_bytes = 64});
        MakeDirectory(files);
        Server server(files, seed, 0, {});
        REQUIRE(server.Start());
        const uint64_t before = files.changes();
        files.FailChange(change, fault);
        for (int round = 0; round < kRounds; ++round) {
          if (server.Round(round)) continue;
          for (uint64_t crash = 0; crash < 2; ++crash) FoundAfter(*files.Crash(crash), server);
        }
        const bool met = files.changes() - before >= change;
        files.FailChange(1, fault, 0);
        REQUIRE(server.Round(kRounds));
        for (uint64_t crash = 0; crash < 2; ++crash)
          CHECK(FoundAfter(*files.Crash(crash), server).offset == server.acknowledged());
        if (!met) break;
        ++faults;
      }
    }
    std::printf("engine/checkpoint_crash: %llu faults\n", static_cast<unsigned long long>(faults));
    CHECK(faults > 150);
  }

  TEST_CASE("every look failing once is an error, and the next checkpoint is whole") {
    const uint64_t seed = PrintedSeed("engine/checkpoint_crash");
    uint64_t faults = 0;
    for (uint64_t look = 1;; ++look) {
      CAPTURE(look);
      LossyFileSystem files;
      MakeDirectory(files);
      Server server(files, seed, 0, {});
      REQUIRE(server.Start());
      const uint64_t before = files.looks();
      files.FailLook(look);
      for (int round = 0; round < kRounds; ++round) static_cast<void>(server.Round(round));
      const bool met = files.looks() - before >= look;
      files.FailLook(1, 0);
      REQUIRE(server.Round(kRounds));
      CHECK(FoundAfter(files, server).offset == server.acknowledged());
      if (!met) break;
      ++faults;
    }
    CHECK(faults > 50);
  }
}

}  // namespace
}  // namespace terrace::engine
