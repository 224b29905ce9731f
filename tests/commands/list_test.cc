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
constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";
constexpr const char* kNotPositive = "(error) ERR value is out of range, must be positive";

struct ListFixture : EngineFixture {
  ListFixture()
      : EngineFixture({StringCommands(), KeyCommands(), ObjectCommands(), ListCommands()}) {}

  /// Nothing to be logged and no event is left over from what was done to begin with.
  void Forget() {
    Notify("An");
    Log();
    Events();
  }
  std::string All(Bytes key) { return Run({"LRANGE", key, "0", "-1"}); }
};

TEST_SUITE("commands/list") {
  TEST_CASE_FIXTURE(ListFixture, "pushing puts one element after the other to an end") {
    Forget();
    CHECK(Run({"RPUSH", "l", "a", "b"}) == "2");
    CHECK(Run({"LPUSH", "l", "1", "2"}) == "4");
    CHECK(All("l") == "[\"2\", \"1\", \"a\", \"b\"]");
    CHECK(Run({"LPUSHX", "l", "x", "y"}) == "6");
    CHECK(Run({"RPUSHX", "l", "z"}) == "7");
    CHECK(Run({"LPUSHX", "none", "x"}) == "0");
    CHECK(Run({"RPUSHX", "none", "x"}) == "0");
    CHECK(All("l") == "[\"y\", \"x\", \"2\", \"1\", \"a\", \"b\", \"z\"]");
    CHECK(Run({"LLEN", "l"}) == "7");
    CHECK(Run({"LLEN", "none"}) == "0");
    CHECK(Run({"TYPE", "l"}) == "list");
    CHECK(Log() == Lines{"RPUSH l a b", "LPUSH l 1 2", "LPUSHX l x y", "RPUSHX l z"});
    CHECK(Events() == Lines{"new l", "rpush l", "lpush l", "lpush l", "rpush l"});
  }

  TEST_CASE_FIXTURE(ListFixture, "popping without a count answers an element, with one an array") {
    Run({"RPUSH", "l", "a", "2", "c", "d", "e"});
    Forget();
    CHECK(Run({"LPOP", "l"}) == "\"a\"");
    CHECK(Run({"RPOP", "l"}) == "\"e\"");
    CHECK(Run({"RPOP", "l", "2"}) == "[\"d\", \"c\"]");
    CHECK(Run({"LPOP", "l", "0"}) == "[]");
    CHECK(Log() == Lines{"LPOP l", "RPOP l", "RPOP l 2"});
    CHECK(Run({"LPOP", "l", "99"}) == "[\"2\"]");
    CHECK(Run({"EXISTS", "l"}) == "0");
    CHECK(Log() == Lines{"LPOP l 99"});
    CHECK(Events() == Lines{"lpop l", "rpop l", "rpop l", "lpop l", "del l"});
    CHECK(Wire({"LPOP", "l"}) == "$-1\r\n");
    CHECK(Wire({"LPOP", "l", "1"}) == "*-1\r\n");
    CHECK(Wire({"RPOP", "l", "0"}) == "*-1\r\n");
    CHECK(Run({"LPOP", "l", "-1"}) == kNotPositive);
    CHECK(Run({"LPOP", "l", "x"}) == kNotPositive);
    CHECK(Run({"LPOP", "l", "1", "2"}) ==
          "(error) ERR wrong number of arguments for 'lpop' command");
    CHECK(Run({"RPOP", "l", "1", "2"}) ==
          "(error) ERR wrong number of arguments for 'rpop' command");
    session.reply.set_protocol(3);
    CHECK(Wire({"LPOP", "l"}) == "_\r\n");
    CHECK(Wire({"LPOP", "l", "1"}) == "_\r\n");
  }

  TEST_CASE_FIXTURE(ListFixture, "changes count elements") {
    const auto counted = [&](std::initializer_list<Bytes> command) {
      const uint64_t before = changes();
      Run(command);
      return changes() - before;
    };
    CHECK(counted({"RPUSH", "l", "a", "b", "a", "c", "a", "d"}) == 6);
    CHECK(counted({"LREM", "l", "2", "a"}) == 2);
    CHECK(counted({"LTRIM", "l", "1", "-1"}) == 1);
    CHECK(counted({"LTRIM", "l", "0", "-1"}) == 0);
    CHECK(counted({"LMPOP", "1", "l", "LEFT", "COUNT", "2"}) == 2);
    CHECK(counted({"LPOP", "l", "5"}) == 1);
    CHECK(counted({"LPOP", "l", "5"}) == 0);
  }

  TEST_CASE_FIXTURE(ListFixture, "LINDEX and LSET count from either end") {
    Run({"RPUSH", "l", "a", "b", "c"});
    Forget();
    CHECK(Run({"LINDEX", "l", "0"}) == "\"a\"");
    CHECK(Run({"LINDEX", "l", "-1"}) == "\"c\"");
    CHECK(Run({"LINDEX", "l", "3"}) == "null");
    CHECK(Run({"LINDEX", "l", "-4"}) == "null");
    CHECK(Run({"LINDEX", "l", "x"}) == kNotInteger);
    CHECK(Run({"LINDEX", "none", "x"}) == "null");
    CHECK(Run({"LSET", "l", "1", "77"}) == "OK");
    CHECK(Run({"LSET", "l", "-1", "z"}) == "OK");
    CHECK(All("l") == "[\"a\", \"77\", \"z\"]");
    CHECK(Run({"LSET", "l", "3", "x"}) == "(error) ERR index out of range");
    CHECK(Run({"LSET", "l", "-4", "x"}) == "(error) ERR index out of range");
    CHECK(Run({"LSET", "l", "x", "x"}) == kNotInteger);
    CHECK(Run({"LSET", "none", "x", "x"}) == "(error) ERR no such key");
    CHECK(Log() == Lines{"LSET l 1 77", "LSET l -1 z"});
    CHECK(Events() == Lines{"lset l", "lset l"});
  }

  TEST_CASE_FIXTURE(ListFixture, "LINSERT looks for the first pivot") {
    Run({"RPUSH", "l", "a", "7", "a"});
    Forget();
    CHECK(Run({"LINSERT", "l", "before", "7", "x"}) == "4");
    CHECK(Run({"LINSERT", "l", "AFTER", "a", "y"}) == "5");
    CHECK(Run({"LINSERT", "l", "AFTER", "nowhere", "y"}) == "-1");
    CHECK(Run({"LINSERT", "none", "AFTER", "a", "y"}) == "0");
    CHECK(Run({"LINSERT", "l", "beside", "a", "y"}) == kSyntax);
    CHECK(All("l") == "[\"a\", \"y\", \"x\", \"7\", \"a\"]");
    CHECK(Log() == Lines{"LINSERT l before 7 x", "LINSERT l AFTER a y"});
    CHECK(Events() == Lines{"linsert l", "linsert l"});
  }

  TEST_CASE_FIXTURE(ListFixture, "ranges are cut off where the list ends") {
    Run({"RPUSH", "l", "0", "1", "2", "3"});
    CHECK(Run({"LRANGE", "l", "1", "2"}) == "[\"1\", \"2\"]");
    CHECK(Run({"LRANGE", "l", "-100", "100"}) == "[\"0\", \"1\", \"2\", \"3\"]");
    CHECK(Run({"LRANGE", "l", "-2", "-1"}) == "[\"2\", \"3\"]");
    CHECK(Run({"LRANGE", "l", "2", "1"}) == "[]");
    CHECK(Run({"LRANGE", "l", "4", "9"}) == "[]");
    CHECK(Run({"LRANGE", "l", "0", "-5"}) == "[]");
    CHECK(Run({"LRANGE", "l", "-9223372036854775808", "9223372036854775807"}) == All("l"));
    CHECK(Run({"LRANGE", "none", "0", "-1"}) == "[]");
    CHECK(Run({"LRANGE", "none", "x", "-1"}) == kNotInteger);
  }

  TEST_CASE_FIXTURE(ListFixture, "LTRIM keeps a range and deletes what has none") {
    Run({"RPUSH", "l", "0", "1", "2", "3", "4"});
    Forget();
    CHECK(Run({"LTRIM", "l", "1", "-2"}) == "OK");
    CHECK(All("l") == "[\"1\", \"2\", \"3\"]");
    CHECK(Run({"LTRIM", "l", "0", "100"}) == "OK");
    CHECK(Run({"LTRIM", "l", "x", "1"}) == kNotInteger);
    CHECK(Run({"LTRIM", "none", "0", "1"}) == "OK");
    CHECK(Log() == Lines{"LTRIM l 1 -2"});
    CHECK(Run({"LTRIM", "l", "5", "9"}) == "OK");
    CHECK(Run({"EXISTS", "l"}) == "0");
    CHECK(Log() == Lines{"LTRIM l 5 9"});
    CHECK(Events() == Lines{"ltrim l", "ltrim l", "ltrim l", "del l"});
  }

  TEST_CASE_FIXTURE(ListFixture, "LREM takes the first, the last or all that are equal") {
    Run({"RPUSH", "l", "a", "1", "a", "b", "a", "1"});
    Forget();
    CHECK(Run({"LREM", "l", "-2", "a"}) == "2");
    CHECK(All("l") == "[\"a\", \"1\", \"b\", \"1\"]");
    CHECK(Run({"LREM", "l", "1", "1"}) == "1");
    CHECK(All("l") == "[\"a\", \"b\", \"1\"]");
    CHECK(Run({"LREM", "l", "0", "x"}) == "0");
    CHECK(Run({"LREM", "none", "0", "x"}) == "0");
    CHECK(Run({"LREM", "l", "x", "x"}) == kNotInteger);
    CHECK(Run({"LREM", "l", "-9223372036854775808", "x"}) ==
          "(error) ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    for (const Bytes element : {"a", "b", "1"}) CHECK(Run({"LREM", "l", "0", element}) == "1");
    CHECK(Run({"EXISTS", "l"}) == "0");
    CHECK(Log() == Lines{"LREM l -2 a", "LREM l 1 1", "LREM l 0 a", "LREM l 0 b", "LREM l 0 1"});
    CHECK(Events() == Lines{"lrem l", "lrem l", "lrem l", "lrem l", "lrem l", "del l"});
  }

  TEST_CASE_FIXTURE(ListFixture, "LPOS finds ranks, counts and stops") {
    Run({"RPUSH", "l", "a", "b", "c", "1", "2", "3", "c", "c"});
    CHECK(Run({"LPOS", "l", "c"}) == "2");
    CHECK(Run({"LPOS", "l", "3"}) == "5");
    CHECK(Run({"LPOS", "l", "c", "RANK", "2"}) == "6");
    CHECK(Run({"LPOS", "l", "c", "RANK", "-1"}) == "7");
    CHECK(Run({"LPOS", "l", "c", "RANK", "4"}) == "null");
    CHECK(Run({"LPOS", "l", "c", "COUNT", "2"}) == "[2, 6]");
    CHECK(Run({"LPOS", "l", "c", "COUNT", "0", "RANK", "-2"}) == "[6, 2]");
    CHECK(Run({"LPOS", "l", "c", "COUNT", "0", "MAXLEN", "7"}) == "[2, 6]");
    CHECK(Run({"LPOS", "l", "c", "MAXLEN", "2"}) == "null");
    CHECK(Run({"LPOS", "l", "x"}) == "null");
    CHECK(Run({"LPOS", "l", "x", "COUNT", "1"}) == "[]");
    CHECK(Run({"LPOS", "none", "x"}) == "null");
    CHECK(Run({"LPOS", "none", "x", "COUNT", "1"}) == "[]");
    CHECK(Run({"LPOS", "l", "c", "RANK", "0"}) ==
          "(error) ERR RANK can't be zero: use 1 to start from the first match, 2 from the second "
          "... or use negative "
          "to start from the end of the list");
    CHECK(Run({"LPOS", "l", "c", "RANK", "-9223372036854775808"}) ==
          "(error) ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    CHECK(Run({"LPOS", "l", "c", "COUNT", "-1"}) == "(error) ERR COUNT can't be negative");
    CHECK(Run({"LPOS", "l", "c", "MAXLEN", "-1"}) == "(error) ERR MAXLEN can't be negative");
    CHECK(Run({"LPOS", "l", "c", "RANK"}) == kSyntax);
    CHECK(Run({"LPOS", "l", "c", "SOON", "1"}) == kSyntax);
  }

  TEST_CASE_FIXTURE(ListFixture, "an element moves between lists, or within one") {
    Run({"RPUSH", "a", "1", "2", "3"});
    Forget();
    CHECK(Run({"LMOVE", "a", "b", "LEFT", "right"}) == "\"1\"");
    CHECK(Run({"RPOPLPUSH", "a", "b"}) == "\"3\"");
    CHECK(All("a") == "[\"2\"]");
    CHECK(All("b") == "[\"3\", \"1\"]");
    CHECK(Events() == Lines{"new b", "rpush b", "lpop a", "lpush b", "rpop a"});
    CHECK(Run({"LMOVE", "a", "b", "RIGHT", "RIGHT"}) == "\"2\"");
    CHECK(Run({"EXISTS", "a"}) == "0");
    CHECK(Events() == Lines{"rpush b", "rpop a", "del a"});
    CHECK(Log() == Lines{"LMOVE a b LEFT right", "RPOPLPUSH a b", "LMOVE a b RIGHT RIGHT"});
    CHECK(Run({"LMOVE", "a", "b", "LEFT", "LEFT"}) == "null");
    CHECK(Run({"RPOPLPUSH", "a", "a"}) == "null");
    CHECK(Run({"LMOVE", "none", "b", "up", "LEFT"}) == kSyntax);

    CHECK(Run({"RPOPLPUSH", "b", "b"}) == "\"2\"");
    CHECK(All("b") == "[\"2\", \"3\", \"1\"]");
    CHECK(Run({"LMOVE", "b", "b", "LEFT", "RIGHT"}) == "\"2\"");
    CHECK(All("b") == "[\"3\", \"1\", \"2\"]");
    CHECK(Run({"LMOVE", "b", "b", "LEFT", "LEFT"}) == "\"3\"");
    CHECK(Run({"LMOVE", "b", "b", "RIGHT", "RIGHT"}) == "\"2\"");
    CHECK(All("b") == "[\"3\", \"1\", \"2\"]");
    Run({"RPUSH", "one", "x"});
    Forget();
    CHECK(Run({"RPOPLPUSH", "one", "one"}) == "\"x\"");
    CHECK(All("one") == "[\"x\"]");
    CHECK(Events() == Lines{"lpush one", "rpop one"});
  }

  TEST_CASE_FIXTURE(ListFixture, "LMPOP takes from the first list there is and logs what it did") {
    Run({"RPUSH", "b", "1", "2", "3"});
    Forget();
    CHECK(Run({"LMPOP", "2", "a", "b", "LEFT"}) == "[\"b\", [\"1\"]]");
    CHECK(Run({"LMPOP", "2", "a", "b", "right", "count", "10"}) == "[\"b\", [\"3\", \"2\"]]");
    CHECK(Log() == Lines{"LPOP b 1", "RPOP b 2"});
    CHECK(Events() == Lines{"lpop b", "rpop b", "del b"});
    CHECK(Wire({"LMPOP", "1", "b", "LEFT"}) == "*-1\r\n");
    CHECK(Run({"LMPOP", "0", "a", "LEFT"}) == "(error) ERR numkeys should be greater than 0");
    CHECK(Run({"LMPOP", "x", "a", "LEFT"}) == "(error) ERR numkeys should be greater than 0");
    CHECK(Run({"LMPOP", "2", "a", "LEFT"}) == kSyntax);
    CHECK(Run({"LMPOP", "1", "a", "up"}) == kSyntax);
    CHECK(Run({"LMPOP", "1", "a", "LEFT", "COUNT"}) == kSyntax);
    CHECK(Run({"LMPOP", "1", "a", "LEFT", "COUNT", "0"}) ==
          "(error) ERR count should be greater than 0");
    CHECK(Run({"LMPOP", "1", "a", "LEFT", "COUNT", "1", "COUNT", "1"}) == kSyntax);
  }

  TEST_CASE_FIXTURE(ListFixture, "other types are refused and left alone") {
    Run({"SET", "s", "v"});
    Run({"RPUSH", "l", "a"});
    Forget();
    for (const std::vector<Bytes>& command :
         std::vector<std::vector<Bytes>>{{"LPUSH", "s", "x"},
                                         {"RPUSH", "s", "x"},
                                         {"LPUSHX", "s", "x"},
                                         {"RPUSHX", "s", "x"},
                                         {"LPOP", "s"},
                                         {"RPOP", "s", "1"},
                                         {"LLEN", "s"},
                                         {"LINDEX", "s", "0"},
                                         {"LSET", "s", "0", "x"},
                                         {"LINSERT", "s", "BEFORE", "a", "b"},
                                         {"LRANGE", "s", "0", "1"},
                                         {"LTRIM", "s", "0", "1"},
                                         {"LREM", "s", "0", "x"},
                                         {"LPOS", "s", "x"},
                                         {"LMOVE", "s", "l", "LEFT", "LEFT"},
                                         {"LMOVE", "l", "s", "LEFT", "LEFT"},
                                         {"RPOPLPUSH", "l", "s"},
                                         {"LMPOP", "2", "none", "s", "LEFT"}}) {
      CAPTURE(command[0]);
      CHECK(Run(command) == kWrongType);
    }
    CHECK(Run({"GET", "l"}) == kWrongType);
    CHECK(Run({"GET", "s"}) == "\"v\"");
    CHECK(All("l") == "[\"a\"]");
    CHECK(Log().empty());
    CHECK(Events().empty());
  }

  TEST_CASE_FIXTURE(ListFixture, "encodings follow the settings in force at each change") {
    settings.encoding.list_listpack_size = 4;
    Run({"RPUSH", "l", "a", "b", "c", "d"});
    CHECK(Run({"OBJECT", "ENCODING", "l"}) == "\"listpack\"");
    Run({"RPUSH", "l", "e"});
    CHECK(Run({"OBJECT", "ENCODING", "l"}) == "\"quicklist\"");
    Run({"LTRIM", "l", "0", "1"});
    CHECK(Run({"OBJECT", "ENCODING", "l"}) == "\"listpack\"");
    settings.encoding.list_listpack_size = -1;
    Run({"RPUSH", "l", std::string(4100, 'x')});
    CHECK(Run({"OBJECT", "ENCODING", "l"}) == "\"quicklist\"");
    CHECK(Run({"RPOP", "l"}).size() == 4102);
  }

  TEST_CASE_FIXTURE(ListFixture, "a large element travels in one piece") {
    const std::string large(100'000, 'x');
    CHECK(AskWithBlob({"RPUSH", "l", large}).ToString() == "1");
    CHECK(AskWithBlob({"LPUSH", "l", large}).ToString() == "2");
    CHECK(Run({"LMOVE", "l", "m", "LEFT", "LEFT"}) == "\"" + large + "\"");
    CHECK(Run({"LINDEX", "m", "0"}) == "\"" + large + "\"");
    CHECK(Run({"LPOP", "l"}) == "\"" + large + "\"");
  }

  TEST_CASE_FIXTURE(ListFixture,
                    "a copy changes by itself, and a renamed list keeps its elements") {
    settings.encoding.list_listpack_size = 3;
    Run({"RPUSH", "l", "a", "b", "c", "d", "e"});
    CHECK(Run({"COPY", "l", "m"}) == "1");
    CHECK(Run({"LPOP", "m"}) == "\"a\"");
    CHECK(Run({"RENAME", "l", "n"}) == "OK");
    CHECK(All("n") == "[\"a\", \"b\", \"c\", \"d\", \"e\"]");
    CHECK(All("m") == "[\"b\", \"c\", \"d\", \"e\"]");
  }
}

}  // namespace
}  // namespace terrace::commands
