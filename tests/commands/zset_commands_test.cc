#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr const char* kSyntax = "(error) ERR syntax error";
constexpr const char* kNotFloat = "(error) ERR value is not a valid float";

struct ZsetFixture : EngineFixture {
  ZsetFixture()
      : EngineFixture({StringCommands(), KeyCommands(), ObjectCommands(), ZsetCommands(),
                       ZsetRangeCommands(), ZsetPopCommands(), ZsetWalkCommands()}) {
    Notify("An");
  }
  // Forgets what was logged and announced so far.
  void Forget() {
    Log();
    Events();
  }
  // A key in each encoding with the members a=1 b=2 c=3 d=4.
  void MakeBoth() {
    Run({"ZADD", "list", "1", "a", "2", "b", "3", "c", "4", "d"});
    settings.encoding.zset_listpack_entries = 0;
    Run({"ZADD", "skip", "1", "a", "2", "b", "3", "c", "4", "d"});
    settings.encoding.zset_listpack_entries = 128;
    CHECK(Run({"OBJECT", "ENCODING", "list"}) == "\"listpack\"");
    CHECK(Run({"OBJECT", "ENCODING", "skip"}) == "\"skiplist\"");
    Forget();
  }
};

TEST_SUITE("commands/zset") {
  TEST_CASE_FIXTURE(ZsetFixture, "members come, get other scores and are counted") {
    CHECK(Run({"ZADD", "z", "1", "a", "2.5", "b", "-inf", "c"}) == "3");
    CHECK(Run({"ZADD", "z", "2", "a", "7", "d"}) == "1");
    CHECK(Run({"ZADD", "z", "CH", "3", "a", "8", "e", "7", "d"}) == "2");
    CHECK(Run({"ZCARD", "z"}) == "5");
    CHECK(Run({"ZRANGE", "z", "0", "-1", "WITHSCORES"}) ==
          "[\"c\", \"-inf\", \"b\", \"2.5\", \"a\", \"3\", \"d\", \"7\", \"e\", \"8\"]");
    CHECK(Log() == Lines{"ZADD z 1 a 2.5 b -inf c", "ZADD z 2 a 7 d", "ZADD z CH 3 a 8 e 7 d"});
    CHECK(Events() == Lines{"new z", "zadd z", "zadd z", "zadd z"});
    const uint64_t before = changes();
    Run({"ZADD", "z", "9", "e", "9", "f"});
    CHECK(changes() == before + 2);
  }

  TEST_CASE_FIXTURE(ZsetFixture, "what changes nothing is neither logged nor announced") {
    Run({"ZADD", "z", "1", "a"});
    Forget();
    CHECK(Run({"ZADD", "z", "1", "a"}) == "0");
    CHECK(Run({"ZADD", "z", "NX", "5", "a"}) == "0");
    CHECK(Run({"ZADD", "z", "XX", "5", "b"}) == "0");
    CHECK(Run({"ZADD", "z", "GT", "0", "a"}) == "0");
    CHECK(Run({"ZADD", "z", "LT", "2", "a"}) == "0");
    CHECK(Run({"ZADD", "z", "NX", "INCR", "2", "a"}) == "null");
    CHECK(Run({"ZADD", "none", "XX", "2", "a"}) == "0");
    CHECK(Run({"ZADD", "none", "XX", "INCR", "2", "a"}) == "null");
    CHECK(Run({"ZINCRBY", "z", "0", "a"}) == "\"1\"");
    CHECK(Run({"ZREM", "z", "b"}) == "0");
    CHECK(Run({"ZREM", "none", "b"}) == "0");
    CHECK(Run({"EXISTS", "none"}) == "0");
    CHECK(Log().empty());
    CHECK(Events().empty());
  }

  TEST_CASE_FIXTURE(ZsetFixture, "conditions let through what they say") {
    Run({"ZADD", "z", "10", "a"});
    CHECK(Run({"ZADD", "z", "GT", "CH", "11", "a", "1", "b"}) == "2");
    CHECK(Run({"ZADD", "z", "LT", "CH", "5", "a", "5", "b"}) == "1");
    CHECK(Run({"ZADD", "z", "XX", "CH", "6", "a", "6", "c"}) == "1");
    CHECK(Run({"ZADD", "z", "NX", "CH", "7", "a", "7", "d"}) == "1");
    CHECK(Run({"ZADD", "z", "GT", "INCR", "-1", "a"}) == "null");
    CHECK(Run({"ZADD", "z", "GT", "INCR", "1", "a"}) == "\"7\"");
    CHECK(Run({"ZRANGE", "z", "0", "-1", "WITHSCORES"}) ==
          "[\"b\", \"1\", \"a\", \"7\", \"d\", \"7\"]");
    CHECK(Run({"ZADD", "z", "NX", "XX", "1", "a"}) ==
          "(error) ERR XX and NX options at the same time are not compatible");
    for (const Bytes word : {"GT", "LT"}) {
      CHECK(Run({"ZADD", "z", "NX", word, "1", "a"}) ==
            "(error) ERR GT, LT, and/or NX options at the same time are not compatible");
    }
    CHECK(Run({"ZADD", "z", "GT", "LT", "1", "a"}) ==
          "(error) ERR GT, LT, and/or NX options at the same time are not compatible");
    CHECK(Run({"ZADD", "z", "INCR", "1", "a", "2", "b"}) ==
          "(error) ERR INCR option supports a single increment-element pair");
  }

  TEST_CASE_FIXTURE(ZsetFixture, "what is no request to add is refused as a whole") {
    Run({"SET", "s", "x"});
    Forget();
    CHECK(Run({"ZADD", "z", "1", "a", "2"}) == kSyntax);
    CHECK(Run({"ZADD", "z", "NX", "CH"}) == kSyntax);
    for (const Bytes score : {"", "x", "nan", " 1", "1x", "1e400"}) {
      CAPTURE(score);
      CHECK(Run({"ZADD", "z", "1", "a", score, "b"}) == kNotFloat);
      CHECK(Run({"ZINCRBY", "z", score, "b"}) == kNotFloat);
    }
    CHECK(Run({"ZADD", "s", "1", "a"}) == kWrongType);
    CHECK(Run({"ZREM", "s", "a"}) == kWrongType);
    CHECK(Run({"ZSCORE", "s", "a"}) == kWrongType);
    CHECK(Run({"EXISTS", "z"}) == "0");
    CHECK(Log().empty());
    CHECK(Run({"ZADD", "z", "0x10", "hex", "+1.5e1", "plus", "Infinity", "inf"}) == "3");
    CHECK(Run({"ZMSCORE", "z", "hex", "plus", "inf", "none"}) == "[\"16\", \"15\", \"inf\", null]");
    CHECK(Run({"ZINCRBY", "z", "-inf", "inf"}) ==
          "(error) ERR resulting score is not a number (NaN)");
    CHECK(Run({"ZADD", "z", "INCR", "-inf", "inf"}) ==
          "(error) ERR resulting score is not a number (NaN)");
    CHECK(Run({"ZSCORE", "z", "inf"}) == "\"inf\"");
  }

  TEST_CASE_FIXTURE(ZsetFixture, "scores are added to") {
    CHECK(Run({"ZINCRBY", "z", "1.5", "a"}) == "\"1.5\"");
    CHECK(Run({"ZINCRBY", "z", "0.1", "a"}) == "\"1.6\"");
    CHECK(Run({"ZADD", "z", "INCR", "-3", "b"}) == "\"-3\"");
    CHECK(Log() == Lines{"ZINCRBY z 1.5 a", "ZINCRBY z 0.1 a", "ZADD z INCR -3 b"});
    CHECK(Events() == Lines{"new z", "zincr z", "zincr z", "zincr z"});
  }

  TEST_CASE_FIXTURE(ZsetFixture, "members go, and with the last one the key") {
    Run({"ZADD", "z", "1", "a", "2", "b", "3", "c"});
    Forget();
    CHECK(Run({"ZREM", "z", "x", "b", "b", "a"}) == "2");
    CHECK(Run({"ZREM", "z", "c", "d"}) == "1");
    CHECK(Run({"EXISTS", "z"}) == "0");
    CHECK(Log() == Lines{"ZREM z x b b a", "ZREM z c d"});
    CHECK(Events() == Lines{"zrem z", "zrem z", "del z"});
  }

  TEST_CASE_FIXTURE(ZsetFixture, "ranks count from either end") {
    MakeBoth();
    for (const Bytes key : {"list", "skip"}) {
      CHECK(Run({"ZRANK", key, "a"}) == "0");
      CHECK(Run({"ZRANK", key, "d"}) == "3");
      CHECK(Run({"ZREVRANK", key, "a"}) == "3");
      CHECK(Run({"ZRANK", key, "c", "withscore"}) == "[2, \"3\"]");
      CHECK(Run({"ZREVRANK", key, "c", "WITHSCORE"}) == "[1, \"3\"]");
      CHECK(Run({"ZRANK", key, "x"}) == "null");
      CHECK(Wire({"ZRANK", key, "x", "WITHSCORE"}) == "*-1\r\n");
      CHECK(Run({"ZRANK", key, "c", "WITHSCORES"}) == kSyntax);
      CHECK(Run({"ZRANK", key, "c", "WITHSCORE", "x"}) ==
            "(error) ERR wrong number of arguments for 'zrank' command");
      CHECK(Run({"ZREVRANK", key, "c", "x", "x"}) ==
            "(error) ERR wrong number of arguments for 'zrevrank' command");
    }
    CHECK(Wire({"ZRANK", "none", "x", "WITHSCORE"}) == "*-1\r\n");
  }

  TEST_CASE_FIXTURE(ZsetFixture, "RESP3 has doubles, and pairs where members come with scores") {
    Run({"ZADD", "z", "1.5", "a", "2", "b"});
    session.reply.set_protocol(3);
    CHECK(Wire({"ZSCORE", "z", "a"}) == ",1.5\r\n");
    CHECK(Wire({"ZSCORE", "z", "x"}) == "_\r\n");
    CHECK(Wire({"ZINCRBY", "z", "1", "a"}) == ",2.5\r\n");
    CHECK(Wire({"ZRANGE", "z", "0", "-1", "WITHSCORES"}) ==
          "*2\r\n*2\r\n$1\r\nb\r\n,2\r\n*2\r\n$1\r\na\r\n,2.5\r\n");
    CHECK(Wire({"ZRANK", "z", "a", "WITHSCORE"}) == "*2\r\n:1\r\n,2.5\r\n");
    CHECK(Wire({"ZRANDMEMBER", "z", "-1", "WITHSCORES"}).substr(0, 8) == "*1\r\n*2\r\n");
    CHECK(Wire({"ZPOPMIN", "z"}) == "*2\r\n$1\r\nb\r\n,2\r\n");
    CHECK(Wire({"ZPOPMIN", "z", "1"}) == "*1\r\n*2\r\n$1\r\na\r\n,2.5\r\n");
  }

  TEST_CASE_FIXTURE(ZsetFixture, "pops take members from the ends") {
    MakeBoth();
    for (const Bytes key : {"list", "skip"}) {
      CHECK(Run({"ZPOPMIN", key}) == "[\"a\", \"1\"]");
      CHECK(Run({"ZPOPMAX", key, "2"}) == "[\"d\", \"4\", \"c\", \"3\"]");
      CHECK(Run({"ZPOPMIN", key, "0"}) == "[]");
      CHECK(Run({"ZPOPMAX", key, "5"}) == "[\"b\", \"2\"]");
      CHECK(Run({"ZPOPMAX", key, "5"}) == "[]");
    }
    CHECK(Log() == Lines{"ZPOPMIN list", "ZPOPMAX list 2", "ZPOPMAX list 5", "ZPOPMIN skip",
                         "ZPOPMAX skip 2", "ZPOPMAX skip 5"});
    CHECK(Events() == Lines{"zpopmin list", "zpopmax list", "zpopmax list", "del list",
                            "zpopmin skip", "zpopmax skip", "zpopmax skip", "del skip"});
    CHECK(Run({"ZPOPMIN", "list", "-1"}) == "(error) ERR value is out of range, must be positive");
    CHECK(Run({"ZPOPMIN", "list", "x"}) == "(error) ERR value is out of range, must be positive");
    CHECK(Run({"ZPOPMIN", "list", "1", "2"}) == kSyntax);
    Run({"SET", "s", "x"});
    CHECK(Run({"ZPOPMIN", "s", "0"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(ZsetFixture,
                    "ZMPOP serves the first key that is there, and is logged as what it did") {
    MakeBoth();
    Run({"SET", "s", "x"});
    Forget();
    CHECK(Run({"ZMPOP", "2", "none", "list", "MIN"}) == "[\"list\", [[\"a\", \"1\"]]]");
    CHECK(Run({"ZMPOP", "2", "list", "skip", "max", "count", "10"}) ==
          "[\"list\", [[\"d\", \"4\"], [\"c\", \"3\"], [\"b\", \"2\"]]]");
    CHECK(Log() == Lines{"ZPOPMIN list 1", "ZPOPMAX list 3"});
    CHECK(Events() == Lines{"zpopmin list", "zpopmax list", "del list"});
    CHECK(Wire({"ZMPOP", "1", "none", "MIN"}) == "*-1\r\n");
    CHECK(Run({"ZMPOP", "2", "none", "s", "MIN"}) == kWrongType);
    CHECK(Run({"ZMPOP", "0", "skip", "MIN"}) == "(error) ERR numkeys should be greater than 0");
    CHECK(Run({"ZMPOP", "x", "skip", "MIN"}) == "(error) ERR numkeys should be greater than 0");
    CHECK(Run({"ZMPOP", "3", "skip", "MIN"}) == kSyntax);
    CHECK(Run({"ZMPOP", "2", "skip", "MIN"}) == kSyntax);
    CHECK(Run({"ZMPOP", "1", "skip", "MID"}) == kSyntax);
    CHECK(Run({"ZMPOP", "1", "skip", "MIN", "COUNT"}) == kSyntax);
    CHECK(Run({"ZMPOP", "1", "skip", "MIN", "COUNT", "0"}) ==
          "(error) ERR count should be greater than 0");
    CHECK(Run({"ZMPOP", "1", "skip", "MIN", "COUNT", "1", "COUNT", "2"}) == kSyntax);
    CHECK(Run({"ZCARD", "skip"}) == "4");
  }

  TEST_CASE_FIXTURE(ZsetFixture,
                    "members by chance are members, and different ones if the count is positive") {
    MakeBoth();
    for (const Bytes key : {"list", "skip"}) {
      const std::string one = Ask({"ZRANDMEMBER", key}).string;
      CHECK(std::string("abcd").find(one) != std::string::npos);
      for (const Bytes count : {"1", "2", "3", "4", "5"}) {
        const auto reply = Ask({"ZRANDMEMBER", key, count});
        std::set<std::string> members;
        for (const auto& element : reply.elements) members.insert(element.string);
        CHECK(reply.elements.size() == std::min<size_t>(4, static_cast<size_t>(count[0] - '0')));
        CHECK(members.size() == reply.elements.size());
      }
      CHECK(Ask({"ZRANDMEMBER", key, "-9"}).elements.size() == 9);
      CHECK(Ask({"ZRANDMEMBER", key, "-9", "WITHSCORES"}).elements.size() == 18);
      CHECK(Run({"ZRANDMEMBER", key, "4", "withscores"}) ==
            "[\"a\", \"1\", \"b\", \"2\", \"c\", \"3\", \"d\", \"4\"]");
      CHECK(Run({"ZRANDMEMBER", key, "0"}) == "[]");
      CHECK(Run({"ZRANDMEMBER", key, "x"}) ==
            "(error) ERR value is not an integer or out of range");
      CHECK(Run({"ZRANDMEMBER", key, "1", "x"}) == kSyntax);
      CHECK(Run({"ZRANDMEMBER", key, "-9223372036854775808"}) ==
            "(error) ERR value is out of range, value must between -9223372036854775807 and "
            "9223372036854775807");
      CHECK(Run({"ZRANDMEMBER", key, "-9223372036854775807", "WITHSCORES"}) ==
            "(error) ERR value is out of range");
      CHECK(Run({"ZRANDMEMBER", key, "9223372036854775807", "WITHSCORES"}) ==
            "(error) ERR value is out of range");
      CHECK(Run({"ZRANDMEMBER", key, "-134217729"}) == "(error) ERR value is out of range");
    }
    // However few they are, the reply has its limit; nothing of it is sent.
    const std::string mebibyte(1 << 20, 'x');
    Run({"ZADD", "long", "1", mebibyte});
    CHECK(Run({"ZRANDMEMBER", "long", "-1000000"}) ==
          "(error) ERR what was drawn is longer than 268435456 bytes, ask for less at a time");
    CHECK(Run({"ZRANDMEMBER", "none"}) == "null");
    CHECK(Run({"ZRANDMEMBER", "none", "3"}) == "[]");
    std::vector<std::string> names;
    std::vector<Bytes> add = {"ZADD", "many"};
    for (int i = 0; i < 300; ++i) names.push_back(std::to_string(i));
    for (const std::string& name : names) add.insert(add.end(), {"1", name});
    Run(add);
    std::set<std::string> members;
    for (const auto& element : Ask({"ZRANDMEMBER", "many", "50"}).elements)
      members.insert(element.string);
    CHECK(members.size() == 50);
  }

  TEST_CASE_FIXTURE(ZsetFixture, "a scan shows all members and their scores") {
    MakeBoth();
    CHECK(Run({"ZSCAN", "list", "0"}) ==
          "[\"0\", [\"a\", \"1\", \"b\", \"2\", \"c\", \"3\", \"d\", \"4\"]]");
    CHECK(Run({"ZSCAN", "list", "0", "MATCH", "[bc]", "COUNT", "1"}) ==
          "[\"0\", [\"b\", \"2\", \"c\", \"3\"]]");
    CHECK(Ask({"ZSCAN", "skip", "0", "COUNT", "100"}).elements[1].elements.size() == 8);
    CHECK(Run({"ZSCAN", "none", "0", "NONSENSE"}) == "[\"0\", []]");
    CHECK(Run({"ZSCAN", "list", "0", "NONSENSE"}) == kSyntax);
    CHECK(Run({"ZSCAN", "list", "x"}) == "(error) ERR invalid cursor");
    CHECK(Run({"ZSCAN", "list", "0", "TYPE", "zset"}) == kSyntax);
  }
}

}  // namespace
}  // namespace terrace::commands
