#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::kStartMs;
using testing::Lines;

constexpr const char* kSyntax = "(error) ERR syntax error";
constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";

struct SetFixture : EngineFixture {
  SetFixture() : EngineFixture({StringCommands()}) { Notify("A"); }

  std::string Deadline(Bytes key) {
    engine::KeyRef ref;
    ref.key = key;
    ref.hash = databases.HashOf(key);
    ref.keyspace = &databases.Get(0);
    engine::KeyLocks locks;
    locks.Acquire(&ref, 1);
    const engine::Entry* entry = ref.entry();
    if (entry == nullptr) return "no key";
    return entry->has_deadline() ? "+" + std::to_string(entry->deadline_ms() - kStartMs) : "none";
  }
};

TEST_SUITE("commands/string_set") {
  TEST_CASE_FIXTURE(SetFixture, "NX sets only what is not there, XX only what is") {
    CHECK(Run({"SET", "k", "v", "XX"}) == "null");
    CHECK(Log().empty());
    CHECK(Run({"SET", "k", "v", "nx"}) == "OK");
    CHECK(Run({"SET", "k", "w", "NX"}) == "null");
    CHECK(Run({"SET", "k", "x", "XX", "xx"}) == "OK");
    CHECK(Log() == Lines{"SET k v nx", "SET k x XX xx"});
    CHECK(Events() == Lines{"set k", "set k"});
    CHECK(Run({"GET", "k"}) == "\"x\"");
    CHECK(Run({"SETNX", "k", "y"}) == "0");
    CHECK(Run({"SETNX", "l", "y"}) == "1");
    CHECK(Log() == Lines{"SETNX l y"});
  }

  TEST_CASE_FIXTURE(SetFixture, "IFEQ sets only what holds this value, and is logged as SET") {
    CHECK(Run({"SET", "k", "v", "IFEQ", "v"}) == "null");
    Run({"SET", "k", "1", "EX", "10"});
    Log();
    CHECK(Run({"SET", "k", "2", "IFEQ", "01"}) == "null");
    CHECK(Run({"SET", "k", "2", "IFEQ", "9", "GET"}) == "\"1\"");
    CHECK(Log().empty());
    CHECK(Run({"SET", "k", "2", "ifeq", "1", "KEEPTTL"}) == "OK");
    CHECK(Deadline("k") == "+10000");
    CHECK(Run({"SET", "k", "3", "GET", "IFEQ", "2"}) == "\"2\"");
    CHECK(Deadline("k") == "none");
    CHECK(Run({"SET", "k", "4", "IFEQ", "3", "PX", "5"}) == "OK");
    CHECK(Log() ==
          Lines{"SET k 2 KEEPTTL", "SET k 3", "SET k 4 PXAT " + std::to_string(kStartMs + 5)});
    CHECK(Run({"SET", "none", "2", "IFEQ", "1", "GET"}) == "null");
    CHECK(Run({"SET", "k", "v", "IFEQ"}) == kSyntax);
    CHECK(Run({"SET", "k", "v", "IFEQ", "a", "IFEQ", "a"}) == kSyntax);
    CHECK(Run({"SET", "k", "v", "IFEQ", "a", "NX"}) == kSyntax);
    CHECK(Run({"SET", "k", "v", "XX", "IFEQ", "a"}) == kSyntax);
  }

  TEST_CASE_FIXTURE(SetFixture,
                    "GET answers with the old value whether or not the new one is set") {
    CHECK(Run({"SET", "k", "GET", "GET"}) == "null");
    CHECK(Run({"SET", "k", "v", "get", "GET"}) == "\"GET\"");
    CHECK(Run({"SET", "k", "w", "NX", "GET"}) == "\"v\"");
    CHECK(Run({"SET", "none", "w", "XX", "GET"}) == "null");
    CHECK(Run({"SET", "k", "w", "GET", "XX", "KEEPTTL"}) == "\"v\"");
    // Older followers do not know GET together with NX; it is left out.
    CHECK(Log() == Lines{"SET k GET", "SET k v", "SET k w XX KEEPTTL"});
    CHECK(Run({"SET", "k", "x", "GET", "PX", "7"}) == "\"w\"");
    CHECK(Log() == Lines{"SET k x PXAT " + std::to_string(kStartMs + 7)});
  }

  TEST_CASE_FIXTURE(SetFixture, "each deadline option is logged as the absolute time") {
    const std::string at_ms = std::to_string(kStartMs + 5'000);
    const std::string at_s = std::to_string(kStartMs / 1000 + 5);
    const std::vector<std::vector<Bytes>> commands = {
        {"SET", "k", "v", "EX", "5"},
        {"SET", "k", "v", "px", "5000"},
        {"SET", "k", "v", "EXAT", at_s},
        {"SET", "k", "v", "PXAT", at_ms},
        {"SETEX", "k", "5", "v"},
        {"PSETEX", "k", "5000", "v"},
        {"SET", "k", "v", "EX", "9", "EX", "5"},
    };
    for (const auto& command : commands) {
      CHECK(Run(command) == "OK");
      CHECK(Deadline("k") == "+5000");
      CHECK(Log() == Lines{"SET k v PXAT " + at_ms});
      CHECK(Events() == Lines{"set k", "expire k"});
    }
    AdvanceMs(5'001);
    CHECK(Run({"GET", "k"}) == "null");
    CHECK(Events() == Lines{"expired k"});
  }

  TEST_CASE_FIXTURE(SetFixture, "a deadline goes with the next SET unless KEEPTTL keeps it") {
    Run({"SET", "k", "v", "EX", "5"});
    CHECK(Run({"SET", "k", "a much longer value that needs another place", "KEEPTTL"}) == "OK");
    CHECK(Deadline("k") == "+5000");
    CHECK(Run({"SET", "k", "w"}) == "OK");
    CHECK(Deadline("k") == "none");
    CHECK(Run({"SET", "fresh", "w", "keepttl", "KEEPTTL"}) == "OK");
    CHECK(Deadline("fresh") == "none");
  }

  TEST_CASE_FIXTURE(SetFixture, "a deadline in the past deletes the key") {
    Run({"SET", "k", "v"});
    Log();
    Events();
    CHECK(Run({"SET", "k", "w", "EXAT", "1"}) == "OK");
    CHECK(Deadline("k") == "no key");
    CHECK(Log() == Lines{"DEL k"});
    CHECK(Events() == Lines{"del k"});
    CHECK(Run({"SET", "none", "w", "PXAT", std::to_string(kStartMs)}) == "OK");
    CHECK(Log().empty());
    CHECK(Events().empty());
    settings.lazy_expire = true;
    Run({"SET", "k", "v"});
    CHECK(Run({"SET", "k", "w", "PXAT", "1", "GET"}) == "\"v\"");
    CHECK(Log() == Lines{"SET k v", "UNLINK k"});
  }

  TEST_CASE_FIXTURE(SetFixture, "options that do not go together are a syntax error") {
    const std::vector<std::vector<Bytes>> commands = {
        {"SET", "k", "v", "foo"},
        {"SET", "k", "v", ""},
        {"SET", "k", "v", "NX", "XX"},
        {"SET", "k", "v", "XX", "NX"},
        {"SET", "k", "v", "EX"},
        {"SET", "k", "v", "EX", "1", "PX", "1"},
        {"SET", "k", "v", "KEEPTTL", "EX", "1"},
        {"SET", "k", "v", "EXAT", "1", "KEEPTTL"},
        {"SET", "k", "v", "PERSIST"},
        {"SET", "k", "v", "EX", "abc", "foo"},
        {"GETEX", "k", "foo"},
        {"GETEX", "k", "EX"},
        {"GETEX", "k", "EX", "1", "PERSIST"},
        {"GETEX", "k", "PERSIST", "PXAT", "1"},
        {"GETEX", "k", "KEEPTTL"},
        {"GETEX", "k", "NX"},
        {"GETEX", "k", "GET"},
    };
    for (const auto& command : commands) CHECK(Run(command) == kSyntax);
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(SetFixture,
                    "a time that is none, not positive or too far away names the command") {
    Run({"SET", "k", "v"});
    const auto invalid = [](const char* command) {
      return std::string("(error) ERR invalid expire time in '") + command + "' command";
    };
    for (const Bytes option : {"EX", "PX", "EXAT", "PXAT"}) {
      for (const Bytes time : {"abc", "", " 1", "+1", "01", "1.5", "9223372036854775808"}) {
        CHECK(Run({"SET", "k", "w", option, time}) == kNotInteger);
        CHECK(Run({"GETEX", "k", option, time}) == kNotInteger);
      }
      for (const Bytes time : {"0", "-1", "-9223372036854775808"}) {
        CHECK(Run({"SET", "k", "w", option, time}) == invalid("set"));
        CHECK(Run({"GETEX", "k", option, time}) == invalid("getex"));
      }
    }
    for (const Bytes option : {"EX", "PX", "EXAT"}) {
      CHECK(Run({"SET", "k", "w", option, "9223372036854775807"}) == invalid("set"));
    }
    CHECK(Run({"SETEX", "k", "0", "w"}) == invalid("setex"));
    CHECK(Run({"SETEX", "k", "9223372036854775807", "w"}) == invalid("setex"));
    CHECK(Run({"SETEX", "k", "x", "w"}) == kNotInteger);
    CHECK(Run({"PSETEX", "k", "-5", "w"}) == invalid("psetex"));
    CHECK(Run({"PSETEX", "k", "9223372036854775807", "w"}) == invalid("psetex"));
    CHECK(Run({"GET", "k"}) == "\"v\"");
    CHECK(Run({"SET", "k", "w", "PXAT", "9223372036854775807"}) == "OK");
  }

  TEST_CASE_FIXTURE(SetFixture, "GETEX changes the deadline and nothing else") {
    const std::string at_ms = std::to_string(kStartMs + 5'000);
    Run({"SET", "k", "v"});
    Log();
    Events();
    CHECK(Run({"GETEX", "k"}) == "\"v\"");
    CHECK(Run({"GETEX", "k", "PERSIST"}) == "\"v\"");
    CHECK(Log().empty());
    CHECK(Events().empty());
    const std::pair<Bytes, std::string> options[] = {{"EX", "5"},
                                                     {"px", "5000"},
                                                     {"EXAT", std::to_string(kStartMs / 1000 + 5)},
                                                     {"PXAT", at_ms}};
    for (const auto& [option, time] : options) {
      CHECK(Run({"GETEX", "k", option, time}) == "\"v\"");
      CHECK(Deadline("k") == "+5000");
      CHECK(Log() == Lines{"PEXPIREAT k " + at_ms});
      CHECK(Events() == Lines{"expire k"});
    }
    CHECK(Run({"GETEX", "k"}) == "\"v\"");
    CHECK(Deadline("k") == "+5000");
    CHECK(Run({"GETEX", "k", "persist", "PERSIST"}) == "\"v\"");
    CHECK(Deadline("k") == "none");
    CHECK(Log() == Lines{"PERSIST k"});
    CHECK(Events() == Lines{"persist k"});
  }

  TEST_CASE_FIXTURE(SetFixture, "GETEX with a time in the past deletes the key") {
    Run({"SET", "k", "v"});
    Log();
    Events();
    CHECK(Run({"GETEX", "k", "EXAT", "1"}) == "\"v\"");
    CHECK(Log() == Lines{"DEL k"});
    CHECK(Events() == Lines{"del k"});
    CHECK(Run({"GETEX", "k", "EXAT", "1"}) == "null");
    CHECK(Run({"GETEX", "k", "EX", "abc"}) ==
          "null");  // the time is looked at only if there is a key
    CHECK(Log().empty());
  }

  TEST_CASE_FIXTURE(SetFixture, "a large value keeps the allocation it arrived in") {
    const std::string large(200'000, 'x');
    CHECK(AskWithBlob({"SET", "k", "small", "GET", "IFEQ", large}).is_null());
    CHECK(AskWithBlob({"GETSET", "k", large}).is_null());
    CHECK(AskWithBlob({"SETEX", "l", "10", large}).string == "OK");
    CHECK(AskWithBlob({"MSET", "m", "1", "n", large}).string == "OK");
    CHECK(AskWithBlob({"SET", "k", "small", "GET", "IFEQ", large}).string == large);
    CHECK(Ask({"GET", "k"}).string == "small");
    CHECK(Ask({"GET", "l"}).string == large);
    CHECK(Ask({"GET", "n"}).string == large);
  }
}

}  // namespace
}  // namespace terrace::commands
