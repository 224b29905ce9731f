#include <doctest/doctest.h>

#include "exec/families.h"
#include "exec/second_client.h"

using namespace terrace;
using terrace::testing::EngineFixture;
using terrace::testing::Lines;
using terrace::testing::SecondClient;

namespace {

struct Fixture : EngineFixture {
  Fixture()
      : EngineFixture({commands::StringCommands(), commands::CounterCommands(),
                       commands::KeyCommands(), commands::ExpireCommands(),
                       commands::IterationCommands(), exec::TransactionCommands(),
                       exec::KeyspaceCommands(), exec::SelectCommands()}) {}
  SecondClient other{*this};
};

}  // namespace

TEST_SUITE("exec/transaction") {
  TEST_CASE("queued commands run at EXEC and answer together") {
    Fixture engine;
    CHECK(engine.Run({"MULTI"}) == "OK");
    CHECK(engine.Run({"SET", "a", "1"}) == "QUEUED");
    CHECK(engine.Run({"INCR", "a"}) == "QUEUED");
    CHECK(engine.other.Run({"GET", "a"}) == "null");
    CHECK(engine.Run({"EXEC"}) == "[OK, 2]");
    CHECK(engine.other.Run({"GET", "a"}) == "\"2\"");
  }

  TEST_CASE("a SCAN in a transaction deletes due keys as part of the unit") {
    Fixture engine;
    engine.Run({"SET", "due", "v", "PX", "10"});
    engine.AdvanceMs(11);
    engine.Log();
    engine.Run({"MULTI"});
    engine.Run({"SCAN", "0", "COUNT", "1000"});
    engine.Run({"SET", "a", "1"});
    CHECK(engine.Run({"EXEC"}) == "[[\"0\", []], OK]");
    CHECK(engine.Run({"DBSIZE"}) == "1");
    CHECK(engine.Log() == Lines{"MULTI", "DEL due", "SET a 1", "EXEC"});
  }

  TEST_CASE("the effects of a transaction are one unit of the log") {
    Fixture engine;
    engine.log.SetEnabled(true);
    engine.Log();
    engine.Run({"MULTI"});
    engine.Run({"SET", "a", "1", "EX", "10"});
    engine.Run({"GET", "a"});
    engine.Run({"DEL", "b"});
    engine.Run({"INCR", "c"});
    engine.Run({"EXEC"});
    CHECK(engine.Log() == Lines{"MULTI", "SET a 1 PXAT 1700000010000", "INCR c", "EXEC"});
  }

  TEST_CASE("a transaction of one effect is logged without MULTI, one of none not at all") {
    Fixture engine;
    engine.log.SetEnabled(true);
    engine.Log();
    engine.Run({"MULTI"});
    engine.Run({"INCR", "c"});
    engine.Run({"EXEC"});
    CHECK(engine.Log() == Lines{"INCR c"});
    engine.Run({"MULTI"});
    engine.Run({"GET", "c"});
    engine.Run({"EXEC"});
    CHECK(engine.Log().empty());
  }

  TEST_CASE("an empty transaction answers an empty array") {
    Fixture engine;
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "[]");
  }

  TEST_CASE("a command that is refused while queueing aborts EXEC") {
    Fixture engine;
    engine.Run({"MULTI"});
    engine.Run({"SET", "a", "1"});
    CHECK(engine.Run({"SET", "a"}) == "(error) ERR wrong number of arguments for 'set' command");
    CHECK(engine.Run({"EXEC"}) ==
          "(error) EXECABORT Transaction discarded because of previous errors.");
    CHECK(engine.Run({"GET", "a"}) == "null");
  }

  TEST_CASE("a command that fails at EXEC does not undo the others") {
    Fixture engine;
    engine.Run({"SET", "text", "abc"});
    engine.Run({"MULTI"});
    engine.Run({"INCR", "text"});
    engine.Run({"SET", "a", "1"});
    CHECK(engine.Run({"EXEC"}) == "[(error) ERR value is not an integer or out of range, OK]");
    CHECK(engine.Run({"GET", "a"}) == "\"1\"");
  }

  TEST_CASE("MULTI, EXEC, DISCARD and WATCH mind where they stand") {
    Fixture engine;
    CHECK(engine.Run({"EXEC"}) == "(error) ERR EXEC without MULTI");
    CHECK(engine.Run({"DISCARD"}) == "(error) ERR DISCARD without MULTI");
    engine.Run({"MULTI"});
    CHECK(engine.Run({"MULTI"}) == "(error) ERR MULTI calls can not be nested");
    CHECK(engine.Run({"WATCH", "a"}) == "(error) ERR WATCH inside MULTI is not allowed");
    CHECK(engine.Run({"DISCARD"}) == "OK");
    CHECK_FALSE(engine.session.in_multi());
  }

  TEST_CASE("a watched key that changes stops the transaction, one that does not lets it run") {
    Fixture engine;
    engine.Run({"SET", "a", "1"});
    engine.Run({"WATCH", "a"});
    engine.other.Run({"SET", "a", "2"});
    engine.Run({"MULTI"});
    engine.Run({"SET", "b", "1"});
    CHECK(engine.Run({"EXEC"}) == "null");
    CHECK(engine.Run({"EXISTS", "b"}) == "0");
    engine.Run({"WATCH", "a"});
    engine.other.Run({"GET", "a"});
    engine.other.Run({"DEL", "missing"});
    engine.Run({"MULTI"});
    engine.Run({"SET", "b", "1"});
    CHECK(engine.Run({"EXEC"}) == "[OK]");
  }

  TEST_CASE("a watched key that comes into being stops the transaction") {
    Fixture engine;
    engine.Run({"WATCH", "a"});
    engine.other.Run({"SET", "a", "1"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "null");
  }

  TEST_CASE("UNWATCH forgets what changed") {
    Fixture engine;
    engine.Run({"WATCH", "a"});
    engine.other.Run({"SET", "a", "1"});
    engine.Run({"UNWATCH"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "[]");
  }

  TEST_CASE("a watched key that falls due before EXEC stops it, deleted already or not") {
    Fixture engine;
    engine.Run({"SET", "a", "1", "PX", "10"});
    engine.Run({"WATCH", "a"});
    engine.AdvanceMs(20);
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "null");
    engine.Run({"SET", "a", "1", "PX", "10"});
    engine.Run({"WATCH", "a"});
    engine.AdvanceMs(20);
    engine.executor.ExpireDueKeys(0, 1, 1'000'000'000);
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "null");
  }

  TEST_CASE(
      "a key that was due when it was watched may go, be flushed or be swapped for another due "
      "one") {
    Fixture engine;
    const auto watch_stale = [&] {
      engine.Run({"SET", "a", "1", "PX", "10"});
      engine.AdvanceMs(20);
      engine.Run({"WATCH", "a"});
    };
    watch_stale();
    engine.other.Run({"DEL", "a"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "[]");
    watch_stale();
    engine.other.Run({"FLUSHDB"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "[]");
    watch_stale();
    engine.other.Run({"SWAPDB", "0", "1"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "[]");
    watch_stale();
    engine.other.Run({"SET", "a", "2"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "null");
  }

  TEST_CASE("FLUSHALL breaks watches on keys that exist, and leaves those on missing keys") {
    Fixture engine;
    engine.Run({"SET", "a", "1"});
    engine.Run({"WATCH", "a"});
    engine.other.Run({"FLUSHALL"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "null");
    engine.Run({"WATCH", "missing"});
    engine.other.Run({"FLUSHALL"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "[]");
  }

  TEST_CASE("a watch outlives FLUSHALL and still sees the key come") {
    Fixture engine;
    engine.Run({"WATCH", "a"});
    engine.other.Run({"FLUSHALL"});
    engine.other.Run({"SET", "a", "1"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "null");
  }

  TEST_CASE("SWAPDB breaks a watch when the key differs between the databases") {
    Fixture engine;
    engine.Run({"SET", "a", "1"});
    engine.Run({"WATCH", "a"});
    engine.other.Run({"SWAPDB", "0", "1"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "null");
    engine.Run({"WATCH", "nowhere"});
    engine.other.Run({"SWAPDB", "0", "1"});
    engine.Run({"MULTI"});
    CHECK(engine.Run({"EXEC"}) == "[]");
  }

  TEST_CASE("SELECT inside MULTI moves the commands behind it") {
    Fixture engine;
    engine.Run({"MULTI"});
    engine.Run({"SET", "a", "zero"});
    engine.Run({"SELECT", "3"});
    engine.Run({"SET", "a", "three"});
    CHECK(engine.Run({"EXEC"}) == "[OK, OK, OK]");
    CHECK(engine.Run({"GET", "a"}) == "\"three\"");
    CHECK(engine.other.Run({"GET", "a"}) == "\"zero\"");
  }

  TEST_CASE("whole-keyspace commands work inside EXEC, beside others") {
    Fixture engine;
    engine.log.SetEnabled(true);
    engine.Run({"SET", "old", "1"});
    engine.Log();
    engine.Run({"MULTI"});
    engine.Run({"FLUSHDB"});
    engine.Run({"SET", "a", "1"});
    engine.Run({"DBSIZE"});
    engine.Run({"KEYS", "*"});
    CHECK(engine.Run({"EXEC"}) == "[OK, OK, 1, [\"a\"]]");
    CHECK(engine.Log() == Lines{"MULTI", "FLUSHDB", "SET a 1", "EXEC"});
    CHECK(engine.Run({"EXISTS", "old", "a"}) == "1");
  }

  TEST_CASE("the clock stands still inside a transaction") {
    Fixture engine;
    engine.Run({"SET", "a", "1", "PX", "10"});
    engine.Run({"MULTI"});
    for (int i = 0; i < 3; ++i) engine.Run({"PTTL", "a"});
    CHECK(engine.Run({"EXEC"}) == "[10, 10, 10]");
  }
}
