// Checkpoints under several writers, made for the thread sanitizer: what is loaded from each is what an exclusive section saw
// when it was cut, and so is every dump in between. One thread flushes and exchanges databases all the while.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/checkpoint_world.h"
#include "engine/dumped_state.h"
#include "engine/dumper.h"

namespace terrace::engine {
namespace {

using storage::Manifest;
using testing::LossyFileSystem;

constexpr unsigned kWriters = 3;
constexpr uint64_t kKeys = 4000;

struct Shared {
  LossyFileSystem files;
  std::unique_ptr<Manifest> manifest;
  Participants participants;
  std::unique_ptr<Databases> databases;
  std::unique_ptr<Checkpointer> checkpointer;
  EngineSettings settings;
  CommitLog log{64};
  std::atomic<bool> done{false};
};

class Writer {
 public:
  Writer(Shared& shared, uint64_t seed)
      : shared_(shared),
        self_(shared.participants.Join()),
        random_(seed),
        unit_(*shared.databases, shared.log, shared.settings, counters_, *self_, seed) {}
  ~Writer() { shared_.participants.Leave(self_); }

  void Run() {
    while (!shared_.done.load(std::memory_order_relaxed)) {
      if (shared_.checkpointer->image_bytes() > 100'000) {
        std::this_thread::yield();
        continue;
      }
      self_->In();
      for (int i = 0; i < 16 && !self_->WantedOut(); ++i) ChangeSomething();
      self_->Out();
      shared_.participants.Reclaim();
    }
  }

 private:
  void Move(KeyRef& from, KeyRef& to) {
    Edit source(unit_, from), target(unit_, to);
    source.MoveTo(target);
  }
  void ChangeSomething() {
    unit_.Begin(1, Origin::kClient);
    const auto db = static_cast<unsigned>(random_.Below(2));
    const std::string key = Machine::KeyOf(random_.Below(kKeys));
    const std::string other = Machine::KeyOf(random_.Below(kKeys));
    if (random_.Below(3) == 0) return ChangeLarge(db);
    KeyRef refs[2] = {testing::RefOf(*shared_.databases, db, key),
                      testing::RefOf(*shared_.databases, 1 - db, other)};
    KeyLocks locks;
    const uint64_t what = random_.Below(10);
    locks.Acquire(refs, what == 9 ? 2 : 1);
    if (what < 4) {
      Edit(unit_, refs[0])
          .SetString(StringSource::Compact(std::to_string(random_.Next())), random_.Below(2) * 900);
    } else if (what < 7) {
      Push(refs[0]);
    } else if (what < 9) {
      if (refs[0].entry() != nullptr) Edit(unit_, refs[0]).Delete();
    } else if (refs[0].entry() != nullptr) {
      Move(refs[0], refs[1]);
    }
    locks.Release();
    if (unit_.crowded != nullptr)
      std::exchange(unit_.crowded, nullptr)->Step([] { return uint64_t{0}; });
  }
  // A sorted set and a list of some thousand members, of which there is one in each database, edited, now and then moved or
  // deleted.
  void ChangeLarge(unsigned db) {
    const bool is_list = random_.Below(2) == 0;
    const std::string key = is_list ? "large list" : "large zset", other = key + ", moved";
    KeyRef refs[2] = {testing::RefOf(*shared_.databases, db, key),
                      testing::RefOf(*shared_.databases, 1 - db, other)};
    KeyLocks locks;
    const uint64_t what = random_.Below(2000);
    locks.Acquire(refs, 2);
    if (what == 0 && refs[0].entry() != nullptr) {
      Edit(unit_, refs[0]).Delete();
    } else if (what == 1 && refs[0].entry() != nullptr) {
      Move(refs[0], refs[1]);
    } else {
      is_list ? EditList(refs[0]) : EditZset(refs[0]);
    }
    locks.Release();
    if (unit_.crowded != nullptr)
      std::exchange(unit_.crowded, nullptr)->Step([] { return uint64_t{0}; });
  }
  void EditZset(KeyRef& ref) {
    Edit edit(unit_, ref);
    const bool is_there = ref.entry() != nullptr;
    types::SortedSet zset =
        is_there ? types::SortedSet(ref.entry()->collection()) : types::SortedSet::New();
    const auto member = [this] { return "member:" + std::to_string(random_.Below(4000)); };
    for (int i = is_there ? 5 : 2000; i > 0; --i)
      zset.Set(member(), static_cast<double>(random_.Below(9)), {128, 64});
    zset.Erase(member());
    edit.SetCollection(zset.value());
  }
  void EditList(KeyRef& ref) {
    Edit edit(unit_, ref);
    const auto limits = types::ListLimits::From(shared_.settings.encoding);
    const bool is_there = ref.entry() != nullptr;
    types::List list = is_there ? types::List(ref.entry()->collection()) : types::List::New();
    while (list.Size() < 3000)
      list.Push(types::ListEnd::kTail, std::to_string(random_.Next()), limits);
    const std::string text = std::to_string(random_.Next());
    list.Replace(random_.Below(list.Size()), text, limits);
    list.Push(types::ListEnd::kHead, text, limits);
    list.Take(types::ListEnd::kTail, limits, [](const types::Element&) {});
    list.Erase(random_.Below(list.Size()), 1, limits);
    edit.SetCollection(list.value());
  }
  void Push(KeyRef& ref) {
    Edit edit(unit_, ref);
    const bool is_list = ref.entry() != nullptr && ref.entry()->type() == Type::kList;
    types::List list = is_list ? types::List(ref.entry()->collection()) : types::List::New();
    list.Push(types::ListEnd::kTail, "element", types::ListLimits::From(shared_.settings.encoding));
    if (ref.entry() != nullptr && !is_list) return edit.ReplaceWithCollection(list.value());
    edit.SetCollection(list.value());
  }

  Shared& shared_;
  Participant* self_;
  Random random_;
  EngineCounters counters_;
  Unit unit_;
};

TEST_SUITE("engine/checkpoint_threads") {
  TEST_CASE(
      "while several threads write, flush and exchange, every checkpoint and every dump is its "
      "cut") {
    const uint64_t seed = storage::PrintedSeed("engine/checkpoint_threads");
    Shared shared;
    Must(shared.files.CreateDirectory(kWorldDirectory));
    Must(shared.files.SyncDirectory("."));
    shared.manifest = Must(Manifest::Create(shared.files, kWorldDirectory, NewManifestState()));
    shared.databases = std::make_unique<Databases>(
        kWorldDatabases, shared.manifest->state()->hash_key, shared.participants);
    shared.checkpointer = std::make_unique<Checkpointer>(
        shared.files, *shared.manifest, *shared.databases, SystemClock(),
        Checkpointer::Options{
            .table_bytes_max = 50'000,
            .cut = {.large = {.limits = {.items = 500, .nodes = 2}, .piece_items = 50}}});
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kWriters; ++i) {
      threads.emplace_back([&shared, seed, i] { Writer(shared, seed + i).Run(); });
    }
    threads.emplace_back([&shared, seed] {
      Random random(seed);
      while (!shared.done.load(std::memory_order_relaxed)) {
        shared.participants.Exclusive(nullptr, [&] {
          if (random.Below(8) == 0) shared.databases->Discard(shared.databases->Flush(0));
          if (random.Below(2) == 0) shared.databases->Swap(0, 1);
        });
        for (int i = 0; i < 2000; ++i) std::this_thread::yield();
      }
    });
    Participant* self = shared.participants.Join();
    Dumper dumper(shared.files, *shared.databases, SystemClock(),
                  {.limits = {.items = 500, .nodes = 2}, .piece_items = 50});
    storage::CheckpointMark mark;
    uint64_t images = 0, tombstones = 0, pieces = 0, pieces_of_dumps = 0;
    const auto has_all = [&] {
      return images != 0 && tombstones != 0 && pieces != 0 && pieces_of_dumps != 0;
    };
    for (int round = 0; round < 8 || !has_all(); ++round) {
      WorldState at_cut;
      mark.log_offset += 10;
      shared.participants.Exclusive(nullptr, [&] {
        at_cut = StateOf(*shared.databases, shared.settings.encoding);
        shared.checkpointer->Begin(mark);
      });
      if (round % 4 == 3) shared.checkpointer->Cancel();
      const bool ok = shared.checkpointer->Run(*self).ok();
      CHECK(ok == (round % 4 != 3));
      if (!ok) continue;
      images += shared.checkpointer->stats()->old_images;
      tombstones += shared.checkpointer->stats()->tombstones;
      pieces += shared.checkpointer->stats()->piece_items_peak;
      CHECK(Difference(LoadedState(shared.files, *shared.manifest, 2), at_cut) == "");
      Must(dumper.Open({.directory = kWorldDirectory,
                        .name = "dump.rdb",
                        .name_of_new = "dump.rdb.new",
                        .rdb_version = rdb::kRdbVersionTimedFields}));
      shared.participants.Exclusive(nullptr, [&] {
        at_cut = StateOf(*shared.databases, shared.settings.encoding);
        dumper.Begin();
      });
      while (dumper.Step(*self)) {
      }
      Must(dumper.status());
      pieces_of_dumps += dumper.stats()->piece_items_peak;
      const std::string dump = shared.files.Contents(std::string(kWorldDirectory) + "/dump.rdb");
      CHECK(Difference(DumpedState(dump), at_cut) == "");
    }
    shared.done.store(true);
    for (std::thread& thread : threads) thread.join();
    shared.participants.Leave(self);
    CHECK(images > 0);
  }
}

}  // namespace
}  // namespace terrace::engine
