// A machine on a disk in memory that is dumped, for tests of what is in the file.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/checkpoint_world.h"
#include "engine/dumped_state.h"
#include "engine/dumper.h"

namespace terrace::engine {

constexpr char kDumpName[] = "dump.rdb";
constexpr char kDumpPath[] = "db/dump.rdb";
constexpr char kDumpPathOfNew[] = "db/dump.rdb.new";

class DumpWorld {
 public:
  Random random;
  testing::LossyFileSystem files;
  std::unique_ptr<storage::Manifest> manifest;
  std::unique_ptr<Machine> machine;
  ManualClock clock;
  std::unique_ptr<Dumper> dumper;
  WorldState at_cut;

  explicit DumpWorld(uint64_t seed, const LargeCaptures::Options& large = {}) : random(seed) {
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    manifest = Must(storage::Manifest::Create(files, kWorldDirectory, NewManifestState()));
    machine = std::make_unique<Machine>(files, *manifest, random.Next(), Checkpointer::Options());
    dumper = std::make_unique<Dumper>(files, machine->databases(), clock, large);
  }

  void Change(uint64_t times, uint64_t growing) {
    for (uint64_t i = 0; i < times; ++i) machine->ChangeSomething(5'000, growing);
  }
  void FlushOrSwap() {
    const auto a = static_cast<unsigned>(random.Below(kWorldDatabases));
    const auto b = static_cast<unsigned>(random.Below(kWorldDatabases));
    if (random.Below(2) == 0) return machine->Flush(a);
    if (a != b) machine->Swap(a, b);
  }
  Status Begin(uint16_t version = rdb::kRdbVersionTimedFields) {
    const auto compression =
        random.Below(2) == 0 ? rdb::Compression::kLzf : rdb::Compression::kNone;
    Status opened = dumper->Open({.directory = kWorldDirectory,
                                  .name = kDumpName,
                                  .name_of_new = "dump.rdb.new",
                                  .rdb_version = version,
                                  .compression = compression,
                                  .notes = {{"redis-ver", "7"}}});
    if (!opened.ok()) return opened;
    at_cut = machine->State();
    machine->Exclusive([this] { dumper->Begin(); });
    return opened;
  }
  Status Finish(const std::function<void()>& between = [] {}) {
    do {
      between();
    } while (dumper->Step(machine->self()));
    return dumper->status();
  }
  /// What the file has is what there was.
  std::string DifferenceFromCut() {
    return Difference(DumpedState(files.Contents(kDumpPath)), at_cut);
  }
  Status Dump() {
    Status begun = Begin();
    return begun.ok() ? Finish() : begun;
  }
  /// Everything is captured, or newer than the last cut.
  uint64_t CountUnstamped() {
    uint64_t others = 0;
    machine->self().In();
    for (unsigned db = 0; db < kWorldDatabases; ++db) {
      Keyspace& keyspace = machine->databases().Get(db);
      keyspace.ForEach([&](const Entry& entry) { others += entry.epoch() != keyspace.epoch(); });
    }
    machine->self().Out();
    return others;
  }
};

}  // namespace terrace::engine
