// BZPOPMIN, BZPOPMAX, BZMPOP.
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
      : WaitingClients({commands::ZsetCommands(), commands::ZsetRangeCommands(),
                        commands::ZsetPopCommands(), commands::ZsetAlgebraCommands(),
                        commands::BlockingZsetCommands(), commands::ListCommands(),
                        commands::BlockingListCommands(), commands::StringCommands(),
                        commands::KeyCommands(), exec::TransactionCommands()}) {
    log.SetEnabled(true);
    Notify("AE");
    Log();
  }
};

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

}  // namespace

TEST_SUITE("commands/blocking_zset") {
  TEST_CASE("where there is something they do what their siblings do, and are logged as those") {
    Fixture engine;
    engine.Run({"ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d", "5", "e"});
    engine.Log();
    engine.Events();
    CHECK(engine.Wire({"BZPOPMIN", "none", "z", "0"}) == "*3\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\n1\r\n");
    engine.session.reply.set_protocol(3);
    CHECK(engine.Wire({"BZPOPMAX", "z", "none", "0"}) == "*3\r\n$1\r\nz\r\n$1\r\ne\r\n,5\r\n");
    CHECK(engine.Wire({"BZMPOP", "0", "1", "z", "MAX"}) ==
          "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nd\r\n,4\r\n");
    engine.session.reply.set_protocol(2);
    CHECK(engine.Run({"BZMPOP", "0", "2", "none", "z", "MIN", "COUNT", "9"}) ==
          "[\"z\", [[\"b\", \"2\"], [\"c\", \"3\"]]]");
    CHECK(engine.Log() == Lines{"ZPOPMIN z", "ZPOPMAX z", "ZPOPMAX z 1", "ZPOPMIN z 2"});
    CHECK(engine.Events() == Lines{"zpopmin z", "zpopmax z", "zpopmax z", "zpopmin z", "del z"});
  }

  TEST_CASE("what cannot be read, and another type, are refused at once") {
    Fixture engine;
    engine.Run({"SET", "s", "x"});
    CHECK(engine.Run({"BZPOPMIN", "s", "x"}) ==
          "(error) ERR timeout is not a float or out of range");
    CHECK(engine.Run({"BZPOPMAX", "s", "-1"}) == "(error) ERR timeout is negative");
    CHECK(engine.Run({"BZMPOP", "-1", "0", "s", "MIN"}) == "(error) ERR timeout is negative");
    CHECK(engine.Run({"BZMPOP", "0", "0", "s", "MIN"}) ==
          "(error) ERR numkeys should be greater than 0");
    CHECK(engine.Run({"BZMPOP", "0", "1", "s", "LEFT"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"BZPOPMIN", "none", "s", "0"}) == kWrongType);
    CHECK(engine.Run({"BZMPOP", "0", "2", "none", "s", "MIN"}) == kWrongType);
    engine.Run({"ZADD", "z", "1", "a"});
    CHECK(engine.Run({"BZPOPMIN", "z", "s", "0"}) == "[\"z\", \"a\", \"1\"]");
  }

  TEST_CASE("in a transaction they answer at once that there is nothing") {
    Fixture engine;
    engine.Run({"MULTI"});
    for (const auto& args : std::vector<std::vector<Bytes>>{
             {"BZPOPMIN", "z", "0"}, {"BZPOPMAX", "z", "0"}, {"BZMPOP", "0", "1", "z", "MIN"}}) {
      CHECK(engine.Run(args) == "QUEUED");
    }
    CHECK(engine.Wire({"EXEC"}) == "*3\r\n*-1\r\n*-1\r\n*-1\r\n");
  }

  TEST_CASE("who waits is served by the write that brings it, and by nothing else") {
    Fixture engine;
    WaitingSession& first = engine.Waiting({"BZPOPMAX", "y", "z", "0"});
    WaitingSession& second = engine.Waiting({"BZMPOP", "0", "2", "z", "y", "MIN", "COUNT", "2"});
    WaitingSession& list = engine.Waiting({"BLPOP", "z", "0"});
    engine.Run({"SET", "z", "x"});
    engine.Run({"DEL", "z"});
    engine.Log();
    engine.Events();
    CHECK(engine.Run({"ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d"}) == "4");
    CHECK(engine.Got(first) == "[\"z\", \"d\", \"4\"]");
    CHECK(engine.Got(second) == "[\"z\", [[\"a\", \"1\"], [\"b\", \"2\"]]]");
    CHECK(engine.Got(list) == "");
    CHECK(engine.Log() == Lines{"ZADD z 1 a 2 b 3 c 4 d", "ZPOPMAX z", "ZPOPMIN z 2"});
    CHECK(engine.Events() == Lines{"zadd z", "zpopmax z", "zpopmin z"});
    CHECK(engine.Run({"ZRANGE", "z", "0", "-1"}) == "[\"c\"]");
  }

  TEST_CASE("a set that is stored serves, too") {
    Fixture engine;
    engine.Run({"ZADD", "from", "1", "a", "2", "b"});
    WaitingSession& stored = engine.Waiting({"BZPOPMIN", "to", "0"});
    CHECK(engine.Run({"ZUNIONSTORE", "to", "1", "from"}) == "2");
    CHECK(engine.Got(stored) == "[\"to\", \"a\", \"1\"]");
    WaitingSession& renamed = engine.Waiting({"BZPOPMAX", "new", "0"});
    CHECK(engine.Run({"RENAME", "to", "new"}) == "OK");
    CHECK(engine.Got(renamed) == "[\"new\", \"b\", \"2\"]");
    CHECK(engine.Run({"EXISTS", "to", "new"}) == "0");
  }
}
