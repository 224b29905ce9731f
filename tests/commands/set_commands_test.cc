#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "commands/support/engine_fixture.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::Lines;

constexpr const char* kWrongType =
    "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr const char* kSyntax = "(error) ERR syntax error";
constexpr const char* kNotInteger = "(error) ERR value is not an integer or out of range";

struct SetFixture : EngineFixture {
  SetFixture()
      : EngineFixture({StringCommands(), KeyCommands(), ExpireCommands(), ObjectCommands(),
                       SetCommands(), SetAlgebraCommands(), SetSampleCommands()}) {
    Notify("An");
  }

  /// The members a command answers, in order.
  std::vector<std::string> Sorted(const std::vector<Bytes>& args) {
    std::vector<std::string> members;
    for (const auto& element : Ask(args).elements) members.push_back(element.string);
    std::sort(members.begin(), members.end());
    return members;
  }
  void Fill(Bytes key, size_t count) {
    for (size_t i = 0; i < count; ++i) Run({"SADD", key, "member:" + std::to_string(i)});
  }
  void Forget() {
    Log();
    Events();
  }
};

TEST_SUITE("commands/set") {
  TEST_CASE_FIXTURE(SetFixture,
                    "SADD and SREM count what changed, and log and announce nothing else") {
    CHECK(Run({"SADD", "s", "1", "2", "1", "x"}) == "3");
    CHECK(Run({"SADD", "s", "2", "x"}) == "0");
    CHECK(Run({"SADD", "s", "x", "y"}) == "1");
    CHECK(changes() == 4);
    CHECK(Run({"SCARD", "s"}) == "4");
    CHECK(Run({"SREM", "s", "no", "nor"}) == "0");
    CHECK(Run({"SREM", "s", "no", "x", "x", "1"}) == "2");
    CHECK(Run({"SREM", "none", "x"}) == "0");
    CHECK(Run({"SREM", "s", "2", "y"}) == "2");
    CHECK(Run({"EXISTS", "s"}) == "0");
    CHECK(changes() == 8);
    CHECK(Log() == Lines{"SADD s 1 2 1 x", "SADD s x y", "SREM s no x x 1", "SREM s 2 y"});
    CHECK(Events() == Lines{"new s", "sadd s", "sadd s", "srem s", "srem s", "del s"});
  }

  TEST_CASE_FIXTURE(
      SetFixture,
      "what is in a set is told one by one and all together, in the form of the protocol") {
    CHECK(Run({"SISMEMBER", "s", "a"}) == "0");
    CHECK(Run({"SMISMEMBER", "s", "a", "b"}) == "[0, 0]");
    CHECK(Run({"SCARD", "s"}) == "0");
    CHECK(Wire({"SMEMBERS", "s"}) == "*0\r\n");
    Run({"SADD", "s", "a", "7"});
    CHECK(Run({"SISMEMBER", "s", "a"}) == "1");
    CHECK(Run({"SISMEMBER", "s", "07"}) == "0");
    CHECK(Run({"SMISMEMBER", "s", "b", "7", "a"}) == "[0, 1, 1]");
    CHECK(Sorted({"SMEMBERS", "s"}) == std::vector<std::string>{"7", "a"});
    session.reply.set_protocol(3);
    CHECK(Wire({"SMEMBERS", "none"}) == "~0\r\n");
    CHECK(Wire({"SMEMBERS", "s"}).substr(0, 4) == "~2\r\n");
    CHECK(Wire({"SINTER", "s", "none"}) == "~0\r\n");
    CHECK(Wire({"SUNION", "s"}).substr(0, 4) == "~2\r\n");
    CHECK(Wire({"SDIFF", "s"}).substr(0, 4) == "~2\r\n");
    CHECK(Wire({"SRANDMEMBER", "s", "2"}).substr(0, 4) == "*2\r\n");
    CHECK(Wire({"SRANDMEMBER", "none", "2"}) == "*0\r\n");
    CHECK(Wire({"SRANDMEMBER", "none"}) == "_\r\n");
    CHECK(Wire({"SMISMEMBER", "s", "a"}) == "*1\r\n:1\r\n");
    CHECK(Wire({"SPOP", "none", "2"}) == "~0\r\n");
    CHECK(Wire({"SPOP", "none"}) == "_\r\n");
    CHECK(Wire({"SPOP", "s", "9"}).substr(0, 4) == "~2\r\n");
  }

  TEST_CASE_FIXTURE(SetFixture, "encodings follow the settings") {
    const auto encoding = [&](Bytes key) { return Run({"OBJECT", "ENCODING", key}); };
    Run({"SADD", "s", "1"});
    CHECK(encoding("s") == "\"intset\"");
    Run({"SADD", "s", "a"});
    CHECK(encoding("s") == "\"listpack\"");
    Run({"SADD", "s", std::string(65, 'b')});
    CHECK(encoding("s") == "\"hashtable\"");
    Run({"SREM", "s", std::string(65, 'b')});
    CHECK(encoding("s") == "\"hashtable\"");
    settings.encoding.set_intset_entries = 2;
    settings.encoding.set_listpack_entries = 1;
    Run({"SADD", "integers", "1", "2"});
    CHECK(encoding("integers") == "\"intset\"");
    Run({"SADD", "integers", "3"});
    CHECK(encoding("integers") == "\"hashtable\"");
    Run({"SADD", "texts", "a", "a"});  // two words were announced, whatever they are
    CHECK(encoding("texts") == "\"hashtable\"");
  }

  TEST_CASE_FIXTURE(SetFixture, "SMOVE moves, and keeps still where there is nothing to move") {
    Run({"SADD", "a", "1", "2"});
    Run({"SADD", "b", "2", "x"});
    Run({"SET", "string", "s"});
    Forget();
    const uint64_t before = changes();
    CHECK(Run({"SMOVE", "none", "string", "1"}) == "0");
    CHECK(Run({"SMOVE", "a", "string", "1"}) == kWrongType);
    CHECK(Run({"SMOVE", "string", "a", "1"}) == kWrongType);
    CHECK(Run({"SMOVE", "a", "b", "9"}) == "0");
    CHECK(Run({"SMOVE", "a", "none", "9"}) == "0");
    CHECK(Run({"SMOVE", "a", "a", "1"}) == "1");
    CHECK(Run({"SMOVE", "a", "a", "9"}) == "0");
    CHECK(Log().empty());
    CHECK(Events().empty());
    CHECK(Run({"EXISTS", "none"}) == "0");
    CHECK(Run({"SMOVE", "a", "b", "2"}) == "1");  // there already
    CHECK(changes() == before + 1);
    CHECK(Run({"SMOVE", "a", "c", "1"}) == "1");
    CHECK(changes() == before + 3);
    CHECK(Log() == Lines{"SMOVE a b 2", "SMOVE a c 1"});
    CHECK(Events() == Lines{"srem a", "srem a", "del a", "new c", "sadd c"});
    CHECK(Sorted({"SMEMBERS", "b"}) == std::vector<std::string>{"2", "x"});
    CHECK(Run({"SMEMBERS", "c"}) == "[\"1\"]");
    CHECK(Run({"EXISTS", "a"}) == "0");
  }

  TEST_CASE_FIXTURE(SetFixture, "SPOP takes one and logs which") {
    Run({"SADD", "s", "only"});
    Forget();
    CHECK(Run({"SPOP", "none"}) == "null");
    CHECK(Run({"SPOP", "s", "0"}) == "[]");
    CHECK(Log().empty());
    CHECK(Run({"SPOP", "s"}) == "\"only\"");
    CHECK(Log() == Lines{"SREM s only"});
    CHECK(Events() == Lines{"spop s", "del s"});
    CHECK(Run({"EXISTS", "s"}) == "0");
    CHECK(Run({"SPOP", "s", "1", "2"}) == kSyntax);
    CHECK(Run({"SPOP", "s", "x"}) == kNotInteger);
    CHECK(Run({"SPOP", "s", "-1"}) == "(error) ERR value is out of range, must be positive");
  }

  TEST_CASE_FIXTURE(SetFixture, "SPOP of several logs them by name, of all the key") {
    Run({"SADD", "s", "1", "2", "3", "4"});
    Forget();
    const uint64_t before = changes();
    const auto popped = Ask({"SPOP", "s", "2"}).elements;
    REQUIRE(popped.size() == 2);
    CHECK(popped[0].string != popped[1].string);
    CHECK(Log() == Lines{"SREM s " + popped[0].string + " " + popped[1].string});
    CHECK(Run({"SISMEMBER", "s", popped[0].string}) == "0");
    CHECK(Run({"SCARD", "s"}) == "2");
    CHECK(changes() == before + 2);
    CHECK(Sorted({"SPOP", "s", "2"}).size() == 2);
    CHECK(changes() == before + 4);
    CHECK(Log() == Lines{"DEL s"});
    CHECK(Events() == Lines{"spop s", "spop s", "del s"});
  }

  TEST_CASE_FIXTURE(SetFixture,
                    "what SPOP took of a large set is logged in commands of bounded length") {
    Fill("s", 3000);
    Forget();
    auto popped = Sorted({"SPOP", "s", "2500"});
    CHECK(popped.size() == 2500);
    Lines commands = Log();
    commands.erase(
        std::remove_if(commands.begin(), commands.end(),
                       [](const auto& line) { return line == "MULTI" || line == "EXEC"; }),
        commands.end());
    REQUIRE(commands.size() == 3);
    std::vector<std::string> logged;
    for (const auto& line : commands) {
      REQUIRE(line.starts_with("SREM s "));
      size_t at = 7;
      while (at <= line.size()) {
        const size_t end = std::min(line.find(' ', at), line.size());
        logged.push_back(line.substr(at, end - at));
        at = end + 1;
      }
    }
    std::sort(logged.begin(), logged.end());
    CHECK((logged == popped));
    CHECK(Run({"SCARD", "s"}) == "500");
  }

  TEST_CASE_FIXTURE(SetFixture,
                    "SRANDMEMBER shows one, different ones, or so many that may repeat") {
    CHECK(Run({"SRANDMEMBER", "none"}) == "null");
    CHECK(Run({"SRANDMEMBER", "none", "-3"}) == "[]");
    for (const size_t size : {size_t{5}, size_t{200}, size_t{2000}}) {
      CAPTURE(size);
      Run({"DEL", "s"});
      Fill("s", size);
      const auto all = Sorted({"SMEMBERS", "s"});
      Forget();
      CHECK(std::binary_search(all.begin(), all.end(), Ask({"SRANDMEMBER", "s"}).string));
      CHECK(Run({"SRANDMEMBER", "s", "0"}) == "[]");
      for (const size_t count : {size_t{1}, size / 10 + 1, size - 1}) {
        const auto some = Sorted({"SRANDMEMBER", "s", std::to_string(count)});
        CHECK(some.size() == count);
        CHECK(std::set<std::string>(some.begin(), some.end()).size() == count);
        CHECK(std::includes(all.begin(), all.end(), some.begin(), some.end()));
      }
      CHECK((Sorted({"SRANDMEMBER", "s", "9223372036854775807"}) == all));
      const auto repeating = Sorted({"SRANDMEMBER", "s", "-" + std::to_string(2 * size + 1)});
      CHECK(repeating.size() == 2 * size + 1);
      for (const auto& member : repeating)
        CHECK(std::binary_search(all.begin(), all.end(), member));
      CHECK(Log().empty());
      CHECK(Events().empty());
    }
    CHECK(Run({"SRANDMEMBER", "s", "1", "2"}) == kSyntax);
    CHECK(Run({"SRANDMEMBER", "s", "x"}) == kNotInteger);
    CHECK(Run({"SRANDMEMBER", "s", "-9223372036854775808"}) ==
          "(error) ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    for (const Bytes count : {"-9223372036854775807", "-1000000000", "-134217729"})
      CHECK(Run({"SRANDMEMBER", "s", count}) == "(error) ERR value is out of range");
    // However few they are, the reply has its limit; nothing of it is sent.
    const std::string mebibyte(1 << 20, 'x');
    Run({"SADD", "long", mebibyte});
    CHECK(Run({"SRANDMEMBER", "long", "-1000000"}) ==
          "(error) ERR what was drawn is longer than 268435456 bytes, ask for less at a time");
  }

  TEST_CASE_FIXTURE(SetFixture, "algebra treats a key that is not there as an empty set") {
    Run({"SADD", "a", "1", "2", "3", "x"});
    Run({"SADD", "b", "2", "3", "y"});
    Run({"SADD", "c", "3", "4"});
    using Members = std::vector<std::string>;
    CHECK(Sorted({"SINTER", "a", "b"}) == Members{"2", "3"});
    CHECK(Sorted({"SINTER", "a", "b", "c"}) == Members{"3"});
    CHECK(Sorted({"SINTER", "a", "a"}) == Members{"1", "2", "3", "x"});
    CHECK(Run({"SINTER", "a", "none"}) == "[]");
    CHECK(Sorted({"SUNION", "a", "none", "c"}) == Members{"1", "2", "3", "4", "x"});
    CHECK(Run({"SUNION", "none", "none"}) == "[]");
    CHECK(Sorted({"SDIFF", "a", "none"}) == Members{"1", "2", "3", "x"});
    CHECK(Sorted({"SDIFF", "a", "b", "c"}) == Members{"1", "x"});
    CHECK(Run({"SDIFF", "a", "a"}) == "[]");
    CHECK(Run({"SDIFF", "none", "a"}) == "[]");
    CHECK(Run({"SINTERCARD", "2", "a", "b"}) == "2");
    CHECK(Run({"SINTERCARD", "2", "a", "b", "LIMIT", "1"}) == "1");
    CHECK(Run({"SINTERCARD", "2", "a", "b", "limit", "0"}) == "2");
    CHECK(Run({"SINTERCARD", "2", "a", "b", "LIMIT", "1", "LIMIT", "9"}) == "2");
    CHECK(Run({"SINTERCARD", "1", "none"}) == "0");
  }

  TEST_CASE_FIXTURE(SetFixture, "SINTERCARD refuses counts that are none") {
    const char* kPositive = "(error) ERR numkeys should be greater than 0";
    CHECK(Run({"SINTERCARD", "0", "a"}) == kPositive);
    CHECK(Run({"SINTERCARD", "-1", "a"}) == kPositive);
    CHECK(Run({"SINTERCARD", "x", "a"}) == kPositive);
    CHECK(Run({"SINTERCARD", "2", "a"}) ==
          "(error) ERR Number of keys can't be greater than number of args");
    CHECK(Run({"SINTERCARD", "9223372036854775807", "a"}) ==
          "(error) ERR Number of keys can't be greater than number of args");
    CHECK(Run({"SINTERCARD", "1", "a", "b"}) == kSyntax);
    CHECK(Run({"SINTERCARD", "1", "a", "LIMIT"}) == kSyntax);
    CHECK(Run({"SINTERCARD", "1", "a", "LIMIT", "-1"}) == "(error) ERR LIMIT can't be negative");
    CHECK(Run({"SINTERCARD", "1", "a", "LIMIT", "x"}) == "(error) ERR LIMIT can't be negative");
  }

  TEST_CASE_FIXTURE(SetFixture,
                    "stored results replace what there was, and an empty one deletes it") {
    Run({"SADD", "a", "1", "2", "3"});
    Run({"SADD", "b", "2", "3", "y"});
    Run({"SET", "d", "string", "EX", "100"});
    Forget();
    CHECK(Run({"SINTERSTORE", "d", "a", "b"}) == "2");
    CHECK(Run({"TTL", "d"}) == "-1");
    CHECK(Run({"OBJECT", "ENCODING", "d"}) == "\"intset\"");
    CHECK(Sorted({"SMEMBERS", "d"}) == std::vector<std::string>{"2", "3"});
    CHECK(Run({"SUNIONSTORE", "d", "d", "b"}) == "3");
    CHECK(Run({"SDIFFSTORE", "d2", "d", "a"}) == "1");
    CHECK(Run({"SDIFFSTORE", "d", "a", "a"}) == "0");
    CHECK(Run({"EXISTS", "d"}) == "0");
    CHECK(Run({"SINTERSTORE", "d", "a", "none"}) == "0");  // was not there: nothing to tell
    CHECK(Log() ==
          Lines{"SINTERSTORE d a b", "SUNIONSTORE d d b", "SDIFFSTORE d2 d a", "SDIFFSTORE d a a"});
    CHECK(Events() == Lines{"sinterstore d", "sunionstore d", "new d2", "sdiffstore d2", "del d"});
    // The destination may hold anything, the operands may not; nothing happens if one does.
    Run({"SET", "string", "s"});
    Forget();
    for (const Bytes command : {"SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"}) {
      CHECK(Run({command, "a", "none", "string"}) == kWrongType);
      CHECK(Run({command, "string", "a"}) == "3");
      Run({"SET", "string", "s"});
    }
    CHECK(Run({"SCARD", "a"}) == "3");
  }

  TEST_CASE_FIXTURE(SetFixture, "algebra is what std::set makes of it, in all encodings") {
    using Model = std::set<std::string>;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      settings.encoding.set_intset_entries = static_cast<int64_t>(random.Below(60));
      settings.encoding.set_listpack_entries = static_cast<int64_t>(random.Below(60));
      std::vector<Model> models(2 + random.Below(6));
      std::vector<std::string> names;
      for (size_t i = 0; i < models.size(); ++i) {
        names.push_back("set:" + std::to_string(i));
        Run({"DEL", names[i]});
        // The first much larger than the others now and then: then a difference collects what they have.
        const size_t size = i == 0 && random.Below(2) == 0 ? 500 : random.Below(60);
        const bool texts = random.Below(3) == 0;
        for (size_t n = 0; n < size; ++n) {
          std::string member = std::to_string(random.Below(size > 100 ? 600 : 80));
          if (texts && random.Below(4) == 0) member += "t";
          Run({"SADD", names[i], member});
          models[i].insert(member);
        }
      }
      Model inter = models[0], all, diff = models[0];
      for (const Model& model : models) {
        std::erase_if(inter, [&](const auto& member) { return !model.contains(member); });
        all.insert(model.begin(), model.end());
      }
      for (size_t i = 1; i < models.size(); ++i) {
        std::erase_if(diff, [&](const auto& member) { return models[i].contains(member); });
      }
      const auto expect = [&](Bytes command, const Model& result) {
        CAPTURE(command);
        std::vector<Bytes> args = {command};
        args.insert(args.end(), names.begin(), names.end());
        const std::vector<std::string> sorted(result.begin(), result.end());
        CHECK((Sorted(args) == sorted));
        const std::string store = std::string(command) + "STORE";
        args[0] = store;
        args.insert(args.begin() + 1, "target");
        CHECK(Run(args) == std::to_string(result.size()));
        CHECK((Sorted({"SMEMBERS", "target"}) == sorted));
      };
      expect("SINTER", inter);
      expect("SUNION", all);
      expect("SDIFF", diff);
      std::vector<Bytes> card = {"SINTERCARD", ""};
      const std::string count = std::to_string(names.size());
      card[1] = count;
      card.insert(card.end(), names.begin(), names.end());
      CHECK(Run(card) == std::to_string(inter.size()));
    }
  }

  TEST_CASE_FIXTURE(SetFixture, "SSCAN walks, matches and refuses like its relatives") {
    CHECK(Run({"SSCAN", "none", "0"}) == "[\"0\", []]");
    CHECK(Run({"SSCAN", "none", "x"}) == "(error) ERR invalid cursor");
    Run({"SADD", "s", "1", "22", "aa"});
    CHECK(Run({"SSCAN", "s", "0", "MATCH", "2*"}) == "[\"0\", [\"22\"]]");
    CHECK(Run({"SSCAN", "s", "0", "COUNT", "0"}) == kSyntax);
    CHECK(Run({"SSCAN", "s", "0", "COUNT", "x"}) == kNotInteger);
    CHECK(Run({"SSCAN", "s", "0", "TYPE", "set"}) == kSyntax);
    CHECK(Run({"SSCAN", "s", "0", "MATCH"}) == kSyntax);
    Fill("large", 1000);
    std::set<std::string> seen;
    std::string cursor = "0";
    size_t steps = 0;
    do {
      const auto reply = Ask({"SSCAN", "large", cursor, "COUNT", "20"});
      REQUIRE(reply.elements.size() == 2);
      cursor = reply.elements[0].string;
      for (const auto& element : reply.elements[1].elements) seen.insert(element.string);
      REQUIRE(++steps < 1000);
    } while (cursor != "0");
    CHECK(seen.size() == 1000);
    CHECK(steps > 10);
  }

  TEST_CASE_FIXTURE(SetFixture, "a key of another type is refused by every command") {
    Run({"SET", "k", "v"});
    Forget();
    const std::vector<std::vector<Bytes>> commands = {
        {"SADD", "k", "a"},
        {"SREM", "k", "a"},
        {"SCARD", "k"},
        {"SISMEMBER", "k", "a"},
        {"SMISMEMBER", "k", "a"},
        {"SMEMBERS", "k"},
        {"SPOP", "k"},
        {"SPOP", "k", "1"},
        {"SRANDMEMBER", "k"},
        {"SRANDMEMBER", "k", "1"},
        {"SSCAN", "k", "0"},
        {"SMOVE", "k", "d", "a"},
        {"SINTER", "none", "k"},
        {"SUNION", "k"},
        {"SDIFF", "none", "k"},
        {"SINTERCARD", "1", "k"},
        {"SINTERSTORE", "d", "k"},
        {"SUNIONSTORE", "d", "k"},
        {"SDIFFSTORE", "d", "k"},
    };
    for (const auto& command : commands) {
      CAPTURE(command[0]);
      CHECK(Run(command) == kWrongType);
    }
    CHECK(Log().empty());
    CHECK(Events().empty());
  }

  TEST_CASE_FIXTURE(SetFixture, "what was logged makes the same sets again") {
    Random random(11);
    std::vector<std::string> lines;
    Log();
    for (int step = 0; step < 3000; ++step) {
      const std::string key = "k" + std::to_string(random.Below(4));
      const std::string other = "k" + std::to_string(random.Below(4));
      const std::string member =
          (random.Below(2) == 0 ? "m" : "") + std::to_string(random.Below(300));
      switch (random.Below(8)) {
        case 0:
          Run({"SREM", key, member});
          break;
        case 1:
          Run({"SPOP", key});
          break;
        case 2:
          Run({"SPOP", key, std::to_string(random.Below(10))});
          break;
        case 3:
          Run({"SMOVE", key, other, member});
          break;
        case 4:
          if (random.Below(10) == 0) Run({"SUNIONSTORE", key, key, other});
          if (random.Below(10) == 0) Run({"SDIFFSTORE", key, key, other});
          if (random.Below(40) == 0) Run({"SINTERSTORE", key, key, other});
          break;
        default:
          Run({"SADD", key, member, member + "0"});
      }
    }
    for (const auto& line : Log()) {
      if (line != "MULTI" && line != "EXEC") lines.push_back(line);
    }
    std::map<std::string, std::vector<std::string>> expected;
    for (const char* key : {"k0", "k1", "k2", "k3"}) expected[key] = Sorted({"SMEMBERS", key});
    SetFixture replica;
    for (const auto& line : lines) {
      std::vector<Bytes> words;
      for (size_t at = 0; at < line.size();) {
        const size_t end = std::min(line.find(' ', at), line.size());
        words.push_back(Bytes(line).substr(at, end - at));
        at = end + 1;
      }
      REQUIRE(replica.Apply(words));
    }
    for (const auto& [key, members] : expected)
      CHECK((replica.Sorted({"SMEMBERS", key}) == members));
  }
}

}  // namespace
}  // namespace terrace::commands
