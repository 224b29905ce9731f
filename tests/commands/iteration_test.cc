#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;

class WalkEngine : public EngineFixture {
 public:
  WalkEngine()
      : EngineFixture({StringCommands(), KeyCommands(), ExpireCommands(), IterationCommands()}) {}

  void Fill(Bytes prefix, int count) {
    for (int i = 0; i < count; ++i) Run({"SET", std::string(prefix) + std::to_string(i), "v"});
  }
  std::multiset<std::string> Keys(Bytes pattern) {
    std::multiset<std::string> keys;
    for (const resp::ReplyValue& key : Ask({"KEYS", pattern}).elements) keys.insert(key.string);
    return keys;
  }
  /// A whole iteration; `calls` counts the SCANs it took.
  std::multiset<std::string> ScanAll(const std::vector<Bytes>& options, int* calls = nullptr) {
    std::multiset<std::string> keys;
    std::string cursor = "0";
    do {
      std::vector<Bytes> args = {"SCAN", cursor};
      args.insert(args.end(), options.begin(), options.end());
      const resp::ReplyValue reply = Ask(args);
      REQUIRE(reply.elements.size() == 2);
      for (const resp::ReplyValue& key : reply.elements[1].elements) keys.insert(key.string);
      cursor = reply.elements[0].string;
      if (calls != nullptr) ++*calls;
    } while (cursor != "0");
    return keys;
  }
};

using Names = std::multiset<std::string>;

TEST_SUITE("commands/iteration") {
  TEST_CASE("KEYS lists what matches") {
    WalkEngine engine;
    CHECK(engine.Run({"KEYS", "*"}) == "[]");
    for (const Bytes key : {"foo", "foobar", "bar", "f?o", ""}) engine.Run({"SET", key, "v"});
    CHECK(engine.Keys("*") == Names{"", "bar", "f?o", "foo", "foobar"});
    CHECK(engine.Keys("foo*") == Names{"foo", "foobar"});
    CHECK(engine.Keys("f\\?o") == Names{"f?o"});
    CHECK(engine.Keys("[bf]*r") == Names{"bar", "foobar"});
    CHECK(engine.Keys("none") == Names{});
    CHECK(engine.Keys("") == Names{""});
  }

  TEST_CASE("KEYS sees one database only") {
    WalkEngine engine;
    engine.Run({"SET", "a", "v"});
    engine.session.db = 1;
    CHECK(engine.Keys("*") == Names{});
  }

  TEST_CASE("KEYS lists tens of thousands of keys") {
    WalkEngine engine;
    engine.Fill("key:", 20'000);
    CHECK(engine.Keys("*").size() == 20'000);
    CHECK(engine.Keys("key:1234*").size() == 11);
  }

  TEST_CASE("SCAN visits every key once while nothing changes, whatever COUNT says") {
    WalkEngine engine;
    engine.Fill("key:", 1000);
    for (const Bytes count : {"1", "5", "10", "1000", "9223372036854775807"}) {
      CAPTURE(count);
      const Names keys = engine.ScanAll({"COUNT", count});
      CHECK(keys.size() == 1000);
      CHECK(std::set<std::string>(keys.begin(), keys.end()).size() == 1000);
    }
    CHECK(engine.ScanAll({}).size() == 1000);
  }

  TEST_CASE("COUNT is how much one call does") {
    WalkEngine engine;
    engine.Fill("key:", 1000);
    int calls = 0;
    engine.ScanAll({"COUNT", "100"}, &calls);
    CHECK(calls <= 10);
    calls = 0;
    engine.ScanAll({"COUNT", "2000"}, &calls);
    CHECK(calls == 1);
  }

  TEST_CASE("SCAN finds every key that stays while others come and go") {
    WalkEngine engine;
    engine.Fill("stay:", 500);
    std::set<std::string> seen;
    std::string cursor = "0";
    int round = 0;
    do {
      const resp::ReplyValue reply = engine.Ask({"SCAN", cursor});
      cursor = reply.elements[0].string;
      for (const resp::ReplyValue& key : reply.elements[1].elements) seen.insert(key.string);
      for (int i = 0; i < 50 && round < 100; ++i) {
        engine.Run({"SET", "new:" + std::to_string(round * 50 + i), "v"});
      }
      ++round;
    } while (cursor != "0");
    for (int i = 0; i < 500; ++i) CHECK(seen.count("stay:" + std::to_string(i)) == 1);
  }

  TEST_CASE("MATCH and TYPE filter what is returned") {
    WalkEngine engine;
    engine.Fill("key:", 1000);
    CHECK(engine.ScanAll({"MATCH", "key:1??"}).size() == 100);
    CHECK(engine.ScanAll({"match", "*"}).size() == 1000);
    CHECK(engine.ScanAll({"TYPE", "string"}).size() == 1000);
    CHECK(engine.ScanAll({"type", "STRING", "MATCH", "key:10*", "COUNT", "3"}).size() == 11);
    CHECK(engine.ScanAll({"TYPE", "list"}).empty());
    CHECK(engine.ScanAll({"TYPE", "no-such-type"}).empty());
  }

  TEST_CASE("a key that is due is neither listed nor scanned") {
    WalkEngine engine;
    engine.Run({"SET", "alive", "v"});
    engine.Run({"SET", "due", "v"});
    engine.Run({"EXPIRE", "due", "10"});
    CHECK(engine.Keys("*") == Names{"alive", "due"});
    engine.AdvanceMs(10'001);
    CHECK(engine.Keys("*") == Names{"alive"});
    CHECK(engine.ScanAll({}) == Names{"alive"});
  }

  TEST_CASE("SCAN deletes the due keys that its pattern matches; KEYS leaves them") {
    WalkEngine engine;
    for (const Bytes key : {"due:1", "due:2", "late"}) engine.Run({"SET", key, "v", "PX", "10"});
    engine.Run({"SET", "alive", "v"});
    engine.AdvanceMs(11);
    engine.Log();
    engine.Notify("x");
    const uint64_t changes = engine.changes();
    const auto expired = [&] { return engine.executor.counters().expired.load(); };

    CHECK(engine.Keys("*") == Names{"alive"});
    CHECK(engine.Run({"DBSIZE"}) == "4");
    CHECK(engine.ScanAll({"MATCH", "no*"}).empty());
    CHECK(engine.Run({"DBSIZE"}) == "4");
    CHECK(engine.Log().empty());

    CHECK(engine.ScanAll({"MATCH", "due:*", "TYPE", "list"}).empty());
    CHECK(engine.Run({"DBSIZE"}) == "2");
    testing::Lines log = engine.Log();
    std::sort(log.begin(), log.end());
    CHECK(log == testing::Lines{"DEL due:1", "DEL due:2"});  // never wrapped in MULTI
    testing::Lines events = engine.Events();
    std::sort(events.begin(), events.end());
    CHECK(events == testing::Lines{"expired due:1", "expired due:2"});
    CHECK(expired() == 2);

    CHECK(engine.ScanAll({}) == Names{"alive"});
    CHECK(engine.Run({"DBSIZE"}) == "1");
    CHECK(engine.Log() == testing::Lines{"DEL late"});
    CHECK(expired() == 3);
    CHECK(engine.changes() == changes);  // nobody's command changed anything
  }

  TEST_CASE("while the server is paused SCAN hides due keys and leaves them") {
    WalkEngine engine;
    engine.Run({"SET", "due", "v", "PX", "10"});
    engine.AdvanceMs(11);
    engine.Log();
    engine.settings.paused = true;
    CHECK(engine.ScanAll({}).empty());
    CHECK(engine.Run({"DBSIZE"}) == "1");
    engine.settings.paused = false;
    CHECK(engine.ScanAll({}).empty());
    CHECK(engine.Run({"DBSIZE"}) == "0");
    CHECK(engine.Log() == testing::Lines{"DEL due"});
  }

  TEST_CASE("what one SCAN deletes has a limit, and the next goes on") {
    WalkEngine engine;
    constexpr int kKeys = 10'500;
    for (int i = 0; i < kKeys; ++i)
      engine.Run({"SET", "due:" + std::to_string(i), "v", "PX", "10"});
    engine.AdvanceMs(11);
    CHECK(engine.Run({"SCAN", "0", "COUNT", "100000"}) == "[\"0\", []]");
    CHECK(engine.Run({"DBSIZE"}) == "500");
    engine.Run({"SCAN", "0", "COUNT", "100000"});
    CHECK(engine.Run({"DBSIZE"}) == "0");
  }

  TEST_CASE("the cursor is a bulk string in both protocols, and any number is one") {
    WalkEngine engine;
    CHECK(engine.Wire({"SCAN", "0"}) == "*2\r\n$1\r\n0\r\n*0\r\n");
    engine.session.reply.set_protocol(3);
    CHECK(engine.Wire({"SCAN", "0"}) == "*2\r\n$1\r\n0\r\n*0\r\n");
    engine.session.reply.set_protocol(2);
    engine.Run({"SET", "a", "v"});
    for (const Bytes cursor : {"0", "+0", "-0", "", "00"}) {
      CAPTURE(cursor);
      CHECK(engine.Run({"SCAN", cursor, "COUNT", "1000"}) == "[\"0\", [\"a\"]]");
    }
    for (const Bytes cursor : {"281474976710656", "18446744073709551615", "-1"}) {
      CAPTURE(cursor);
      CHECK(engine.Run({"SCAN", cursor}) == "[\"0\", []]");
    }
  }

  TEST_CASE("what SCAN refuses") {
    WalkEngine engine;
    for (const Bytes cursor : {"x", " 0", "0 ", "0x", "-", "+", "18446744073709551616"}) {
      CAPTURE(cursor);
      CHECK(engine.Run({"SCAN", cursor, "COUNT", "0"}) == "(error) ERR invalid cursor");
    }
    CHECK(engine.Run({"SCAN", "0", "COUNT", "0"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"SCAN", "0", "COUNT", "-1"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"SCAN", "0", "COUNT", "x"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(engine.Run({"SCAN", "0", "COUNT"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"SCAN", "0", "MATCH"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"SCAN", "0", "COUNT", "1", "TYPE"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"SCAN", "0", "FOO", "bar"}) == "(error) ERR syntax error");
    CHECK(engine.Run({"SCAN"}) == "(error) ERR wrong number of arguments for 'scan' command");
  }
}

}  // namespace
}  // namespace terrace::commands
