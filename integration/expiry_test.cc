// Deadlines: set, read, kept and met.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

TEST_SUITE("integration/expiry") {
  TEST_CASE("deadlines are set under conditions, read and removed") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("EXPIRE none 10") == ":0");
    client.Run("SET k v");
    CHECK(client.Run("TTL k") == ":-1");
    CHECK(client.Run("PTTL none") == ":-2");
    CHECK(client.Run("EXPIRE k 100 XX") == ":0");
    CHECK(client.Run("EXPIRE k 100 GT") == ":0");
    CHECK(client.Run("EXPIRE k 100 NX") == ":1");
    CHECK(client.Run("EXPIRE k 50 GT") == ":0");
    CHECK(client.Run("EXPIRE k 50 LT") == ":1");
    CHECK(client.Run("TTL k") == ":50");
    CHECK(client.Run("EXPIREAT k 33177117420") == ":1");
    CHECK(client.Run("EXPIRETIME k") == ":33177117420");
    CHECK(client.Run("PEXPIREAT k 33177117420123") == ":1");
    CHECK(client.Run("PEXPIRETIME k") == ":33177117420123");
    CHECK(client.Run("PERSIST k") == ":1");
    CHECK(client.Run("PERSIST k") == ":0");
    CHECK(client.Run("EXPIRE k 10 NX GT") ==
          "-ERR NX and XX, GT or LT options at the same time are not compatible");
    CHECK(client.Run("EXPIRE k 10 GT LT") == "-ERR GT and LT options at the same time are not compatible");
    CHECK(client.Run("EXPIRE k 9223372036854775807") == "-ERR invalid expire time in 'expire' command");
  }

  TEST_CASE("a deadline in the past deletes at once") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MSET a 1 b 2");
    CHECK(client.Run("EXPIRE a -1") == ":1");
    CHECK(client.Run("PEXPIREAT b 1") == ":1");
    CHECK(client.Run("DBSIZE") == ":0");
  }

  TEST_CASE("a key that is due is never served, by any command") {
    ServerProcess server;
    Client client = server.Connect();
    for (int round = 0; round < 20; ++round) {
      const int64_t deadline = NowMs() + 10;
      client.Run("SET", "k", "v", "PXAT", std::to_string(deadline));
      std::string value = client.Run("GET k");
      while (NowMs() <= deadline) value = client.Run("GET k");
      REQUIRE(client.Run("GET k") == "$-1");
      REQUIRE(client.Run("EXISTS k") == ":0");
      REQUIRE(client.Run("INCR k") == ":1");
      client.Run("DEL k");
    }
  }

  TEST_CASE("keys nobody asks for disappear by themselves") {
    ServerProcess server;
    Client client = server.Connect();
    std::string pipeline;
    for (int i = 0; i < 1000; ++i)
      pipeline += Client::Encode({"SET", "k" + std::to_string(i), "v", "PX", "20"});
    client.Send(pipeline);
    for (int i = 0; i < 1000; ++i) REQUIRE(client.Read() == "+OK");
    CHECK(Eventually([&] { return client.Run("DBSIZE") == ":0"; }, 5000));
    CHECK(FieldOf(client.Text("INFO", "stats"), "expired_keys") == "1000");
  }

  TEST_CASE("the expired event leaves within milliseconds of the deadline" * doctest::skip(AgainstStock())) {
    ServerProcess server({"--notify-keyspace-events", "Ex"});
    Client writer = server.Connect();
    Client listener = server.Connect();
    CHECK(listener.Run("SUBSCRIBE __keyevent@0__:expired") == "[$subscribe $__keyevent@0__:expired :1]");
    std::map<std::string, int64_t> deadlines;
    std::string pipeline;
    const int64_t start = NowMs() + 100;
    for (int i = 0; i < 200; ++i) {
      const std::string key = "k" + std::to_string(i);
      deadlines[key] = start + i * 2;
      pipeline += Client::Encode({"SET", key, "v", "PXAT", std::to_string(deadlines[key])});
    }
    writer.Send(pipeline);
    for (int i = 0; i < 200; ++i) REQUIRE(writer.Read() == "+OK");

    std::vector<int64_t> delays_ms;
    for (int i = 0; i < 200; ++i) {
      const std::string event = listener.Read();
      const int64_t arrived = NowMs();
      const std::string key = event.substr(event.rfind('$') + 1, event.size() - event.rfind('$') - 2);
      REQUIRE_MESSAGE(deadlines.contains(key), event);
      delays_ms.push_back(arrived - deadlines[key]);
      CHECK(delays_ms.back() >= 0);
    }
    std::sort(delays_ms.begin(), delays_ms.end());
    // The median, as a busy test machine may hold up a few.
    CHECK(delays_ms[100] <= 10);
  }

  TEST_CASE("keyspace notifications name key, event and database, as chosen") {
    ServerProcess server({"--notify-keyspace-events", "KEA"});
    Client writer = server.Connect();
    Client listener = server.Connect();
    listener.Run("PSUBSCRIBE *");
    writer.Run("SET k v EX 100");
    CHECK(listener.Read() == "[$pmessage $* $__keyspace@0__:k $set]");
    CHECK(listener.Read() == "[$pmessage $* $__keyevent@0__:set $k]");
    CHECK(listener.Read() == "[$pmessage $* $__keyspace@0__:k $expire]");
    CHECK(listener.Read() == "[$pmessage $* $__keyevent@0__:expire $k]");
    writer.Run("DEL k");
    CHECK(listener.Read() == "[$pmessage $* $__keyspace@0__:k $del]");
    CHECK(listener.Read() == "[$pmessage $* $__keyevent@0__:del $k]");
    CHECK(writer.Run("CONFIG SET notify-keyspace-events Kg") == "+OK");
    writer.Run("SELECT 9");
    writer.Run("SET a 1");
    writer.Run("RENAME a b");
    CHECK(listener.Read() == "[$pmessage $* $__keyspace@9__:a $rename_from]");
    CHECK(listener.Read() == "[$pmessage $* $__keyspace@9__:b $rename_to]");
    CHECK(listener.IsQuiet(30));
  }

  TEST_CASE("misses and new keys are notified when asked for") {
    ServerProcess server({"--notify-keyspace-events", "Emn"});
    Client writer = server.Connect();
    Client listener = server.Connect();
    listener.Run("PSUBSCRIBE *");
    writer.Run("GET k");
    CHECK(listener.Read() == "[$pmessage $* $__keyevent@0__:keymiss $k]");
    writer.Run("SET k v");
    CHECK(listener.Read() == "[$pmessage $* $__keyevent@0__:new $k]");
    writer.Run("SET k w");
    writer.Run("GET k");
    CHECK(listener.IsQuiet(30));
  }
}

}  // namespace
}  // namespace terrace::integration
