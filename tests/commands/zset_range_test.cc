#include <doctest/doctest.h>

#include <string>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kSyntax = "(error) ERR syntax error";
constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";
constexpr const char* kNotFloat = "(error) ERR min or max is not a float";
constexpr const char* kNotMember = "(error) ERR min or max not valid string range item";
constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

// Every case runs on a key in each encoding: a=1 b=2 c=3 d=4, and in "lex" the same with equal scores.
struct ZsetRangeFixture : EngineFixture {
  ZsetRangeFixture()
      : EngineFixture({StringCommands(), KeyCommands(), ObjectCommands(), ZsetCommands(),
                       ZsetRangeCommands()}) {
    Notify("An");
  }
  template <typename Case>
  void InBoth(Case run) {
    for (const int64_t entries : {128, 0}) {
      settings.encoding.zset_listpack_entries = entries;
      CAPTURE(entries);
      Run({"DEL", "z", "lex", "dst"});
      Run({"ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d"});
      Run({"ZADD", "lex", "0", "a", "0", "b", "0", "c", "0", "d"});
      Log();
      Events();
      run();
    }
  }
};

TEST_SUITE("commands/zset_range") {
  TEST_CASE_FIXTURE(ZsetRangeFixture, "ranks, from either end and counted from either end") {
    InBoth([&] {
      CHECK(Run({"ZRANGE", "z", "0", "-1"}) == "[\"a\", \"b\", \"c\", \"d\"]");
      CHECK(Run({"ZRANGE", "z", "1", "2"}) == "[\"b\", \"c\"]");
      CHECK(Run({"ZRANGE", "z", "-2", "-1"}) == "[\"c\", \"d\"]");
      CHECK(Run({"ZRANGE", "z", "-9", "0"}) == "[\"a\"]");
      CHECK(Run({"ZRANGE", "z", "3", "9"}) == "[\"d\"]");
      CHECK(Run({"ZRANGE", "z", "4", "9"}) == "[]");
      CHECK(Run({"ZRANGE", "z", "2", "1"}) == "[]");
      CHECK(Run({"ZRANGE", "z", "0", "-9"}) == "[]");
      CHECK(Run({"ZRANGE", "z", "0", "1", "REV"}) == "[\"d\", \"c\"]");
      CHECK(Run({"ZREVRANGE", "z", "0", "1", "WITHSCORES"}) == "[\"d\", \"4\", \"c\", \"3\"]");
      CHECK(Run({"ZREVRANGE", "z", "-1", "-1"}) == "[\"a\"]");
      CHECK(Run({"ZRANGE", "z", "9223372036854775807", "-9223372036854775808"}) == "[]");
      CHECK(Run({"ZRANGE", "z", "x", "1"}) == kNotInteger);
      CHECK(Run({"ZRANGE", "z", "0", "1.5"}) == kNotInteger);
    });
    CHECK(Run({"ZRANGE", "none", "0", "-1"}) == "[]");
  }

  TEST_CASE_FIXTURE(ZsetRangeFixture,
                    "scores, with bounds in and out, limits and either direction") {
    InBoth([&] {
      CHECK(Run({"ZRANGEBYSCORE", "z", "2", "3"}) == "[\"b\", \"c\"]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "(2", "3"}) == "[\"c\"]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "2", "(3"}) == "[\"b\"]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "(2", "(3"}) == "[]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "3", "2"}) == "[]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "-inf", "+inf", "LIMIT", "1", "2"}) == "[\"b\", \"c\"]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "-inf", "+inf", "LIMIT", "2", "-5", "WITHSCORES"}) ==
            "[\"c\", \"3\", \"d\", \"4\"]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "-inf", "+inf", "LIMIT", "-1", "2"}) == "[]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "-inf", "+inf", "LIMIT", "4", "2"}) == "[]");
      CHECK(Run({"ZRANGEBYSCORE", "z", "-inf", "+inf", "LIMIT", "0", "0"}) == "[]");
      CHECK(Run({"ZREVRANGEBYSCORE", "z", "3", "1", "LIMIT", "1", "1"}) == "[\"b\"]");
      CHECK(Run({"ZREVRANGEBYSCORE", "z", "+inf", "(2"}) == "[\"d\", \"c\"]");
      CHECK(Run({"ZRANGE", "z", "2", "3", "BYSCORE"}) == "[\"b\", \"c\"]");
      CHECK(Run({"ZRANGE", "z", "3", "2", "BYSCORE", "REV", "WITHSCORES"}) ==
            "[\"c\", \"3\", \"b\", \"2\"]");
      CHECK(Run({"ZCOUNT", "z", "2", "+inf"}) == "3");
      CHECK(Run({"ZCOUNT", "z", "(4", "+inf"}) == "0");
      CHECK(Run({"ZCOUNT", "none", "2", "+inf"}) == "0");
      for (const Bytes bound : {"x", "1x", "((1", "nan"}) {
        CHECK(Run({"ZRANGEBYSCORE", "z", bound, "5"}) == kNotFloat);
        CHECK(Run({"ZCOUNT", "z", "0", bound}) == kNotFloat);
      }
    });
  }

  TEST_CASE_FIXTURE(ZsetRangeFixture, "members between others") {
    InBoth([&] {
      CHECK(Run({"ZRANGEBYLEX", "lex", "-", "[c"}) == "[\"a\", \"b\", \"c\"]");
      CHECK(Run({"ZRANGEBYLEX", "lex", "(a", "(d"}) == "[\"b\", \"c\"]");
      CHECK(Run({"ZRANGEBYLEX", "lex", "+", "-"}) == "[]");
      CHECK(Run({"ZRANGEBYLEX", "lex", "[aa", "+", "LIMIT", "1", "1"}) == "[\"c\"]");
      CHECK(Run({"ZREVRANGEBYLEX", "lex", "+", "(b"}) == "[\"d\", \"c\"]");
      CHECK(Run({"ZRANGE", "lex", "[b", "[c", "BYLEX"}) == "[\"b\", \"c\"]");
      CHECK(Run({"ZRANGE", "lex", "[c", "-", "BYLEX", "REV", "LIMIT", "1", "5"}) ==
            "[\"b\", \"a\"]");
      CHECK(Run({"ZLEXCOUNT", "lex", "-", "+"}) == "4");
      CHECK(Run({"ZLEXCOUNT", "lex", "(b", "[zzz"}) == "2");
      for (const Bytes bound : {"", "a", "++", "-x"}) {
        CHECK(Run({"ZRANGEBYLEX", "lex", bound, "+"}) == kNotMember);
        CHECK(Run({"ZLEXCOUNT", "lex", "-", bound}) == kNotMember);
      }
    });
  }

  TEST_CASE_FIXTURE(ZsetRangeFixture, "words that do not go together are refused") {
    Run({"SET", "s", "x"});
    CHECK(Run({"ZRANGE", "z", "0", "-1", "LIMIT", "0", "1"}) ==
          "(error) ERR syntax error, LIMIT is only supported in combination with either BYSCORE or "
          "BYLEX");
    CHECK(Run({"ZRANGE", "z", "-", "+", "BYLEX", "WITHSCORES"}) ==
          "(error) ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    CHECK(Run({"ZRANGEBYLEX", "z", "-", "+", "WITHSCORES"}) ==
          "(error) ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    CHECK(Run({"ZRANGE", "z", "0", "-1", "LIMIT", "0", "-1"}) == "[]");
    CHECK(Run({"ZRANGE", "z", "0", "-1", "LIMIT", "x", "1"}) == kNotInteger);
    for (const auto& words :
         {Lines{"BYSCORE", "BYLEX"}, Lines{"REV", "REV"}, Lines{"LIMIT", "1"}, Lines{"NOISE"}}) {
      std::vector<Bytes> request = {"ZRANGE", "z", "0", "1"};
      request.insert(request.end(), words.begin(), words.end());
      CHECK(Run(request) == kSyntax);
    }
    CHECK(Run({"ZREVRANGE", "z", "0", "1", "REV"}) == kSyntax);
    CHECK(Run({"ZREVRANGE", "z", "0", "1", "BYSCORE"}) == kSyntax);
    CHECK(Run({"ZRANGEBYSCORE", "z", "0", "1", "REV"}) == kSyntax);
    CHECK(Run({"ZRANGESTORE", "dst", "z", "0", "1", "WITHSCORES"}) == kSyntax);
    CHECK(Run({"ZRANGE", "s", "0", "1"}) == kWrongType);
    CHECK(Run({"ZRANGESTORE", "dst", "s", "0", "1"}) == kWrongType);
    CHECK(Run({"ZREMRANGEBYRANK", "s", "0", "1"}) == kWrongType);
    CHECK(Run({"ZCOUNT", "s", "0", "1"}) == kWrongType);
  }

  TEST_CASE_FIXTURE(ZsetRangeFixture, "a range is stored, over whatever there was") {
    InBoth([&] {
      CHECK(Run({"ZRANGESTORE", "dst", "z", "1", "2"}) == "2");
      CHECK(Run({"ZRANGE", "dst", "0", "-1", "WITHSCORES"}) == "[\"b\", \"2\", \"c\", \"3\"]");
      CHECK(Run({"ZRANGESTORE", "dst", "z", "+inf", "(1", "BYSCORE", "REV", "LIMIT", "0", "2"}) ==
            "2");
      CHECK(Run({"ZRANGE", "dst", "0", "-1"}) == "[\"c\", \"d\"]");
      CHECK(Run({"ZRANGESTORE", "z", "z", "0", "0"}) == "1");
      CHECK(Run({"ZRANGE", "z", "0", "-1"}) == "[\"a\"]");
      CHECK(Run({"ZRANGESTORE", "dst", "none", "0", "-1"}) == "0");
      CHECK(Run({"ZRANGESTORE", "dst", "none", "0", "-1"}) == "0");
      CHECK(Run({"EXISTS", "dst"}) == "0");
      CHECK(Log() == Lines{"ZRANGESTORE dst z 1 2",
                           "ZRANGESTORE dst z +inf (1 BYSCORE REV LIMIT 0 2", "ZRANGESTORE z z 0 0",
                           "ZRANGESTORE dst none 0 -1"});
      CHECK(Events() ==
            Lines{"new dst", "zrangestore dst", "zrangestore dst", "zrangestore z", "del dst"});
    });
    Run({"SET", "s", "x", "EX", "100"});
    Run({"ZADD", "z", "1", "a"});
    CHECK(Run({"ZRANGESTORE", "s", "z", "0", "-1"}) == "1");
    CHECK(Run({"ZCARD", "s"}) == "1");
  }

  TEST_CASE_FIXTURE(ZsetRangeFixture, "ranges are taken out, and with the last member the key") {
    InBoth([&] {
      CHECK(Run({"ZREMRANGEBYRANK", "z", "1", "1"}) == "1");
      CHECK(Run({"ZREMRANGEBYSCORE", "z", "(3", "9"}) == "1");
      CHECK(Run({"ZRANGE", "z", "0", "-1"}) == "[\"a\", \"c\"]");
      CHECK(Run({"ZREMRANGEBYRANK", "z", "5", "6"}) == "0");
      CHECK(Run({"ZREMRANGEBYSCORE", "z", "7", "8"}) == "0");
      CHECK(Run({"ZREMRANGEBYRANK", "z", "-2", "-1"}) == "2");
      CHECK(Run({"ZREMRANGEBYLEX", "lex", "[b", "(d"}) == "2");
      CHECK(Run({"ZREMRANGEBYLEX", "lex", "-", "+"}) == "2");
      CHECK(Run({"ZREMRANGEBYLEX", "lex", "-", "+"}) == "0");
      CHECK(Run({"EXISTS", "z", "lex"}) == "0");
      CHECK(Log() == Lines{"ZREMRANGEBYRANK z 1 1", "ZREMRANGEBYSCORE z (3 9",
                           "ZREMRANGEBYRANK z -2 -1", "ZREMRANGEBYLEX lex [b (d",
                           "ZREMRANGEBYLEX lex - +"});
      CHECK(Events() == Lines{"zremrangebyrank z", "zremrangebyscore z", "zremrangebyrank z",
                              "del z", "zremrangebylex lex", "zremrangebylex lex", "del lex"});
      CHECK(Run({"ZREMRANGEBYRANK", "z", "x", "1"}) == kNotInteger);
      CHECK(Run({"ZREMRANGEBYSCORE", "z", "x", "1"}) == kNotFloat);
      CHECK(Run({"ZREMRANGEBYLEX", "z", "x", "+"}) == kNotMember);
    });
  }
}

}  // namespace
}  // namespace terrace::commands
