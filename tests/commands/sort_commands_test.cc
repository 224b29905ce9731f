#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kSyntax = "(error) ERR syntax error";
constexpr const char* kScore = "(error) ERR One or more scores can't be converted into double";

// l: 3 1 2 10; s: the same; z: 3 1 2 10 with scores 1 to 4. w_1 to w_3 are 30, 20, 10; h_1 to h_3 have the fields f (c, b,
// a) and n (1, 1, 0).
struct SortFixture : EngineFixture {
  SortFixture() : EngineFixture(DataFamilies()) {
    Run({"RPUSH", "l", "3", "1", "2", "10"});
    Run({"SADD", "s", "3", "1", "2", "10"});
    Run({"ZADD", "z", "1", "3", "2", "1", "3", "2", "4", "10"});
    Run({"MSET", "w_1", "30", "w_2", "20", "w_3", "10"});
    Run({"HSET", "h_1", "f", "c", "n", "1"});
    Run({"HSET", "h_2", "f", "b", "n", "1"});
    Run({"HSET", "h_3", "f", "a", "n", "0"});
    Notify("An");
    Log();
    Events();
  }
};

TEST_SUITE("commands/sort") {
  TEST_CASE_FIXTURE(SortFixture, "numbers and texts, of lists, sets and sorted sets") {
    for (const Bytes key : {"l", "s", "z"}) {
      CAPTURE(key);
      CHECK(Run({"SORT", key}) == "[\"1\", \"2\", \"3\", \"10\"]");
      CHECK(Run({"SORT", key, "DESC"}) == "[\"10\", \"3\", \"2\", \"1\"]");
      CHECK(Run({"sort", key, "alpha"}) == "[\"1\", \"10\", \"2\", \"3\"]");
      CHECK(Run({"SORT_RO", key, "ALPHA", "DESC"}) == "[\"3\", \"2\", \"10\", \"1\"]");
      CHECK(Run({"SORT", key, "DESC", "ASC"}) == "[\"1\", \"2\", \"3\", \"10\"]");
    }
    CHECK(Run({"SORT", "none"}) == "[]");
    CHECK(Run({"SORT", "w_1"}) ==
          "(error) WRONGTYPE Operation against a key holding the wrong kind of value");
    CHECK(Log().empty());
    CHECK(Events().empty());
  }

  TEST_CASE_FIXTURE(SortFixture, "what strtod reads is a number") {
    Run({"RPUSH", "odd", "0x10", "1e1", " 7", "-inf", "", "inf", "-0.5"});
    CHECK(Run({"SORT", "odd"}) == "[\"-inf\", \"-0.5\", \"\", \" 7\", \"1e1\", \"0x10\", \"inf\"]");
    for (const Bytes wrong : {"nan", "1x", "1e999", "a", "7 "}) {
      CAPTURE(wrong);
      Run({"RPUSH", "wrong", wrong});
      CHECK(Run({"SORT", "wrong"}) == kScore);
      CHECK(Run({"SORT", "wrong", "STORE", "dst"}) == kScore);
      CHECK(Run({"SORT", "wrong", "ALPHA"}) != kScore);
      Run({"DEL", "wrong"});
    }
    CHECK(Run({"EXISTS", "dst"}) == "0");
  }

  TEST_CASE_FIXTURE(SortFixture, "limits") {
    CHECK(Run({"SORT", "l", "LIMIT", "1", "2"}) == "[\"2\", \"3\"]");
    CHECK(Run({"SORT", "l", "LIMIT", "-5", "2"}) == "[\"1\", \"2\"]");
    CHECK(Run({"SORT", "l", "LIMIT", "2", "-1"}) == "[\"3\", \"10\"]");
    CHECK(Run({"SORT", "l", "LIMIT", "1", "0"}) == "[]");
    CHECK(Run({"SORT", "l", "LIMIT", "4", "1"}) == "[]");
    CHECK(Run({"SORT", "l", "LIMIT", "1", "9223372036854775807"}) == "[\"2\", \"3\", \"10\"]");
    CHECK(Run({"SORT", "l", "LIMIT", "-9223372036854775808", "-9223372036854775808"}) ==
          "[\"1\", \"2\", \"3\", \"10\"]");
  }

  TEST_CASE_FIXTURE(SortFixture, "the stored order, either way") {
    CHECK(Run({"SORT", "l", "BY", "nosort"}) == "[\"3\", \"1\", \"2\", \"10\"]");
    CHECK(Run({"SORT", "l", "BY", "nosort", "DESC"}) == "[\"10\", \"2\", \"1\", \"3\"]");
    CHECK(Run({"SORT", "l", "BY", "nosort", "DESC", "LIMIT", "1", "2"}) == "[\"2\", \"1\"]");
    CHECK(Run({"SORT", "z", "BY", "nosort", "LIMIT", "1", "2"}) == "[\"1\", \"2\"]");
    CHECK(Run({"SORT", "z", "BY", "#", "DESC", "LIMIT", "0", "2"}) == "[\"10\", \"2\"]");
    CHECK(Run({"SORT", "l", "BY", "nosort", "BY", "w_*"}) == "[\"3\", \"1\", \"2\", \"10\"]");
    CHECK(Ask({"SORT", "s", "BY", "nosort", "LIMIT", "1", "2"}).elements.size() == 2);
    CHECK(Run({"SORT", "s", "BY", "nosort", "STORE", "dst"}) == "4");
    CHECK(Run({"LRANGE", "dst", "0", "-1"}) == "[\"1\", \"10\", \"2\", \"3\"]");
  }

  TEST_CASE_FIXTURE(SortFixture, "by what patterns lead to") {
    CHECK(Run({"SORT", "l", "BY", "w_*"}) ==
          "[\"10\", \"3\", \"2\", \"1\"]");  // 10 has none, which counts as 0
    CHECK(Run({"SORT", "l", "BY", "w_*", "DESC", "LIMIT", "0", "1"}) == "[\"1\"]");
    CHECK(Run({"SORT", "s", "BY", "h_*->f", "ALPHA"}) == "[\"10\", \"3\", \"2\", \"1\"]");
    CHECK(Run({"SORT", "s", "BY", "h_*->n"}) ==
          "[\"10\", \"3\", \"1\", \"2\"]");  // alike: by their own bytes
    CHECK(Run({"SORT", "s", "BY", "h_*->n", "DESC"}) == "[\"2\", \"1\", \"3\", \"10\"]");
    CHECK(Run({"SORT", "l", "BY", "h_*->f"}) == kScore);
    CHECK(Run({"SORT", "l", "BY", "h_*"}) ==
          "[\"1\", \"10\", \"2\", \"3\"]");  // a hash is no weight
    Run({"SET", "h_1->", "1"});
    CHECK(Run({"SORT", "l", "BY", "h_*->", "DESC", "LIMIT", "0", "1"}) ==
          "[\"1\"]");  // no field: a part of the name
  }

  TEST_CASE_FIXTURE(SortFixture, "what patterns lead to is shown or stored") {
    CHECK(Run({"SORT", "l", "GET", "#", "GET", "w_*", "GET", "h_*->f", "GET", "w_1"}) ==
          "[\"1\", \"30\", \"c\", null, \"2\", \"20\", \"b\", null, \"3\", \"10\", \"a\", null, "
          "\"10\", null, null, null]");
    CHECK(Run({"SORT_RO", "l", "BY", "nosort", "GET", "h_*->n", "LIMIT", "0", "2"}) ==
          "[\"0\", \"1\"]");
    CHECK(Run({"SORT", "l", "GET", "w_*", "GET", "none", "STORE", "dst"}) == "8");
    CHECK(Run({"LRANGE", "dst", "0", "-1"}) ==
          "[\"30\", \"\", \"20\", \"\", \"10\", \"\", \"\", \"\"]");
    session.reply.set_protocol(3);
    CHECK(Wire({"SORT", "l", "GET", "w_*", "LIMIT", "2", "2"}) == "*2\r\n$2\r\n10\r\n_\r\n");
  }

  TEST_CASE_FIXTURE(SortFixture, "a result is stored as a list, and an empty one deletes") {
    CHECK(Run({"SORT", "s", "STORE", "dst"}) == "4");
    CHECK(Run({"TYPE", "dst"}) == "list");
    CHECK(Run({"SORT", "l", "STORE", "first", "DESC", "STORE", "l"}) == "4");
    CHECK(Run({"LRANGE", "l", "0", "-1"}) == "[\"10\", \"3\", \"2\", \"1\"]");
    CHECK(Run({"EXISTS", "first"}) == "0");
    CHECK(Run({"SORT", "none", "STORE", "dst"}) == "0");
    CHECK(Run({"SORT", "none", "STORE", "dst"}) == "0");
    CHECK(Run({"EXISTS", "dst"}) == "0");
    CHECK(Log() ==
          Lines{"SORT s STORE dst", "SORT l STORE first DESC STORE l", "SORT none STORE dst"});
    CHECK(Events() == Lines{"new dst", "sortstore dst", "sortstore l", "del dst"});
    CHECK(Run({"SORT_RO", "l", "STORE", "dst"}) == kSyntax);
  }

  TEST_CASE_FIXTURE(SortFixture,
                    "due keys that patterns meet are gone, and the log has that in front") {
    Run({"PEXPIRE", "w_1", "10"});
    Run({"PEXPIRE", "h_2", "10"});
    AdvanceMs(11);
    Log();
    Events();
    CHECK(Run({"SORT", "l", "BY", "w_*", "GET", "h_*->f", "STORE", "dst"}) == "4");
    CHECK(Run({"LRANGE", "dst", "0", "-1"}) == "[\"c\", \"\", \"a\", \"\"]");
    CHECK(Log() ==
          Lines{"MULTI", "DEL w_1", "DEL h_2", "SORT l BY w_* GET h_*->f STORE dst", "EXEC"});
    CHECK(Events() == Lines{"expired w_1", "expired h_2", "new dst", "sortstore dst"});
  }

  TEST_CASE_FIXTURE(SortFixture, "hits and misses are counted for what patterns name, too") {
    const uint64_t hits_before = hits(), misses_before = misses();
    Run({"SORT", "l", "GET", "w_*"});
    CHECK(hits() - hits_before == 4);  // l and three weights
    CHECK(misses() - misses_before == 1);
  }

  TEST_CASE_FIXTURE(SortFixture, "words that are none are refused") {
    CHECK(Run({"SORT", "l", "LIMIT", "1"}) == kSyntax);
    CHECK(Run({"SORT", "l", "BY"}) == kSyntax);
    CHECK(Run({"SORT", "l", "GET"}) == kSyntax);
    CHECK(Run({"SORT", "l", "STORE"}) == kSyntax);
    CHECK(Run({"SORT", "l", "SIDEWAYS"}) == kSyntax);
    CHECK(Run({"SORT", "w_1", "LIMIT", "x", "1"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(Run({"SORT", "l", "LIMIT", "0", "1", "ALPHA", "LIMIT", "0", "x"}) ==
          "(error) ERR value is not an integer or out of range");
  }

  TEST_CASE_FIXTURE(SortFixture, "large collections, whole and in part, against a simple sort") {
    Random random(11);
    settings.encoding.zset_listpack_entries = 0;
    settings.encoding.list_compress_depth = 1;
    std::vector<int> numbers;
    for (int i = 0; i < 3000; ++i) numbers.push_back(i * 7 - 1000);
    for (size_t i = numbers.size(); i > 1; --i) std::swap(numbers[i - 1], numbers[random.Below(i)]);
    for (const int number : numbers) {
      const std::string text = std::to_string(number);
      Run({"RPUSH", "large-l", text});
      Run({"SADD", "large-s", text});
      Run({"ZADD", "large-z", std::to_string(random.Below(100)), text});
    }
    std::sort(numbers.begin(), numbers.end());
    for (const Bytes key : {"large-l", "large-s", "large-z"}) {
      CAPTURE(key);
      for (const size_t count : {5, 1000, 3000}) {
        const resp::ReplyValue reply = Ask({"SORT", key, "LIMIT", "10", std::to_string(count)});
        REQUIRE(reply.elements.size() == std::min<size_t>(count, 2990));
        for (size_t i = 0; i < reply.elements.size(); ++i) {
          REQUIRE(reply.elements[i].string == std::to_string(numbers[i + 10]));
        }
      }
    }
  }
}

}  // namespace
}  // namespace terrace::commands
