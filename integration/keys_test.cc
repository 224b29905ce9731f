// Commands on keys whatever they hold, and on whole databases.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

// Walks SCAN from cursor 0 to its end and returns every element reported; `filter` is appended to each
// request.
std::set<std::string> ScanAll(Client& client, const std::vector<std::string>& filter) {
  std::set<std::string> found;
  std::string cursor = "0";
  do {
    std::vector<std::string> request = {"SCAN", cursor};
    request.insert(request.end(), filter.begin(), filter.end());
    const std::string reply = client.RunList(request);  // [$cursor [$key $key ...]]
    REQUIRE(reply.starts_with("[$"));
    const size_t list = reply.find(" [");
    REQUIRE(list != std::string::npos);
    cursor = reply.substr(2, list - 2);
    std::string keys = reply.substr(list + 2, reply.size() - list - 4);
    for (size_t at = 0; at < keys.size();) {
      const size_t end = std::min(keys.find(' ', at), keys.size());
      found.insert(keys.substr(at + 1, end - at - 1));
      at = end + 1;
    }
  } while (cursor != "0");
  return found;
}

TEST_SUITE("integration/keys") {
  TEST_CASE("keys are deleted, counted and touched by the number") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MSET a 1 b 2 c 3");
    CHECK(client.Run("EXISTS a b none a") == ":3");
    CHECK(client.Run("TOUCH a none") == ":1");
    CHECK(client.Run("DEL a a none") == ":1");
    CHECK(client.Run("UNLINK b c") == ":2");
    CHECK(client.Run("DBSIZE") == ":0");
    CHECK(client.Run("TYPE a") == "+none");
    CHECK(client.Run("RANDOMKEY") == "$-1");
  }

  TEST_CASE("RENAME moves value and deadline") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET a 1 EX 100");
    client.Run("SET b 2");
    CHECK(client.Run("RENAMENX a b") == ":0");
    CHECK(client.Run("RENAME a b") == "+OK");
    CHECK(client.Run("GET b") == "$1");
    CHECK(IsRecentTtl(client.Run("TTL b"), 100));
    CHECK(client.Run("RENAME none x") == "-ERR no such key");
    CHECK(client.Run("RENAME b b") == "+OK");
    CHECK(client.Run("RENAMENX b c") == ":1");
  }

  TEST_CASE("COPY and MOVE carry a key between databases") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET a 1 EX 100");
    CHECK(client.Run("COPY a b") == ":1");
    CHECK(client.Run("COPY a b") == ":0");
    CHECK(client.Run("COPY a b REPLACE") == ":1");
    CHECK(client.Run("COPY a a") == "-ERR source and destination objects are the same");
    CHECK(client.Run("COPY a a DB 3") == ":1");
    CHECK(client.Run("COPY a a DB 99") == "-ERR DB index is out of range");
    CHECK(client.Run("MOVE b 3") == ":1");
    CHECK(client.Run("MOVE a 3") == ":0");
    CHECK(client.Run("MOVE a 0") == "-ERR source and destination objects are the same");
    client.Run("SELECT 3");
    CHECK(client.Run("MGET a b") == "[$1 $1]");
    CHECK(IsRecentTtl(client.Run("TTL b"), 100));
  }

  TEST_CASE("databases are apart, can be exchanged and emptied") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("SELECT 16") == "-ERR DB index is out of range");
    CHECK(client.Run("SELECT x") == "-ERR value is not an integer or out of range");
    client.Run("SET k zero");
    CHECK(client.Run("SELECT 15") == "+OK");
    CHECK(client.Run("GET k") == "$-1");
    client.Run("SET k fifteen");
    CHECK(client.Run("SWAPDB 0 15") == "+OK");
    CHECK(client.Run("GET k") == "$zero");
    CHECK(client.Run("FLUSHDB") == "+OK");
    client.Run("SELECT 0");
    CHECK(client.Run("GET k") == "$fifteen");
    CHECK(client.Run("FLUSHALL ASYNC") == "+OK");
    CHECK(client.Run("DBSIZE") == ":0");
    CHECK(client.Run("FLUSHALL NOSUCH") == "-ERR syntax error");
  }

  TEST_CASE("KEYS matches patterns") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MSET hello 1 hallo 2 hxllo 3 h*llo 4");
    CHECK(client.Run("KEYS h[ae]llo").size() == std::string("[$hello $hallo]").size());
    CHECK(client.Run("KEYS h\\*llo") == "[$h*llo]");
    CHECK(client.Run("KEYS h[^aex]llo") == "[$h*llo]");
    CHECK(client.Run("KEYS nothing*") == "[]");
  }

  TEST_CASE("SCAN reports every key that stays while thousands come and go") {
    ServerProcess server;
    Client client = server.Connect();
    std::string pipeline;
    for (int i = 0; i < 2000; ++i)
      pipeline += Client::Encode({"SET", "stay:" + std::to_string(i), "v"});
    client.Send(pipeline);
    for (int i = 0; i < 2000; ++i) REQUIRE(client.Read() == "+OK");

    std::set<std::string> found;
    std::string cursor = "0";
    int round = 0;
    do {
      const std::string reply = client.Run("SCAN", cursor, "COUNT", "50", "MATCH", "stay:*");
      const size_t list = reply.find(" [");
      REQUIRE(list != std::string::npos);
      cursor = reply.substr(2, list - 2);
      for (size_t at = reply.find("$stay", list); at != std::string::npos;
           at = reply.find("$stay", at + 1)) {
        found.insert(reply.substr(at + 1, reply.find_first_of(" ]", at) - at - 1));
      }
      // Grow for a while, then shrink: the tables resize under the cursor.
      pipeline.clear();
      for (int i = 0; i < 1000; ++i) {
        const std::string key =
            "pass:" + std::to_string((round < 20 ? round : round - 20) * 1000 + i);
        pipeline += round < 20 ? Client::Encode({"SET", key, "v"}) : Client::Encode({"DEL", key});
      }
      client.Send(pipeline);
      for (int i = 0; i < 1000; ++i) client.Read();
      ++round;
    } while (cursor != "0" && round < 2000);
    CHECK(cursor == "0");
    CHECK(found.size() == 2000);
  }

  TEST_CASE("SCAN filters by pattern and type, and refuses odd cursors") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MSET a:1 x a:2 x b:1 x");
    CHECK(ScanAll(client, {"MATCH", "a:*"}) == std::set<std::string>{"a:1", "a:2"});
    CHECK(ScanAll(client, {"TYPE", "string"}).size() == 3);
    CHECK(ScanAll(client, {"TYPE", "list", "COUNT", "1"}).empty());
    CHECK(client.Run("SCAN nope") == "-ERR invalid cursor");
    CHECK(client.Run("SCAN 0 COUNT 0") == "-ERR syntax error");
  }

  TEST_CASE("DUMP and RESTORE carry a value, its deadline and nothing that is damaged") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET k value");
    std::string payload = client.Text("DUMP", "k");
    CHECK(client.Run("RESTORE", "copy", "0", payload) == "+OK");
    CHECK(client.Run("GET copy") == "$value");
    CHECK(client.Run("RESTORE", "copy", "0", payload) ==
          "-BUSYKEY Target key name already exists.");
    CHECK(client.Run("RESTORE", "copy", "500000", payload, "REPLACE") == "+OK");
    CHECK(IsRecentTtl(client.Run("TTL copy"), 500));
    CHECK(client.Run("RESTORE", "copy", "-1", payload, "REPLACE") ==
          "-ERR Invalid TTL value, must be >= 0");
    payload[2] ^= 1;
    CHECK(client.Run("RESTORE", "bad", "0", payload) ==
          "-ERR DUMP payload version or checksum are wrong");
    CHECK(client.Run("DUMP none") == "$-1");
  }

  TEST_CASE("OBJECT tells encodings and idle times by Redis' names") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET int 12345");
    client.Run("SET short abc");
    client.Run("SET", "long", std::string(45, 'x'));
    CHECK(client.Run("OBJECT ENCODING int") == "$int");
    CHECK(client.Run("OBJECT ENCODING short") == "$embstr");
    CHECK(client.Run("OBJECT ENCODING long") == "$raw");
    CHECK(std::stoi(client.Run("OBJECT IDLETIME short").substr(1)) < 60);
    CHECK(client.Run("OBJECT ENCODING none") == "$-1");
    CHECK(client.Run("OBJECT FREQ short") ==
          "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
          "that when "
          "switching "
          "between policies at runtime LRU and LFU data will take some time to adjust.");
  }
}

}  // namespace
}  // namespace terrace::integration
