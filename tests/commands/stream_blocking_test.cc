// XREAD and XREADGROUP with BLOCK.
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
      : WaitingClients({commands::StreamCommands(), commands::StreamReadCommands(),
                        commands::StreamGroupCommands(), commands::StreamPendingCommands(),
                        commands::ListCommands(), commands::BlockingListCommands(),
                        commands::StringCommands(), commands::KeyCommands(),
                        commands::ExpireCommands(), commands::SortCommands(),
                        exec::TransactionCommands(), exec::KeyspaceCommands()}) {
    log.SetEnabled(true);
    Run({"XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"});
    Log();
  }
  WaitingSession& WaitingGroup(Bytes consumer) {
    return Waiting({"XREADGROUP", "GROUP", "g", consumer, "BLOCK", "0", "STREAMS", "s", ">"});
  }
};

constexpr const char* kNoGroup =
    "(error) NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

}  // namespace

TEST_SUITE("commands/stream_blocking") {
  TEST_CASE("where there is something nobody waits") {
    Fixture engine;
    engine.Run({"XADD", "s", "1-0", "f", "v"});
    CHECK(engine.Run({"XREAD", "BLOCK", "0", "STREAMS", "s", "0"}) ==
          "[[\"s\", [[\"1-0\", [\"f\", \"v\"]]]]]");
    CHECK(engine.Run({"XREAD", "BLOCK", "0", "STREAMS", "none", "s", "$", "+"}) ==
          "[[\"s\", [[\"1-0\", [\"f\", \"v\"]]]]]");
    CHECK(engine.Run({"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"}) ==
          "[[\"s\", [[\"1-0\", [\"f\", \"v\"]]]]]");
    // History is there, however little it is.
    CHECK(engine.Run({"XREADGROUP", "GROUP", "g", "other", "BLOCK", "0", "STREAMS", "s", "0"}) ==
          "[[\"s\", []]]");
  }

  TEST_CASE("what cannot be read is refused at once") {
    Fixture engine;
    engine.Run({"SET", "str", "v"});
    for (const auto& [text, error] : std::vector<std::pair<Bytes, std::string>>{
             {"x", "(error) ERR timeout is not an integer or out of range"},
             {"1.5", "(error) ERR timeout is not an integer or out of range"},
             {"-1", "(error) ERR timeout is negative"},
             {"9223372036854775807", "(error) ERR timeout is out of range"}}) {
      CHECK(engine.Run({"XREAD", "BLOCK", text, "STREAMS", "s", "$"}) == error);
      CHECK(engine.Run({"XREADGROUP", "GROUP", "g", "c", "BLOCK", text, "STREAMS", "s", ">"}) ==
            error);
    }
    CHECK(engine.Run({"XREAD", "BLOCK", "0", "STREAMS", "str", "$"}) == kWrongType);
    CHECK(engine.Run({"XREAD", "STREAMS", "s", "$", "BLOCK", "0"}) ==
          "(error) ERR Invalid stream ID specified as stream command argument");
    CHECK(engine.Log() == Lines{"SET str v"});
  }

  TEST_CASE("in a transaction they answer at once that there is nothing") {
    Fixture engine;
    engine.Run({"MULTI"});
    engine.Run({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
    engine.Run({"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"});
    CHECK(engine.Wire({"EXEC"}) == "*2\r\n*-1\r\n*-1\r\n");
  }

  TEST_CASE("all who read alone get what comes, from where the stream was when they asked") {
    Fixture engine;
    WaitingSession& first = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "s", "t", "$", "$"});
    WaitingSession& second =
        engine.Waiting({"XREAD", "COUNT", "1", "BLOCK", "1000", "STREAMS", "t", "s", "0", "+"});
    WaitingSession& later = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "s", "5-0"});
    engine.Run({"MULTI"});
    engine.Run({"XADD", "s", "1-0", "f", "1"});
    engine.Run({"XADD", "s", "2-0", "f", "2"});
    engine.Run({"EXEC"});
    CHECK(engine.Got(first) == "[[\"s\", [[\"1-0\", [\"f\", \"1\"]], [\"2-0\", [\"f\", \"2\"]]]]]");
    CHECK(engine.Got(second) == "[[\"s\", [[\"1-0\", [\"f\", \"1\"]]]]]");
    CHECK(engine.Got(later).empty());
    engine.Run({"XADD", "s", "5-1", "f", "5"});
    CHECK(engine.Got(later) == "[[\"s\", [[\"5-1\", [\"f\", \"5\"]]]]]");
    CHECK(!engine.AnybodyListed("s"));
    CHECK(!engine.AnybodyListed("t"));
  }

  TEST_CASE("what comes and goes within a unit wakes nobody") {
    Fixture engine;
    WaitingSession& reader = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "t", "$"});
    engine.Run({"MULTI"});
    engine.Run({"XADD", "t", "1-0", "f", "v"});
    engine.Run({"DEL", "t"});
    engine.Run({"RPUSH", "t", "x"});
    engine.Run({"EXEC"});
    CHECK(engine.Got(reader).empty());
    engine.Run({"DEL", "t"});
    engine.Run({"XADD", "t", "0-1", "f", "w"});
    CHECK(engine.Got(reader) == "[[\"t\", [[\"0-1\", [\"f\", \"w\"]]]]]");
  }

  TEST_CASE("in RESP3 they get a map") {
    Fixture engine;
    WaitingSession& reader = engine.Client();
    reader.reply.set_protocol(3);
    CHECK(engine.Try(reader, {"XREAD", "BLOCK", "0", "STREAMS", "s", "$"}) ==
          WaitingClients::Outcome::kParked);
    engine.Run({"XADD", "s", "1-0", "f", "v"});
    CHECK(engine.Got(reader) == "{\"s\": [[\"1-0\", [\"f\", \"v\"]]]}");
  }

  TEST_CASE(
      "of a group's consumers the one that waited longest gets an entry, and followers know it") {
    Fixture engine;
    WaitingSession& first = engine.WaitingGroup("a");
    WaitingSession& second = engine.WaitingGroup("b");
    CHECK(engine.Log() == Lines{"XGROUP CREATECONSUMER s g a", "XGROUP CREATECONSUMER s g b"});
    engine.Run({"XADD", "s", "1-0", "f", "v"});
    CHECK(engine.Got(first) == "[[\"s\", [[\"1-0\", [\"f\", \"v\"]]]]]");
    CHECK(engine.Got(second).empty());
    CHECK(engine.Log() ==
          Lines{"XADD s 1-0 f v", "MULTI",
                "XCLAIM s g a 0 1-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
                "XGROUP SETID s g 1-0 ENTRIESREAD 1", "EXEC"});
    // A group that is set back has something again.
    engine.Run({"XGROUP", "SETID", "s", "g", "0"});
    CHECK(engine.Got(second) == "[[\"s\", [[\"1-0\", [\"f\", \"v\"]]]]]");
    CHECK(engine.Run({"XPENDING", "s", "g"}) == "[1, \"1-0\", \"1-0\", [[\"b\", \"1\"]]]");
  }

  TEST_CASE("a group that is no more ends the waiting of its consumers") {
    const std::vector<std::pair<std::vector<Bytes>, std::string>> ends = {
        {{"XGROUP", "DESTROY", "s", "g"}, kNoGroup},
        {{"DEL", "s"}, kNoGroup},
        {{"FLUSHALL"}, kNoGroup},
        {{"RENAME", "s", "other"}, kNoGroup},
        {{"SET", "s", "v"}, kWrongType}};
    for (const auto& each : ends) {
      Fixture engine;
      WaitingSession& group = engine.WaitingGroup("a");
      WaitingSession& reader = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
      engine.Run(each.first);
      CHECK(engine.Got(group) == each.second);
      CHECK(engine.Got(reader).empty());
    }
  }

  TEST_CASE("a stream that comes by its name is read like any other") {
    Fixture engine;
    engine.Run({"XADD", "other", "7-0", "f", "v"});
    engine.Run({"XGROUP", "CREATE", "other", "g", "0"});
    WaitingSession& group = engine.WaitingGroup("a");
    engine.Run({"RENAME", "other", "s"});
    CHECK(engine.Got(group) == "[[\"s\", [[\"7-0\", [\"f\", \"v\"]]]]]");
  }

  TEST_CASE("SORT whose patterns find an expired stream wakes those who wait for it to go") {
    for (const bool in_transaction : {false, true}) {
      Fixture engine;
      engine.Run({"RPUSH", "ids", "s", "x"});
      WaitingSession& group = engine.WaitingGroup("a");
      WaitingSession& reader = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
      engine.Run({"PEXPIRE", "s", "10"});
      engine.AdvanceMs(11);
      if (in_transaction) engine.Run({"MULTI"});
      engine.Run({"SORT_RO", "ids", "BY", "*", "ALPHA"});
      if (in_transaction) engine.Run({"EXEC"});
      CHECK(engine.Got(group) == kNoGroup);
      CHECK(engine.Got(reader).empty());
    }
  }

  TEST_CASE("what a leader's stream brings is for those who only read") {
    Fixture engine;
    const std::string entry = "[[\"s\", [[\"1-0\", [\"f\", \"v\"]]]]]";
    WaitingSession& reader = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
    WaitingSession& several =
        engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "none", "s", "$", "$"});
    WaitingSession& group = engine.WaitingGroup("a");
    WaitingSession& taker = engine.Waiting({"BLPOP", "l", "0"});
    engine.Log();
    CHECK(engine.Apply({"XADD", "s", "1-0", "f", "v"}));
    CHECK(engine.Apply({"RPUSH", "l", "from the leader"}));
    CHECK(engine.Got(reader) == entry);
    CHECK(engine.Got(several) == entry);
    CHECK(engine.Got(group).empty());
    CHECK(engine.Got(taker).empty());
    // Nothing was added to what came.
    CHECK(engine.Log().empty());
    CHECK(engine.Run({"LLEN", "l"}) == "1");
    CHECK(engine.Run({"XPENDING", "s", "g"}) == "[0, null, null, null]");
    // They wait on, and a unit of our own serves them.
    engine.Run({"RPUSH", "l", "our own"});
    CHECK(engine.Got(taker) == "[\"l\", \"from the leader\"]");
    engine.Run({"XADD", "s", "2-0", "f", "w"});
    CHECK(engine.Got(group) == "[[\"s\", [[\"1-0\", [\"f\", \"v\"]], [\"2-0\", [\"f\", \"w\"]]]]]");
  }

  TEST_CASE("a leader's transaction serves readers once, when all of it has happened") {
    Fixture engine;
    WaitingSession& reader = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
    engine.Apply({"MULTI"});
    engine.Apply({"XADD", "s", "1-0", "f", "v"});
    CHECK(engine.Got(reader).empty());
    engine.Apply({"XADD", "s", "2-0", "f", "w"});
    CHECK(engine.Got(reader).empty());
    engine.Apply({"EXEC"});
    CHECK(engine.Got(reader) ==
          "[[\"s\", [[\"1-0\", [\"f\", \"v\"]], [\"2-0\", [\"f\", \"w\"]]]]]");
    // With everybody out, too.
    WaitingSession& again = engine.Waiting({"XREAD", "BLOCK", "0", "STREAMS", "t", "0"});
    engine.Run({"XGROUP", "SETID", "s", "g", "$"});
    WaitingSession& group = engine.WaitingGroup("a");
    for (const std::vector<Bytes>& args : std::vector<std::vector<Bytes>>{
             {"MULTI"}, {"FLUSHALL"}, {"XADD", "t", "3-0", "f", "v"}, {"EXEC"}})
      engine.Apply(args);
    CHECK(engine.Got(again) == "[[\"t\", [[\"3-0\", [\"f\", \"v\"]]]]]");
    CHECK(engine.Got(group).empty());
  }

  TEST_CASE("several streams of which one has lost its group") {
    Fixture engine;
    engine.Run({"XGROUP", "CREATE", "t", "g", "$", "MKSTREAM"});
    WaitingSession& group = engine.Waiting(
        {"XREADGROUP", "GROUP", "g", "a", "BLOCK", "0", "STREAMS", "s", "t", ">", ">"});
    engine.Run({"XADD", "t", "1-0", "f", "v"});
    CHECK(engine.Got(group) == "[[\"t\", [[\"1-0\", [\"f\", \"v\"]]]]]");
    WaitingSession& again = engine.Waiting(
        {"XREADGROUP", "GROUP", "g", "a", "BLOCK", "0", "STREAMS", "s", "t", ">", ">"});
    engine.Run({"XGROUP", "DESTROY", "t", "g"});
    CHECK(engine.Got(again) ==
          "(error) NOGROUP No such key 't' or consumer group 'g' in XREADGROUP with GROUP option");
  }
}
