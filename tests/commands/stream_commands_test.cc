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
constexpr const char* kSmallId =
    "(error) ERR The ID specified in XADD is equal or smaller than the target stream top item";

struct StreamFixture : EngineFixture {
  StreamFixture()
      : EngineFixture({StringCommands(), KeyCommands(), ObjectCommands(), IterationCommands(),
                       StreamCommands(), StreamReadCommands(), StreamInfoCommands()}) {
    Notify("An");
  }
  void Forget() {
    Log();
    Events();
  }
  // Entries 1-0 to n-0, some a node.
  void Fill(Bytes key, int n, int64_t node_entries = 10) {
    settings.encoding.stream_node_entries = node_entries;
    for (int i = 1; i <= n; ++i)
      Run({"XADD", key, std::to_string(i) + "-0", "f", std::to_string(i)});
    Forget();
  }
};

TEST_SUITE("commands/stream") {
  TEST_CASE_FIXTURE(StreamFixture, "entries get ids, and the log has them") {
    CHECK(Run({"XADD", "s", "*", "a", "1"}) == "\"1700000000000-0\"");
    CHECK(Run({"XADD", "s", "*", "a", "2"}) == "\"1700000000000-1\"");
    AdvanceMs(5);
    CHECK(Run({"XADD", "s", "*", "a", "3", "b", ""}) == "\"1700000000005-0\"");
    CHECK(Run({"XADD", "s", "1700000000005-*", "a", "4"}) == "\"1700000000005-1\"");
    CHECK(Run({"XADD", "s", "1700000000009-*", "a", "5"}) == "\"1700000000009-0\"");
    // The clock is behind the last id now.
    CHECK(Run({"XADD", "s", "*", "a", "6"}) == "\"1700000000009-1\"");
    CHECK(Run({"XADD", "s", "1700000000010", "a", "7"}) == "\"1700000000010-0\"");
    CHECK(Run({"XADD", "s", "1700000000010-7", "a", "8"}) == "\"1700000000010-7\"");
    CHECK(Run({"XADD", "other", "0-*", "a", "1"}) == "\"0-1\"");
    CHECK(Log() == Lines{"XADD s 1700000000000-0 a 1", "XADD s 1700000000000-1 a 2",
                         "XADD s 1700000000005-0 a 3 b \"\"", "XADD s 1700000000005-1 a 4",
                         "XADD s 1700000000009-0 a 5", "XADD s 1700000000009-1 a 6",
                         "XADD s 1700000000010 a 7", "XADD s 1700000000010-7 a 8",
                         "XADD other 0-1 a 1"});
    const Lines events = Events();
    CHECK(events.size() == 11);
    CHECK(events[0] == "new s");
    CHECK(events[1] == "xadd s");
    CHECK(Run({"XLEN", "s"}) == "8");
    CHECK(Run({"XLEN", "none"}) == "0");
    CHECK(Run({"TYPE", "s"}) == "stream");
    CHECK(Run({"OBJECT", "ENCODING", "s"}) == "\"stream\"");
    CHECK(Run({"SCAN", "0", "COUNT", "100", "TYPE", "stream"}).find("\"other\"") !=
          std::string::npos);
  }

  TEST_CASE_FIXTURE(StreamFixture, "an id is behind all there were") {
    Run({"XADD", "s", "5-5", "a", "1"});
    Forget();
    for (const Bytes id : {"5-5", "5-4", "4-9", "0-1", "5", "4-*"})
      CHECK(Run({"XADD", "s", id, "a", "1"}) == kSmallId);
    CHECK(Run({"XADD", "s", "0-0", "a", "1"}) ==
          "(error) ERR The ID specified in XADD must be greater than 0-0");
    for (const Bytes id :
         {"x", "-", "+", "1-", "-1", "1-x", "1-*x", "**", "", "18446744073709551616", "1-1-1"}) {
      CHECK(Run({"XADD", "s", id, "a", "1"}) == kInvalidId);
    }
    CHECK(Run({"XADD", "s", "007-01", "a", "1"}) == "\"7-1\"");
    CHECK(Run({"XADD", "s", "18446744073709551615-18446744073709551614", "a", "1"}) ==
          "\"18446744073709551615-18446744073709551614\"");
    CHECK(Run({"XADD", "s", "*", "a", "1"}) == "\"18446744073709551615-18446744073709551615\"");
    CHECK(Run({"XADD", "s", "*", "a", "1"}) ==
          "(error) ERR The stream has exhausted the last possible ID, unable to add more items");
    CHECK(Run({"XADD", "s", "1-*", "a", "1"}) ==
          "(error) ERR The stream has exhausted the last possible ID, unable to add more items");
    CHECK(Run({"XADD", "t", "9-18446744073709551615", "a", "1"}) == "\"9-18446744073709551615\"");
    CHECK(Run({"XADD", "t", "9-*", "a", "1"}) == kSmallId);
    CHECK(Run({"XADD", "t", "8-*", "a", "1"}) == kSmallId);
  }

  TEST_CASE_FIXTURE(StreamFixture, "XADD's options, right and wrong") {
    CHECK(Run({"XADD", "s", "NOMKSTREAM", "*", "a", "1"}) == "null");
    CHECK(Log().empty());
    CHECK(Events().empty());
    const char* arity = "(error) ERR wrong number of arguments for 'xadd' command";
    CHECK(Run({"XADD", "s", "*", "a", "1", "b"}) == arity);
    CHECK(Run({"XADD", "s", "MAXLEN", "5", "*", "a"}) == arity);
    CHECK(Run({"XADD", "s", "MAXLEN", "~", "5"}) == arity);
    CHECK(Run({"XADD", "s", "MAXLEN", "x", "*", "a", "1"}) == kNotInteger);
    CHECK(Run({"XADD", "s", "MAXLEN", "-1", "*", "a", "1"}) ==
          "(error) ERR The MAXLEN argument must be >= 0.");
    CHECK(Run({"XADD", "s", "MINID", "x", "*", "a", "1"}) == kInvalidId);
    CHECK(Run({"XADD", "s", "MAXLEN", "5", "MINID", "5", "*", "a", "1"}) ==
          "(error) ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    CHECK(Run({"XADD", "s", "MAXLEN", "~", "5", "LIMIT", "-1", "*", "a", "1"}) ==
          "(error) ERR The LIMIT argument must be >= 0.");
    CHECK(Run({"XADD", "s", "LIMIT", "5", "*", "a", "1"}) ==
          "(error) ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    CHECK(Run({"XADD", "s", "MAXLEN", "5", "LIMIT", "5", "*", "a", "1"}) ==
          "(error) ERR syntax error, LIMIT cannot be used without the special ~ option");
    CHECK(Run({"XADD", "s", "MAXLEN", "=", "5", "LIMIT", "0", "*", "a", "1"}) ==
          "(error) ERR syntax error, LIMIT cannot be used without the special ~ option");
    CHECK(Run({"EXISTS", "s"}) == "0");
    Run({"SET", "str", "v"});
    CHECK(Run({"XADD", "str", "*", "a", "1"}) == kWrongType);
    CHECK(Run({"XADD", "s", "nomkstream", "maxlen", "5", "1-1", "a", "1"}) == "null");
    CHECK(Run({"XADD", "s", "maxlen", "=", "5", "1-1", "a", "1"}) == "\"1-1\"");
  }

  TEST_CASE_FIXTURE(StreamFixture, "trimming while adding is logged as what it came to") {
    Fill("s", 35);
    // Whole nodes of ten go.
    CHECK(Run({"XADD", "s", "MAXLEN", "~", "12", "*", "f", "v"}) == "\"1700000000000-0\"");
    CHECK(Log() == Lines{"XADD s MAXLEN = 16 1700000000000-0 f v"});
    CHECK(Events() == Lines{"xadd s", "xtrim s"});
    CHECK(Run({"XADD", "s", "MAXLEN", "~", "12", "LIMIT", "5", "1700000000000-1", "f", "v"}) ==
          "\"1700000000000-1\"");
    CHECK(Log() == Lines{"XADD s MAXLEN = 17 1700000000000-1 f v"});
    CHECK(Events() == Lines{"xadd s"});
    CHECK(Run({"XADD", "s", "MINID", "~", "31", "*", "f", "v"}) == "\"1700000000000-2\"");
    CHECK(Log() == Lines{"XADD s MINID = 31-0 1700000000000-2 f v"});
    CHECK(Run({"XADD", "s", "MAXLEN", "3", "*", "f", "v"}) == "\"1700000000000-3\"");
    CHECK(Run({"XADD", "s", "MINID", "=", "1700000000000-3", "1700000000000-9", "f", "v"}) ==
          "\"1700000000000-9\"");
    CHECK(Log() == Lines{"XADD s MAXLEN 3 1700000000000-3 f v",
                         "XADD s MINID = 1700000000000-3 1700000000000-9 f v"});
    CHECK(Run({"XLEN", "s"}) == "2");
    CHECK(Run({"XADD", "s", "MAXLEN", "0", "*", "f", "v"}) == "\"1700000000000-10\"");
    CHECK(Run({"XLEN", "s"}) == "0");
    CHECK(Run({"EXISTS", "s"}) == "1");
    // A stream's command says how much stays, whatever its LIMIT was.
    Fill("t", 35);
    CHECK(Apply({"XADD", "t", "MAXLEN", "=", "3", "LIMIT", "1", "99-0", "f", "v"}));
    CHECK(Run({"XLEN", "t"}) == "3");
  }

  TEST_CASE_FIXTURE(StreamFixture, "XTRIM") {
    Fill("s", 35);
    CHECK(Run({"XTRIM", "s", "MAXLEN", "~", "35"}) == "0");
    CHECK(Run({"XTRIM", "s", "MAXLEN", "~", "26"}) == "0");
    CHECK(Run({"XTRIM", "s", "MAXLEN", "35"}) == "0");
    CHECK(Run({"XTRIM", "s", "MINID", "1"}) == "0");
    CHECK(Run({"XTRIM", "s", "MAXLEN", "~", "1", "LIMIT", "9"}) == "0");
    CHECK(Log().empty());
    CHECK(Events().empty());
    const uint64_t before = changes();
    CHECK(Run({"XTRIM", "s", "MAXLEN", "~", "1", "LIMIT", "15"}) == "10");
    CHECK(changes() == before + 10);
    CHECK(Run({"XTRIM", "s", "MAXLEN", "23"}) == "2");
    CHECK(Run({"XTRIM", "s", "MINID", "~", "25"}) == "8");
    CHECK(Run({"XTRIM", "s", "MINID", "=", "25"}) == "4");
    CHECK(Log() == Lines{"XTRIM s MAXLEN = 25", "XTRIM s MAXLEN 23", "XTRIM s MINID = 21-0",
                         "XTRIM s MINID = 25"});
    CHECK(Events() == Lines{"xtrim s", "xtrim s", "xtrim s", "xtrim s"});
    CHECK(Run({"XTRIM", "none", "MAXLEN", "5"}) == "0");
    CHECK(Run({"XTRIM", "s", "5", "5"}) == kSyntax);
    CHECK(Run({"XTRIM", "s", "MAXLEN", "5", "x"}) == kSyntax);
    CHECK(Run({"XTRIM", "s", "LIMIT", "0"}) ==
          "(error) ERR syntax error, XTRIM must be called with a trimming strategy");
    CHECK(Run({"XTRIM", "s", "LIMIT", "5"}) ==
          "(error) ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    CHECK(Run({"XTRIM", "s", "MAXLEN", "5", "LIMIT", "5"}) ==
          "(error) ERR syntax error, LIMIT cannot be used without the special ~ option");
    Run({"SET", "str", "v"});
    CHECK(Run({"XTRIM", "str", "MAXLEN", "5"}) == kWrongType);
    // Nobody has said how much may go at once, so a hundred nodes may.
    Fill("t", 300, 1);
    CHECK(Run({"XTRIM", "t", "MAXLEN", "~", "0"}) == "100");
  }

  TEST_CASE_FIXTURE(StreamFixture, "ranges, from either end") {
    for (const Bytes id : {"1-1", "1-2", "2-0", "3-0"}) Run({"XADD", "s", id, "f", id});
    CHECK(Run({"XRANGE", "s", "-", "+"}) ==
          "[[\"1-1\", [\"f\", \"1-1\"]], [\"1-2\", [\"f\", \"1-2\"]], [\"2-0\", [\"f\", \"2-0\"]], "
          "[\"3-0\", [\"f\", \"3-0\"]]]");
    CHECK(Run({"XRANGE", "s", "1", "1"}) ==
          "[[\"1-1\", [\"f\", \"1-1\"]], [\"1-2\", [\"f\", \"1-2\"]]]");
    CHECK(Run({"XRANGE", "s", "(1-1", "(3-0", "COUNT", "5"}) ==
          "[[\"1-2\", [\"f\", \"1-2\"]], [\"2-0\", [\"f\", \"2-0\"]]]");
    CHECK(Run({"XREVRANGE", "s", "+", "2", "count", "1"}) == "[[\"3-0\", [\"f\", \"3-0\"]]]");
    CHECK(Run({"XREVRANGE", "s", "2", "(1-2"}) == "[[\"2-0\", [\"f\", \"2-0\"]]]");
    CHECK(Run({"XRANGE", "s", "4", "+"}) == "[]");
    CHECK(Run({"XRANGE", "s", "3", "1"}) == "[]");
    CHECK(Run({"XRANGE", "none", "-", "+"}) == "[]");
    CHECK(Wire({"XRANGE", "s", "-", "+", "COUNT", "0"}) == "*-1\r\n");
    CHECK(Run({"XRANGE", "s", "-", "+", "COUNT", "-5"}) == "null");
    CHECK(Run({"XRANGE", "s", "-", "+", "COUNT", "x"}) == kNotInteger);
    CHECK(Run({"XRANGE", "s", "-", "+", "COUNT"}) == kSyntax);
    CHECK(Run({"XRANGE", "s", "-", "+", "LIMIT", "1"}) == kSyntax);
    CHECK(Run({"XRANGE", "s", "x", "+"}) == kInvalidId);
    CHECK(Run({"XRANGE", "s", "(-", "+"}) == kInvalidId);
    CHECK(Run({"XRANGE", "s", "(18446744073709551615-18446744073709551615", "+"}) ==
          "(error) ERR invalid start ID for the interval");
    CHECK(Run({"XRANGE", "s", "-", "(0-0"}) == "(error) ERR invalid end ID for the interval");
    Run({"SET", "str", "v"});
    CHECK(Run({"XRANGE", "str", "-", "+"}) == kWrongType);
    Run({"XADD", "mixed", "1-1", "a", "1", "b", "2"});
    Run({"XADD", "mixed", "1-2", "a", "-70000", "c", "x"});
    CHECK(
        Run({"XREVRANGE", "mixed", "+", "-"}) ==
        "[[\"1-2\", [\"a\", \"-70000\", \"c\", \"x\"]], [\"1-1\", [\"a\", \"1\", \"b\", \"2\"]]]");
  }

  TEST_CASE_FIXTURE(StreamFixture, "XDEL") {
    Fill("s", 5);
    CHECK(Run({"XDEL", "s", "2", "2-0", "4-0", "9-9"}) == "2");
    CHECK(Log() == Lines{"XDEL s 2 2-0 4-0 9-9"});
    CHECK(Events() == Lines{"xdel s"});
    CHECK(Run({"XDEL", "s", "2-0"}) == "0");
    CHECK(Run({"XDEL", "none", "2-0"}) == "0");
    CHECK(Log().empty());
    CHECK(Run({"XDEL", "s", "1-0", "x"}) == kInvalidId);
    CHECK(Run({"XLEN", "s"}) == "3");
    CHECK(Run({"XDEL", "s", "1-0", "3-0", "5-0"}) == "3");
    CHECK(Run({"EXISTS", "s"}) == "1");
    CHECK(Run({"XADD", "s", "5-0", "f", "v"}) == kSmallId);
    Run({"SET", "str", "v"});
    CHECK(Run({"XDEL", "str", "1-0"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(StreamFixture, "XSETID") {
    Fill("s", 5);
    CHECK(Run({"XSETID", "s", "7-1"}) == "OK");
    CHECK(Run({"XSETID", "s", "7-1", "ENTRIESADDED", "9", "MAXDELETEDID", "3-3"}) == "OK");
    CHECK(Log() == Lines{"XSETID s 7-1", "XSETID s 7-1 ENTRIESADDED 9 MAXDELETEDID 3-3"});
    CHECK(Events() == Lines{"xsetid s", "xsetid s"});
    CHECK(Run({"XINFO", "STREAM", "s"})
              .find("\"max-deleted-entry-id\", \"3-3\", \"entries-added\", 9") !=
          std::string::npos);
    CHECK(Run({"XSETID", "s", "4-9"}) ==
          "(error) ERR The ID specified in XSETID is smaller than the target stream top item");
    CHECK(Run({"XSETID", "s", "8", "ENTRIESADDED", "4"}) ==
          "(error) ERR The entries_added specified in XSETID is smaller than the target stream "
          "length");
    CHECK(Run({"XSETID", "s", "8", "ENTRIESADDED", "-1"}) ==
          "(error) ERR entries_added must be positive");
    CHECK(Run({"XSETID", "s", "8", "ENTRIESADDED", "x"}) == kNotInteger);
    CHECK(
        Run({"XSETID", "s", "8", "MAXDELETEDID", "9"}) ==
        "(error) ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
    CHECK(Run({"XSETID", "s", "8", "MAXDELETEDID", "x"}) == kInvalidId);
    CHECK(Run({"XSETID", "s", "8", "MAXDELETEDID"}) == kSyntax);
    CHECK(Run({"XSETID", "s", "*"}) == kInvalidId);
    CHECK(Run({"XSETID", "none", "8"}) == "(error) ERR no such key");
    Run({"XTRIM", "s", "MAXLEN", "0"});
    CHECK(Run({"XSETID", "s", "3-0"}) ==
          "(error) ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
    CHECK(Run({"XSETID", "s", "3-3"}) == "OK");
    Run({"SET", "str", "v"});
    CHECK(Run({"XSETID", "str", "1-0"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(StreamFixture, "XREAD, in both protocols") {
    Fill("a", 3);
    Fill("b", 2);
    CHECK(Run({"XREAD", "COUNT", "1", "STREAMS", "a", "b", "1-0", "0"}) ==
          "[[\"a\", [[\"2-0\", [\"f\", \"2\"]]]], [\"b\", [[\"1-0\", [\"f\", \"1\"]]]]]");
    CHECK(Run({"XREAD", "STREAMS", "a", "none", "b", "2", "0", "2"}) ==
          "[[\"a\", [[\"3-0\", [\"f\", \"3\"]]]]]");
    CHECK(Wire({"XREAD", "STREAMS", "a", "b", "$", "2-0"}) == "*-1\r\n");
    CHECK(Run({"XREAD", "STREAMS", "a", "18446744073709551615-18446744073709551615"}) == "null");
    // The last one, and no others before it.
    CHECK(Run({"XREAD", "COUNT", "5", "STREAMS", "a", "none", "+", "+"}) ==
          "[[\"a\", [[\"3-0\", [\"f\", \"3\"]]]]]");
    Run({"XDEL", "a", "3-0"});
    CHECK(Run({"XREAD", "STREAMS", "a", "+"}) == "[[\"a\", [[\"2-0\", [\"f\", \"2\"]]]]]");
    Run({"XTRIM", "b", "MAXLEN", "0"});
    CHECK(Run({"XREAD", "STREAMS", "b", "+"}) == "null");
    Run({"XADD", "a", "4-0", "f", "4"});
    session.reply.set_protocol(3);
    CHECK(Wire({"XREAD", "STREAMS", "a", "b", "2", "0"}) ==
          "%1\r\n$1\r\na\r\n*1\r\n*2\r\n$3\r\n4-0\r\n*2\r\n$1\r\nf\r\n$1\r\n4\r\n");
    CHECK(Wire({"XREAD", "STREAMS", "b", "$"}) == "_\r\n");
  }

  TEST_CASE_FIXTURE(StreamFixture, "XREAD's errors") {
    Run({"SET", "str", "v"});
    CHECK(Run({"XREAD", "STREAMS", "a", "b", "0"}) ==
          "(error) ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must "
          "be specified.");
    CHECK(Run({"XREAD", "COUNT", "x", "STREAMS", "a", "0"}) == kNotInteger);
    CHECK(Run({"XREAD", "COUNT", "1", "COUNT", "1"}) == kSyntax);
    CHECK(Run({"XREAD", "NOPE", "STREAMS", "a", "0"}) == kSyntax);
    CHECK(
        Run({"XREAD", "GROUP", "g", "c", "STREAMS", "a", "0"}) ==
        "(error) ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
    CHECK(
        Run({"XREAD", "NOACK", "STREAMS", "a", "0"}) ==
        "(error) ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
    CHECK(Run({"XREAD", "STREAMS", "a", ">"}) ==
          "(error) ERR The > ID can be specified only when calling XREADGROUP using the GROUP "
          "<group> <consumer> option.");
    CHECK(Run({"XREAD", "STREAMS", "a", "-"}) == kInvalidId);
    CHECK(Run({"XREAD", "STREAMS", "a", "str", "0", "0"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(StreamFixture, "XINFO STREAM") {
    Fill("s", 3, 2);
    CHECK(Run({"XINFO", "STREAM", "s"}) ==
          "[\"length\", 3, \"radix-tree-keys\", 2, \"radix-tree-nodes\", 1, \"last-generated-id\", "
          "\"3-0\", "
          "\"max-deleted-entry-id\", \"0-0\", \"entries-added\", 3, \"recorded-first-entry-id\", "
          "\"1-0\", \"groups\", 0, "
          "\"first-entry\", [\"1-0\", [\"f\", \"1\"]], \"last-entry\", [\"3-0\", [\"f\", \"3\"]]]");
    Run({"XDEL", "s", "1-0", "2-0", "3-0"});
    CHECK(Run({"XINFO", "STREAM", "s"}) ==
          "[\"length\", 0, \"radix-tree-keys\", 0, \"radix-tree-nodes\", 0, \"last-generated-id\", "
          "\"3-0\", "
          "\"max-deleted-entry-id\", \"3-0\", \"entries-added\", 3, \"recorded-first-entry-id\", "
          "\"0-0\", \"groups\", 0, "
          "\"first-entry\", null, \"last-entry\", null]");
    session.reply.set_protocol(3);
    CHECK(Wire({"XINFO", "STREAM", "s"}).starts_with("%10\r\n$6\r\nlength\r\n:0\r\n"));
    session.reply.set_protocol(2);
    CHECK(Run({"XINFO", "STREAM", "none"}) == "(error) ERR no such key");
    CHECK(Run({"XINFO", "STREAM", "s", "NOPE"}) ==
          "(error) ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO "
          "HELP.");
    Run({"SET", "str", "v"});
    CHECK(Run({"XINFO", "STREAM", "str"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(StreamFixture, "a copy is a stream of its own, and one that goes is freed") {
    Fill("s", 5);
    CHECK(Run({"COPY", "s", "t"}) == "1");
    Run({"XADD", "t", "9-0", "f", "v"});
    CHECK(Run({"XLEN", "s"}) == "5");
    CHECK(Run({"XLEN", "t"}) == "6");
    CHECK(Run({"RENAME", "t", "s"}) == "OK");
    CHECK(Run({"XLEN", "s"}) == "6");
    CHECK(Run({"DEL", "s"}) == "1");
  }
}

}  // namespace
}  // namespace terrace::commands
