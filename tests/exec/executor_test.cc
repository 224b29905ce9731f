#include "exec/executor.h"

#include <doctest/doctest.h>

#include <thread>

#include "exec/families.h"
#include "exec/second_client.h"

using namespace terrace;
using terrace::testing::EngineFixture;
using terrace::testing::Lines;
using terrace::testing::SecondClient;
using Outcome = exec::Executor::Outcome;

namespace {

// Sanitizer builds keep the sanitizer's allocator, so what C++ allocates is not counted there.
bool CountsMemory() { return Bytes(AllocatorName()) != "sanitizer"; }

struct Fixture : EngineFixture {
  Fixture()
      : EngineFixture({commands::StringCommands(), commands::CounterCommands(),
                       commands::KeyCommands(), commands::ExpireCommands(),
                       commands::IterationCommands(), exec::TransactionCommands(),
                       exec::KeyspaceCommands(), exec::SelectCommands()}) {}
  SecondClient other{*this};
};

// What counts against maxmemory: the log's own bytes do not.
int64_t Kept(const EngineFixture& engine) {
  return UsedMemory() - static_cast<int64_t>(engine.log.memory_bytes());
}

}  // namespace

TEST_SUITE("exec/executor") {
  TEST_CASE("unknown commands are told with their first arguments") {
    Fixture engine;
    CHECK(engine.Run({"nope", "a", "b"}) ==
          "(error) ERR unknown command 'nope', with args beginning with: 'a' 'b' ");
  }

  TEST_CASE("a session that needs a password gets NOAUTH") {
    Fixture engine;
    engine.other.session.gates |= exec::kGateNeedsAuth;
    CHECK(engine.other.Run({"GET", "a"}) == "(error) NOAUTH Authentication required.");
  }

  TEST_CASE(
      "a pause parks writes and lets reads pass; the parked request runs from the start later") {
    Fixture engine;
    engine.gates.Close(exec::kGatePauseWrites);
    CHECK(engine.other.Try({"SET", "a", "1"}) == Outcome::kParked);
    CHECK(engine.other.TakeReply() == "");
    CHECK(engine.other.Run({"GET", "a"}) == "null");
    engine.gates.Open(exec::kGatePauseWrites);
    CHECK(engine.other.Run({"SET", "a", "1"}) == "OK");
  }

  TEST_CASE("a pause of all commands parks reads, too") {
    Fixture engine;
    engine.gates.Close(exec::kGatePauseAll);
    CHECK(engine.other.Try({"GET", "a"}) == Outcome::kParked);
  }

  TEST_CASE("a paused transaction that writes parks at EXEC and keeps its queue") {
    Fixture engine;
    engine.other.Run({"MULTI"});
    engine.other.Run({"SET", "a", "1"});
    engine.gates.Close(exec::kGatePauseWrites);
    CHECK(engine.other.Try({"EXEC"}) == Outcome::kParked);
    engine.gates.Open(exec::kGatePauseWrites);
    CHECK(engine.other.Run({"EXEC"}) == "[OK]");
  }

  TEST_CASE(
      "a write that waited for the exclusive section while a pause was announced parks instead of "
      "running") {
    for (const bool in_transaction : {false, true}) {
      Fixture engine;
      engine.Run({"SET", "a", "1"});
      if (in_transaction) {
        engine.other.Run({"MULTI"});
        engine.other.Run({"FLUSHALL"});
      }
      // The section runs when everybody is out, and this thread goes out only to wait for its own section behind it.
      std::thread pausing([&] {
        engine.participants.Exclusive(nullptr, [&] { engine.gates.Close(exec::kGatePauseWrites); });
      });
      while (!engine.participant->WantedOut()) std::this_thread::yield();
      CHECK(engine.other.Try({in_transaction ? "EXEC" : "FLUSHALL"}) == Outcome::kParked);
      pausing.join();
      CHECK(engine.other.TakeReply() == "");
      CHECK(engine.Run({"GET", "a"}) == "\"1\"");
      CHECK(engine.other.session.in_multi() == in_transaction);
      engine.gates.Open(exec::kGatePauseWrites);
      CHECK(engine.other.Run({in_transaction ? "EXEC" : "FLUSHALL"}) ==
            (in_transaction ? "[OK]" : "OK"));
      CHECK(engine.Run({"GET", "a"}) == "null");
    }
  }

  TEST_CASE("over maxmemory, writes that need memory are refused and reads and DEL are not") {
    if (!CountsMemory()) return;
    Fixture engine;
    engine.Run({"SET", "a", "1"});
    engine.eviction.memory_max = 1;
    engine.gates.Close(exec::kGateMaxMemory);
    CHECK(engine.Run({"SET", "b", "1"}) ==
          "(error) OOM command not allowed when used memory > 'maxmemory'.");
    CHECK(engine.Run({"GET", "a"}) == "\"1\"");
    CHECK(engine.Run({"DEL", "a"}) == "1");
  }

  TEST_CASE("over maxmemory, eviction makes room, logs DEL and says evicted") {
    if (!CountsMemory()) return;
    Fixture engine;
    const std::string value(100'000, 'x');
    engine.eviction.policy = engine::EvictionPolicy::kAllKeysRandom;
    engine.eviction.memory_max = Kept(engine) + 2'000'000;
    engine.gates.Close(exec::kGateMaxMemory);
    engine.log.SetEnabled(true);
    engine.Notify("e");
    for (int i = 0; i < 60; ++i)
      CHECK(engine.Run({"SET", "key" + std::to_string(i), value}) == "OK");
    CHECK(engine.databases.Get(0).size() < 30);
    CHECK(engine.databases.Get(0).size() > 5);
    const Lines events = engine.Events();
    CHECK(events.size() == 60 - engine.databases.Get(0).size());
    REQUIRE_FALSE(events.empty());
    CHECK(events[0].substr(0, 8) == "evicted ");
    const Lines log = engine.Log();
    size_t deletions = 0;
    for (const std::string& line : log) deletions += line.substr(0, 4) == "DEL ";
    CHECK(deletions == events.size());
  }

  TEST_CASE(
      "volatile policies take only keys with a deadline, the nearest first for volatile-ttl") {
    Fixture engine;
    engine.eviction.policy = engine::EvictionPolicy::kVolatileTtl;
    engine.Run({"SET", "stays", std::string(1000, 'x')});
    engine.Run({"SET", "late", std::string(1000, 'x'), "EX", "1000"});
    engine.Run({"SET", "soon", std::string(1000, 'x'), "EX", "10"});
    engine.Notify("e");
    engine.eviction.memory_max = Kept(engine) - 500;
    engine.gates.Close(exec::kGateMaxMemory);
    engine.Run({"GET", "stays"});
    const Lines events = engine.Events();
    REQUIRE_FALSE(events.empty());
    CHECK(events[0] == "evicted soon");
    CHECK(engine.Run({"EXISTS", "stays"}) == "1");
  }

  TEST_CASE("the only key with a deadline among many is found when it has to go") {
    for (const bool stale_too : {false, true}) {
      Fixture engine;
      engine.eviction.policy = engine::EvictionPolicy::kVolatileLru;
      for (int i = 0; i < 20'000; ++i) engine.Run({"SET", "key" + std::to_string(i), "v"});
      engine.Run({"SET", "goes", std::string(30'000, 'x'), "EX", "1000"});
      // One that has lost its deadline may still be in an index.
      if (stale_too) {
        engine.Run({"SET", "key1", "v", "EX", "10"});
        engine.Run({"PERSIST", "key1"});
      }
      engine.Notify("e");
      engine.eviction.memory_max = Kept(engine) - 10'000;
      engine.gates.Close(exec::kGateMaxMemory);
      CHECK(engine.Run({"SET", "small", "v"}) == "OK");
      CHECK(engine.Events() == Lines{"evicted goes"});
      engine.eviction.memory_max = 1;
      CHECK(engine.Run({"SET", "small", "w"}) ==
            "(error) OOM command not allowed when used memory > 'maxmemory'.");
      CHECK(engine.Events().empty());
    }
  }

  TEST_CASE("keys fall due by themselves: DEL is logged, expired is said, watches break") {
    Fixture engine;
    engine.log.SetEnabled(true);
    engine.Run({"SET", "a", "1", "PX", "10"});
    engine.Run({"SET", "b", "1", "PX", "5000"});
    engine.Notify("x");
    engine.Log();
    engine.AdvanceMs(11);
    const uint64_t next = engine.executor.ExpireDueKeys(0, 1, 1'000'000'000);
    CHECK(engine.Log() == Lines{"DEL a"});
    CHECK(engine.Events() == Lines{"expired a"});
    CHECK(engine.databases.Get(0).size() == 1);
    CHECK(next == terrace::testing::kStartMs + 5000);
  }

  TEST_CASE("a key that is due is deleted before the command that meets it, in one unit") {
    Fixture engine;
    engine.log.SetEnabled(true);
    engine.Run({"SET", "n", "41", "PX", "10"});
    engine.Log();
    engine.AdvanceMs(11);
    CHECK(engine.Run({"INCR", "n"}) == "1");
    CHECK(engine.Log() == Lines{"MULTI", "DEL n", "INCR n", "EXEC"});
  }

  TEST_CASE(
      "a stream is applied as it comes: due keys stay until their DEL, nothing is logged twice") {
    Fixture engine;
    CHECK(engine.Apply({"SET", "a", "1", "PXAT", "1700000000010"}));
    engine.AdvanceMs(100);
    CHECK(engine.Apply({"INCR", "a"}));
    CHECK(engine.databases.Get(0).size() == 1);
    CHECK(engine.Apply({"DEL", "a"}));
    CHECK(engine.databases.Get(0).size() == 0);
    CHECK_FALSE(engine.Apply({"NOSUCHCOMMAND", "a"}));
    CHECK_FALSE(engine.Apply({"SET", "a"}));
  }

  TEST_CASE("replaying the log of one engine gives another the same data") {
    Fixture source;
    source.log.SetEnabled(true);
    source.Log();
    source.Run({"MSET", "a", "1", "b", "2", "c", "text"});
    source.Run({"INCRBYFLOAT", "a", "1.5"});
    source.Run({"SET", "d", "x", "EX", "100"});
    source.Run({"APPEND", "c", "more"});
    source.Run({"GETDEL", "b"});
    source.Run({"RENAME", "c", "e"});
    source.Run({"EXPIRE", "e", "50"});
    std::string stream;
    REQUIRE(source.log.Read(1, SIZE_MAX, &stream));
    Fixture target;
    resp::ReplyParser parser;
    parser.Feed(stream);
    resp::ReplyValue command;
    while (parser.Next(&command) == resp::ReplyParser::Outcome::kValue) {
      std::vector<Bytes> words;
      for (const auto& word : command.elements) words.push_back(word.string);
      CHECK(target.Apply(words));
    }
    for (const char* key : {"a", "b", "c", "d", "e"}) {
      CHECK(source.Run({"GET", key}) == target.Run({"GET", key}));
      CHECK(source.Run({"PTTL", key}) == target.Run({"PTTL", key}));
    }
  }

  TEST_CASE("a command at the key of the one before it sees what happened to the key in between") {
    Fixture engine;
    CHECK(engine.Run({"SET", "a", "1"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "\"1\"");
    // By a command that names more keys, in another database, with everybody out.
    CHECK(engine.Run({"DEL", "a", "b"}) == "1");
    CHECK(engine.Run({"GET", "a"}) == "null");
    CHECK(engine.Run({"SET", "a", std::string(1000, 'x')}) == "OK");
    CHECK(engine.Run({"STRLEN", "a"}) == "1000");
    CHECK(engine.Run({"SELECT", "1"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "null");
    CHECK(engine.Run({"SET", "a", "other"}) == "OK");
    CHECK(engine.Run({"SWAPDB", "0", "1"}) == "OK");
    CHECK(engine.Run({"STRLEN", "a"}) == "1000");
    CHECK(engine.Run({"SELECT", "0"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "\"other\"");
    CHECK(engine.Run({"FLUSHALL"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "null");
    CHECK(engine.Run({"SET", "a", "1", "PX", "10"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "\"1\"");
    engine.AdvanceMs(11);
    CHECK(engine.Run({"GET", "a"}) == "null");
    CHECK(engine.Run({"SET", "a", "2"}) == "OK");
    CHECK(engine.Run({"RENAME", "a", "b"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "null");
    CHECK(engine.Run({"GET", "b"}) == "\"2\"");
  }

  TEST_CASE("a command counts as many changes as keys it changed") {
    Fixture engine;
    const auto changes_of = [&](std::initializer_list<Bytes> args) {
      const uint64_t before = engine.changes();
      engine.Run(args);
      return engine.changes() - before;
    };
    CHECK(changes_of({"SET", "a", "1"}) == 1);
    CHECK(changes_of({"SET", "a", "1", "NX"}) == 0);
    CHECK(changes_of({"MSET", "a", "1", "b", "2", "c", "3"}) == 3);
    CHECK(changes_of({"MSETNX", "a", "1", "d", "2"}) == 0);
    CHECK(changes_of({"MSETNX", "d", "1", "e", "2"}) == 2);
    CHECK(changes_of({"DEL", "a", "b", "c", "none"}) == 3);
    CHECK(changes_of({"UNLINK", "none"}) == 0);
    CHECK(changes_of({"FLUSHDB"}) == 2);
    CHECK(changes_of({"FLUSHALL"}) == 0);
    CHECK(changes_of({"SWAPDB", "0", "1"}) == 1);
  }

  TEST_CASE("every command is counted, refused and failed ones apart") {
    Fixture engine;
    engine.Run({"SET", "a", "text"});
    engine.Run({"INCR", "a"});
    engine.Run({"INCR"});
    const exec::CommandCounter& incr = engine.executor.stats().of(engine.table.Find("incr")->id);
    CHECK(incr.calls == 1);
    CHECK(incr.failed == 1);
    CHECK(incr.rejected == 1);
  }
}
