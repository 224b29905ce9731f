#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::kStartMs;
using testing::Lines;

class ExpireEngine : public EngineFixture {
 public:
  ExpireEngine() : EngineFixture({StringCommands(), KeyCommands(), ExpireCommands()}) {
    Run({"SET", "k", "v"});
    Log();
  }
};

std::string At(int64_t ms) { return std::to_string(static_cast<int64_t>(kStartMs) + ms); }

TEST_SUITE("commands/expire") {
  TEST_CASE("the four setters mean the same deadline and log it as the same effect") {
    struct Form {
      const char* command;
      const char* time;
    };
    constexpr Form kForms[] = {{"EXPIRE", "10"},
                               {"PEXPIRE", "10000"},
                               {"EXPIREAT", "1700000010"},
                               {"PEXPIREAT", "1700000010000"}};
    for (const Form& form : kForms) {
      CAPTURE(form.command);
      ExpireEngine engine;
      engine.Notify("A");
      CHECK(engine.Run({form.command, "k", form.time}) == "1");
      CHECK(engine.Log() == Lines{"PEXPIREAT k " + At(10'000)});
      CHECK(engine.Events() == Lines{"expire k"});
      CHECK(engine.Run({"PTTL", "k"}) == "10000");
      engine.AdvanceMs(10'000);
      CHECK(engine.Run({"GET", "k"}) == "\"v\"");
      engine.AdvanceMs(1);
      CHECK(engine.Run({"GET", "k"}) == "null");
      CHECK(engine.Log() == Lines{"DEL k"});
      CHECK(engine.Events() == Lines{"expired k"});
    }
  }

  TEST_CASE("no key, no deadline") {
    ExpireEngine engine;
    for (const Bytes command : {"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"}) {
      CHECK(engine.Run({command, "none", "10"}) == "0");
    }
    CHECK(engine.Run({"PERSIST", "none"}) == "0");
    CHECK(engine.Log().empty());
    CHECK(engine.misses() == 0);
  }

  TEST_CASE("a time that has passed already deletes the key") {
    ExpireEngine engine;
    engine.Notify("A");
    const std::string now = At(0);
    struct Form {
      const char* command;
      Bytes time;
    };
    const Form forms[] = {{"EXPIRE", "0"},     {"EXPIRE", "-1"},
                          {"PEXPIRE", "-100"}, {"EXPIREAT", "0"},
                          {"PEXPIREAT", now},  {"PEXPIREAT", "-9223372036854775808"}};
    for (const Form& form : forms) {
      CAPTURE(form.command);
      CAPTURE(form.time);
      engine.Run({"SET", "k", "v"});
      engine.Log();
      engine.Events();
      CHECK(engine.Run({form.command, "k", form.time}) == "1");
      CHECK(engine.Log() == Lines{"DEL k"});
      CHECK(engine.Events() == Lines{"del k"});
      CHECK(engine.Run({"EXISTS", "k"}) == "0");
    }
    engine.settings.lazy_expire = true;
    engine.Run({"SET", "k", "v"});
    engine.Log();
    CHECK(engine.Run({"EXPIRE", "k", "0"}) == "1");
    CHECK(engine.Log() == Lines{"UNLINK k"});
  }

  TEST_CASE("a follower takes a deadline of its leader's that has passed, and waits for the DEL") {
    ExpireEngine engine;
    CHECK(engine.Apply({"PEXPIREAT", "k", At(-5)}));
    CHECK(engine.Run({"DBSIZE"}) == "1");
    CHECK(engine.Apply({"PEXPIREAT", "k", "-5"}));
    CHECK(engine.Run({"DBSIZE"}) == "1");
    CHECK(engine.Log().empty());
    CHECK(engine.Run({"EXISTS", "k"}) == "0");
  }

  TEST_CASE("NX sets a first deadline, XX changes one") {
    ExpireEngine engine;
    CHECK(engine.Run({"EXPIRE", "k", "10", "XX"}) == "0");
    CHECK(engine.Log().empty());
    CHECK(engine.Run({"EXPIRE", "k", "10", "nx"}) == "1");
    CHECK(engine.Log() == Lines{"PEXPIREAT k " + At(10'000) + " nx"});
    CHECK(engine.Run({"EXPIRE", "k", "20", "NX"}) == "0");
    CHECK(engine.Run({"TTL", "k"}) == "10");
    CHECK(engine.Run({"EXPIRE", "k", "20", "XX"}) == "1");
    CHECK(engine.Run({"TTL", "k"}) == "20");
    CHECK(engine.Run({"EXPIRE", "k", "0", "NX"}) == "0");
    CHECK(engine.Run({"EXISTS", "k"}) == "1");
  }

  TEST_CASE("GT and LT compare with the deadline there is, which is never if there is none") {
    ExpireEngine engine;
    CHECK(engine.Run({"EXPIRE", "k", "10", "GT"}) == "0");
    CHECK(engine.Run({"EXPIRE", "k", "10", "LT"}) == "1");
    CHECK(engine.Run({"EXPIRE", "k", "10", "LT"}) == "0");
    CHECK(engine.Run({"EXPIRE", "k", "10", "GT"}) == "0");
    CHECK(engine.Run({"EXPIRE", "k", "9", "GT"}) == "0");
    CHECK(engine.Run({"EXPIRE", "k", "11", "LT"}) == "0");
    CHECK(engine.Run({"EXPIRE", "k", "11", "GT"}) == "1");
    CHECK(engine.Run({"EXPIRE", "k", "8", "LT"}) == "1");
    CHECK(engine.Run({"TTL", "k"}) == "8");
  }

  TEST_CASE("XX goes together with GT and with LT, and both are logged") {
    ExpireEngine engine;
    CHECK(engine.Run({"EXPIRE", "k", "10", "XX", "LT"}) == "0");
    engine.Run({"EXPIRE", "k", "10"});
    engine.Log();
    CHECK(engine.Run({"EXPIRE", "k", "20", "xx", "GT"}) == "1");
    CHECK(engine.Log() == Lines{"PEXPIREAT k " + At(20'000) + " xx GT"});
    CHECK(engine.Run({"PEXPIREAT", "k", At(5'000), "LT"}) == "1");
    CHECK(engine.Log() == Lines{"PEXPIREAT k " + At(5'000) + " LT"});
    CHECK(engine.Run({"EXPIRE", "k", "10", "NX", "NX"}) == "0");
  }

  TEST_CASE("what the setters refuse, before they look for the key") {
    ExpireEngine engine;
    for (const Bytes key : {"k", "none"}) {
      CHECK(engine.Run({"EXPIRE", key, "10", "AB"}) == "(error) ERR Unsupported option AB");
      CHECK(engine.Run({"EXPIRE", key, "x", "AB"}) == "(error) ERR Unsupported option AB");
      CHECK(engine.Run({"EXPIRE", key, "10", "NX", "XX", "AB"}) ==
            "(error) ERR Unsupported option AB");
      for (const Bytes other : {"XX", "GT", "LT"}) {
        CHECK(engine.Run({"EXPIRE", key, "10", "NX", other}) ==
              "(error) ERR NX and XX, GT or LT options at the same time are not compatible");
      }
      CHECK(engine.Run({"EXPIRE", key, "10", "GT", "LT"}) ==
            "(error) ERR GT and LT options at the same time are not compatible");
      CHECK(engine.Run({"EXPIRE", key, ""}) ==
            "(error) ERR value is not an integer or out of range");
      CHECK(engine.Run({"EXPIRE", key, "1.5"}) ==
            "(error) ERR value is not an integer or out of range");
    }
    CHECK(engine.Run({"EXPIRE", "k"}) ==
          "(error) ERR wrong number of arguments for 'expire' command");
    CHECK(engine.Log().empty());
  }

  TEST_CASE("numbers that do not fit in milliseconds since epoch") {
    ExpireEngine engine;
    for (const Bytes time :
         {"9223372036854775807", "-9223372036854775808", "9223372036854776", "-9223372036854776"}) {
      CAPTURE(time);
      CHECK(engine.Run({"EXPIRE", "k", time}) ==
            "(error) ERR invalid expire time in 'expire' command");
      CHECK(engine.Run({"expireat", "k", time}) ==
            "(error) ERR invalid expire time in 'expireat' command");
    }
    CHECK(engine.Run({"EXPIRE", "k", "9223372036854775"}) ==
          "(error) ERR invalid expire time in 'expire' command");
    CHECK(engine.Run({"PEXPIRE", "k", "9223372036854775807"}) ==
          "(error) ERR invalid expire time in 'pexpire' command");
    CHECK(engine.Run({"PEXPIREAT", "k", "9223372036854775807"}) == "1");
    CHECK(engine.Run({"PEXPIRETIME", "k"}) == "9223372036854775807");
    CHECK(engine.Run({"PEXPIREAT", "k", "9223372036854775808"}) ==
          "(error) ERR value is not an integer or out of range");
  }

  TEST_CASE("the getters: -2 for no key, -1 for no deadline, seconds rounded to the nearest") {
    ExpireEngine engine;
    engine.Notify("m");
    for (const Bytes command : {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"}) {
      CAPTURE(command);
      CHECK(engine.Run({command, "none"}) == "-2");
      CHECK(engine.Run({command, "k"}) == "-1");
      CHECK(engine.Events() == Lines{"keymiss none"});
    }
    CHECK(engine.hits() == 4);
    CHECK(engine.misses() == 4);
    engine.Run({"PEXPIREAT", "k", "1700000001500"});
    CHECK(engine.Run({"TTL", "k"}) == "2");
    CHECK(engine.Run({"PTTL", "k"}) == "1500");
    CHECK(engine.Run({"EXPIRETIME", "k"}) == "1700000002");
    CHECK(engine.Run({"PEXPIRETIME", "k"}) == "1700000001500");
    engine.AdvanceMs(1'001);
    CHECK(engine.Run({"TTL", "k"}) == "0");
    engine.AdvanceMs(499);
    CHECK(engine.Run({"PTTL", "k"}) == "0");
  }

  TEST_CASE("PERSIST takes a deadline away, once") {
    ExpireEngine engine;
    engine.Notify("A");
    CHECK(engine.Run({"PERSIST", "k"}) == "0");
    engine.Run({"EXPIRE", "k", "10"});
    engine.Log();
    engine.Events();
    CHECK(engine.Run({"persist", "k"}) == "1");
    CHECK(engine.Log() == Lines{"persist k"});
    CHECK(engine.Events() == Lines{"persist k"});
    CHECK(engine.Run({"PERSIST", "k"}) == "0");
    CHECK(engine.Log().empty());
    engine.AdvanceMs(20'000);
    CHECK(engine.Run({"GET", "k"}) == "\"v\"");
  }

  TEST_CASE("a deadline that is moved is the only one in force") {
    ExpireEngine engine;
    engine.Run({"EXPIRE", "k", "10"});
    engine.Run({"EXPIRE", "k", "100"});
    engine.AdvanceMs(50'000);
    CHECK(engine.Run({"GET", "k"}) == "\"v\"");
    engine.Run({"EXPIRE", "k", "1"});
    engine.AdvanceMs(1'001);
    CHECK(engine.Run({"GET", "k"}) == "null");
  }
}

}  // namespace
}  // namespace terrace::commands
