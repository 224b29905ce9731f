// Commands on keys whose values are away: what clients see is what they would see if all were in memory.
#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/memory.h"
#include "base/random.h"
#include "exec/away_engine.h"
#include "exec/second_client.h"
#include "storage/compaction.h"
#include "storage/printed_seed.h"

using namespace terrace;
using engine::LoadValues;
using exec::ParkReason;
using terrace::testing::AwayDisk;
using terrace::testing::AwayEngine;
using Words = std::vector<std::string>;

namespace {

const std::string kLong(40, 'v');

// What is written by `words` one after the other and then left to a checkpoint.
std::unique_ptr<AwayDisk> Left(const std::vector<Words>& commands) {
  auto disk = std::make_unique<AwayDisk>();
  AwayEngine before(*disk, LoadValues::kAll);
  for (const Words& words : commands) {
    const std::string reply = before.Run(words);
    REQUIRE_MESSAGE(!reply.starts_with("(error)"), reply);
  }
  before.Checkpoint();
  return disk;
}

Words Push(const std::string& key) { return {"RPUSH", key, "a", "b", kLong}; }

// Commands on strings, on keys as such, and by whoever needs everybody out.
class KeyTraffic {
 public:
  explicit KeyTraffic(Random& random) : random_(random), collections_(random) {}

  Words Command(uint64_t now_ms) {
    collections_.set_now_ms(now_ms);
    if (random_.Below(2) == 0) return collections_.Command();
    const std::string key = Key(), other = Key();
    switch (random_.Below(34)) {
      case 0:
        return {"SET", key, Text()};
      case 1:
        return {"SET", key, Text(), "PX", Ms()};
      case 2:
        return {"SET", key, Text(), "GET"};
      case 3:
        return {"SET", key, Text(), "XX", "KEEPTTL"};
      case 4:
        return {"SETNX", key, Text()};
      case 5:
        return {"SETEX", key, "1", Text()};
      case 6:
        return {"GET", key};
      case 7:
        return {"MGET", key, other, Key()};
      case 8:
        return {"MSET", key, Text(), other, Text()};
      case 9:
        return {"MSETNX", key, Text(), other, Text()};
      case 10:
        return {"APPEND", key, Text()};
      case 11:
        return {"GETDEL", key};
      case 12:
        return {"GETEX", key, "PX", Ms()};
      case 13:
        return {"EXISTS", key, other, collections_.AnyKey()};
      case 14:
        return {"TYPE", collections_.AnyKey()};
      case 15:
        return {"PTTL", key};
      case 16:
        return {"TOUCH", key, collections_.AnyKey()};
      case 17:
        return {"DEL", key};
      case 18:
        return {"UNLINK", key};
      case 19:
        return {"PEXPIRE", key, Ms()};
      case 20:
        return {"PERSIST", key};
      case 21:
        return {"RENAME", key, other};
      case 22:
        return {"COPY", key, other, "REPLACE"};
      case 23:
        return {"MOVE", key, std::to_string(random_.Below(3))};
      case 24:
        return {"STRLEN", key};
      case 25:
        return {"OBJECT", "ENCODING", random_.Below(2) == 0 ? key : collections_.AnyKey()};
      case 26:
        return {"DUMP", collections_.AnyKey()};
      case 27:
        return {"LRANGE", "L" + std::to_string(random_.Below(6)), "0", "-1"};
      case 28:
        return {"SINTER", "S1", "S2"};
      case 29:
        return {"SORT", "S" + std::to_string(random_.Below(6)), "BY", "k*", "GET", "k*", "ALPHA"};
      case 30:
        return random_.Below(4) == 0 ? Words{"SWAPDB", "0", std::to_string(random_.Below(3))}
                                     : Words{"DBSIZE"};
      case 31:
        return random_.Below(30) == 0 ? Words{"FLUSHDB"} : Words{"GETRANGE", key, "2", "8"};
      case 32:
        return {"SET", key, Text(), "IFEQ", "x"};
      default:
        return {"SELECT", std::to_string(random_.Below(3))};
    }
  }

 private:
  std::string Key() { return "k" + std::to_string(random_.Below(60)); }
  std::string Text() { return std::string(random_.Below(60), 'x') + "y"; }
  std::string Ms() { return std::to_string(1 + random_.Below(3000)); }

  Random& random_;
  testing::CollectionTraffic collections_;
};

}  // namespace

TEST_SUITE("exec/values") {
  TEST_CASE("whatever clients do, it is as if all values had been in memory") {
    const uint64_t seed = storage::PrintedSeed("exec/values");
    Random random(seed);
    auto disk = std::make_unique<AwayDisk>();
    {
      AwayEngine before(*disk, LoadValues::kAll);
      KeyTraffic traffic(random);
      for (int i = 0; i < 3000; ++i) {
        before.Run(traffic.Command(before.now_ms()));
        before.AdvanceMs(random.Below(2));
      }
      before.Checkpoint();
    }
    uint64_t waited = 0, locked = 0, was_away = 0, let_go = 0;
    for (int round = 0; round < 12; ++round) {
      CAPTURE(round);
      AwayEngine whole(*disk, LoadValues::kAll), away(*disk, LoadValues::kNone);
      REQUIRE(whole.away() == 0);
      was_away += away.away();
      REQUIRE(whole.Contents() == away.Contents());
      KeyTraffic traffic(random);
      bool in_multi = false;
      for (int i = 0; i < 700; ++i) {
        Words words = traffic.Command(away.now_ms());
        if (!in_multi && random.Below(20) == 0) {
          words = {"MULTI"};
        } else if (in_multi && random.Below(4) == 0) {
          words = {"EXEC"};
        } else if (!in_multi && random.Below(40) == 0) {
          words = {"WATCH", "k1", "L1"};
        }
        in_multi = words[0] == "MULTI" || (in_multi && words[0] != "EXEC");
        std::string text;
        for (const std::string& word : words) text += word + " ";
        CAPTURE(text);
        REQUIRE(away.Run(words) == whole.Run(words));
        const uint64_t ms = random.Below(3);
        whole.AdvanceMs(ms);
        away.AdvanceMs(ms);
        if (random.Below(15) == 0) {
          whole.executor.ExpireDueKeys(0, 1, 1'000'000'000);
          away.executor.ExpireDueKeys(0, 1, 1'000'000'000);
        }
        // Every other round values come by themselves; in the others what is in tables may leave memory again, also while a
        // checkpoint is made, which may fail.
        if (round % 2 == 0 && random.Below(600) == 0) away.Warm();
        if (round % 2 == 1 && random.Below(20) == 0) away.LetSomeGo(random, 3);
        if (random.Below(100) == 0) away.BeginCheckpoint();
        if (random.Below(3) == 0) away.StepCheckpoint(random.Below(20) == 0);
        // Tables come and go under what is away.
        if (random.Below(150) == 0) {
          while (away.StepCheckpoint()) {
          }
          away.Checkpoint();
          if (random.Below(2) == 0) {
            testing::Must(storage::CompactAll(disk->files, *disk->manifest, {}));
            testing::Must(disk->manifest->RemoveUnknownFiles());
          }
        }
      }
      while (away.StepCheckpoint()) {
      }
      REQUIRE(whole.Contents() == away.Contents());
      CHECK(whole.Log() == away.Log());
      waited += away.orders;
      let_go += away.residency.counters().let_go;
      locked += away.residency.counters().read_at_once;
      if (in_multi) away.Run({"DISCARD"});
      away.Checkpoint();
    }
    CHECK(was_away > 100);
    CHECK(waited > 100);
    CHECK(let_go > 300);
    CHECK(locked > 0);
  }

  TEST_CASE("a client whose command needs a value waits for it, and one that needs none does not") {
    const auto disk =
        Left({{"SET", "a", kLong, "PX", "100000"}, {"SET", "b", kLong}, Push("list")});
    AwayEngine engine(*disk, LoadValues::kNone);
    CHECK(engine.away() == 3);
    for (const Words& words : std::vector<Words>{{"EXISTS", "a", "b"},
                                                 {"TYPE", "list"},
                                                 {"PTTL", "a"},
                                                 {"EXPIRETIME", "b"},
                                                 {"TOUCH", "a"},
                                                 {"DBSIZE"},
                                                 {"KEYS", "*"},
                                                 {"SCAN", "0", "TYPE", "list"},
                                                 {"RANDOMKEY"},
                                                 {"OBJECT", "IDLETIME", "a"},
                                                 {"SETNX", "a", "x"},
                                                 {"SET", "a", "x", "NX"}}) {
      INFO(words[0]);
      CHECK(engine.Begin(words));
      CHECK(!engine.Reply().starts_with("(error)"));
    }
    CHECK(engine.away() == 3);
    CHECK(engine.asked.empty());
    const uint64_t hits = engine.hits();
    CHECK(!engine.Begin({"GET", "a"}));
    CHECK(engine.client.parking.reason == ParkReason::kOutside);
    CHECK(engine.Reply() == "");
    REQUIRE(engine.asked.size() == 1);
    CHECK(engine.asked[0].first[0].key == "a");
    CHECK(!engine.GoOn());
    engine.ReadAsked();
    CHECK(engine.GoOn());
    CHECK(engine.Reply() == "\"" + kLong + "\"");
    CHECK(engine.hits() == hits + 1);  // when it ran
    CHECK(engine.away() == 2);
    CHECK(engine.Run({"PTTL", "a"}) == "100000");
    // All that a command names, at once.
    CHECK(!engine.Begin({"MGET", "a", "b", "list", "missing"}));
    CHECK(engine.asked[0].first.size() == 2);
    engine.ReadAsked();
    CHECK(engine.GoOn());
    CHECK(engine.Reply() == "[\"" + kLong + "\", \"" + kLong + "\", null, null]");
  }

  TEST_CASE("what is replaced or removed is not read, and not brought back by who was on the way") {
    const auto disk =
        Left({{"SET", "a", kLong}, {"SET", "b", kLong}, Push("c"), {"SET", "d", kLong}});
    AwayEngine engine(*disk, LoadValues::kNone);
    testing::SecondClient other(engine);
    CHECK(!engine.Begin({"MGET", "a", "b", "d"}));
    CHECK(other.Run({"SET", "a", "new"}) == "OK");
    CHECK(other.Run({"DEL", "b"}) == "1");
    CHECK(other.Run({"SET", "c", "string"}) == "OK");
    CHECK(engine.away() == 1);
    engine.ReadAsked();
    CHECK(engine.GoOn());
    CHECK(engine.Reply() == "[\"new\", null, \"" + kLong + "\"]");
    CHECK(engine.Log() == testing::Lines{"SET a new", "DEL b", "SET c string"});
    CHECK(engine.residency.counters().read_at_once == 0);
  }

  TEST_CASE("a client without a thread to wait on has its values read at once") {
    const auto disk = Left({Push("list")});
    AwayEngine engine(*disk, LoadValues::kNone);
    testing::SecondClient embedded(engine);
    CHECK(embedded.Run({"LLEN", "list"}) == "3");
    CHECK(engine.residency.counters().read_at_once == 1);
  }

  TEST_CASE("EXEC waits for all values of its queue before it begins") {
    const auto disk =
        Left({{"SET", "a", "1234567890123456789x"}, Push("list"), {"SET", "w", kLong}});
    AwayEngine engine(*disk, LoadValues::kNone);
    CHECK(engine.Begin({"WATCH", "w"}));
    engine.Reply();
    for (const Words& words :
         std::vector<Words>{{"MULTI"}, {"APPEND", "a", "!"}, {"LPOP", "list"}, {"LLEN", "list"}}) {
      CHECK(engine.Begin(words));
      engine.Reply();
    }
    CHECK(engine.away() == 3);
    CHECK(!engine.Begin({"EXEC"}));
    CHECK(engine.Reply() == "");
    CHECK(engine.client.in_multi());
    CHECK(engine.Log().empty());
    engine.ReadAsked();
    CHECK(engine.GoOn());
    CHECK(engine.Reply() == "[21, \"a\", 2]");
    CHECK(engine.Log() == testing::Lines{"MULTI", "APPEND a !", "LPOP list", "EXEC"});
    CHECK(engine.away() == 1);  // nobody needs what is only watched
    CHECK(engine.residency.counters().read_at_once == 0);
    // A key that changes meanwhile breaks it as ever.
    CHECK(engine.Begin({"WATCH", "w"}));
    engine.Reply();
    engine.Run({"MULTI"});
    engine.Run({"GET", "w"});
    CHECK(!engine.Begin({"EXEC"}));
    testing::SecondClient other(engine);
    CHECK(other.Run({"SET", "w", "x"}) == "OK");
    engine.ReadAsked();
    CHECK(engine.GoOn());
    CHECK(engine.Reply() == "null");
  }

  TEST_CASE("blocking commands take from what is away, and serve others into it") {
    const auto disk = Left({Push("full"), Push("target"), {"SADD", "set", kLong, "m"}});
    AwayEngine engine(*disk, LoadValues::kNone);
    CHECK(engine.Run({"BLPOP", "none", "full", "0"}) == "[\"full\", \"a\"]");
    CHECK(engine.Run({"BLMPOP", "0", "1", "set", "LEFT"}) ==
          "(error) WRONGTYPE Operation against a key holding the wrong kind of value");
    // A waiter whose other key is away is not served under the lock: its own thread goes on.
    CHECK(!engine.Begin({"BLMOVE", "source", "target", "LEFT", "LEFT", "0"}));
    CHECK(engine.client.parking.reason == ParkReason::kOutside);
    testing::SecondClient other(engine);
    engine.ReadAsked();
    CHECK(!engine.GoOn());
    CHECK(engine.client.parking.reason == ParkReason::kKeys);
    CHECK(other.Run({"RPUSH", "source", "x"}) == "1");
    CHECK(engine.GoOn());
    CHECK(engine.Reply() == "\"x\"");
    CHECK(engine.Run({"LRANGE", "target", "0", "1"}) == "[\"x\", \"a\"]");
  }

  TEST_CASE("SORT reads what its patterns lead to") {
    const auto disk = Left({{"RPUSH", "list", "1", "2", "3333333333333333"},
                            {"SET", "w1", kLong + "b"},
                            {"SET", "w2", kLong + "a"},
                            {"HSET", "h1", "f", kLong},
                            {"SET", "w3333333333333333", kLong + "c"}});
    AwayEngine engine(*disk, LoadValues::kNone);
    CHECK(engine.Run({"SORT", "list", "BY", "w*", "ALPHA"}) ==
          "[\"2\", \"1\", \"3333333333333333\"]");
    CHECK(engine.Run({"SORT", "list", "BY", "nosort", "GET", "h*->f"}) ==
          "[\"" + kLong + "\", null, null]");
    CHECK(engine.away() == 0);
  }

  TEST_CASE(
      "a value that cannot be read is an error that names its place, and its key can be replaced") {
    const auto disk = Left({{"SET", "a", kLong}, {"SET", "b", kLong}, {"SET", "c", kLong}});
    const std::string table =
        disk->manifest->TablePath(disk->manifest->state()->tables.front().number);
    disk->files.Flip(table, 8 + 30);
    AwayEngine engine(*disk, LoadValues::kNone);
    for (int i = 0; i < 2; ++i) {
      const std::string reply = engine.Run({"GET", "a"});
      CHECK_MESSAGE(reply.starts_with("(error) ERR the value of a key cannot be read: " + table +
                                      ": offset 8: "),
                    reply);
    }
    engine.Run({"MULTI"});
    engine.Run({"SET", "new", "x"});
    engine.Run({"GET", "a"});
    const std::string exec = engine.Run({"EXEC"});
    CHECK_MESSAGE(exec.starts_with("[OK, (error) ERR the value of a key cannot be read"), exec);
    CHECK(engine.Run({"INCR", "a"}).starts_with("(error) ERR the value of a key"));
    CHECK(engine.Run({"EXISTS", "a", "b", "c"}) == "3");
    CHECK(!engine.Apply({"APPEND", "b", "x"}));  // a log that says so stops the start
    CHECK(engine.Run({"SET", "a", "new"}) == "OK");
    CHECK(engine.Run({"GET", "a"}) == "\"new\"");
    CHECK(engine.Run({"DEL", "b"}) == "1");
    CHECK(engine.away() == 1);
    // The next checkpoint has nothing to do with it, and the bit may turn back.
    engine.Checkpoint();
    CHECK(engine.Run({"GET", "c"}).starts_with("(error)"));
    disk->files.Flip(table, 8 + 30);
    CHECK(engine.Run({"GET", "c"}) == "\"" + kLong + "\"");
    CHECK(engine.away() == 0);
  }

  TEST_CASE("room is made by values that tables have, the changed ones wait for a checkpoint") {
    if (UsedMemory() == 0) return;  // sanitizers count nothing
    std::vector<Words> commands;
    for (int i = 0; i < 50; ++i) commands.push_back({"SET", "k" + std::to_string(i), kLong});
    commands.push_back({"SET", "small", "x"});
    commands.push_back(Push("list"));
    const auto disk = Left(commands);
    AwayEngine engine(*disk, LoadValues::kAll);
    engine.eviction.values_only = true;
    engine.eviction.memory_max = 1;
    for (int i = 0; i < 30; ++i) engine.Run({"APPEND", "k" + std::to_string(i), "!"});
    engine.Log();
    CHECK(!engine.executor.MakeRoom());
    CHECK(engine.away() == 20 + 1);
    CHECK(engine.eviction.early_checkpoint == engine::EarlyCheckpoint::kWanted);
    CHECK(engine.Run({"DBSIZE"}) == "52");
    CHECK(engine.Log().empty());  // nothing has changed
    engine.gates.Close(exec::kGateMaxMemory);
    // Writers wait for the checkpoint, readers have their values read in.
    CHECK(!engine.Begin({"SET", "new", "x"}));
    CHECK(engine.client.parking.reason == ParkReason::kPaused);
    engine.client.parking.reason = ParkReason::kNone;
    testing::SecondClient embedded(engine);
    CHECK(embedded.Run({"SET", "new", "x"}).starts_with("(error) OOM"));
    engine.eviction.memory_max = 0;
    CHECK(engine.Run({"GET", "k49"}) == "\"" + kLong + "\"");
    engine.eviction.memory_max = 1;
    engine.Checkpoint();
    engine.eviction.early_checkpoint = engine::EarlyCheckpoint::kNone;
    CHECK(!engine.executor.MakeRoom());
    CHECK(engine.away() == 50 + 1);
    CHECK(engine.eviction.early_checkpoint == engine::EarlyCheckpoint::kNone);
    CHECK(engine.Run({"SET", "new", "x"})
              .starts_with("(error) OOM"));  // keys are more than there is room for
    engine.eviction.memory_max = 0;
    CHECK(engine.Run({"GET", "k7"}) == "\"" + kLong + "!\"");
    CHECK(engine.Run({"LRANGE", "list", "0", "0"}) == "[\"a\"]");
  }

  TEST_CASE("writers wait for their place while much is held, and nobody else does") {
    const auto disk = Left({{"SET", "a", kLong}, {"SET", "b", kLong}, Push("list")});
    AwayEngine engine(*disk, LoadValues::kAll);
    engine.gates.Close(exec::kGateBrake);
    engine::WriteBrake& brake = engine.eviction.brake;
    const auto held = [&](uint64_t percent) {
      brake.SetLevel({.held_bytes = percent,
                      .room_bytes = 100,
                      .log_offset = engine.log.end_offset(),
                      .drain_per_s = 1});
    };
    held(10);
    CHECK(engine.Begin({"SET", "a", "x"}));
    held(50);
    CHECK(engine.Begin({"SET", "a", "x"}));  // the first place is now
    CHECK(brake.counters().delayed == 0);
    for (const Words& words : std::vector<Words>{{"GET", "a"},
                                                 {"PING"},
                                                 {"DEL", "b"},
                                                 {"LRANGE", "list", "0", "-1"},
                                                 {"UNLINK", "nothing"},
                                                 {"FLUSHDB"},
                                                 {"MULTI"},
                                                 {"GET", "a"},
                                                 {"EXEC"},
                                                 {"MULTI"},
                                                 {"APPEND", "a", "x"}}) {
      INFO(words[0]);
      CHECK(engine.Begin(words));
    }
    engine.Reply();
    for (const Words& words : std::vector<Words>{{"EXEC"},
                                                 {"SET", "a", "y"},
                                                 {"PEXPIRE", "a", "100000"},
                                                 {"LPOP", "list"},
                                                 {"COPY", "a", "b"},
                                                 {"SORT", "list", "STORE", "c"}}) {
      INFO(words[0]);
      held(50);
      CHECK(!engine.Begin(words));
      const std::shared_ptr<exec::Wait> wait = engine.client.parking.wait;
      REQUIRE(wait != nullptr);
      CHECK(wait->anew_in_time);
      CHECK(wait->deadline_ns > engine.executor.NowNs());
      CHECK(engine.client.out.empty());
      // When its time has come it runs, whatever is held then.
      held(1000);
      REQUIRE(wait->TryEnd(exec::Wait::State::kRestarted));
      CHECK(engine.GoOn());
      CHECK(!engine.Reply().starts_with("(error)"));
    }
    CHECK(brake.counters().delayed == 6);
    // Who cannot wait does not.
    testing::SecondClient embedded(engine);
    CHECK(embedded.Run({"SET", "a", "z"}) == "OK");
  }

  TEST_CASE("a command whose values leave again before it runs reads them itself in the end") {
    const auto disk = Left({{"SET", "a", kLong}, {"SET", "b", kLong}, Push("list")});
    AwayEngine engine(*disk, LoadValues::kNone);
    Random random(1);
    const auto run = [&](const Words& words) {
      const uint64_t before = engine.orders;
      bool done = engine.Begin(words);
      while (!done) {
        REQUIRE(engine.orders < before + 10);
        engine.ReadAsked();
        engine.LetSomeGo(random, 1);  // others need the room
        done = engine.GoOn();
      }
      CHECK(engine.orders == before + 3);
      return engine.Reply();
    };
    CHECK(run({"MGET", "a", "b"}) == "[\"" + kLong + "\", \"" + kLong + "\"]");
    CHECK(engine.residency.counters().read_at_once == 2);
    // That command only; and a transaction is one.
    engine.LetSomeGo(random, 1);
    CHECK(run({"STRLEN", "a"}) == "40");
    engine.LetSomeGo(random, 1);
    CHECK(engine.Run({"MULTI"}) == "OK");
    engine.Run({"APPEND", "b", "!"});
    engine.Run({"LLEN", "list"});
    CHECK(run({"EXEC"}) == "[41, 3]");
  }

  TEST_CASE("a client that goes while its value is read is missed by nobody") {
    const auto disk = Left({{"SET", "a", kLong}});
    AwayEngine engine(*disk, LoadValues::kNone);
    CHECK(!engine.Begin({"GET", "a"}));

    static_cast<void>(engine.client.parking.wait->TryEnd(exec::Wait::State::kGone));
    engine.executor.AbandonWait(engine.client);

    engine.ReadAsked();
    CHECK(engine.away() == 0);
    CHECK(engine.Reply() == "");
  }
}
