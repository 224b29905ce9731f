#include "engine/loop_value_reader.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/checkpoint_world.h"
#include "engine/read_in_pool.h"
#include "env/held_file_system.h"

namespace terrace::engine {
namespace {

using storage::Manifest;
using testing::LossyFileSystem;

constexpr int kKeys = 1000;

class Asker final : public Waiter {
 public:
  Asker() : Waiter(0) {}
  void Restart() override { restarted = true; }
  std::atomic<bool> restarted{false};
};

std::string ValueOf(int i) { return std::string(100, 'v') + std::to_string(i); }

// A loaded database whose values are away, on a disk whose reads may be several under way.
struct World {
  World() {
    Must(files.CreateDirectory(kWorldDirectory));
    Must(files.SyncDirectory("."));
    manifest = Must(Manifest::Create(files, kWorldDirectory, NewManifestState()));
    {
      Machine before(files, *manifest, 1, {});
      for (int i = 0; i < kKeys; ++i) before.SetString(1, Machine::KeyOf(i), ValueOf(i));
      before.SetString(1, "large", std::string(100'000, 'l'));
      before.Exclusive([&] { before.checkpointer().Begin({}); });
      Must(before.checkpointer().Run(before.self()));
    }
    machine.emplace(files, *manifest, 1, Checkpointer::Options{});
    store.emplace(files, *manifest);
    residency.emplace(*store, databases(), machine->limits());
    databases().set_residency(&*residency);
    Must(Must(CheckpointLoader::Open(files, *manifest, databases(), machine->limits(),
                                     LoadValues::kNone))
             ->LoadPart(0, 1, machine->self()));
    pool.emplace(*residency);
    machine->self().In();
  }
  ~World() {
    machine->self().Out();
    pool->Stop();
  }
  Databases& databases() { return machine->databases(); }

  AwayKey Away(const std::string& name) {
    KeyRef ref = testing::RefOf(databases(), 1, name);
    KeyLocks locks;
    locks.Acquire(&ref, 1);
    REQUIRE(ref.entry()->is_away());
    return AwayKey(*ref.keyspace, ref.hash, *ref.entry());
  }
  bool IsAway(const std::string& name) {
    KeyRef ref = testing::RefOf(databases(), 1, name);
    KeyLocks locks;
    locks.Acquire(&ref, 1);
    return ref.entry()->is_away();
  }

  LossyFileSystem disk;
  testing::HeldFileSystem files{disk};
  std::unique_ptr<Manifest> manifest;
  std::optional<Machine> machine;
  std::optional<ValueStore> store;
  std::optional<Residency> residency;
  std::optional<ReadInPool> pool;
};

// A turn of a loop: sleeps until something is there, and takes it.
std::vector<std::shared_ptr<Waiter>> Turn(LoopValueReader& reader) {
  std::vector<std::shared_ptr<Waiter>> ready;
  pollfd readable{reader.descriptor(), POLLIN, 0};
  if (!reader.has_work()) REQUIRE(::poll(&readable, 1, 10'000) == 1);
  reader.Advance(&ready);
  return ready;
}

TEST_SUITE("engine/loop_value_reader") {
  TEST_CASE("values come in the thread of who asked, more of them than can be under way") {
    World world;
    LoopValueReader reader(*world.residency, *world.pool, 8, true);
    if (!reader.reads()) return;  // io_uring is forbidden here
    std::vector<AwayKey> keys;
    for (int i = 0; i < 100; ++i) keys.push_back(world.Away(Machine::KeyOf(i)));
    const auto asker = std::make_shared<Asker>();
    const auto values = reader.Read(std::move(keys), asker);
    const auto single = std::make_shared<Asker>();
    const auto again = reader.Read({world.Away(Machine::KeyOf(3))}, single);
    CHECK(world.residency->counters().waiting == 2);
    reader.Begin();
    std::vector<std::shared_ptr<Waiter>> told;
    while (told.size() < 2)
      for (auto& waiter : Turn(reader)) told.push_back(std::move(waiter));
    // Who may go on is the caller's to tell.
    CHECK_FALSE(asker->restarted);
    CHECK(((told[0] == asker && told[1] == single) || (told[0] == single && told[1] == asker)));
    CHECK(world.residency->counters().waiting == 0);
    CHECK(world.databases().away() == kKeys + 1);
    again->PutIn();
    CHECK_FALSE(world.IsAway(Machine::KeyOf(3)));
    values->PutIn();
    CHECK(world.databases().away() == kKeys + 1 - 100);
    CHECK(world.residency->counters().read_in == 100);
    CHECK_FALSE(reader.has_work());
  }

  TEST_CASE("what is read ahead is put in with nobody waiting, and joined by who asks meanwhile") {
    World world;
    LoopValueReader reader(*world.residency, *world.pool, 8, true);
    if (!reader.reads()) return;
    CHECK(reader.has_time());
    reader.ReadAhead({world.Away(Machine::KeyOf(1)), world.Away(Machine::KeyOf(2))});
    CHECK(world.residency->counters().waiting == 0);
    const auto asker = std::make_shared<Asker>();
    const auto values = reader.Read({world.Away(Machine::KeyOf(2))}, asker);
    std::vector<std::shared_ptr<Waiter>> told;
    while (told.empty()) told = Turn(reader);
    CHECK(told[0] == asker);
    values->PutIn();
    CHECK_FALSE(world.IsAway(Machine::KeyOf(2)));
    while (world.IsAway(Machine::KeyOf(1))) CHECK(Turn(reader).empty());
    CHECK(world.residency->counters().read_in == 2);
    // There is enough to do.
    std::vector<AwayKey> keys;
    for (int i = 10; i < 30; ++i) keys.push_back(world.Away(Machine::KeyOf(i)));
    reader.ReadAhead(std::move(keys));
    CHECK_FALSE(reader.has_time());
    while (world.databases().away() != kKeys + 1 - 22) CHECK(Turn(reader).empty());
  }

  TEST_CASE("what is large is the pool's, for who waits; ahead of time it is left alone") {
    World world;
    world.pool->Start({.threads = 1, .reads_each = 4});
    LoopValueReader reader(*world.residency, *world.pool, 8, true);
    if (!reader.reads()) return;
    reader.ReadAhead({world.Away("large"), world.Away(Machine::KeyOf(4))});
    while (world.IsAway(Machine::KeyOf(4))) CHECK(Turn(reader).empty());
    CHECK(world.IsAway("large"));
    const auto asker = std::make_shared<Asker>();
    const auto values = reader.Read({world.Away("large"), world.Away(Machine::KeyOf(5))}, asker);
    // The pool tells it by itself if its part is the last.
    world.machine->self().Out();
    for (int i = 0; i < 10'000 && !asker->restarted; ++i) {
      world.machine->self().In();
      std::vector<std::shared_ptr<Waiter>> ready;
      reader.Advance(&ready);
      if (!ready.empty()) asker->restarted = true;
      world.machine->self().Out();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    world.machine->self().In();
    REQUIRE(asker->restarted);
    values->PutIn();
    CHECK_FALSE(world.IsAway("large"));
    CHECK_FALSE(world.IsAway(Machine::KeyOf(5)));
    CHECK(world.residency->counters().read_in == 3);
  }

  TEST_CASE("a value that no table has is marked, and who waited for it may go on") {
    World world;
    LoopValueReader reader(*world.residency, *world.pool, 8, true);
    if (!reader.reads()) return;
    AwayKey nothing = world.Away(Machine::KeyOf(1));
    nothing.key = "nothing";
    const auto asker = std::make_shared<Asker>();
    reader.Read({nothing, world.Away(Machine::KeyOf(2))}, asker);
    std::vector<std::shared_ptr<Waiter>> told;
    while (told.empty()) told = Turn(reader);
    CHECK(told[0] == asker);
    CHECK(world.residency->counters().failed == 1);
  }

  TEST_CASE("who waits when a reader goes is forgotten") {
    World world;
    const auto asker = std::make_shared<Asker>();
    {
      LoopValueReader reader(*world.residency, *world.pool, 8, true);
      if (!reader.reads()) return;
      std::vector<AwayKey> keys;
      for (int i = 0; i < 100; ++i) keys.push_back(world.Away(Machine::KeyOf(i)));
      reader.Read(std::move(keys), asker);
      reader.Begin();
    }
    CHECK_FALSE(asker->restarted);
    CHECK(asker.use_count() == 1);
  }
}

}  // namespace
}  // namespace terrace::engine
