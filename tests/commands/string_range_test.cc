#include <doctest/doctest.h>

#include "base/memory.h"
#include "base/random.h"
#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";
constexpr const char* kTooLong =
    "(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)";

struct RangeFixture : EngineFixture {
  RangeFixture() : EngineFixture({StringCommands(), CounterCommands()}) { Notify("An"); }

  bool Raw(Bytes key) {
    engine::KeyRef ref;
    ref.key = key;
    ref.hash = databases.HashOf(key);
    ref.keyspace = &databases.Get(0);
    engine::KeyLocks locks;
    locks.Acquire(&ref, 1);
    return ref.entry()->raw_string();
  }
};

TEST_SUITE("commands/string_range") {
  TEST_CASE_FIXTURE(RangeFixture, "GETRANGE counts from both ends and clamps") {
    Run({"SET", "k", "hello"});
    struct {
      Bytes first, last, part;
    } const cases[] = {
        {"0", "-1", "hello"},
        {"0", "0", "h"},
        {"-3", "-1", "llo"},
        {"1", "99", "ello"},
        {"-99", "1", "he"},
        {"-99", "-98", "h"},
        {"0", "-99", "h"},
        {"3", "1", ""},
        {"-1", "-3", ""},
        {"-98", "-99", ""},
        {"5", "9", ""},
        {"99", "100", ""},
        {"-9223372036854775808", "9223372036854775807", "hello"},
        {"9223372036854775807", "-9223372036854775808", ""},
    };
    const std::string large = std::string(100'000, '-') + "hello";
    Run({"SET", "large", large});
    for (const auto& c : cases) {
      CAPTURE(std::string(c.first));
      CAPTURE(std::string(c.last));
      CHECK(Ask({"GETRANGE", "k", c.first, c.last}).string == c.part);
      CHECK(Ask({"SUBSTR", "k", c.first, c.last}).string == c.part);
    }
    CHECK(Run({"GETRANGE", "large", "-6", "-1"}) == "\"-hello\"");
    CHECK(Ask({"GETRANGE", "large", "1", "-2"}).string == large.substr(1, large.size() - 2));
    CHECK(Run({"GETRANGE", "none", "0", "1"}) == "\"\"");
    Run({"SET", "n", "-123"});
    CHECK(Run({"GETRANGE", "n", "1", "2"}) == "\"12\"");
    CHECK(Run({"GETRANGE", "k", "a", "1"}) == kNotInteger);
    CHECK(Run({"GETRANGE", "none", "1", "1.5"}) == kNotInteger);
  }

  TEST_CASE_FIXTURE(RangeFixture,
                    "SETRANGE overwrites, fills gaps with zero bytes and makes keys") {
    CHECK(Run({"SETRANGE", "k", "2", "ab"}) == "4");
    CHECK(Ask({"GET", "k"}).string == std::string("\0\0ab", 4));
    CHECK(Run({"SETRANGE", "k", "1", "xy"}) == "4");
    CHECK(Ask({"GET", "k"}).string == std::string("\0xyb", 4));
    CHECK(Run({"SETRANGE", "k", "6", "z"}) == "7");
    CHECK(Ask({"GET", "k"}).string == std::string("\0xyb\0\0z", 7));
    CHECK(Log() == Lines{"SETRANGE k 2 ab", "SETRANGE k 1 xy", "SETRANGE k 6 z"});
    CHECK(Events() == Lines{"new k", "setrange k", "setrange k", "setrange k"});
    Run({"SET", "n", "1234"});
    CHECK(Run({"SETRANGE", "n", "1", "0"}) == "4");
    CHECK(Run({"GET", "n"}) == "\"1034\"");
    CHECK(Run({"SETRANGE", "large", "100000", "end"}) == "100003");
    CHECK(Ask({"GET", "large"}).string == std::string(100'000, '\0') + "end");
  }

  TEST_CASE_FIXTURE(RangeFixture, "SETRANGE of nothing changes nothing") {
    Run({"SET", "k", "abc"});
    Log();
    Events();
    CHECK(Run({"SETRANGE", "none", "0", ""}) == "0");
    CHECK(Run({"SETRANGE", "k", "9", ""}) == "3");
    CHECK(Run({"SETRANGE", "k", "9223372036854775807", ""}) == "3");
    CHECK(Run({"SETRANGE", "none", "-1", ""}) == "(error) ERR offset is out of range");
    CHECK(Run({"SETRANGE", "none", "x", ""}) == kNotInteger);
    CHECK(Log().empty());
    CHECK(Events().empty());
    CHECK(Run({"GET", "none"}) == "null");
  }

  TEST_CASE_FIXTURE(RangeFixture, "APPEND makes a key or goes on behind its end") {
    CHECK(Run({"APPEND", "k", "12"}) == "2");
    CHECK(Run({"INCR", "k"}) == "13");
    CHECK(Run({"APPEND", "k", "4"}) == "3");
    CHECK(Run({"INCR", "k"}) == "135");
    CHECK(Run({"APPEND", "k", ""}) == "3");
    CHECK(Run({"APPEND", "empty", ""}) == "0");
    CHECK(Run({"GET", "empty"}) == "\"\"");
    CHECK(Log() == Lines{"APPEND k 12", "INCR k", "APPEND k 4", "INCR k", "APPEND k \"\"",
                         "APPEND empty \"\""});
    CHECK(Events() == Lines{"new k", "append k", "incrby k", "append k", "incrby k", "append k",
                            "new empty", "append empty"});
  }

  TEST_CASE_FIXTURE(RangeFixture, "a string ends at proto-max-bulk-len") {
    Run({"SET", "k", "abc"});
    Log();
    CHECK(Run({"SETRANGE", "k", "536870911", "xy"}) == kTooLong);
    CHECK(Run({"SETRANGE", "k", "9223372036854775807", "xy"}) == kTooLong);
    CHECK(Run({"SETRANGE", "none", "536870912", "x"}) == kTooLong);
    settings.string_bytes_max = 5;
    CHECK(Run({"APPEND", "k", "def"}) == kTooLong);
    CHECK(Run({"SETRANGE", "k", "3", "def"}) == kTooLong);
    CHECK(Log().empty());
    CHECK(Run({"APPEND", "k", "de"}) == "5");
    CHECK(Run({"SETRANGE", "k", "3", "xy"}) == "5");
    CHECK(Run({"GET", "k"}) == "\"abcxy\"");
  }

  TEST_CASE_FIXTURE(RangeFixture, "a deadline stays when the string changes") {
    Run({"SET", "a", "1", "PX", "100"});
    Run({"SET", "b", "1", "PX", "100"});
    Run({"APPEND", "a", std::string(500, 'x')});
    Run({"SETRANGE", "b", "40000", "x"});
    CHECK(Run({"STRLEN", "a"}) == "501");
    CHECK(Run({"STRLEN", "b"}) == "40001");
    AdvanceMs(101);
    CHECK(Run({"MGET", "a", "b"}) == "[null, null]");
  }

  TEST_CASE_FIXTURE(RangeFixture, "what was changed in place counts as raw until it is set again") {
    Run({"SET", "k", "abc"});
    CHECK_FALSE(Raw("k"));
    Run({"APPEND", "k", "d"});
    CHECK(Raw("k"));
    Run({"GETEX", "k", "EX", "10"});  // moves the entry
    CHECK(Raw("k"));
    Run({"SET", "k", "abc", "KEEPTTL"});
    CHECK_FALSE(Raw("k"));
    Run({"SETRANGE", "new", "0", "a"});
    CHECK(Raw("new"));
    Run({"APPEND", "fresh", "a"});
    CHECK_FALSE(Raw("fresh"));
  }

  TEST_CASE_FIXTURE(RangeFixture,
                    "a large value that a reply still holds is copied before it changes") {
    const std::string large(100'000, 'x');
    Run({"SET", "k", large});
    Run({"APPEND", "k", "1"});  // has spare room now
    const std::vector<std::vector<Bytes>> commands = {
        {"GET", "k"}, {"SETRANGE", "k", "0", "yyy"}, {"APPEND", "k", "2"}, {"GETDEL", "k"}};
    for (const auto& words : commands) {
      const exec::OwnedRequest request(table.Find(words[0]), Args(words), Bytes());
      executor.BeginBatch();
      executor.Execute(session, {.command = request.command(), .args = request.args()});
    }
    const std::string rest(100'000 - 3, 'x');
    CHECK(Wire({"GET", "k"}) == "$100001\r\nxxx" + rest +
                                    "1\r\n:100001\r\n:100002\r\n$100002\r\nyyy" + rest +
                                    "12\r\n$-1\r\n");
  }

  TEST_CASE_FIXTURE(RangeFixture, "random appends and patches agree with a plain string") {
    Random random(7);
    for (int round = 0; round < 20; ++round) {
      std::string expected;
      Run({"GETDEL", "k"});
      const size_t step_max = size_t{1} << (2 + round % 14);
      for (int i = 0; i < 60; ++i) {
        const std::string piece(1 + random.Next() % step_max, static_cast<char>('a' + i % 26));
        if (random.Next() % 3 != 0) {
          CHECK(Run({"APPEND", "k", piece}) == std::to_string(expected.size() + piece.size()));
          expected += piece;
        } else {
          const size_t from = random.Next() % (expected.size() + step_max);
          if (expected.size() < from + piece.size()) expected.resize(from + piece.size());
          expected.replace(from, piece.size(), piece);
          CHECK(Run({"SETRANGE", "k", std::to_string(from), piece}) ==
                std::to_string(expected.size()));
        }
        REQUIRE(Ask({"GET", "k"}).string == expected);
      }
    }
  }

  TEST_CASE_FIXTURE(RangeFixture, "appending to a large value seldom copies it") {
    Run({"SET", "k", std::string(1 << 20, 'x')});
    size_t moves = 0;
    const char* last = nullptr;
    for (int i = 0; i < 4096; ++i) {
      Run({"APPEND", "k", "0123456789abcdef0123456789abcdef"});
      engine::KeyRef ref = {
          .key = "k", .hash = databases.HashOf("k"), .keyspace = &databases.Get(0)};
      engine::KeyLocks locks;
      locks.Acquire(&ref, 1);
      const char* now = ref.entry()->blob()->data();
      moves += now != last ? 1 : 0;
      last = now;
    }
    CHECK(moves <= 2);
    CHECK(Run({"STRLEN", "k"}) == std::to_string((1 << 20) + 4096 * 32));
  }
}

}  // namespace
}  // namespace terrace::commands
