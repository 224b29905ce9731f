// MULTI, EXEC and the keys they watch.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

// WATCH `key`, let somebody else run `change`, then try a transaction: true if it was given up.
bool IsGivenUp(const ServerProcess& server, const std::string& key,
               const std::vector<std::string>& change) {
  Client watcher = server.Connect();
  Client other = server.Connect();
  REQUIRE(watcher.Run("WATCH", key) == "+OK");
  other.RunList(change);
  REQUIRE(watcher.Run("MULTI") == "+OK");
  REQUIRE(watcher.Run("PING") == "+QUEUED");
  return watcher.Run("EXEC") == "*-1";
}

TEST_SUITE("integration/transactions") {
  TEST_CASE("queued commands run at EXEC, errors among them included") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("MULTI") == "+OK");
    CHECK(client.Run("SET k v") == "+QUEUED");
    CHECK(client.Run("INCR k") == "+QUEUED");
    CHECK(client.Run("GET k") == "+QUEUED");
    CHECK(server.Connect().Run("EXISTS k") == ":0");
    CHECK(client.Run("EXEC") == "[+OK -ERR value is not an integer or out of range $v]");
    CHECK(client.Run("GET k") == "$v");
  }

  TEST_CASE("a command that cannot be queued aborts the transaction") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MULTI");
    CHECK(client.Run("SET k") == "-ERR wrong number of arguments for 'set' command");
    CHECK(client.Run("SET k v") == "+QUEUED");
    CHECK(client.Run("EXEC") == "-EXECABORT Transaction discarded because of previous errors.");
    CHECK(client.Run("EXISTS k") == ":0");
    client.Run("MULTI");
    CHECK(client.Run("NOSUCH") == "-ERR unknown command 'NOSUCH', with args beginning with: ");
    CHECK(client.Run("EXEC") == "-EXECABORT Transaction discarded because of previous errors.");
  }

  TEST_CASE("MULTI does not nest, WATCH has to come before it") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("EXEC") == "-ERR EXEC without MULTI");
    CHECK(client.Run("DISCARD") == "-ERR DISCARD without MULTI");
    client.Run("MULTI");
    CHECK(client.Run("MULTI") == "-ERR MULTI calls can not be nested");
    CHECK(client.Run("WATCH k") == "-ERR WATCH inside MULTI is not allowed");
    CHECK(client.Run("SET k v") == "+QUEUED");
    CHECK(client.Run("DISCARD") == "+OK");
    CHECK(client.Run("GET k") == "$-1");
  }

  TEST_CASE("a watched key that changed in any way gives the transaction up") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET k v");
    CHECK(IsGivenUp(server, "k", {"SET", "k", "w"}));
    CHECK(IsGivenUp(server, "k", {"EXPIRE", "k", "100"}));
    CHECK(IsGivenUp(server, "k", {"RENAME", "k", "l"}));
    CHECK(IsGivenUp(server, "k", {"SET", "k", "new"}));
    CHECK(IsGivenUp(server, "k", {"FLUSHALL"}));
    CHECK_FALSE(IsGivenUp(server, "k", {"GET", "k"}));
    CHECK_FALSE(IsGivenUp(server, "k", {"SET", "other", "v"}));
    CHECK_FALSE(IsGivenUp(server, "k", {"FLUSHALL"}));
  }

  TEST_CASE("SWAPDB touches watched keys that either database holds") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK_FALSE(IsGivenUp(server, "k", {"SWAPDB", "0", "1"}));
    client.Run("SET k v");
    CHECK(IsGivenUp(server, "k", {"SWAPDB", "0", "1"}));
    CHECK(IsGivenUp(server, "k", {"SWAPDB", "0", "1"}));
  }

  TEST_CASE("a watched key that expires gives the transaction up") {
    ServerProcess server;
    Client watcher = server.Connect();
    Client other = server.Connect();
    watcher.Run("SET k v PX 20");
    watcher.Run("WATCH k");
    CHECK(Eventually([&] { return other.Run("EXISTS k") == ":0"; }));
    watcher.Run("MULTI");
    watcher.Run("PING");
    CHECK(watcher.Run("EXEC") == "*-1");
  }

  TEST_CASE("UNWATCH, DISCARD and EXEC forget what was watched") {
    ServerProcess server;
    Client client = server.Connect();
    Client other = server.Connect();
    client.Run("WATCH a");
    client.Run("UNWATCH");
    other.Run("SET a 1");
    client.Run("MULTI");
    CHECK(client.Run("EXEC") == "[]");
    client.Run("WATCH a");
    client.Run("MULTI");
    client.Run("DISCARD");
    other.Run("SET a 2");
    client.Run("MULTI");
    client.Run("GET a");
    CHECK(client.Run("EXEC") == "[$2]");
  }

  TEST_CASE("what a transaction does itself does not give it up") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("WATCH k");
    client.Run("SET k mine");
    client.Run("MULTI");
    client.Run("PING");
    CHECK(client.Run("EXEC") == "*-1");  // before MULTI it counts, as for anybody else
    client.Run("WATCH k");
    client.Run("MULTI");
    client.Run("SET k again");
    client.Run("GET k");
    CHECK(client.Run("EXEC") == "[+OK $again]");
  }

  TEST_CASE("nobody sees half of a transaction") {
    ServerProcess server;
    Client writer = server.Connect();
    std::string transactions;
    for (int i = 0; i < 2000; ++i) {
      const std::string value = std::to_string(i);
      transactions += "MULTI\r\nSET a " + value + "\r\nSET b " + value + "\r\nEXEC\r\n";
    }
    transactions += "SET end 1\r\n";
    writer.Run("MSET a 0 b 0");
    std::thread sender([&] { writer.Send(transactions); });
    Client reader = server.Connect();
    int torn = 0;
    const bool ended = Eventually([&] {
      const std::string values = reader.Run("MGET a b end");  // [$7 $7 $-1]
      const size_t blank = values.find(' ');
      if (values.substr(1, blank - 1) !=
          values.substr(blank + 1, values.find(' ', blank + 1) - blank - 1))
        ++torn;
      return values.ends_with(" $1]");
    });
    sender.join();
    CHECK(ended);
    CHECK(torn == 0);
  }

  TEST_CASE("counters under WATCH lose no step when many try at once") {
    ServerProcess server;
    constexpr int kThreads = 4;
    constexpr int kSteps = 100;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&server] {
        Client client = server.Connect();
        for (int step = 0; step < kSteps;) {
          client.Run("WATCH n");
          const std::string value = client.Run("GET n");
          const int next = value == "$-1" ? 1 : std::stoi(value.substr(1)) + 1;
          client.Run("MULTI");
          client.Run("SET", "n", std::to_string(next));
          if (client.Run("EXEC") != "*-1") ++step;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(server.Connect().Run("GET n") == "$" + std::to_string(kThreads * kSteps));
  }

  TEST_CASE("an EXEC that may not run ends its transaction all the same") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("MULTI");
    client.Run("SET k v");
    CHECK(client.Run("EXEC x") ==
          "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
          "command");
    CHECK(client.Run("EXEC") == "-ERR EXEC without MULTI");
    CHECK(client.Run("GET k") == "$-1");
    Client other = server.Connect();
    // A sanitizer's allocator does not say what is in use.
    if (!AgainstStock() && FieldOf(other.Text("INFO memory"), "mem_allocator") == "sanitizer")
      return;
    client.Run("MULTI");
    client.Run("SET k v");
    other.Run("CONFIG SET maxmemory 1");
    CHECK(client.Run("EXEC") ==
          "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > "
          "'maxmemory'.");
    CHECK(client.Run("GET k") == "$-1");
  }
}

}  // namespace
}  // namespace terrace::integration
