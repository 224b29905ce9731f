#include <doctest/doctest.h>

#include <map>
#include <set>

#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

// Strings make keys, deadlines and OBJECT show what a key kept.
class KeyEngine : public EngineFixture {
 public:
  KeyEngine()
      : EngineFixture({StringCommands(), KeyCommands(), ExpireCommands(), ObjectCommands()}) {}

  /// Sets keys to their own names and forgets what that logged.
  void Fill(std::initializer_list<Bytes> keys) {
    for (const Bytes key : keys) REQUIRE(Run({"SET", key, key}) == "OK");
    Log();
    Events();
  }
  void Select(unsigned db) { session.db = db; }
};

constexpr char kDeadline[] = "1700000010000";  // ten seconds after the fixture's clock starts

TEST_SUITE("commands/key") {
  TEST_CASE("DEL and UNLINK count what they deleted and are logged as they came") {
    KeyEngine engine;
    for (const Bytes command : {"DEL", "UNLINK"}) {
      engine.Fill({"a", "b", "c"});
      engine.Notify("A");
      CHECK(engine.Run({command, "a", "none", "b", "a"}) == "2");
      CHECK(engine.Log() == Lines{std::string(command) + " a none b a"});
      CHECK(engine.Events() == Lines{"del a", "del b"});
      CHECK(engine.Run({"EXISTS", "a", "b", "c"}) == "1");
      engine.Notify("");
    }
  }

  TEST_CASE("DEL of nothing logs and announces nothing") {
    KeyEngine engine;
    engine.Notify("Amn");
    CHECK(engine.Run({"DEL", "none"}) == "0");
    CHECK(engine.Run({"UNLINK", "none"}) == "0");
    CHECK(engine.Log().empty());
    CHECK(engine.Events().empty());
    CHECK(engine.Run({"DEL"}) == "(error) ERR wrong number of arguments for 'del' command");
  }

  TEST_CASE("a key that is due is not there to be deleted: its own DEL is logged") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.Run({"PEXPIREAT", "a", kDeadline});
    engine.Log();
    engine.AdvanceMs(10'001);
    CHECK(engine.Run({"DEL", "a"}) == "0");
    CHECK(engine.Log() == Lines{"DEL a"});
  }

  TEST_CASE("EXISTS counts a key as often as it is named and leaves its access clock alone") {
    KeyEngine engine;
    engine.Fill({"a", "b"});
    engine.Notify("m");
    engine.AdvanceMs(7'000);
    CHECK(engine.Run({"EXISTS", "a", "a", "none", "b"}) == "3");
    CHECK(engine.hits() == 3);
    CHECK(engine.misses() == 1);
    CHECK(engine.Events() == Lines{"keymiss none"});
    CHECK(engine.Run({"OBJECT", "IDLETIME", "a"}) == "7");
  }

  TEST_CASE("TOUCH touches, even for a client that asked not to") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.session.no_touch = true;
    engine.AdvanceMs(7'000);
    CHECK(engine.Run({"TOUCH", "a", "none"}) == "1");
    CHECK(engine.Run({"OBJECT", "IDLETIME", "a"}) == "0");
    CHECK(engine.Log().empty());
  }

  TEST_CASE("TYPE names the type, none for no key, and is no access") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.AdvanceMs(3'000);
    CHECK(engine.Wire({"TYPE", "a"}) == "+string\r\n");
    CHECK(engine.Wire({"TYPE", "none"}) == "+none\r\n");
    CHECK(engine.Run({"OBJECT", "IDLETIME", "a"}) == "3");
  }

  TEST_CASE("DBSIZE counts the keys of the selected database") {
    KeyEngine engine;
    CHECK(engine.Run({"DBSIZE"}) == "0");
    engine.Fill({"a", "b"});
    CHECK(engine.Run({"DBSIZE"}) == "2");
    engine.Select(1);
    CHECK(engine.Run({"DBSIZE"}) == "0");
  }
}

TEST_SUITE("commands/key/random") {
  TEST_CASE("RANDOMKEY of an empty database is null") {
    KeyEngine engine;
    CHECK(engine.Run({"RANDOMKEY"}) == "null");
  }

  TEST_CASE("every key of a small database gets its turn, about as often as the others") {
    KeyEngine engine;
    engine.Fill({"a", "b", "c"});
    std::map<std::string, int> seen;
    for (int i = 0; i < 3000; ++i) ++seen[engine.Ask({"RANDOMKEY"}).string];
    REQUIRE(seen.size() == 3);
    for (const auto& [key, times] : seen) {
      CHECK(times > 800);
      CHECK(times < 1200);
    }
  }

  TEST_CASE("so does every key of a larger one") {
    KeyEngine engine;
    for (int i = 0; i < 200; ++i) engine.Run({"SET", "key:" + std::to_string(i), "v"});
    std::set<std::string> seen;
    for (int i = 0; i < 20'000; ++i) seen.insert(engine.Ask({"RANDOMKEY"}).string);
    CHECK(seen.size() == 200);
  }

  TEST_CASE("a key that is due is never the answer") {
    KeyEngine engine;
    for (int i = 0; i < 50; ++i) {
      const std::string key = "due:" + std::to_string(i);
      engine.Run({"SET", key, "v"});
      engine.Run({"PEXPIREAT", key, kDeadline});
    }
    engine.Run({"SET", "alive", "v"});
    engine.AdvanceMs(10'001);
    engine.Log();
    engine.Notify("x");
    for (int i = 0; i < 50; ++i) CHECK(engine.Run({"RANDOMKEY"}) == "\"alive\"");
    engine.Run({"DEL", "alive"});
    CHECK(engine.Run({"RANDOMKEY"}) == "null");
    // It deleted those it met, and met them all in the end.
    CHECK(engine.Run({"DBSIZE"}) == "0");
    CHECK(engine.Log().size() == 51);
    CHECK(engine.Events().size() == 50);
  }

  TEST_CASE("the search ends even if thousands of keys are due") {
    KeyEngine engine;
    for (int i = 0; i < 3000; ++i) {
      const std::string key = "due:" + std::to_string(i);
      engine.Run({"SET", key, "v"});
      engine.Run({"PEXPIREAT", key, kDeadline});
    }
    engine.AdvanceMs(10'001);
    CHECK(engine.Run({"RANDOMKEY"}) == "null");
  }
}

TEST_SUITE("commands/key/rename") {
  TEST_CASE("RENAME moves value and deadline to the new name") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.Run({"PEXPIREAT", "a", kDeadline});
    engine.Log();
    engine.Notify("An");
    CHECK(engine.Run({"RENAME", "a", "a-much-longer-name"}) == "OK");
    CHECK(engine.Log() == Lines{"RENAME a a-much-longer-name"});
    CHECK(engine.Events() ==
          Lines{"new a-much-longer-name", "rename_from a", "rename_to a-much-longer-name"});
    CHECK(engine.Run({"EXISTS", "a"}) == "0");
    CHECK(engine.Run({"GET", "a-much-longer-name"}) == "\"a\"");
    CHECK(engine.Run({"PEXPIRETIME", "a-much-longer-name"}) == kDeadline);
    CHECK(engine.Run({"DBSIZE"}) == "1");
    engine.AdvanceMs(10'001);
    CHECK(engine.Run({"EXISTS", "a-much-longer-name"}) == "0");
  }

  TEST_CASE("RENAME replaces what had the name, its deadline included") {
    KeyEngine engine;
    engine.Fill({"a", "b"});
    engine.Run({"EXPIRE", "b", "10"});
    engine.Log();
    engine.Notify("An");
    CHECK(engine.Run({"RENAME", "a", "b"}) == "OK");
    CHECK(engine.Events() == Lines{"new b", "rename_from a", "rename_to b"});
    CHECK(engine.Run({"GET", "b"}) == "\"a\"");
    CHECK(engine.Run({"TTL", "b"}) == "-1");
    CHECK(engine.Run({"DBSIZE"}) == "1");
  }

  TEST_CASE("RENAME of no key is an error, of a key to itself nothing") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.Notify("A");
    CHECK(engine.Run({"RENAME", "none", "b"}) == "(error) ERR no such key");
    CHECK(engine.Run({"RENAME", "none", "none"}) == "(error) ERR no such key");
    CHECK(engine.Run({"RENAME", "a", "a"}) == "OK");
    CHECK(engine.Run({"RENAMENX", "a", "a"}) == "0");
    CHECK(engine.Run({"RENAMENX", "none", "b"}) == "(error) ERR no such key");
    CHECK(engine.Log().empty());
    CHECK(engine.Events().empty());
    CHECK(engine.Run({"GET", "a"}) == "\"a\"");
  }

  TEST_CASE("RENAMENX renames only to a name that is free") {
    KeyEngine engine;
    engine.Fill({"a", "b"});
    CHECK(engine.Run({"RENAMENX", "a", "b"}) == "0");
    CHECK(engine.Log().empty());
    CHECK(engine.Run({"GET", "b"}) == "\"b\"");
    CHECK(engine.Run({"RENAMENX", "a", "c"}) == "1");
    CHECK(engine.Log() == Lines{"RENAMENX a c"});
    CHECK(engine.Run({"GET", "c"}) == "\"a\"");
  }

  TEST_CASE("a name is free when the key that had it is due") {
    KeyEngine engine;
    engine.Fill({"a", "b"});
    engine.Run({"PEXPIREAT", "b", kDeadline});
    engine.Log();
    engine.AdvanceMs(10'001);
    CHECK(engine.Run({"RENAMENX", "a", "b"}) == "1");
    CHECK(engine.Log() == Lines{"MULTI", "DEL b", "RENAMENX a b", "EXEC"});
  }

  TEST_CASE("the hit counter goes along, a copy starts anew") {
    KeyEngine engine;
    engine.settings.lfu = true;
    engine.Fill({"a"});
    for (int i = 0; i < 100; ++i) engine.Run({"GET", "a"});
    const int64_t frequency = engine.Ask({"OBJECT", "FREQ", "a"}).integer;
    CHECK(frequency > 7);
    engine.Run({"RENAME", "a", "b"});
    CHECK(engine.Ask({"OBJECT", "FREQ", "b"}).integer >= frequency);
    engine.Run({"MOVE", "b", "1"});
    engine.Select(1);
    CHECK(engine.Ask({"OBJECT", "FREQ", "b"}).integer >= frequency);
    engine.Run({"COPY", "b", "c"});
    CHECK(engine.Run({"OBJECT", "FREQ", "c"}) == "5");
  }
}

TEST_SUITE("commands/key/copy") {
  TEST_CASE("COPY copies value and deadline and says so of the copy") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.Run({"PEXPIREAT", "a", kDeadline});
    engine.Log();
    engine.Notify("Amn");
    CHECK(engine.Run({"COPY", "a", "b"}) == "1");
    CHECK(engine.Log() == Lines{"COPY a b"});
    CHECK(engine.Events() == Lines{"new b", "copy_to b"});
    CHECK(engine.Run({"GET", "b"}) == "\"a\"");
    CHECK(engine.Run({"PEXPIRETIME", "b"}) == kDeadline);
    CHECK(engine.Run({"SET", "b", "changed"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "\"a\"");
  }

  TEST_CASE("COPY leaves a key alone that is there, unless told to replace it") {
    KeyEngine engine;
    engine.Fill({"a", "b"});
    engine.Run({"EXPIRE", "b", "10"});
    engine.Log();
    engine.Notify("An");
    CHECK(engine.Run({"COPY", "a", "b"}) == "0");
    CHECK(engine.Log().empty());
    CHECK(engine.Events().empty());
    CHECK(engine.Run({"COPY", "a", "b", "replace"}) == "1");
    CHECK(engine.Log() == Lines{"COPY a b replace"});
    CHECK(engine.Events() == Lines{"new b", "copy_to b"});
    CHECK(engine.Run({"GET", "b"}) == "\"a\"");
    CHECK(engine.Run({"TTL", "b"}) == "-1");
  }

  TEST_CASE("COPY into another database, under the same name or another") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.Notify("An");
    CHECK(engine.Run({"COPY", "a", "a", "DB", "3"}) == "1");
    CHECK(engine.Run({"COPY", "a", "b", "REPLACE", "DB", "3"}) == "1");
    CHECK(engine.Run({"COPY", "a", "b", "DB", "3"}) == "0");
    CHECK(engine.Run({"COPY", "a", "b", "DB", "3", "REPLACE"}) == "1");
    CHECK(engine.Log() == Lines{"COPY a a DB 3", "COPY a b REPLACE DB 3", "COPY a b DB 3 REPLACE"});
    CHECK(engine.Events() == Lines{"@3 new a", "@3 copy_to a", "@3 new b", "@3 copy_to b",
                                   "@3 new b", "@3 copy_to b"});
    CHECK(engine.Run({"EXISTS", "a", "b"}) == "1");
    engine.Select(3);
    CHECK(engine.Run({"GET", "a"}) == "\"a\"");
    CHECK(engine.Run({"GET", "b"}) == "\"a\"");
  }

  TEST_CASE("a key of the other database that is due does not stand in the way") {
    KeyEngine engine;
    engine.Select(1);
    engine.Fill({"a"});
    engine.Run({"PEXPIREAT", "a", kDeadline});
    engine.Select(0);
    engine.Fill({"a"});
    engine.AdvanceMs(10'001);
    CHECK(engine.Run({"COPY", "a", "a", "DB", "1"}) == "1");
    const Lines log = engine.Log();
    CHECK(log == Lines{"SELECT 1", "MULTI", "DEL a", "SELECT 0", "COPY a a DB 1", "EXEC"});
  }

  TEST_CASE("COPY of no key is 0 and a miss") {
    KeyEngine engine;
    engine.Notify("Am");
    CHECK(engine.Run({"COPY", "none", "b"}) == "0");
    CHECK(engine.misses() == 1);
    CHECK(engine.Events() == Lines{"keymiss none"});
    CHECK(engine.Log().empty());
  }

  TEST_CASE("what COPY refuses") {
    KeyEngine engine;
    engine.Fill({"a"});
    const auto error = [&](std::vector<Bytes> args) { return engine.Run(args); };
    CHECK(error({"COPY", "a", "a"}) == "(error) ERR source and destination objects are the same");
    CHECK(error({"COPY", "none", "none"}) ==
          "(error) ERR source and destination objects are the same");
    CHECK(error({"COPY", "a", "a", "DB", "0"}) ==
          "(error) ERR source and destination objects are the same");
    CHECK(error({"COPY", "a", "b", "DB"}) == "(error) ERR syntax error");
    CHECK(error({"COPY", "a", "b", "NX"}) == "(error) ERR syntax error");
    CHECK(error({"COPY", "a", "b", "DB", "x"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(error({"COPY", "a", "b", "DB", "16"}) == "(error) ERR DB index is out of range");
    CHECK(error({"COPY", "a", "b", "DB", "-1"}) == "(error) ERR DB index is out of range");
    CHECK(error({"COPY", "a", "b", "DB", "99", "DB", "1"}) ==
          "(error) ERR DB index is out of range");
    CHECK(error({"COPY", "a", "b", "DB", "99", "NX"}) == "(error) ERR DB index is out of range");
    CHECK(error({"COPY", "a", "b", "DB", "99999999999"}) ==
          "(error) ERR value is out of range, value must between -2147483648 and 2147483647");
    CHECK(engine.Log().empty());
    CHECK(engine.Run({"DBSIZE"}) == "1");
  }

  TEST_CASE("a large value is shared by the copy until one of them changes") {
    KeyEngine engine;
    const std::string large(100'000, 'x');
    engine.Run({"SET", "a", large});
    CHECK(engine.Run({"COPY", "a", "b"}) == "1");
    engine.Run({"DEL", "a"});
    CHECK(engine.Ask({"GET", "b"}).string == large);
  }
}

TEST_SUITE("commands/key/move") {
  TEST_CASE("MOVE takes value and deadline to the other database") {
    KeyEngine engine;
    engine.Fill({"a"});
    engine.Run({"PEXPIREAT", "a", kDeadline});
    engine.Log();
    engine.Notify("An");
    CHECK(engine.Run({"MOVE", "a", "1"}) == "1");
    CHECK(engine.Log() == Lines{"MOVE a 1"});
    CHECK(engine.Events() == Lines{"@1 new a", "move_from a", "@1 move_to a"});
    CHECK(engine.Run({"EXISTS", "a"}) == "0");
    CHECK(engine.Run({"DBSIZE"}) == "0");
    engine.Select(1);
    CHECK(engine.Run({"GET", "a"}) == "\"a\"");
    CHECK(engine.Run({"PEXPIRETIME", "a"}) == kDeadline);
    engine.AdvanceMs(10'001);
    CHECK(engine.Run({"EXISTS", "a"}) == "0");
  }

  TEST_CASE("MOVE onto a key that is there, or of none, is 0") {
    KeyEngine engine;
    engine.Select(1);
    engine.Fill({"a"});
    engine.Select(0);
    engine.Fill({"a"});
    engine.Notify("Amn");
    CHECK(engine.Run({"MOVE", "a", "1"}) == "0");
    CHECK(engine.Run({"MOVE", "none", "1"}) == "0");
    CHECK(engine.Log().empty());
    CHECK(engine.Events().empty());
  }

  TEST_CASE("what MOVE refuses") {
    KeyEngine engine;
    engine.Fill({"a"});
    CHECK(engine.Run({"MOVE", "a", "0"}) ==
          "(error) ERR source and destination objects are the same");
    CHECK(engine.Run({"MOVE", "a", "16"}) == "(error) ERR DB index is out of range");
    CHECK(engine.Run({"MOVE", "a", "-1"}) == "(error) ERR DB index is out of range");
    CHECK(engine.Run({"MOVE", "a", "x"}) == "(error) ERR value is not an integer or out of range");
    CHECK(engine.Run({"MOVE", "a", "99999999999"}) ==
          "(error) ERR value is out of range, value must between -2147483648 and 2147483647");
    CHECK(engine.Log().empty());
  }
}

}  // namespace
}  // namespace terrace::commands
