#include <doctest/doctest.h>

#include <string>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr const char* kSyntax = "(error) ERR syntax error";
constexpr const char* kInvalidId =
    "(error) ERR Invalid stream ID specified as stream command argument";
constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";
constexpr const char* kNoKey =
    "(error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may "
    "want to use the MKSTREAM "
    "option to create an empty stream automatically.";
constexpr const char* kNoGroup = "(error) NOGROUP No such key 's' or consumer group 'none'";
constexpr const char* kNoGroupInStream =
    "(error) NOGROUP No such consumer group 'none' for key name 's'";

// A stream "s" of the entries 1-0 to 5-0 with a group "g" that has read nothing.
struct GroupFixture : EngineFixture {
  GroupFixture()
      : EngineFixture({StringCommands(), KeyCommands(), StreamCommands(), StreamReadCommands(),
                       StreamGroupCommands(), StreamPendingCommands(), StreamInfoCommands()}) {
    Notify("An");
    for (int i = 1; i <= 5; ++i)
      Run({"XADD", "s", std::to_string(i) + "-0", "f", std::to_string(i)});
    Run({"XGROUP", "CREATE", "s", "g", "0"});
    Run({"SET", "str", "v"});
    Forget();
  }
  void Forget() {
    Log();
    Events();
  }
  std::string Read(Bytes consumer, Bytes count, Bytes id = ">") {
    return Run({"XREADGROUP", "GROUP", "g", consumer, "COUNT", count, "STREAMS", "s", id});
  }
  // What is pending, all of it.
  std::string Pending() { return Run({"XPENDING", "s", "g", "-", "+", "100"}); }
};

TEST_SUITE("commands/stream_group") {
  TEST_CASE_FIXTURE(GroupFixture, "groups come and go") {
    CHECK(Run({"XGROUP", "CREATE", "s", "g", "0"}) ==
          "(error) BUSYGROUP Consumer Group name already exists");
    CHECK(Run({"XGROUP", "CREATE", "s", "h", "$", "ENTRIESREAD", "4"}) == "OK");
    CHECK(Run({"XGROUP", "CREATE", "new", "g", "$"}) == kNoKey);
    CHECK(Run({"XGROUP", "CREATE", "new", "g", "$", "mkstream"}) == "OK");
    CHECK(Run({"XGROUP", "SETID", "s", "h", "3-0"}) == "OK");
    CHECK(Run({"XGROUP", "SETID", "s", "h", "-", "ENTRIESREAD", "-1"}) == "OK");
    CHECK(Run({"XGROUP", "CREATECONSUMER", "s", "h", "c"}) == "1");
    CHECK(Run({"XGROUP", "CREATECONSUMER", "s", "h", "c"}) == "0");
    CHECK(Run({"XGROUP", "DELCONSUMER", "s", "h", "c"}) == "0");
    CHECK(Run({"XGROUP", "DELCONSUMER", "s", "h", "c"}) == "0");
    CHECK(Run({"XGROUP", "DESTROY", "s", "h"}) == "1");
    CHECK(Run({"XGROUP", "DESTROY", "s", "h"}) == "0");
    CHECK(Log() == Lines{"XGROUP CREATE s h $ ENTRIESREAD 4", "XGROUP CREATE new g $ mkstream",
                         "XGROUP SETID s h 3-0", "XGROUP SETID s h - ENTRIESREAD -1",
                         "XGROUP CREATECONSUMER s h c", "XGROUP DELCONSUMER s h c",
                         "XGROUP DESTROY s h"});
    CHECK(Events() == Lines{"xgroup-create s", "new new", "xgroup-create new", "xgroup-setid s",
                            "xgroup-setid s", "xgroup-createconsumer s", "xgroup-delconsumer s",
                            "xgroup-destroy s"});
  }

  TEST_CASE_FIXTURE(GroupFixture, "XGROUP's errors") {
    for (const Bytes subcommand : {"SETID", "CREATECONSUMER", "DELCONSUMER"}) {
      CHECK(Run({"XGROUP", subcommand, "s", "none", "0"}) == kNoGroupInStream);
      CHECK(Run({"XGROUP", subcommand, "nokey", "g", "0"}) == kNoKey);
      CHECK(Run({"XGROUP", subcommand, "str", "g", "0"}) == kWrongType);
    }
    CHECK(Run({"XGROUP", "DESTROY", "nokey", "g"}) == kNoKey);
    CHECK(Run({"XGROUP", "CREATE", "s", "h", "x"}) == kInvalidId);
    CHECK(Run({"XGROUP", "CREATE", "s", "h", "-"}) == kInvalidId);
    CHECK(Run({"XGROUP", "CREATE", "str", "h", "0"}) == kWrongType);
    CHECK(Run({"XGROUP", "SETID", "s", "g", "(1"}) == kInvalidId);
    CHECK(Run({"XGROUP", "CREATE", "s", "h", "0", "ENTRIESREAD", "-2"}) ==
          "(error) ERR value for ENTRIESREAD must be positive or -1");
    CHECK(Run({"XGROUP", "CREATE", "s", "h", "0", "ENTRIESREAD", "x"}) == kNotInteger);
    CHECK(Run({"XGROUP", "CREATE", "s", "h", "0", "ENTRIESREAD"}) ==
          "(error) ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP "
          "HELP.");
    CHECK(Run({"XGROUP", "SETID", "s", "g", "0", "MKSTREAM"}) ==
          "(error) ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP "
          "HELP.");
    CHECK(Run({"XGROUP", "NOPE", "s"}) ==
          "(error) ERR unknown subcommand 'NOPE'. Try XGROUP HELP.");
    CHECK(Run({"XGROUP", "DESTROY", "s"}) ==
          "(error) ERR wrong number of arguments for 'xgroup|destroy' command");
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(GroupFixture,
                    "what is read is pending until it is acknowledged, and followers know it") {
    CHECK(Read("a", "2") == "[[\"s\", [[\"1-0\", [\"f\", \"1\"]], [\"2-0\", [\"f\", \"2\"]]]]]");
    CHECK(Log() ==
          Lines{"MULTI", "XGROUP CREATECONSUMER s g a",
                "XCLAIM s g a 0 1-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
                "XCLAIM s g a 0 2-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0",
                "XGROUP SETID s g 2-0 ENTRIESREAD 2", "EXEC"});
    CHECK(Events() == Lines{"xgroup-createconsumer s"});
    AdvanceMs(10);
    CHECK(Read("b", "1") == "[[\"s\", [[\"3-0\", [\"f\", \"3\"]]]]]");
    CHECK(Pending() ==
          "[[\"1-0\", \"a\", 10, 1], [\"2-0\", \"a\", 10, 1], [\"3-0\", \"b\", 0, 1]]");
    CHECK(Run({"XPENDING", "s", "g"}) == "[3, \"1-0\", \"3-0\", [[\"a\", \"2\"], [\"b\", \"1\"]]]");
    Forget();
    CHECK(Run({"XACK", "s", "g", "1-0", "3-0", "9-0", "1-0"}) == "2");
    CHECK(Log() == Lines{"XACK s g 1-0 3-0 9-0 1-0"});
    CHECK(Run({"XACK", "s", "g", "1-0"}) == "0");
    CHECK(Run({"XACK", "s", "none", "x"}) == "0");
    CHECK(Run({"XACK", "nokey", "g", "1"}) == "0");
    CHECK(Run({"XACK", "s", "g", "2-0", "x"}) == kInvalidId);
    CHECK(Run({"XACK", "str", "g", "1"}) == kWrongType);
    CHECK(Log().empty());
    CHECK(Events().empty());
    CHECK(Pending() == "[[\"2-0\", \"a\", 10, 1]]");
    CHECK(Run({"XPENDING", "s", "g"}) == "[1, \"2-0\", \"2-0\", [[\"a\", \"1\"]]]");
    Run({"XACK", "s", "g", "2-0"});
    CHECK(Run({"XPENDING", "s", "g"}) == "[0, null, null, null]");
    CHECK(Pending() == "[]");
  }

  TEST_CASE_FIXTURE(GroupFixture, "a consumer's history is read again, and counted") {
    Read("a", "3");
    Run({"XDEL", "s", "2-0"});
    AdvanceMs(7);
    Forget();
    CHECK(Read("a", "9", "0") ==
          "[[\"s\", [[\"1-0\", [\"f\", \"1\"]], [\"2-0\", null], [\"3-0\", [\"f\", \"3\"]]]]]");
    CHECK(Log() ==
          Lines{"MULTI",
                "XCLAIM s g a 0 1-0 TIME 1700000000007 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0",
                "XCLAIM s g a 0 3-0 TIME 1700000000007 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0",
                "EXEC"});
    CHECK(Pending() == "[[\"1-0\", \"a\", 0, 2], [\"2-0\", \"a\", 7, 1], [\"3-0\", \"a\", 0, 2]]");
    CHECK(Read("a", "1", "1-0") == "[[\"s\", [[\"2-0\", null]]]]");
    CHECK(Read("a", "1", "3-0") == "[[\"s\", []]]");
    CHECK(Log().empty());
    CHECK(Read("b", "1", "0") == "[[\"s\", []]]");
    CHECK(Log() == Lines{"XGROUP CREATECONSUMER s g b"});
    session.reply.set_protocol(3);
    CHECK(Wire({"XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", "3-0"}) ==
          "%1\r\n$1\r\ns\r\n*0\r\n");
  }

  TEST_CASE_FIXTURE(GroupFixture, "NOACK leaves nothing pending") {
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "NOACK", "STREAMS", "s", ">"}).find("5-0") !=
          std::string::npos);
    CHECK(Log() == Lines{"MULTI", "XGROUP CREATECONSUMER s g a",
                         "XGROUP SETID s g 5-0 ENTRIESREAD 5", "EXEC"});
    CHECK(Pending() == "[]");
    CHECK(Wire({"XREADGROUP", "GROUP", "g", "a", "NOACK", "STREAMS", "s", ">"}) == "*-1\r\n");
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(GroupFixture,
                    "a group that is set back takes its entries from whoever has them") {
    Read("a", "3");
    Run({"XGROUP", "SETID", "s", "g", "1-0"});
    AdvanceMs(5);
    Read("b", "1");
    CHECK(Pending() == "[[\"1-0\", \"a\", 5, 1], [\"2-0\", \"b\", 0, 1], [\"3-0\", \"a\", 5, 1]]");
    CHECK(Run({"XGROUP", "DELCONSUMER", "s", "g", "a"}) == "2");
    CHECK(Pending() == "[[\"2-0\", \"b\", 0, 1]]");
  }

  TEST_CASE_FIXTURE(GroupFixture, "XREADGROUP's errors") {
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", "t", ">"}) ==
          "(error) ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' "
          "must be specified.");
    CHECK(Run({"XREADGROUP", "NOACK", "COUNT", "1", "STREAMS", "s", ">"}) ==
          "(error) ERR Missing GROUP option for XREADGROUP");
    CHECK(
        Run({"XREADGROUP", "GROUP", "none", "a", "STREAMS", "s", ">"}) ==
        "(error) NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option");
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", "nokey", ">", ">"}) ==
          "(error) NOGROUP No such key 'nokey' or consumer group 'g' in XREADGROUP with GROUP "
          "option");
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", "$"})
              .starts_with("(error) ERR The $ ID is meaningless"));
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", "+"})
              .starts_with("(error) ERR The + ID is meaningless"));
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", "x"}) == kInvalidId);
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "COUNT", "x", "STREAMS", "s", ">"}) == kNotInteger);
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "NOPE", "STREAMS", "s", ">"}) == kSyntax);
    CHECK(Run({"XREADGROUP", "GROUP", "g", "a", "STREAMS", "str", ">"}) == kWrongType);
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(GroupFixture, "XPENDING's ranges") {
    Read("a", "2");
    AdvanceMs(100);
    Read("b", "2");
    AdvanceMs(1);
    CHECK(Run({"XPENDING", "s", "g", "2", "(4", "9"}) ==
          "[[\"2-0\", \"a\", 101, 1], [\"3-0\", \"b\", 1, 1], [\"4-0\", \"b\", 1, 1]]");
    CHECK(Run({"XPENDING", "s", "g", "(2-0", "+", "1"}) == "[[\"3-0\", \"b\", 1, 1]]");
    CHECK(Run({"XPENDING", "s", "g", "-", "+", "9", "a"}) ==
          "[[\"1-0\", \"a\", 101, 1], [\"2-0\", \"a\", 101, 1]]");
    CHECK(Run({"XPENDING", "s", "g", "-", "+", "9", "none"}) == "[]");
    CHECK(Run({"XPENDING", "s", "g", "IDLE", "50", "-", "+", "1"}) == "[[\"1-0\", \"a\", 101, 1]]");
    CHECK(Run({"XPENDING", "s", "g", "IDLE", "50", "-", "+", "9", "b"}) == "[]");
    CHECK(Run({"XPENDING", "s", "g", "-", "+", "0"}) == "[]");
    CHECK(Run({"XPENDING", "s", "g", "-", "+", "-1"}) == "[]");
    CHECK(Run({"XPENDING", "s", "none"}) == kNoGroup);
    CHECK(Run({"XPENDING", "str", "g"}) == kWrongType);
    CHECK(Run({"XPENDING", "s", "g", "-"}) == kSyntax);
    CHECK(Run({"XPENDING", "s", "g", "IDLE", "5", "-", "+"}) == kSyntax);
    CHECK(Run({"XPENDING", "s", "g", "-", "+", "x"}) == kNotInteger);
    CHECK(Run({"XPENDING", "s", "g", "x", "+", "5"}) == kInvalidId);
  }

  TEST_CASE_FIXTURE(GroupFixture, "XCLAIM") {
    Read("a", "3");
    AdvanceMs(100);
    Forget();
    CHECK(Run({"XCLAIM", "s", "g", "b", "50", "1-0", "9-0", "5-0"}) ==
          "[[\"1-0\", [\"f\", \"1\"]]]");
    CHECK(Log() ==
          Lines{"MULTI", "XGROUP CREATECONSUMER s g b",
                "XCLAIM s g b 0 1-0 TIME 1700000000100 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0",
                "EXEC"});
    CHECK(Run({"XCLAIM", "s", "g", "b", "200", "2-0"}) == "[]");
    CHECK(Log().empty());
    CHECK(Run({"XCLAIM", "s", "g", "b", "0", "2-0", "JUSTID", "IDLE", "40"}) == "[\"2-0\"]");
    CHECK(Run({"XCLAIM", "s", "g", "b", "0", "5-0", "FORCE", "RETRYCOUNT", "9", "TIME",
               "1700000000050", "LASTID", "4-0"}) == "[[\"5-0\", [\"f\", \"5\"]]]");
    CHECK(Pending() ==
          "[[\"1-0\", \"b\", 0, 2], [\"2-0\", \"b\", 40, 1], [\"3-0\", \"a\", 100, 1], [\"5-0\", "
          "\"b\", 50, 9]]");
    CHECK(Log() ==
          Lines{"XCLAIM s g b 0 2-0 TIME 1700000000060 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0",
                "XCLAIM s g b 0 5-0 TIME 1700000000050 RETRYCOUNT 9 FORCE JUSTID LASTID 4-0"});
    // A time that cannot be is now.
    CHECK(Run({"XCLAIM", "s", "g", "b", "-5", "2-0", "TIME", "9999999999999", "JUSTID"}) ==
          "[\"2-0\"]");
    CHECK(Run({"XPENDING", "s", "g", "2", "2", "1"}) == "[[\"2-0\", \"b\", 0, 1]]");
    // What is no more is pending no more.
    Run({"XDEL", "s", "3-0"});
    Forget();
    CHECK(Run({"XCLAIM", "s", "g", "b", "0", "3-0"}) == "[]");
    CHECK(Log() ==
          Lines{"XCLAIM s g a 0 3-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 4-0"});
    CHECK(Run({"XPENDING", "s", "g", "3", "3", "1"}) == "[]");
    CHECK(Run({"XCLAIM", "s", "g", "b", "0", "9-0", "LASTID", "5-0"}) == "[]");
    CHECK(Log() == Lines{"XGROUP SETID s g 5-0 ENTRIESREAD 3"});
    CHECK(Run({"XCLAIM", "s", "none", "b", "x", "1-0"}) == kNoGroup);
    CHECK(Run({"XCLAIM", "s", "g", "b", "x", "1-0"}) ==
          "(error) ERR Invalid min-idle-time argument for XCLAIM");
    for (const std::string option : {"IDLE", "TIME", "RETRYCOUNT"}) {
      CHECK(Run({"XCLAIM", "s", "g", "b", "0", "1-0", option, "x"}) ==
            "(error) ERR Invalid " + option + " option argument for XCLAIM");
      CHECK(Run({"XCLAIM", "s", "g", "b", "0", "1-0", option}) ==
            "(error) ERR Unrecognized XCLAIM option '" + option + "'");
    }
    CHECK(Run({"XCLAIM", "s", "g", "b", "0", "1-0", "LASTID", "x"}) == kInvalidId);
    CHECK(Run({"XCLAIM", "str", "g", "b", "0", "1-0"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(GroupFixture, "XAUTOCLAIM") {
    Read("a", "5");
    Run({"XDEL", "s", "2-0"});
    AdvanceMs(100);
    Forget();
    CHECK(Run({"XAUTOCLAIM", "s", "g", "b", "50", "-", "COUNT", "3"}) ==
          "[\"4-0\", [[\"1-0\", [\"f\", \"1\"]], [\"3-0\", [\"f\", \"3\"]]], [\"2-0\"]]");
    CHECK(Log() ==
          Lines{"MULTI", "XGROUP CREATECONSUMER s g b",
                "XCLAIM s g b 0 1-0 TIME 1700000000100 RETRYCOUNT 2 FORCE JUSTID LASTID 5-0",
                "XCLAIM s g a 0 2-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 5-0",
                "XCLAIM s g b 0 3-0 TIME 1700000000100 RETRYCOUNT 2 FORCE JUSTID LASTID 5-0",
                "EXEC"});
    CHECK(Run({"XAUTOCLAIM", "s", "g", "b", "50", "(3-0", "JUSTID"}) ==
          "[\"0-0\", [\"4-0\", \"5-0\"], []]");
    CHECK(Run({"XAUTOCLAIM", "s", "g", "a", "50", "0", "JUSTID"}) == "[\"0-0\", [], []]");
    CHECK(Pending() ==
          "[[\"1-0\", \"b\", 0, 2], [\"3-0\", \"b\", 0, 2], [\"4-0\", \"b\", 0, 1], [\"5-0\", "
          "\"b\", 0, 1]]");
    CHECK(Run({"XAUTOCLAIM", "s", "g", "b", "x", "0"}) ==
          "(error) ERR Invalid min-idle-time argument for XAUTOCLAIM");
    CHECK(Run({"XAUTOCLAIM", "s", "g", "b", "0", "x"}) == kInvalidId);
    for (const Bytes count : {"0", "-1", "x", "9223372036854775807"}) {
      CHECK(Run({"XAUTOCLAIM", "s", "g", "b", "0", "0", "COUNT", count}) ==
            "(error) ERR COUNT must be > 0");
    }
    CHECK(Run({"XAUTOCLAIM", "s", "g", "b", "0", "0", "NOPE"}) == kSyntax);
    CHECK(Run({"XAUTOCLAIM", "s", "none", "b", "0", "0"}) == kNoGroup);
    CHECK(Run({"XAUTOCLAIM", "str", "g", "b", "0", "0"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(GroupFixture, "XAUTOCLAIM looks at ten times as many as it may claim") {
    for (int i = 6; i <= 30; ++i) Run({"XADD", "s", std::to_string(i) + "-0", "f", "v"});
    Read("a", "100");
    CHECK(Run({"XAUTOCLAIM", "s", "g", "b", "50", "0", "COUNT", "1"}) == "[\"11-0\", [], []]");
  }

  TEST_CASE_FIXTURE(GroupFixture, "XINFO of groups and consumers") {
    Read("a", "2");
    AdvanceMs(30);
    Read("b", "1", "0");
    AdvanceMs(4);
    CHECK(Run({"XINFO", "GROUPS", "s"}) ==
          "[[\"name\", \"g\", \"consumers\", 2, \"pending\", 2, \"last-delivered-id\", \"2-0\", "
          "\"entries-read\", 2, \"lag\", 3]]");
    CHECK(Run({"XINFO", "CONSUMERS", "s", "g"}) ==
          "[[\"name\", \"a\", \"pending\", 2, \"idle\", 34, \"inactive\", 34], "
          "[\"name\", \"b\", \"pending\", 0, \"idle\", 4, \"inactive\", -1]]");
    Run({"XGROUP", "SETID", "s", "g", "3-0"});
    CHECK(Run({"XINFO", "GROUPS", "s"}).find("\"entries-read\", null, \"lag\", null") !=
          std::string::npos);
    CHECK(Run({"XINFO", "STREAM", "s", "FULL", "COUNT", "1"}) ==
          "[\"length\", 5, \"radix-tree-keys\", 1, \"radix-tree-nodes\", 1, \"last-generated-id\", "
          "\"5-0\", "
          "\"max-deleted-entry-id\", \"0-0\", \"entries-added\", 5, \"recorded-first-entry-id\", "
          "\"1-0\", "
          "\"entries\", [[\"1-0\", [\"f\", \"1\"]]], \"groups\", [[\"name\", \"g\", "
          "\"last-delivered-id\", \"3-0\", "
          "\"entries-read\", null, \"lag\", null, \"pel-count\", 2, \"pending\", [[\"1-0\", \"a\", "
          "1700000000000, 1]], "
          "\"consumers\", [[\"name\", \"a\", \"seen-time\", 1700000000000, \"active-time\", "
          "1700000000000, \"pel-count\", 2, "
          "\"pending\", [[\"1-0\", 1700000000000, 1]]], [\"name\", \"b\", \"seen-time\", "
          "1700000000030, "
          "\"active-time\", -1, \"pel-count\", 0, \"pending\", []]]]]]");
    CHECK(Run({"XINFO", "STREAM", "s", "full", "count", "0"}).find("\"5-0\", [\"f\", \"5\"]") !=
          std::string::npos);
    CHECK(Run({"XINFO", "CONSUMERS", "s", "none"}) == kNoGroupInStream);
    CHECK(Run({"XINFO", "GROUPS", "none"}) == "(error) ERR no such key");
    CHECK(Run({"XINFO", "GROUPS", "str"}) == kWrongType);
    CHECK(Run({"XINFO", "STREAM", "s", "FULL", "COUNT"}) ==
          "(error) ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO "
          "HELP.");
    CHECK(Run({"XINFO", "STREAM", "s", "FULL", "COUNT", "x"}) == kNotInteger);
    CHECK(Run({"XADD", "bare", "1-1", "f", "v"}) == "\"1-1\"");
    CHECK(Run({"XINFO", "GROUPS", "bare"}) == "[]");
    CHECK(Run({"XINFO", "HELP"}).starts_with("[XINFO"));
    CHECK(Run({"XGROUP", "HELP"}).starts_with("[XGROUP"));
  }

  TEST_CASE_FIXTURE(GroupFixture, "how far a group is behind, while entries go") {
    const auto lag = [&] {
      const std::string info = Run({"XINFO", "GROUPS", "s"});
      return info.substr(info.find("\"entries-read\""));
    };
    CHECK(lag() == "\"entries-read\", null, \"lag\", 5]]");
    Read("a", "2");
    CHECK(lag() == "\"entries-read\", 2, \"lag\", 3]]");
    Run({"XDEL", "s", "4-0"});  // ahead of the group
    CHECK(lag() == "\"entries-read\", 2, \"lag\", null]]");
    Read("a", "1");
    CHECK(lag() == "\"entries-read\", null, \"lag\", null]]");
    Read("a", "1");
    CHECK(lag() == "\"entries-read\", 5, \"lag\", 0]]");
    Run({"XTRIM", "s", "MAXLEN", "0"});
    CHECK(lag() == "\"entries-read\", 5, \"lag\", 0]]");
  }
}

}  // namespace
}  // namespace terrace::commands
