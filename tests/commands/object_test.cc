#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

class ObjectEngine : public EngineFixture {
 public:
  ObjectEngine() : EngineFixture({StringCommands(), ExpireCommands(), ObjectCommands()}) {}
};

TEST_SUITE("commands/object") {
  TEST_CASE("ENCODING: int, embstr up to 44 bytes, raw above") {
    ObjectEngine engine;
    const auto encoding_of = [&](Bytes value) {
      engine.Run({"SET", "k", value});
      return engine.Ask({"OBJECT", "ENCODING", "k"}).string;
    };
    CHECK(encoding_of("123") == "int");
    CHECK(encoding_of("-9223372036854775808") == "int");
    CHECK(encoding_of("9223372036854775808") == "embstr");
    CHECK(encoding_of("0123") == "embstr");
    CHECK(encoding_of("") == "embstr");
    CHECK(encoding_of(std::string(44, 'x')) == "embstr");
    CHECK(encoding_of(std::string(45, 'x')) == "raw");
    CHECK(encoding_of(std::string(100'000, 'x')) == "raw");
  }

  TEST_CASE(
      "ENCODING: what APPEND and SETRANGE leave is raw, however short, until it is set anew") {
    ObjectEngine engine;
    const auto encoding = [&] { return engine.Run({"OBJECT", "ENCODING", "k"}); };
    engine.Run({"SET", "k", "12"});
    engine.Run({"APPEND", "k", "3"});
    CHECK(encoding() == "\"raw\"");
    engine.Run({"EXPIRE", "k", "100"});
    CHECK(encoding() == "\"raw\"");
    engine.Run({"SET", "k", "1234"});
    CHECK(encoding() == "\"int\"");
    engine.Run({"SETRANGE", "k", "0", "2"});
    CHECK(encoding() == "\"raw\"");
    engine.Run({"SET", "k", "abc"});
    CHECK(encoding() == "\"embstr\"");
  }

  TEST_CASE("IDLETIME is the seconds since the last access, and asking is none") {
    ObjectEngine engine;
    engine.Run({"SET", "k", "v"});
    engine.AdvanceMs(5'000);
    CHECK(engine.Run({"OBJECT", "IDLETIME", "k"}) == "5");
    engine.AdvanceMs(5'000);
    CHECK(engine.Run({"OBJECT", "IDLETIME", "k"}) == "10");
    engine.Run({"GET", "k"});
    CHECK(engine.Run({"OBJECT", "IDLETIME", "k"}) == "0");
  }

  TEST_CASE("FREQ is the hit counter, which decays") {
    ObjectEngine engine;
    engine.settings.lfu = true;
    engine.Run({"SET", "k", "v"});
    CHECK(engine.Run({"OBJECT", "FREQ", "k"}) == "5");
    for (int i = 0; i < 100; ++i) engine.Run({"GET", "k"});
    const int64_t frequency = engine.Ask({"OBJECT", "FREQ", "k"}).integer;
    CHECK(frequency > 7);
    engine.AdvanceMs(3 * 60'000);
    CHECK(engine.Ask({"OBJECT", "FREQ", "k"}).integer == frequency - 3);
  }

  TEST_CASE("FREQ and IDLETIME answer only under a policy that keeps them, for keys that exist") {
    ObjectEngine engine;
    engine.Run({"SET", "k", "v"});
    CHECK(engine.Run({"OBJECT", "FREQ", "k"}) ==
          "(error) ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
          "Please note "
          "that when "
          "switching between policies at runtime LRU and LFU data will take some time to adjust.");
    CHECK(engine.Run({"OBJECT", "FREQ", "none"}) == "null");
    engine.settings.lfu = true;
    CHECK(engine.Run({"OBJECT", "IDLETIME", "k"}) ==
          "(error) ERR An LFU maxmemory policy is selected, idle time not tracked. Please note "
          "that when "
          "switching "
          "between policies at runtime LRU and LFU data will take some time to adjust.");
    CHECK(engine.Run({"OBJECT", "IDLETIME", "none"}) == "null");
  }

  TEST_CASE("REFCOUNT is 1, and without end for the integers that Redis shares") {
    ObjectEngine engine;
    const auto count_of = [&](Bytes value) {
      engine.Run({"SET", "k", value});
      return engine.Ask({"OBJECT", "REFCOUNT", "k"}).integer;
    };
    CHECK(count_of("v") == 1);
    CHECK(count_of("-1") == 1);
    CHECK(count_of("0") == 2147483647);
    CHECK(count_of("9999") == 2147483647);
    CHECK(count_of("10000") == 1);
    engine.settings.shares_integers = false;
    CHECK(count_of("9999") == 1);
  }

  TEST_CASE("a missing key is null and a miss, but nobody is told") {
    ObjectEngine engine;
    engine.Notify("Am");
    for (const Bytes subcommand : {"ENCODING", "FREQ", "IDLETIME", "REFCOUNT"}) {
      CHECK(engine.Wire({"OBJECT", subcommand, "none"}) == "$-1\r\n");
    }
    CHECK(engine.misses() == 4);
    CHECK(engine.Events().empty());
    engine.Run({"SET", "k", "v"});
    engine.Run({"OBJECT", "ENCODING", "k"});
    CHECK(engine.hits() == 1);
  }

  TEST_CASE("HELP, and subcommands that are none") {
    ObjectEngine engine;
    const resp::ReplyValue help = engine.Ask({"OBJECT", "HELP"});
    REQUIRE(help.elements.size() == 11);
    CHECK(help.elements[0].string ==
          "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    CHECK(engine.Wire({"object", "help"}).substr(0, 12) == "*11\r\n+OBJECT");
    CHECK(engine.Run({"OBJECT", "foo", "k"}) ==
          "(error) ERR unknown subcommand 'foo'. Try OBJECT HELP.");
    CHECK(engine.Run({"OBJECT", "FREQ"}) ==
          "(error) ERR wrong number of arguments for 'object|freq' command");
    CHECK(engine.Run({"OBJECT", "HELP", "x"}) ==
          "(error) ERR wrong number of arguments for 'object|help' command");
    CHECK(engine.Run({"OBJECT"}) == "(error) ERR wrong number of arguments for 'object' command");
  }
}

}  // namespace
}  // namespace terrace::commands
