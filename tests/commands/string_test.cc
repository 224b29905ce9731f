#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::kStartMs;
using testing::Lines;

struct StringFixture : EngineFixture {
  StringFixture() : EngineFixture({StringCommands(), CounterCommands()}) { Notify("Amn"); }
};

TEST_SUITE("commands/string") {
  TEST_CASE_FIXTURE(StringFixture, "what was set is read back, logged and announced") {
    CHECK(Run({"SET", "k", "v"}) == "OK");
    CHECK(Run({"set", "k", "w"}) == "OK");
    CHECK(Log() == Lines{"SET k v", "set k w"});
    CHECK(Events() == Lines{"new k", "set k", "set k"});
    CHECK(Run({"GET", "k"}) == "\"w\"");
    CHECK(Run({"GET", "none"}) == "null");
    CHECK(Log().empty());
    CHECK(Events() == Lines{"keymiss none"});
  }

  TEST_CASE_FIXTURE(StringFixture,
                    "values of every size and form are read back as they were written") {
    for (const size_t size :
         {0, 1, 19, 20, 44, 254, 255, 256, 4096, 32 * 1024, 32 * 1024 + 1, 1024 * 1024}) {
      const std::string value(size, 'x');
      CHECK(Run({"SET", "k", value}) == "OK");
      CHECK(Ask({"GET", "k"}).string == value);
      CHECK(Run({"STRLEN", "k"}) == std::to_string(size));
      CHECK(AskWithBlob({"SET", "k", value}).string == "OK");
      CHECK(Ask({"GET", "k"}).string == value);
    }
    for (const Bytes number :
         {"0", "-1", "9223372036854775807", "-9223372036854775808", "01", "+1", "-0", " 1"}) {
      CHECK(Run({"SET", "k", number}) == "OK");
      CHECK(Ask({"GET", "k"}).string == number);
      CHECK(Run({"STRLEN", "k"}) == std::to_string(number.size()));
    }
    const Bytes binary("\0\r\n\xff", 4);
    CHECK(Run({"SET", binary, binary}) == "OK");
    CHECK(Ask({"GET", binary}).string == binary);
  }

  TEST_CASE_FIXTURE(StringFixture, "a missing key has its form in each protocol") {
    CHECK(Wire({"GET", "none"}) == "$-1\r\n");
    session.reply.set_protocol(3);
    CHECK(Wire({"GET", "none"}) == "_\r\n");
    CHECK(Wire({"MGET", "none"}) == "*1\r\n_\r\n");
    CHECK(Wire({"SET", "none", "v", "XX"}) == "_\r\n");
  }

  TEST_CASE_FIXTURE(StringFixture, "MGET answers in order and counts hits and misses") {
    CHECK(Run({"MSET", "a", "1", "b", "two"}) == "OK");
    CHECK(Run({"MGET", "b", "none", "a", "b"}) == "[\"two\", null, \"1\", \"two\"]");
    CHECK(hits() == 3);
    CHECK(misses() == 1);
  }

  TEST_CASE_FIXTURE(StringFixture, "only commands that hand out a value count hits and misses") {
    Run({"SET", "k", "v"});
    struct {
      std::vector<Bytes> command;
      uint64_t hits, misses;
    } const cases[] = {
        {{"SET", "k", "v"}, 0, 0},
        {{"SET", "k", "v", "NX"}, 0, 0},
        {{"SET", "none", "v", "XX"}, 0, 0},
        {{"SET", "k", "v", "GET"}, 1, 0},
        {{"SET", "none", "v", "XX", "GET"}, 0, 1},
        {{"GETSET", "k", "v"}, 1, 0},
        {{"GETEX", "k"}, 1, 0},
        {{"GETEX", "none"}, 0, 1},
        {{"GETDEL", "none"}, 0, 1},
        {{"SETNX", "k", "v"}, 0, 0},
        {{"MSETNX", "k", "v"}, 0, 0},
        {{"APPEND", "k", "v"}, 0, 0},
        {{"SETRANGE", "k", "0", "v"}, 0, 0},
        {{"STRLEN", "k"}, 1, 0},
        {{"GETRANGE", "none", "0", "1"}, 0, 1},
        {{"LCS", "k", "none"}, 1, 1},
        {{"INCR", "n"}, 0, 0},
        {{"INCRBYFLOAT", "n", "1"}, 0, 0},
        {{"DELIFEQ", "k", "x"}, 0, 0},
        {{"GETDEL", "k"}, 1, 0},
    };
    for (const auto& c : cases) {
      CAPTURE(std::string(c.command[0]));
      const uint64_t hits_before = hits(), misses_before = misses();
      Run(c.command);
      CHECK(hits() - hits_before == c.hits);
      CHECK(misses() - misses_before == c.misses);
    }
  }

  TEST_CASE_FIXTURE(StringFixture, "MSET sets all of its keys, MSETNX all or none") {
    CHECK(Run({"MSET", "a", "1", "b", "2", "a", "3"}) == "OK");
    CHECK(Events() == Lines{"new a", "set a", "new b", "set b", "set a"});
    CHECK(Log() == Lines{"MSET a 1 b 2 a 3"});
    CHECK(Run({"GET", "a"}) == "\"3\"");
    CHECK(Run({"MSETNX", "c", "1", "b", "9"}) == "0");
    CHECK(Run({"MGET", "c", "b"}) == "[null, \"2\"]");
    CHECK(Log().empty());
    CHECK(Events() == Lines{"keymiss c"});
    CHECK(Run({"MSETNX", "c", "1", "c", "2"}) == "1");
    CHECK(Run({"GET", "c"}) == "\"2\"");
    CHECK(Log() == Lines{"MSETNX c 1 c 2"});
    CHECK(Events() == Lines{"new c", "set c", "set c"});
    CHECK(Run({"MSET", "a", "1", "b"}) ==
          "(error) ERR wrong number of arguments for 'mset' command");
    CHECK(Run({"MSETNX", "a", "1", "b"}) ==
          "(error) ERR wrong number of arguments for 'msetnx' command");
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(StringFixture, "MSET takes a deadline away") {
    Run({"SET", "k", "v", "EX", "10"});
    Run({"MSET", "k", "w"});
    AdvanceMs(20'000);
    CHECK(Run({"GET", "k"}) == "\"w\"");
  }

  TEST_CASE_FIXTURE(StringFixture,
                    "GETSET answers with the old value, drops the deadline and is logged as SET") {
    CHECK(Run({"GETSET", "k", "1"}) == "null");
    CHECK(Events() == Lines{"keymiss k", "new k", "set k"});
    Run({"SET", "k", "v", "EX", "10"});
    Log();
    CHECK(Run({"GETSET", "k", "w"}) == "\"v\"");
    CHECK(Log() == Lines{"SET k w"});
    AdvanceMs(20'000);
    CHECK(Run({"GET", "k"}) == "\"w\"");
  }

  TEST_CASE_FIXTURE(StringFixture, "GETDEL answers with the value and deletes the key") {
    const std::string large(100'000, 'x');
    Run({"SET", "k", large});
    Log();
    Events();
    CHECK(Ask({"GETDEL", "k"}).string == large);
    CHECK(Log() == Lines{"DEL k"});
    CHECK(Events() == Lines{"del k"});
    CHECK(Run({"GETDEL", "k"}) == "null");
    CHECK(Log().empty());
    CHECK(Events() == Lines{"keymiss k"});
    settings.lazy_user_del = true;
    Run({"SET", "k", "v"});
    CHECK(Run({"GETDEL", "k"}) == "\"v\"");
    CHECK(Log() == Lines{"SET k v", "UNLINK k"});
  }

  TEST_CASE_FIXTURE(StringFixture, "DELIFEQ deletes a key only if it holds exactly this") {
    Run({"MSET", "k", "v", "n", "12"});
    Log();
    Events();
    CHECK(Run({"DELIFEQ", "none", "v"}) == "0");
    CHECK(Run({"DELIFEQ", "k", "w"}) == "0");
    CHECK(Run({"DELIFEQ", "k", "vv"}) == "0");
    CHECK(Run({"DELIFEQ", "n", "012"}) == "0");
    CHECK(Log().empty());
    CHECK(Events().empty());
    CHECK(Run({"DELIFEQ", "k", "v"}) == "1");
    CHECK(Run({"DELIFEQ", "n", "12"}) == "1");
    CHECK(Log() == Lines{"DEL k", "DEL n"});
    CHECK(Events() == Lines{"del k", "del n"});
    CHECK(Run({"MGET", "k", "n"}) == "[null, null]");
  }

  TEST_CASE_FIXTURE(StringFixture, "an expired key is gone before a command sees it") {
    Run({"SET", "k", "v", "PX", "100"});
    Log();
    Events();
    AdvanceMs(100);
    CHECK(Run({"GET", "k"}) == "\"v\"");
    AdvanceMs(1);
    CHECK(Run({"SETNX", "k", "w"}) == "1");
    CHECK(Log() == Lines{"MULTI", "DEL k", "SETNX k w", "EXEC"});
    CHECK(Events() == Lines{"expired k", "new k", "set k"});
    Run({"SET", "k", "5", "PX", "100"});
    AdvanceMs(101);
    CHECK(Run({"INCR", "k"}) == "1");
    Run({"SET", "k", "5", "PX", "100"});
    AdvanceMs(101);
    CHECK(Run({"APPEND", "k", "6"}) == "1");
    CHECK(misses() == 0);
  }

  TEST_CASE_FIXTURE(StringFixture,
                    "the table says of each command what COMMAND INFO of Redis says") {
    constexpr uint32_t kShown = kWrite | kReadonly | kDenyOom | kFast;
    struct {
      Bytes name;
      int arity;
      uint32_t flags;
      int first, last, step;
    } const cases[] = {
        {"get", 2, kReadonly | kFast, 1, 1, 1},
        {"set", -3, kWrite | kDenyOom, 1, 1, 1},
        {"getset", 3, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"getdel", 2, kWrite | kFast, 1, 1, 1},
        {"getex", -2, kWrite | kFast, 1, 1, 1},
        {"setex", 4, kWrite | kDenyOom, 1, 1, 1},
        {"psetex", 4, kWrite | kDenyOom, 1, 1, 1},
        {"setnx", 3, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"mset", -3, kWrite | kDenyOom, 1, -1, 2},
        {"msetnx", -3, kWrite | kDenyOom, 1, -1, 2},
        {"mget", -2, kReadonly | kFast, 1, -1, 1},
        {"append", 3, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"strlen", 2, kReadonly | kFast, 1, 1, 1},
        {"setrange", 4, kWrite | kDenyOom, 1, 1, 1},
        {"getrange", 4, kReadonly, 1, 1, 1},
        {"substr", 4, kReadonly, 1, 1, 1},
        {"lcs", -3, kReadonly, 1, 2, 1},
        {"incr", 2, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"decr", 2, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"incrby", 3, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"decrby", 3, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"incrbyfloat", 3, kWrite | kDenyOom | kFast, 1, 1, 1},
        {"delifeq", 3, kWrite | kFast, 1, 1, 1},
    };
    CHECK(table.commands().size() == std::size(cases));
    for (const auto& c : cases) {
      CAPTURE(std::string(c.name));
      const Command* command = table.Find(c.name);
      REQUIRE(command != nullptr);
      CHECK(command->spec->arity == c.arity);
      CHECK((command->flags & kShown) == c.flags);
      CHECK((command->flags & kMovableKeys) == 0);
      CHECK((command->categories & kCatString) != 0);
      CHECK(command->first_key == c.first);
      CHECK(command->last_key == c.last);
      CHECK(command->key_step == c.step);
    }
  }
}

TEST_SUITE("commands/string/stream") {
  TEST_CASE_FIXTURE(StringFixture,
                    "a leader's SET with a deadline in the past is kept until its DEL comes") {
    CHECK(Apply({"SET", "k", "v", "PXAT", std::to_string(kStartMs - 1)}));
    CHECK(databases.Get(0).size() == 1);
    CHECK(Apply({"DEL", "k"}) == false);  // not in this table
    CHECK(Apply({"GETDEL", "k"}));
    CHECK(databases.Get(0).size() == 0);
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(StringFixture, "a leader's limit on the length of strings is not ours") {
    settings.string_bytes_max = 10;
    CHECK(Apply({"SETRANGE", "k", "20", "v"}));
    CHECK(Apply({"APPEND", "k", "0123456789"}));
    CHECK(Run({"STRLEN", "k"}) == "31");
  }
}

}  // namespace
}  // namespace terrace::commands
