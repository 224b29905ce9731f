// An engine that has come back from tables, with its values or without, and clients that wait: the test is their worker and,
// of what is asked for, the disk.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/checkpoint_loader.h"
#include "engine/checkpointer.h"
#include "engine/residency.h"
#include "engine/value_warmer.h"
#include "env/lossy_file_system.h"
#include "exec/stream_engine.h"
#include "exec/transaction.h"

namespace terrace::testing {

constexpr char kAwayDirectory[] = "db";
constexpr HashKey kAwayHashKey = {0x0123456789abcdef, 0xfedcba9876543210};  // the fixture's

template <typename T>
T Must(StatusOr<T> result) {
  REQUIRE_MESSAGE(result.ok(), result.error().message());
  return *std::move(result);
}
inline void Must(const Status& status) { REQUIRE_MESSAGE(status.ok(), status.message()); }

struct AwayDisk {
  AwayDisk() {
    Must(files.CreateDirectory(kAwayDirectory));
    Must(files.SyncDirectory("."));
    storage::ManifestState state;
    state.directory_id = {7};
    state.hash_key = kAwayHashKey;
    manifest = Must(storage::Manifest::Create(files, kAwayDirectory, state));
  }
  LossyFileSystem files;
  std::unique_ptr<storage::Manifest> manifest;
};

class AwayEngine : public StreamEngine, public exec::Waker, public engine::ValueReader {
 public:
  AwayEngine(AwayDisk& disk, engine::LoadValues values)
      : store(disk.files, *disk.manifest),
        residency(store, databases, settings.encoding),
        disk_(disk),
        checkpointer_(disk.files, *disk.manifest, databases, clock, {}) {
    databases.set_residency(&residency);
    participant->Out();
    Must(Must(engine::CheckpointLoader::Open(disk.files, *disk.manifest, databases,
                                             settings.encoding, values))
             ->LoadPart(0, 1, *participant));
    participant->In();
    residency.set_reader(this);
  }
  ~AwayEngine() override {
    exec::ForgetWatches(client, executor);
    if (client.parking.wait != nullptr) {
      static_cast<void>(client.parking.wait->TryEnd(exec::Wait::State::kGone));
      executor.AbandonWait(client);
    }
  }

  void Checkpoint() {
    BeginCheckpoint();
    while (StepCheckpoint()) {
    }
  }
  /// Unless one is under way.
  void BeginCheckpoint() {
    if (checkpointer_.running()) return;
    participant->Out();
    participants.Exclusive(nullptr, [&] { checkpointer_.Begin({}); });
    participant->In();
  }
  /// False when it is done. One that `fails` is given up instead.
  bool StepCheckpoint(bool fails = false) {
    if (!checkpointer_.running()) return false;
    if (fails) checkpointer_.Cancel();
    participant->Out();
    const bool more = checkpointer_.Step(*participant);
    participant->In();
    return more;
  }
  void Warm() {
    participant->Out();
    Must(engine::ValueWarmer(residency).Warm(0, 1, *participant, [] { return true; }));
    participant->In();
  }
  /// One in so many of the values that may leave memory does.
  void LetSomeGo(Random& random, uint64_t one_in) {
    for (unsigned db = 0; db < kStreamDatabases; ++db) {
      std::vector<std::string> keys;
      databases.Get(db).ForEach(
          [&](const engine::Entry& entry) { keys.emplace_back(entry.key()); });
      for (const std::string& key : keys) {
        engine::KeyRef ref = executor.RefFor(db, key);
        executor.WithLocked(&ref, 1, [&] {
          if (engine::Residency::CanLetGo(*ref.keyspace, *ref.entry()) && random.Below(one_in) == 0)
            residency.LetGo(ref);
        });
      }
    }
  }
  /// Everything, wherever it is.
  std::map<std::string, std::string> Contents() {
    std::map<std::string, std::string> contents;
    for (unsigned db = 0; db < kStreamDatabases; ++db) {
      engine::Keyspace& keyspace = databases.Get(db);
      keyspace.ForEach([&](const engine::Entry& entry) {
        const engine::WholeEntry whole(databases, keyspace, entry);
        REQUIRE_MESSAGE(whole.get() != nullptr, whole.status().message());
        contents[std::to_string(db) + " " + std::string(entry.key())] = Describe(*whole.get());
      });
    }
    return contents;
  }

  // engine::ValueReader: what is asked for waits until ReadAsked.
  std::shared_ptr<engine::ReadValues> Read(std::vector<engine::AwayKey> keys,
                                           std::shared_ptr<engine::Waiter> waiter) override {
    asked.push_back({std::move(keys), std::move(waiter)});
    ++orders;
    return nullptr;
  }
  void ReadAsked() {
    for (auto& [keys, waiter] : std::exchange(asked, {})) {
      for (const engine::AwayKey& key : keys) residency.Install(key, residency.Read(key));
      waiter->Restart();
    }
  }
  void Wake(std::shared_ptr<exec::Wait>) noexcept override {}

  /// Gives the client's request; false if it waits now.
  bool Begin(const std::vector<std::string>& words) {
    const std::vector<Bytes> views(words.begin(), words.end());
    return Try(exec::OwnedRequest(table.Find(views[0]), Args(views.data(), views.size()), Bytes()));
  }
  /// Goes on with a wait that has ended; false if the client waits still, or anew.
  bool GoOn() {
    while (client.parking.wait != nullptr) {
      if (client.parking.wait->state() == exec::Wait::State::kWaiting) return false;
      if (executor.EndWait(client)) return true;
      if (Try(client.parking.TakeFirst())) client.EndParkedRequest();
    }
    return true;
  }
  /// To the reply, whatever has to be read for it. Who waits for keys gives up.
  std::string Run(const std::vector<std::string>& words) {
    bool done = Begin(words);
    while (!done) {
      if (client.parking.reason == exec::ParkReason::kKeys) {
        REQUIRE(client.parking.wait->TryEnd(exec::Wait::State::kTimedOut));
      } else {
        REQUIRE(!asked.empty());
        ReadAsked();
      }
      done = GoOn();
    }
    return Reply();
  }
  std::string Reply() {
    resp::ReplyParser parser;
    while (!client.out.empty()) {
      resp::IoSlice slice;
      client.out.Gather(&slice, 1);
      parser.Feed(Bytes(slice.base, slice.len));
      client.out.Consume(slice.len);
    }
    resp::ReplyValue value;
    return parser.Next(&value) == resp::ReplyParser::Outcome::kValue ? value.ToString() : "";
  }
  uint64_t away() const { return databases.away(); }

  struct Client final : exec::Session {
    explicit Client(exec::Waker& engine) : exec::Session(10, &engine) {}
  } client{*this};
  std::vector<std::pair<std::vector<engine::AwayKey>, std::shared_ptr<engine::Waiter>>> asked;
  uint64_t orders = 0;  // so far
  engine::ValueStore store;
  engine::Residency residency;

 private:
  bool Try(const exec::OwnedRequest& request) {
    executor.BeginBatch();
    return executor.Execute(client, {.command = request.command(), .args = request.args()}) ==
           exec::Executor::Outcome::kDone;
  }

  AwayDisk& disk_;
  engine::Checkpointer checkpointer_;
};

}  // namespace terrace::testing
