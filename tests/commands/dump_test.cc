#include <doctest/doctest.h>

#include "commands/support/engine_fixture.h"
#include "rdb/dump_payload.h"
#include "rdb/hex.h"

namespace terrace::commands {
namespace {

using testing::EngineFixture;
using testing::kStartMs;
using testing::Lines;

// What redis-server 7.0.15 answers to DUMP of a key that holds 1, and of one that holds 123456789012.
constexpr Bytes kDumpOf1("\x00\xc0\x01\x0a\x00&x\xe7\xb6\xd1\x01\x11\xfc", 13);
constexpr Bytes kDumpOf123456789012(
    "\x00\x0c"
    "123456789012\x0a\x00\x91\x10\x01\xb1\xd1\x16\xe7\xac",
    24);
// kDumpOf1 as the log of a test shows it.
constexpr char kShown[] = "\"\\x00\\xc0\\x01\\x0a\\x00&x\\xe7\\xb6\\xd1\\x01\\x11\\xfc\"";

// A payload of a stock server in hexadecimal, and what OBJECT ENCODING says of it here.
struct StockCollection {
  const char* payload;
  const char* type;
  const char* encoding;
};

constexpr StockCollection kStockCollections[] = {
    {"1201021c1c00000005008161020101dfff02c12c02f4ffe776481700000009ff0a00ee7f82fde6a2b64a", "list",
     "listpack"},
    {"0b0e0200000003000000010002002c010a00e510b28e7b9529aa", "set", "intset"},
    {"02020178c0010a0016faac4f543ce1e9", "set", "listpack"},
    {"1012120000000400816602817602816e020a01ff0a0045f842d8ea0693ca", "hash", "listpack"},
    {"0402c3094041016666e034000166660176016ec0010a00825dc072e739688f", "hash", "hashtable"},
    {"0502c3094041016d6de03400016d6d000000000000f83f016e00000000000000c00a002bcdc41c8829e161",
     "zset", "skiplist"},
    {"13000000000000000000010167000081ffffffffffffffff00000a00a01a953dfb9cddde", "stream",
     "stream"},
};

class DumpEngine : public EngineFixture {
 public:
  DumpEngine()
      : EngineFixture({StringCommands(), KeyCommands(), ExpireCommands(), ObjectCommands(),
                       DumpCommands()}) {}
};

TEST_SUITE("commands/dump") {
  TEST_CASE("DUMP answers the bytes a stock server answers") {
    DumpEngine engine;
    engine.Run({"SET", "k", "1"});
    CHECK(engine.Ask({"DUMP", "k"}).string == kDumpOf1);
    engine.Run({"SET", "k", "123456789012"});
    CHECK(engine.Ask({"DUMP", "k"}).string == kDumpOf123456789012);
    CHECK(engine.Run({"DUMP", "none"}) == "null");
    CHECK(engine.hits() == 2);
    CHECK(engine.misses() == 1);
  }

  TEST_CASE("what DUMP wrote RESTORE reads, and it is stored as if it had been set") {
    DumpEngine engine;
    std::vector<std::string> values = {"", "1", "01", "-70000", "12345678901", "text"};
    for (const size_t length : {44, 300, 100'000}) values.push_back(std::string(length, 'x'));
    values.push_back(std::string("\0\xff\r\n", 4));
    for (const std::string& value : values) {
      engine.Run({"SET", "from", value});
      const std::string payload = engine.Ask({"DUMP", "from"}).string;
      CHECK(engine.Run({"RESTORE", "to", "0", payload, "REPLACE"}) == "OK");
      CHECK(engine.Ask({"GET", "to"}).string == value);
      CHECK(engine.Run({"OBJECT", "ENCODING", "to"}) == engine.Run({"OBJECT", "ENCODING", "from"}));
    }
  }

  TEST_CASE("RESTORE makes a key, says so and is logged as it came if it has no deadline") {
    DumpEngine engine;
    engine.Notify("An");
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1}) == "OK");
    CHECK(engine.Run({"GET", "k"}) == "\"1\"");
    CHECK(engine.Run({"TTL", "k"}) == "-1");
    CHECK(engine.Log() == Lines{std::string("RESTORE k 0 ") + kShown});
    CHECK(engine.Events() == Lines{"new k", "restore k"});
  }

  TEST_CASE("a relative deadline is logged as an absolute one") {
    DumpEngine engine;
    CHECK(engine.Run({"RESTORE", "k", "10000", kDumpOf1, "FREQ", "7"}) == "OK");
    CHECK(engine.Run({"PTTL", "k"}) == "10000");
    CHECK(engine.Log() ==
          Lines{std::string("RESTORE k 1700000010000 ") + kShown + " FREQ 7 ABSTTL"});
    CHECK(engine.Run({"RESTORE", "k", "1700000020000", kDumpOf1, "absttl", "replace"}) == "OK");
    CHECK(engine.Run({"PTTL", "k"}) == "20000");
    CHECK(engine.Log() ==
          Lines{std::string("RESTORE k 1700000020000 ") + kShown + " absttl replace"});
  }

  TEST_CASE("the longest life there is does not wrap round into the past") {
    DumpEngine engine;
    CHECK(engine.Run({"RESTORE", "k", "9223372036854775807", kDumpOf1}) == "OK");
    CHECK(engine.Run({"PEXPIRETIME", "k"}) == "9223372036854775807");
  }

  TEST_CASE("a deadline that has passed restores nothing") {
    DumpEngine engine;
    engine.Notify("An");
    CHECK(engine.Run({"RESTORE", "k", "1", kDumpOf1, "ABSTTL"}) == "OK");
    CHECK(engine.Run({"EXISTS", "k"}) == "0");
    CHECK(engine.Log().empty());
    CHECK(engine.Events().empty());

    engine.Run({"SET", "k", "v"});
    engine.Log();
    engine.Events();
    CHECK(engine.Run({"RESTORE", "k", std::to_string(kStartMs), kDumpOf1, "ABSTTL", "REPLACE"}) ==
          "OK");
    CHECK(engine.Run({"EXISTS", "k"}) == "0");
    CHECK(engine.Log() == Lines{"DEL k"});
    CHECK(engine.Events() == Lines{"del k"});
  }

  TEST_CASE("a follower takes a key whose deadline has passed as its leader had it") {
    DumpEngine engine;
    CHECK(engine.Apply({"RESTORE", "k", "1", kDumpOf1, "ABSTTL"}));
    CHECK(engine.Run({"DBSIZE"}) == "1");
  }

  TEST_CASE("REPLACE puts the value in place of any other") {
    DumpEngine engine;
    engine.Run({"SET", "k", "old"});
    engine.Run({"EXPIRE", "k", "10"});
    engine.Notify("An");
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1, "REPLACE"}) == "OK");
    CHECK(engine.Run({"GET", "k"}) == "\"1\"");
    CHECK(engine.Run({"TTL", "k"}) == "-1");
    CHECK(engine.Events() == Lines{"new k", "restore k"});
    CHECK(engine.Run({"DBSIZE"}) == "1");
  }

  TEST_CASE("IDLETIME and FREQ set the access clock of the policy in force") {
    DumpEngine engine;
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1, "IDLETIME", "1000"}) == "OK");
    CHECK(engine.Run({"OBJECT", "IDLETIME", "k"}) == "1000");
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1, "REPLACE", "IDLETIME", "99999999999"}) ==
          "OK");
    CHECK(engine.Run({"OBJECT", "IDLETIME", "k"}) == "16777215");
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1, "REPLACE", "FREQ", "100"}) == "OK");
    CHECK(engine.Run({"OBJECT", "IDLETIME", "k"}) == "0");

    engine.settings.lfu = true;
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1, "REPLACE", "FREQ", "100"}) == "OK");
    CHECK(engine.Run({"OBJECT", "FREQ", "k"}) == "100");
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1, "REPLACE", "IDLETIME", "1000"}) == "OK");
    CHECK(engine.Run({"OBJECT", "FREQ", "k"}) == "5");
  }

  TEST_CASE("what RESTORE refuses, in the order it looks") {
    DumpEngine engine;
    engine.Run({"SET", "taken", "v"});
    engine.Log();
    const auto restore = [&](std::vector<Bytes> args) {
      args.insert(args.begin(), "RESTORE");
      return engine.Run(args);
    };
    CHECK(restore({"taken", "-1", "...", "foo"}) == "(error) ERR syntax error");
    CHECK(restore({"k", "0", "...", "IDLETIME"}) == "(error) ERR syntax error");
    CHECK(restore({"k", "0", "...", "IDLETIME", "1", "FREQ", "1"}) == "(error) ERR syntax error");
    CHECK(restore({"k", "0", "...", "FREQ", "1", "IDLETIME", "1"}) == "(error) ERR syntax error");
    CHECK(restore({"k", "0", "...", "IDLETIME", "-1"}) ==
          "(error) ERR Invalid IDLETIME value, must be >= 0");
    CHECK(restore({"k", "0", "...", "IDLETIME", "x"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(restore({"k", "0", "...", "FREQ", "256"}) ==
          "(error) ERR Invalid FREQ value, must be >= 0 and <= 255");
    CHECK(restore({"k", "0", "...", "FREQ", "-1"}) ==
          "(error) ERR Invalid FREQ value, must be >= 0 and <= 255");
    CHECK(restore({"k", "0", "...", "FREQ", "x"}) ==
          "(error) ERR value is not an integer or out of range");
    CHECK(restore({"taken", "-1", "..."}) == "(error) BUSYKEY Target key name already exists.");
    CHECK(restore({"k", "x", "..."}) == "(error) ERR value is not an integer or out of range");
    CHECK(restore({"k", "-1", "..."}) == "(error) ERR Invalid TTL value, must be >= 0");
    CHECK(restore({"k", "0", "..."}) == "(error) ERR DUMP payload version or checksum are wrong");
    CHECK(restore({"taken", "0", "...", "REPLACE"}) ==
          "(error) ERR DUMP payload version or checksum are wrong");
    std::string damaged(kDumpOf1);
    damaged[2] = 2;
    CHECK(restore({"k", "0", damaged}) == "(error) ERR DUMP payload version or checksum are wrong");
    const std::string half = rdb::SealDumpPayload(std::string("\x00\x05half", 6));
    CHECK(restore({"k", "0", half}) == "(error) ERR Bad data format");
    CHECK(restore({"k", "0", rdb::SealDumpPayload("")}) == "(error) ERR Bad data format");
    CHECK(restore({"k", "0", rdb::SealDumpPayload("cwhat")}) == "(error) ERR Bad data format");
    CHECK(engine.Log().empty());
    CHECK(engine.Run({"GET", "taken"}) == "\"v\"");
    CHECK(engine.Run({"DBSIZE"}) == "1");
  }

  TEST_CASE("a name is free when the key that had it is due") {
    DumpEngine engine;
    engine.Run({"SET", "k", "v"});
    engine.Run({"EXPIRE", "k", "10"});
    engine.Log();
    engine.AdvanceMs(10'001);
    CHECK(engine.Run({"RESTORE", "k", "0", kDumpOf1}) == "OK");
    CHECK(engine.Log() == Lines{"MULTI", "DEL k", std::string("RESTORE k 0 ") + kShown, "EXEC"});
  }

  TEST_CASE(
      "collections of a stock server are restored, and dumped so that they can be restored again") {
    DumpEngine engine;
    for (const StockCollection& stock : kStockCollections) {
      CAPTURE(stock.payload);
      CHECK(engine.Run({"RESTORE", "k", "0", rdb::FromHex(stock.payload), "REPLACE"}) == "OK");
      CHECK(engine.Run({"TYPE", "k"}) == stock.type);
      CHECK(engine.Ask({"OBJECT", "ENCODING", "k"}).string == stock.encoding);
      const std::string dump = engine.Ask({"DUMP", "k"}).string;
      CHECK(engine.Run({"RESTORE", "again", "0", dump, "REPLACE"}) == "OK");
      CHECK(engine.Ask({"DUMP", "again"}).string == dump);
      CHECK(engine.Run({"OBJECT", "REFCOUNT", "k"}) == "1");
    }
  }

  TEST_CASE("a collection is restored with its deadline, and in the encoding the limits ask for") {
    DumpEngine engine;
    engine.settings.encoding.hash_listpack_entries = 1;
    const std::string hash = rdb::FromHex(kStockCollections[3].payload);
    CHECK(engine.Run({"RESTORE", "k", "5000", hash}) == "OK");
    CHECK(engine.Run({"PTTL", "k"}) == "5000");
    CHECK(engine.Ask({"OBJECT", "ENCODING", "k"}).string == "hashtable");
    CHECK(engine.Run({"RESTORE", "k", "0", hash}) ==
          "(error) BUSYKEY Target key name already exists.");
    CHECK(engine.Run({"RESTORE", "gone", "1", hash, "ABSTTL"}) == "OK");
    CHECK(engine.Run({"EXISTS", "gone"}) == "0");
    CHECK(engine.Run({"GET", "k"}) ==
          "(error) WRONGTYPE Operation against a key holding the wrong kind of value");
  }

  TEST_CASE("collections are copied, renamed, replaced and deleted like strings") {
    DumpEngine engine;
    for (const StockCollection& stock : kStockCollections) {
      CAPTURE(stock.payload);
      engine.Run({"RESTORE", "from", "9000", rdb::FromHex(stock.payload), "REPLACE"});
      const std::string dump = engine.Ask({"DUMP", "from"}).string;
      CHECK(engine.Run({"COPY", "from", "to", "REPLACE"}) == "1");
      CHECK(engine.Run({"COPY", "from", "to", "DB", "1", "REPLACE"}) == "1");
      CHECK(engine.Ask({"DUMP", "to"}).string == dump);
      CHECK(engine.Run({"PTTL", "to"}) == "9000");
      CHECK(engine.Run({"RENAME", "to", "moved"}) == "OK");
      CHECK(engine.Ask({"DUMP", "moved"}).string == dump);
      CHECK(engine.Run({"PERSIST", "moved"}) == "1");
      CHECK(engine.Ask({"DUMP", "moved"}).string == dump);
      CHECK(engine.Run({"MOVE", "moved", "2"}) == "1");
      CHECK(engine.Run({"EXISTS", "moved"}) == "0");
      CHECK(engine.Run({"SET", "from", "text"}) == "OK");
      CHECK(engine.Run({"TYPE", "from"}) == "string");
      engine.databases.Discard(engine.databases.Flush(2));
    }
  }

  TEST_CASE(
      "a payload of a collection that is damaged, empty or has a member twice is refused, and "
      "nothing is made") {
    DumpEngine engine;
    for (const char* hex : {"02 02 0161 0161", "02 00", "04 01 0166", "10 07 07000000 0000 ff",
                            "0b 08 02000000 00000000", "05 01 0161 000000000000f87f", "06 00",
                            "07 00", "c8 00", "01 01 0161 00"}) {
      CAPTURE(hex);
      const std::string payload = rdb::SealDumpPayload(rdb::FromHex(hex));
      CHECK(engine.Run({"RESTORE", "k", "0", payload}) == "(error) ERR Bad data format");
    }
    std::string damaged = rdb::FromHex(kStockCollections[0].payload);
    damaged[5] ^= 1;
    CHECK(engine.Run({"RESTORE", "k", "0", damaged}) ==
          "(error) ERR DUMP payload version or checksum are wrong");
    CHECK(engine.Run({"DBSIZE"}) == "0");
  }
}

}  // namespace
}  // namespace terrace::commands
