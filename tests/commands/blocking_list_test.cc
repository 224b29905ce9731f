// BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP.
#include <doctest/doctest.h>

#include "commands/support/waiting_clients.h"
#include "exec/families.h"

using namespace terrace;
using terrace::testing::Lines;
using terrace::testing::WaitingClients;
using terrace::testing::WaitingSession;

namespace {

struct Fixture : WaitingClients {
  Fixture()
      : WaitingClients({commands::ListCommands(), commands::BlockingListCommands(),
                        commands::StringCommands(), commands::KeyCommands(),
                        exec::TransactionCommands()}) {
    log.SetEnabled(true);
    Notify("AE");
    Log();
  }
  std::string List(Bytes key) { return Run({"LRANGE", key, "0", "-1"}); }
};

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

}  // namespace

TEST_SUITE("commands/blocking_list") {
  TEST_CASE("where there is something they do what their siblings do, and are logged as those") {
    Fixture engine;
    engine.Run({"RPUSH", "k", "1", "2", "3", "4", "5", "6", "7"});
    engine.Log();
    engine.Events();
    CHECK(engine.Run({"BLPOP", "none", "k", "0"}) == "[\"k\", \"1\"]");
    CHECK(engine.Run({"BRPOP", "none", "k", "0"}) == "[\"k\", \"7\"]");
    CHECK(engine.Run({"BLMOVE", "k", "to", "LEFT", "RIGHT", "0"}) == "\"2\"");
    CHECK(engine.Run({"BRPOPLPUSH", "k", "to", "0"}) == "\"6\"");
    CHECK(engine.Run({"BLMPOP", "0", "2", "none", "k", "LEFT", "COUNT", "2"}) ==
          "[\"k\", [\"3\", \"4\"]]");
    CHECK(engine.Run({"BLMPOP", "0", "2", "none", "k", "RIGHT"}) == "[\"k\", [\"5\"]]");
    CHECK(engine.List("to") == "[\"6\", \"2\"]");
    CHECK(engine.Log() == Lines{"LPOP k", "RPOP k", "LMOVE k to LEFT RIGHT", "RPOPLPUSH k to",
                                "LPOP k 2", "RPOP k 1"});
    CHECK(engine.Events() == Lines{"lpop k", "rpop k", "rpush to", "lpop k", "lpush to", "rpop k",
                                   "lpop k", "rpop k", "del k"});
  }

  TEST_CASE("what cannot be read is refused before anything else") {
    Fixture engine;
    engine.Run({"SET", "s", "x"});
    CHECK(engine.Run({"BLPOP", "s", "x"}) == "(error) ERR timeout is not a float or out of range");
    CHECK(engine.Run({"BLPOP", "s", "-1"}) == "(error) ERR timeout is negative");
    CHECK(engine.Run({"BLPOP", "s", "1e400"}) == "(error) ERR timeout is out of range");
    CHECK(engine.Run({"BLPOP", "s", "9223372036854775"}) == "(error) ERR timeout is out of range");
    CHECK(engine.Run({"BRPOP", "s", "-1e300"}) == "(error) ERR timeout is negative");
    CHECK(engine.Run({"BLMOVE", "s", "to", "LEFT", "UP", "x"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"BLMOVE", "s", "to", "LEFT", "LEFT", "x"}) ==
          "(error) ERR timeout is not a float or out of range");
    CHECK(engine.Run({"BRPOPLPUSH", "s", "to", "-0.1"}) == "(error) ERR timeout is negative");
    CHECK(engine.Run({"BLMPOP", "x", "0", "s", "LEFT"}) ==
          "(error) ERR timeout is not a float or out of range");
    CHECK(engine.Run({"BLMPOP", "0", "0", "s", "LEFT"}) ==
          "(error) ERR numkeys should be greater than 0");
    CHECK(engine.Run({"BLMPOP", "0", "2", "s", "LEFT"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"BLMPOP", "0", "1", "s", "LEFT", "COUNT", "0"}) ==
          "(error) ERR count should be greater than 0");
  }

  TEST_CASE("another type is an error at once, but not behind a list that has something") {
    Fixture engine;
    engine.Run({"SET", "s", "x"});
    CHECK(engine.Run({"BLPOP", "none", "s", "0"}) == kWrongType);
    CHECK(engine.Run({"BLMPOP", "0", "2", "none", "s", "LEFT"}) == kWrongType);
    CHECK(engine.Run({"BLMOVE", "s", "to", "LEFT", "LEFT", "0"}) == kWrongType);
    engine.Run({"RPUSH", "k", "1"});
    CHECK(engine.Run({"BLMOVE", "k", "s", "LEFT", "LEFT", "0"}) == kWrongType);
    CHECK(engine.Run({"BRPOP", "k", "s", "0"}) == "[\"k\", \"1\"]");
  }

  TEST_CASE("in a transaction they answer at once that there is nothing") {
    Fixture engine;
    engine.Run({"MULTI"});
    for (const auto& args :
         std::vector<std::vector<Bytes>>{{"BLPOP", "k", "0"},
                                         {"BRPOP", "k", "0"},
                                         {"BLMOVE", "k", "to", "LEFT", "LEFT", "0"},
                                         {"BRPOPLPUSH", "k", "to", "0"},
                                         {"BLMPOP", "0", "1", "k", "LEFT"}}) {
      CHECK(engine.Run(args) == "QUEUED");
    }
    CHECK(engine.Run({"EXEC"}) == "[null, null, null, null, null]");
    engine.Run({"MULTI"});
    engine.Run({"BLPOP", "k", "0"});
    engine.Run({"BLMOVE", "k", "to", "LEFT", "LEFT", "0"});
    CHECK(engine.Wire({"EXEC"}) == "*2\r\n*-1\r\n$-1\r\n");
  }

  TEST_CASE("who waits is served by the write that brings it: its own answer, events and effect") {
    Fixture engine;
    const std::vector<std::pair<std::vector<Bytes>, std::vector<std::string>>> cases = {
        {{"BLPOP", "other", "k", "0"}, {"[\"k\", \"a\"]", "LPOP k", "lpop k", "[\"b\", \"c\"]"}},
        {{"BRPOP", "k", "other", "0"}, {"[\"k\", \"c\"]", "RPOP k", "rpop k", "[\"a\", \"b\"]"}},
        {{"BLMPOP", "0", "2", "other", "k", "RIGHT", "COUNT", "2"},
         {"[\"k\", [\"c\", \"b\"]]", "RPOP k 2", "rpop k", "[\"a\"]"}},
    };
    for (const auto& [args, want] : cases) {
      WaitingSession& client = engine.Waiting(args);
      CHECK(engine.Run({"RPUSH", "k", "a", "b", "c"}) == "3");
      CHECK(engine.Got(client) == want[0]);
      CHECK(engine.Log() == Lines{"RPUSH k a b c", want[1]});
      CHECK(engine.Events() == Lines{"rpush k", want[2]});
      CHECK(engine.List("k") == want[3]);
      engine.Run({"DEL", "k"});
      engine.Log();
      engine.Events();
    }
  }

  TEST_CASE("a move that waits: the destination's type counts when it is served") {
    Fixture engine;
    engine.Run({"SET", "s", "x"});
    WaitingSession& refused = engine.Waiting({"BLMOVE", "k", "s", "LEFT", "RIGHT", "0"});
    WaitingSession& served = engine.Waiting({"BRPOPLPUSH", "k", "to", "0"});
    engine.Log();
    CHECK(engine.Run({"RPUSH", "k", "1"}) == "1");
    CHECK(engine.Got(refused) == kWrongType);
    CHECK(engine.Got(served) == "\"1\"");
    CHECK(engine.Log() == Lines{"RPUSH k 1", "RPOPLPUSH k to"});
    CHECK(engine.List("to") == "[\"1\"]");
  }

  TEST_CASE(
      "a key that gets another type serves nobody, and a list that comes by another way does") {
    Fixture engine;
    WaitingSession& client = engine.Waiting({"BLPOP", "k", "0"});
    engine.Run({"SET", "k", "x"});
    engine.Run({"DEL", "k"});
    CHECK(engine.Got(client) == "");
    engine.Run({"RPUSH", "from", "1", "2"});
    engine.Run({"RENAME", "from", "k"});
    CHECK(engine.Got(client) == "[\"k\", \"1\"]");
    CHECK(engine.List("k") == "[\"2\"]");
  }

  TEST_CASE("moves that feed each other go on to where nobody waits") {
    Fixture engine;
    WaitingSession& back = engine.Waiting({"BLMOVE", "b", "a", "LEFT", "RIGHT", "0"});
    WaitingSession& forth = engine.Waiting({"BLMOVE", "a", "b", "LEFT", "RIGHT", "0"});
    WaitingSession& again = engine.Waiting({"BLMOVE", "a", "c", "LEFT", "RIGHT", "0"});
    WaitingSession& last = engine.Waiting({"BLPOP", "c", "0"});
    engine.Run({"RPUSH", "a", "1"});
    for (WaitingSession* each : {&back, &forth, &again}) CHECK(engine.Got(*each) == "\"1\"");
    CHECK(engine.Got(last) == "[\"c\", \"1\"]");
    CHECK(engine.Run({"EXISTS", "a", "b", "c"}) == "0");
    WaitingSession& turning = engine.Waiting({"BLMOVE", "d", "d", "LEFT", "RIGHT", "0"});
    engine.Run({"RPUSH", "d", "1", "2"});
    CHECK(engine.Got(turning) == "\"1\"");
    CHECK(engine.List("d") == "[\"2\", \"1\"]");
  }

  TEST_CASE("a negative rest of a millisecond is none: such a client waits for ever") {
    Fixture engine;
    WaitingSession& client = engine.Waiting({"BLPOP", "k", "-0.0001"});
    CHECK(client.parking.wait->deadline_ns == 0);
    WaitingSession& timed = engine.Waiting({"BLPOP", "k", "0.0001"});
    CHECK(timed.parking.wait->deadline_ns == engine.clock.MonotonicNs() + 1'000'000);
  }
}
