#include <doctest/doctest.h>

#include <string>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kSyntax = "(error) ERR syntax error";
constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

// one: a=1 b=2 c=3; two: b=10 c=20 d=30; set: b, 7 and c.
struct ZsetAlgebraFixture : EngineFixture {
  ZsetAlgebraFixture()
      : EngineFixture({StringCommands(), KeyCommands(), ObjectCommands(), SetCommands(),
                       ZsetCommands(), ZsetRangeCommands(), ZsetAlgebraCommands()}) {
    Notify("An");
  }
  template <typename Case>
  void InBoth(Case run) {
    for (const int64_t entries : {128, 0}) {
      settings.encoding.zset_listpack_entries = entries;
      CAPTURE(entries);
      Run({"DEL", "one", "two", "set", "dst"});
      Run({"ZADD", "one", "1", "a", "2", "b", "3", "c"});
      Run({"ZADD", "two", "10", "b", "20", "c", "30", "d"});
      Run({"SADD", "set", "b", "7", "c"});
      Log();
      Events();
      run();
    }
  }
};

TEST_SUITE("commands/zset_algebra") {
  TEST_CASE_FIXTURE(ZsetAlgebraFixture, "unions") {
    InBoth([&] {
      CHECK(Run({"ZUNION", "2", "one", "two", "WITHSCORES"}) ==
            "[\"a\", \"1\", \"b\", \"12\", \"c\", \"23\", \"d\", \"30\"]");
      CHECK(Run({"ZUNION", "2", "one", "two", "WEIGHTS", "2", "0.5", "WITHSCORES"}) ==
            "[\"a\", \"2\", \"b\", \"9\", \"d\", \"15\", \"c\", \"16\"]");
      CHECK(Run({"ZUNION", "2", "one", "two", "AGGREGATE", "MIN", "WITHSCORES"}) ==
            "[\"a\", \"1\", \"b\", \"2\", \"c\", \"3\", \"d\", \"30\"]");
      CHECK(Run({"ZUNION", "2", "one", "two", "aggregate", "max", "withscores"}) ==
            "[\"a\", \"1\", \"b\", \"10\", \"c\", \"20\", \"d\", \"30\"]");
      CHECK(Run({"ZUNION", "2", "one", "set", "WITHSCORES"}) ==
            "[\"7\", \"1\", \"a\", \"1\", \"b\", \"3\", \"c\", \"4\"]");
      CHECK(Run({"ZUNION", "2", "one", "one", "WITHSCORES"}) ==
            "[\"a\", \"2\", \"b\", \"4\", \"c\", \"6\"]");
      CHECK(Run({"ZUNION", "2", "none", "one"}) == "[\"a\", \"b\", \"c\"]");
      CHECK(Run({"ZUNION", "1", "none"}) == "[]");
    });
  }

  TEST_CASE_FIXTURE(ZsetAlgebraFixture, "intersections, and how large they are") {
    InBoth([&] {
      CHECK(Run({"ZINTER", "2", "one", "two", "WITHSCORES"}) == "[\"b\", \"12\", \"c\", \"23\"]");
      CHECK(Run({"ZINTER", "3", "one", "two", "set", "WEIGHTS", "1", "1", "100", "WITHSCORES"}) ==
            "[\"b\", \"112\", \"c\", \"123\"]");
      CHECK(Run({"ZINTER", "2", "two", "one", "AGGREGATE", "MIN", "WITHSCORES"}) ==
            "[\"b\", \"2\", \"c\", \"3\"]");
      CHECK(Run({"ZINTER", "2", "one", "none"}) == "[]");
      CHECK(Run({"ZINTERCARD", "2", "one", "two"}) == "2");
      CHECK(Run({"ZINTERCARD", "2", "one", "two", "LIMIT", "1"}) == "1");
      CHECK(Run({"ZINTERCARD", "2", "one", "two", "LIMIT", "0"}) == "2");
      CHECK(Run({"ZINTERCARD", "2", "one", "none"}) == "0");
      CHECK(Run({"ZINTERCARD", "2", "one", "two", "LIMIT", "-1"}) ==
            "(error) ERR LIMIT can't be negative");
      CHECK(Run({"ZINTERCARD", "2", "one", "two", "WITHSCORES"}) == kSyntax);
    });
  }

  TEST_CASE_FIXTURE(ZsetAlgebraFixture, "differences keep the first one's scores") {
    InBoth([&] {
      CHECK(Run({"ZDIFF", "2", "one", "two", "WITHSCORES"}) == "[\"a\", \"1\"]");
      CHECK(Run({"ZDIFF", "2", "set", "one", "WITHSCORES"}) == "[\"7\", \"1\"]");
      CHECK(Run({"ZDIFF", "2", "one", "none"}) == "[\"a\", \"b\", \"c\"]");
      CHECK(Run({"ZDIFF", "2", "none", "one"}) == "[]");
      CHECK(Run({"ZDIFF", "2", "one", "one"}) == "[]");
      CHECK(Run({"ZDIFF", "2", "one", "two", "WEIGHTS", "1", "1"}) == kSyntax);
    });
  }

  TEST_CASE_FIXTURE(ZsetAlgebraFixture,
                    "results are stored, and an empty one deletes what there was") {
    InBoth([&] {
      CHECK(Run({"ZUNIONSTORE", "dst", "2", "one", "two"}) == "4");
      CHECK(Run({"OBJECT", "ENCODING", "dst"}) ==
            (settings.encoding.zset_listpack_entries == 0 ? "\"skiplist\"" : "\"listpack\""));
      CHECK(Run({"ZINTERSTORE", "dst", "2", "one", "two", "AGGREGATE", "MAX"}) == "2");
      CHECK(Run({"ZRANGE", "dst", "0", "-1", "WITHSCORES"}) == "[\"b\", \"10\", \"c\", \"20\"]");
      CHECK(Run({"ZDIFFSTORE", "one", "2", "one", "two"}) == "1");
      CHECK(Run({"ZRANGE", "one", "0", "-1"}) == "[\"a\"]");
      CHECK(Run({"ZINTERSTORE", "dst", "2", "one", "none"}) == "0");
      CHECK(Run({"ZINTERSTORE", "dst", "2", "one", "none"}) == "0");
      CHECK(Log() == Lines{"ZUNIONSTORE dst 2 one two", "ZINTERSTORE dst 2 one two AGGREGATE MAX",
                           "ZDIFFSTORE one 2 one two", "ZINTERSTORE dst 2 one none"});
      CHECK(Events() ==
            Lines{"new dst", "zunionstore dst", "zinterstore dst", "zdiffstore one", "del dst"});
      CHECK(Run({"ZUNIONSTORE", "dst", "1", "one", "WITHSCORES"}) == kSyntax);
    });
  }

  TEST_CASE_FIXTURE(ZsetAlgebraFixture, "infinities that cancel out count as 0") {
    Run({"ZADD", "one", "inf", "a"});
    Run({"ZADD", "two", "-inf", "a"});
    CHECK(Run({"ZUNION", "2", "one", "two", "WITHSCORES"}) == "[\"a\", \"0\"]");
    CHECK(Run({"ZINTER", "2", "one", "two", "WITHSCORES"}) == "[\"a\", \"0\"]");
    CHECK(Run({"ZUNION", "1", "one", "WEIGHTS", "0", "WITHSCORES"}) == "[\"a\", \"0\"]");
  }

  TEST_CASE_FIXTURE(ZsetAlgebraFixture, "what is no request is refused") {
    Run({"SET", "s", "x"});
    Run({"ZADD", "one", "1", "a"});
    CHECK(Run({"ZUNION", "x", "one"}) == "(error) ERR value is not an integer or out of range");
    CHECK(Run({"ZUNION", "0", "one"}) ==
          "(error) ERR at least 1 input key is needed for 'zunion' command");
    CHECK(Run({"ZDIFFSTORE", "dst", "-1", "one"}) ==
          "(error) ERR at least 1 input key is needed for 'zdiffstore' command");
    CHECK(Run({"ZUNION", "3", "one", "two"}) == kSyntax);
    CHECK(Run({"ZUNION", "2", "one", "s"}) == kWrongType);
    CHECK(Run({"ZUNIONSTORE", "dst", "2", "one", "s"}) == kWrongType);
    CHECK(Run({"ZINTERCARD", "1", "s"}) == kWrongType);
    CHECK(Run({"ZUNION", "2", "one", "two", "WEIGHTS", "1"}) == kSyntax);
    CHECK(Run({"ZUNION", "2", "one", "two", "WEIGHTS", "1", "x"}) ==
          "(error) ERR weight value is not a float");
    CHECK(Run({"ZUNION", "1", "one", "AGGREGATE", "AVG"}) == kSyntax);
    CHECK(Run({"ZUNION", "1", "one", "AGGREGATE"}) == kSyntax);
  }
}

}  // namespace
}  // namespace terrace::commands
