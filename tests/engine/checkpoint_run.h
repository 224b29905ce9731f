// A machine on a disk in memory that checkpoints and restarts, for tests of what comes back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/checkpoint_world.h"

namespace terrace::engine {

using testing::LossyFileSystem;

class World {
 public:
  const Checkpointer::Options options;
  Random random;
  LossyFileSystem files;
  std::unique_ptr<storage::Manifest> manifest;
  std::unique_ptr<Machine> machine;
  storage::CheckpointMark mark;
  WorldState at_cut;

  explicit World(uint64_t seed, const Checkpointer::Options& engine_options = {})
      : options(engine_options), random(seed) {
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    manifest = Must(storage::Manifest::Create(files, kWorldDirectory, NewManifestState()));
    machine = std::make_unique<Machine>(files, *manifest, random.Next(), options);
  }

  /// Another process, on what the last checkpoint has left.
  void Restart() {
    machine.reset();
    manifest = Must(storage::Manifest::Open(files, kWorldDirectory));
    machine = std::make_unique<Machine>(files, *manifest, random.Next(), options);
    Must(Load(files, *manifest, *machine, 1 + static_cast<unsigned>(random.Below(3))));
  }
  void Begin() {
    mark = marks_.Next(random);
    at_cut = machine->State();
    machine->Exclusive([this] { checkpointer().Begin(mark); });
  }
  /// To the end; `between` before each step.
  Status Finish(const std::function<void()>& between = [] {}) {
    do {
      between();
    } while (checkpointer().Step(machine->self()));
    return checkpointer().status();
  }
  void Checkpoint() {
    Begin();
    Must(Finish());
  }
  Checkpointer& checkpointer() { return machine->checkpointer(); }
  Checkpointer::Stats stats() { return checkpointer().stats().value(); }
  std::string DifferenceFrom(const WorldState& state) {
    return Difference(LoadedState(files, *manifest, 1 + static_cast<unsigned>(random.Below(3))),
                      state);
  }
  void ExpectAtCut() {
    CHECK(DifferenceFrom(at_cut) == "");
    CHECK(manifest->state()->checkpoint == mark);
  }

 private:
  Marks marks_;
};

}  // namespace terrace::engine
