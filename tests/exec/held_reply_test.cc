// Replies and the log's progress, held back by hand: who waits, who does not, and in which order they leave.
#include <doctest/doctest.h>

#include <algorithm>

#include "exec/families.h"
#include "exec/second_client.h"

using namespace terrace;
using terrace::testing::EngineFixture;
using terrace::testing::SecondClient;

namespace {

// A session whose replies leave as a connection's do: as far as the gate lets them.
class Client {
 public:
  Client(EngineFixture& engine, uint64_t id) : client_(engine, id), engine_(engine) {}

  void Send(const std::vector<Bytes>& args) {
    REQUIRE(client_.Try(args) == exec::Executor::Outcome::kDone);
  }
  /// Bytes of another origin in the same buffer, as a push is.
  void Push(Bytes bytes, uint64_t offset) {
    if (offset > engine_.log.progress().reached())
      session().reply_gate.Hold(session().out.mark(), offset);
    session().out.Append(bytes);
  }
  /// What leaves now, as bytes of the protocol.
  std::string Leaves() {
    const uint64_t end = session().out.mark();
    const uint64_t free_to = session().reply_gate.Release(end, engine_.log.progress().reached());
    std::string wire;
    for (size_t left = session().out.size() - static_cast<size_t>(end - free_to); left > 0;) {
      resp::IoSlice slice;
      session().out.Gather(&slice, 1);
      const size_t taken = std::min(left, slice.len);
      wire.append(slice.base, taken);
      session().out.Consume(taken);
      left -= taken;
    }
    return wire;
  }
  exec::Session& session() { return client_.session; }

 private:
  SecondClient client_;
  EngineFixture& engine_;
};

struct Fixture : EngineFixture {
  Fixture()
      : EngineFixture({commands::StringCommands(), commands::CounterCommands(),
                       commands::KeyCommands(), commands::ExpireCommands(),
                       commands::IterationCommands(), exec::TransactionCommands(),
                       exec::KeyspaceCommands(), exec::SelectCommands()}) {}

  engine::LogProgress& progress() { return log.progress(); }
  Client a{*this, 2};
  Client b{*this, 3};
};

struct CountingWaiter : engine::LogProgress::Waiter {
  void OnLogReached() noexcept override { ++told; }
  int told = 0;
};

}  // namespace

TEST_SUITE("exec/held_reply") {
  TEST_CASE("without a promise nothing waits") {
    Fixture engine;
    engine.a.Send({"SET", "k", "1"});
    CHECK(engine.a.Leaves() == "+OK\r\n");
    CHECK(engine.a.session().reply_gate.empty());
  }

  TEST_CASE(
      "a write waits for its offset, a reader of the same key with it, a reader of another key "
      "does not") {
    Fixture engine;
    engine.Run({"SET", "other", "0"});
    engine.log.Promise();
    engine.a.Send({"SET", "k", "1"});
    CHECK(engine.a.Leaves() == "");
    engine.b.Send({"GET", "other"});
    CHECK(engine.b.Leaves() == "$1\r\n0\r\n");
    engine.b.Send({"GET", "k"});
    CHECK(engine.b.Leaves() == "");
    engine.progress().Advance(engine.log.end_offset() - 1);
    CHECK(engine.a.Leaves() == "");
    engine.progress().Advance(engine.log.end_offset());
    CHECK(engine.a.Leaves() == "+OK\r\n");
    CHECK(engine.b.Leaves() == "$1\r\n1\r\n");
  }

  TEST_CASE(
      "replies leave in order, each when the log is there; what stood before the first write "
      "leaves at once") {
    Fixture engine;
    engine.log.Promise();
    engine.a.Send({"GET", "nothing"});
    engine.a.Send({"SET", "k", "1"});
    const uint64_t first = engine.log.end_offset();
    engine.a.Send({"GET", "nothing"});
    engine.a.Send({"SET", "k", "2"});
    CHECK(engine.a.Leaves() == "$-1\r\n");
    engine.progress().Advance(first);
    CHECK(engine.a.Leaves() == "+OK\r\n$-1\r\n");
    engine.progress().Advance(engine.log.end_offset());
    CHECK(engine.a.Leaves() == "+OK\r\n");
  }

  TEST_CASE("a write that changes nothing is a reader of its keys") {
    Fixture engine;
    engine.log.Promise();
    engine.a.Send({"SET", "k", "1"});
    engine.b.Send({"SETNX", "k", "2"});
    CHECK(engine.b.Leaves() == "");
    engine.progress().Advance(engine.log.end_offset());
    CHECK(engine.b.Leaves() == ":0\r\n");
  }

  TEST_CASE("a read of several keys waits for the last of them") {
    Fixture engine;
    engine.log.Promise();
    engine.a.Send({"SET", "x", "1"});
    const uint64_t first = engine.log.end_offset();
    engine.a.Send({"SET", "y", "2"});
    engine.b.Send({"MGET", "x", "y"});
    engine.progress().Advance(first);
    CHECK(engine.b.Leaves() == "");
    engine.progress().Advance(engine.log.end_offset());
    CHECK(engine.b.Leaves() == "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
  }

  TEST_CASE("reads of the whole keyspace and transactions wait for the log's tail") {
    for (const char* command : {"DBSIZE", "EXEC"}) {
      Fixture engine;
      engine.log.Promise();
      engine.a.Send({"SET", "k", "1"});
      engine.b.Send({"MULTI"});
      CHECK(engine.b.Leaves() == "+OK\r\n");
      engine.b.Send({"GET", "elsewhere"});
      CHECK(engine.b.Leaves() == "+QUEUED\r\n");
      if (command == std::string("DBSIZE")) engine.b.Send({"DISCARD"}), engine.b.Leaves();
      engine.b.Send({command});
      CHECK(engine.b.Leaves() == "");
      engine.progress().Advance(engine.log.end_offset());
      CHECK(engine.b.Leaves() != "");
    }
  }

  TEST_CASE("after FLUSHALL and after an exclusive transaction every reader waits") {
    for (const bool in_transaction : {false, true}) {
      Fixture engine;
      engine.Run({"SET", "k", "1"});
      engine.log.Promise();
      if (in_transaction) engine.a.Send({"MULTI"});
      engine.a.Send({"FLUSHALL"});
      if (in_transaction) engine.a.Send({"EXEC"});
      engine.b.Send({"GET", "k"});
      CHECK(engine.b.Leaves() == "");
      engine.progress().Advance(engine.log.end_offset());
      CHECK(engine.b.Leaves() == "$-1\r\n");
    }
  }

  TEST_CASE("keys written in a transaction and keys that expired are waited for like others") {
    Fixture engine;
    engine.Run({"SET", "mortal", "1", "PX", "10"});
    engine.log.Promise();
    engine.a.Send({"MULTI"});
    engine.a.Send({"SET", "x", "1"});
    engine.a.Send({"EXEC"});
    engine.b.Send({"GET", "x"});
    CHECK(engine.b.Leaves() == "");
    engine.progress().Advance(engine.log.end_offset());
    CHECK(engine.b.Leaves() == "$1\r\n1\r\n");
    engine.AdvanceMs(20);
    engine.executor.ExpireDueKeys(0, 1, 1'000'000'000);
    engine.b.Send({"GET", "mortal"});
    CHECK(engine.b.Leaves() == "");
    engine.progress().Advance(engine.log.end_offset());
    CHECK(engine.b.Leaves() == "$-1\r\n");
  }

  TEST_CASE(
      "a push does not overtake the reply it stands behind, and one that tells of a held write "
      "waits itself") {
    Fixture engine;
    engine.log.Promise();
    engine.a.Send({"SET", "k", "1"});
    engine.a.Push(">push\r\n", 0);
    CHECK(engine.a.Leaves() == "");
    engine.b.Push(">other\r\n", 0);
    engine.b.Push(">event\r\n", engine.log.end_offset());
    CHECK(engine.b.Leaves() == ">other\r\n");
    engine.progress().Advance(engine.log.end_offset());
    CHECK(engine.a.Leaves() == "+OK\r\n>push\r\n");
    CHECK(engine.b.Leaves() == ">event\r\n");
  }

  TEST_CASE("the end of the promise, and of the log, frees everything and tells the waiters") {
    for (const bool switch_off : {false, true}) {
      Fixture engine;
      CountingWaiter waiter;
      engine.progress().Join(waiter);
      engine.log.Promise();
      engine.a.Send({"SET", "k", "1"});
      CHECK(engine.a.Leaves() == "");
      engine.progress().WaitFor(waiter, engine.a.session().reply_gate.waiting_for());
      CHECK(waiter.told == 0);
      switch_off ? engine.log.SetEnabled(false) : engine.log.EndPromise();
      CHECK(waiter.told == 1);
      CHECK(engine.a.Leaves() == "+OK\r\n");
      engine.b.Send({"SET", "k", "2"});
      CHECK(engine.b.Leaves() == "+OK\r\n");
      engine.progress().Leave(waiter);
    }
  }
}
