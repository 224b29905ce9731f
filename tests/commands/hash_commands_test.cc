#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

struct HashFixture : EngineFixture {
  HashFixture()
      : EngineFixture({StringCommands(), KeyCommands(), ObjectCommands(), HashCommands()}) {
    Notify("An");
  }

  /// A hash "t" that is a table: fields f0 ... with values v0 ...
  void FillTable(int fields) {
    for (int i = 0; i < fields; ++i)
      Run({"HSET", "t", "f" + std::to_string(i), "v" + std::to_string(i)});
    CHECK(Run({"OBJECT", "ENCODING", "t"}) == "\"hashtable\"");
    Log();
    Events();
  }
  std::vector<std::string> Strings(const std::vector<Bytes>& args) {
    std::vector<std::string> strings;
    for (const resp::ReplyValue& element : Ask(args).elements) strings.push_back(element.string);
    return strings;
  }
};

TEST_SUITE("commands/hash") {
  TEST_CASE_FIXTURE(HashFixture, "fields are set, counted when new, and read") {
    CHECK(Run({"HSET", "h", "a", "1", "b", "two"}) == "2");
    CHECK(Run({"HSET", "h", "a", "one", "c", "3", "c", "4"}) == "1");
    CHECK(Run({"HMSET", "h", "d", ""}) == "OK");
    CHECK(Run({"HGET", "h", "a"}) == "\"one\"");
    CHECK(Run({"HGET", "h", "c"}) == "\"4\"");
    CHECK(Run({"HGET", "h", "z"}) == "null");
    CHECK(Run({"HGET", "none", "z"}) == "null");
    CHECK(Run({"HMGET", "h", "d", "z", "b"}) == "[\"\", null, \"two\"]");
    CHECK(Run({"HMGET", "none", "a", "b"}) == "[null, null]");
    CHECK(Run({"HLEN", "h"}) == "4");
    CHECK(Run({"HLEN", "none"}) == "0");
    CHECK(Run({"HEXISTS", "h", "d"}) == "1");
    CHECK(Run({"HEXISTS", "h", "one"}) == "0");
    CHECK(Run({"HSTRLEN", "h", "a"}) == "3");
    CHECK(Run({"HSTRLEN", "h", "c"}) == "1");
    CHECK(Run({"HSTRLEN", "h", "z"}) == "0");
    CHECK(Run({"HKEYS", "h"}) == "[\"a\", \"b\", \"c\", \"d\"]");
    CHECK(Run({"HVALS", "h"}) == "[\"one\", \"two\", \"4\", \"\"]");
    CHECK(Run({"HKEYS", "none"}) == "[]");
    CHECK(Run({"HVALS", "none"}) == "[]");
    CHECK(Run({"TYPE", "h"}) == "hash");
    CHECK(Log() == Lines{"HSET h a 1 b two", "HSET h a one c 3 c 4", "HMSET h d \"\""});
    CHECK(changes() == 6);
    CHECK(Run({"HSET", "h", "a", "1", "b"}) ==
          "(error) ERR wrong number of arguments for 'hset' command");
    CHECK(Run({"HMSET", "h", "a", "1", "b"}) ==
          "(error) ERR wrong number of arguments for 'hmset' command");
  }

  TEST_CASE_FIXTURE(HashFixture, "HGETALL is a map in RESP3 and flat in RESP2") {
    Run({"HSET", "h", "a", "1", "b", "2"});
    CHECK(Wire({"HGETALL", "h"}) == "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
    CHECK(Wire({"HGETALL", "none"}) == "*0\r\n");
    session.reply.set_protocol(3);
    CHECK(Wire({"HGETALL", "h"}) == "%2\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
    CHECK(Wire({"HGETALL", "none"}) == "%0\r\n");
    CHECK(Wire({"HGET", "h", "z"}) == "_\r\n");
  }

  TEST_CASE_FIXTURE(HashFixture,
                    "what happens to a hash is announced in order, and an empty one goes") {
    Run({"HSET", "h", "a", "1", "b", "2"});
    CHECK(Events() == Lines{"new h", "hset h"});
    CHECK(Run({"HSETNX", "h", "a", "9"}) == "0");
    CHECK(Run({"HSETNX", "h", "c", "3"}) == "1");
    CHECK(Run({"HDEL", "h", "x", "a", "y", "a"}) == "1");
    CHECK(Run({"HDEL", "h", "x"}) == "0");
    CHECK(Run({"HDEL", "h", "c", "b", "b"}) == "2");
    CHECK(Run({"HDEL", "h", "c"}) == "0");
    CHECK(Run({"EXISTS", "h"}) == "0");
    CHECK(Events() == Lines{"hset h", "hdel h", "hdel h", "del h"});
    CHECK(Log() == Lines{"HSET h a 1 b 2", "HSETNX h c 3", "HDEL h x a y a", "HDEL h c b b"});
    CHECK(changes() == 2 + 1 + 1 + 2);
    CHECK(Run({"HSETNX", "h", "c", "3"}) == "1");
    CHECK(Events() == Lines{"new h", "hset h"});
  }

  TEST_CASE_FIXTURE(HashFixture, "HINCRBY counts whole numbers and refuses the rest") {
    CHECK(Run({"HINCRBY", "h", "n", "5"}) == "5");
    CHECK(Run({"HINCRBY", "h", "n", "-7"}) == "-2");
    CHECK(Log() == Lines{"HINCRBY h n 5", "HINCRBY h n -7"});
    CHECK(Events() == Lines{"new h", "hincrby h", "hincrby h"});
    CHECK(Run({"HINCRBY", "h", "n", "x"}) == "(error) ERR value is not an integer or out of range");
    for (const Bytes value : {"", " 1", "1 ", "01", "1.0", "abc"}) {
      Run({"HSET", "h", "s", value});
      CHECK(Run({"HINCRBY", "h", "s", "1"}) == "(error) ERR hash value is not an integer");
    }
    Run({"HSET", "h", "max", "9223372036854775807", "min", "-9223372036854775808"});
    Log();
    CHECK(Run({"HINCRBY", "h", "max", "1"}) == "(error) ERR increment or decrement would overflow");
    CHECK(Run({"HINCRBY", "h", "min", "-1"}) ==
          "(error) ERR increment or decrement would overflow");
    CHECK(Run({"HINCRBY", "none", "n", "x"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(Run({"EXISTS", "none"}) == "0");
    CHECK(Log().empty());
    FillTable(600);
    CHECK(Run({"HINCRBY", "t", "f1", "1"}) == "(error) ERR hash value is not an integer");
    CHECK(Run({"HINCRBY", "t", "fresh", "1"}) == "1");
    CHECK(Run({"HINCRBY", "t", "fresh", "1"}) == "2");
  }

  TEST_CASE_FIXTURE(HashFixture, "HINCRBYFLOAT logs the sum as HSET") {
    CHECK(Run({"HINCRBYFLOAT", "h", "n", "10.5"}) == "\"10.5\"");
    CHECK(Run({"HINCRBYFLOAT", "h", "n", "0.1"}) == "\"10.6\"");
    CHECK(Run({"HINCRBYFLOAT", "h", "n", "-10.6"}) == "\"0\"");
    CHECK(Run({"HINCRBY", "h", "n", "3"}) == "3");
    CHECK(Run({"HINCRBYFLOAT", "h", "n", "2.0e2"}) == "\"203\"");
    CHECK(Log() ==
          Lines{"HSET h n 10.5", "HSET h n 10.6", "HSET h n 0", "HINCRBY h n 3", "HSET h n 203"});
    CHECK(Events() == Lines{"new h", "hincrbyfloat h", "hincrbyfloat h", "hincrbyfloat h",
                            "hincrby h", "hincrbyfloat h"});
    CHECK(Run({"HINCRBYFLOAT", "h", "n", "x"}) == "(error) ERR value is not a valid float");
    CHECK(Run({"HINCRBYFLOAT", "h", "n", "nan"}) == "(error) ERR value is not a valid float");
    CHECK(Run({"HINCRBYFLOAT", "h", "n", "-inf"}) == "(error) ERR value is NaN or Infinity");
    Run({"HSET", "h", "s", "abc", "i", "inf"});
    CHECK(Run({"HINCRBYFLOAT", "h", "s", "1"}) == "(error) ERR hash value is not a float");
    CHECK(Run({"HINCRBYFLOAT", "h", "i", "1"}) ==
          "(error) ERR increment would produce NaN or Infinity");
  }

  TEST_CASE_FIXTURE(HashFixture, "a key of another type is refused by every command") {
    Run({"SET", "s", "x"});
    Log();
    const std::vector<std::vector<Bytes>> requests = {
        {"HSET", "s", "f", "v"},
        {"HMSET", "s", "f", "v"},
        {"HSETNX", "s", "f", "v"},
        {"HDEL", "s", "f"},
        {"HINCRBY", "s", "f", "1"},
        {"HINCRBYFLOAT", "s", "f", "1"},
        {"HGET", "s", "f"},
        {"HMGET", "s", "f"},
        {"HGETALL", "s"},
        {"HKEYS", "s"},
        {"HVALS", "s"},
        {"HLEN", "s"},
        {"HEXISTS", "s", "f"},
        {"HSTRLEN", "s", "f"},
        {"HRANDFIELD", "s"},
        {"HRANDFIELD", "s", "2"},
        {"HSCAN", "s", "0"},
        {"HSCAN", "s", "0", "NONSENSE"},
    };
    for (const auto& request : requests) {
      INFO(request[0]);
      CHECK(Run(request) == kWrongType);
    }
    CHECK(Log().empty());
    Run({"HSET", "h", "f", "v"});
    CHECK(Run({"GET", "h"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(HashFixture, "reads count hits and misses, writes do not") {
    Run({"HSET", "h", "f", "v"});
    Run({"HDEL", "none", "f"});
    CHECK(hits() == 0);
    CHECK(misses() == 0);
    Run({"HGET", "h", "none"});
    Run({"HLEN", "none"});
    CHECK(hits() == 1);
    CHECK(misses() == 1);
  }

  TEST_CASE_FIXTURE(HashFixture, "a scan finds every field that matches, with or without values") {
    Run({"HSET", "h", "a", "1", "b", "2", "ab", "3"});
    CHECK(Run({"HSCAN", "h", "0"}) == "[\"0\", [\"a\", \"1\", \"b\", \"2\", \"ab\", \"3\"]]");
    CHECK(Run({"HSCAN", "h", "0", "MATCH", "a*", "COUNT", "1"}) ==
          "[\"0\", [\"a\", \"1\", \"ab\", \"3\"]]");
    CHECK(Run({"HSCAN", "h", "0", "novalues", "match", "b"}) == "[\"0\", [\"b\"]]");
    CHECK(Run({"HSCAN", "none", "0"}) == "[\"0\", []]");
    CHECK(Run({"HSCAN", "none", "0", "NONSENSE"}) == "[\"0\", []]");
    CHECK(Run({"HSCAN", "none", "x"}) == "(error) ERR invalid cursor");
    CHECK(Run({"HSCAN", "h", "0", "COUNT", "0"}) == "(error) ERR syntax error");
    CHECK(Run({"HSCAN", "h", "0", "TYPE", "hash"}) == "(error) ERR syntax error");
    FillTable(600);
    std::set<std::string> fields;
    std::string cursor = "0";
    do {
      const resp::ReplyValue reply = Ask({"HSCAN", "t", cursor, "COUNT", "20", "MATCH", "f*"});
      cursor = reply.elements[0].string;
      const auto& pairs = reply.elements[1].elements;
      for (size_t i = 0; i < pairs.size(); i += 2) {
        CHECK(pairs[i].string.substr(1) == pairs[i + 1].string.substr(1));
        fields.insert(pairs[i].string);
      }
      CHECK(pairs.size() < 200);
    } while (cursor != "0");
    CHECK(fields.size() == 600);
  }

  TEST_CASE_FIXTURE(HashFixture,
                    "HRANDFIELD gives one, some different ones, or any with repetition") {
    CHECK(Run({"HRANDFIELD", "none"}) == "null");
    CHECK(Run({"HRANDFIELD", "none", "3"}) == "[]");
    CHECK(Run({"HRANDFIELD", "none", "-3", "WITHVALUES"}) == "[]");
    Run({"HSET", "h", "a", "1"});
    CHECK(Run({"HRANDFIELD", "h"}) == "\"a\"");
    CHECK(Run({"HRANDFIELD", "h", "0"}) == "[]");
    CHECK(Run({"HRANDFIELD", "h", "2"}) == "[\"a\"]");
    CHECK(Run({"HRANDFIELD", "h", "-2", "withvalues"}) == "[\"a\", \"1\", \"a\", \"1\"]");
    Run({"HSET", "h", "b", "2", "c", "3", "d", "4"});
    FillTable(600);
    for (const Bytes key : {"h", "t"}) {
      CHECK(Strings({"HRANDFIELD", key, "-900"}).size() == 900);
      const auto some = Strings({"HRANDFIELD", key, "3"});
      CHECK(std::set<std::string>(some.begin(), some.end()).size() == 3);
      const auto all = Strings({"HRANDFIELD", key, "1000"});
      CHECK(all == Strings({"HKEYS", key}));
      CHECK(Strings({"HRANDFIELD", key, "3", "WITHVALUES"}).size() == 6);
    }
    session.reply.set_protocol(3);
    Run({"HSET", "one", "f", "v"});
    CHECK(Run({"HRANDFIELD", "one", "-2", "WITHVALUES"}) == "[[\"f\", \"v\"], [\"f\", \"v\"]]");
    CHECK(Run({"HRANDFIELD", "one", "5", "WITHVALUES"}) == "[[\"f\", \"v\"]]");
    CHECK(Run({"HRANDFIELD", "one", "5"}) == "[\"f\"]");
  }

  TEST_CASE_FIXTURE(HashFixture, "HRANDFIELD refuses counts it cannot serve") {
    Run({"HSET", "h", "a", "1"});
    CHECK(Run({"HRANDFIELD", "h", "x"}) == "(error) ERR value is not an integer or out of range");
    CHECK(Run({"HRANDFIELD", "h", "-9223372036854775808"}) ==
          "(error) ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    CHECK(Run({"HRANDFIELD", "h", "9223372036854775807"}) == "[\"a\"]");
    CHECK(Run({"HRANDFIELD", "h", "9223372036854775807", "WITHVALUES"}) ==
          "(error) ERR value is out of range");
    CHECK(Run({"HRANDFIELD", "h", "-9223372036854775807", "WITHVALUES"}) ==
          "(error) ERR value is out of range");
    CHECK(Run({"HRANDFIELD", "h", "-9223372036854775807"}) == "(error) ERR value is out of range");
    CHECK(Run({"HRANDFIELD", "h", "-134217729"}) == "(error) ERR value is out of range");
    // However few they are, the reply has its limit; nothing of it is sent.
    const std::string mebibyte(1 << 20, 'x');
    Run({"HSET", "long", "f", mebibyte});
    CHECK(Run({"HRANDFIELD", "long", "-1000000", "WITHVALUES"}) ==
          "(error) ERR what was drawn is longer than 268435456 bytes, ask for less at a time");
    CHECK(Run({"HRANDFIELD", "h", "1", "VALUES"}) == "(error) ERR syntax error");
    CHECK(Run({"HRANDFIELD", "h", "1", "WITHVALUES", "x"}) == "(error) ERR syntax error");
  }

  TEST_CASE_FIXTURE(HashFixture,
                    "the limits of the listpack are settings, and a copy keeps the encoding") {
    settings.encoding.hash_listpack_entries = 2;
    Run({"HSET", "h", "a", "1", "b", "2"});
    CHECK(Run({"OBJECT", "ENCODING", "h"}) == "\"listpack\"");
    Run({"HSET", "h", "c", "3"});
    CHECK(Run({"OBJECT", "ENCODING", "h"}) == "\"hashtable\"");
    CHECK(Run({"COPY", "h", "g"}) == "1");
    CHECK(Run({"OBJECT", "ENCODING", "g"}) == "\"hashtable\"");
    Run({"HDEL", "h", "a", "b", "c"});
    CHECK(Run({"EXISTS", "h"}) == "0");
    CHECK(Run({"HLEN", "g"}) == "3");
    Run({"RENAME", "g", "h"});
    CHECK(Run({"HGET", "h", "c"}) == "\"3\"");
    Run({"SET", "h", "x"});
    CHECK(Run({"TYPE", "h"}) == "string");
  }
}

}  // namespace
}  // namespace terrace::commands
