// Streams as clients see them: long ones, with several consumers, through real sockets.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

TEST_SUITE("integration/streams") {
  TEST_CASE("a long stream is read from anywhere, trimmed and deleted") {
    ServerProcess server;
    Client client = server.Connect();
    constexpr int kEntries = 20'000;
    for (int from = 1; from <= kEntries; from += 1000) {
      std::string commands;
      for (int i = from; i < from + 1000; ++i) {
        commands += "XADD s " + std::to_string(i) + "-0 number " + std::to_string(i) + "\r\n";
      }
      REQUIRE(client.Send(commands));
      CHECK(client.Read(1000).back() == "$" + std::to_string(from + 999) + "-0");
    }
    CHECK(client.Run("XLEN s") == ":20000");
    for (const int i : {1, 99, 100, 101, 12'345, kEntries}) {
      const std::string id = std::to_string(i);
      CHECK(client.Run("XRANGE s " + id + " + COUNT 1") ==
            "[[$" + id + "-0 [$number $" + id + "]]]");
      CHECK(client.Run("XREVRANGE s " + id + " - COUNT 1") ==
            "[[$" + id + "-0 [$number $" + id + "]]]");
    }
    CHECK(client.Run("XREAD COUNT 1 STREAMS s none 777-0 0") == "[[$s [[$778-0 [$number $778]]]]]");
    CHECK(client.Run("XDEL s 5000-0 5001-0 5001-0") == ":2");
    CHECK(client.Run("XRANGE s 5000 + COUNT 1") == "[[$5002-0 [$number $5002]]]");
    CHECK(client.Run("XTRIM s MAXLEN 10") == ":19988");
    CHECK(client.Run("XRANGE s - + COUNT 1") == "[[$19991-0 [$number $19991]]]");
    CHECK(client.Run("TYPE s") == "+stream");
    CHECK(client.Run("UNLINK s") == ":1");
    CHECK(client.Run("XLEN s") == ":0");
  }

  TEST_CASE("consumers of a group share a stream's entries between them") {
    ServerProcess server({"--threads", "2"});
    Client clients[] = {server.Connect(), server.Connect(), server.Connect()};
    CHECK(clients[0].Run("XGROUP CREATE s g $ MKSTREAM") == "+OK");
    constexpr int kEntries = 300;
    for (int i = 1; i <= kEntries; ++i)
      clients[0].Run("XADD s " + std::to_string(i) + "-0 n " + std::to_string(i));
    std::set<std::string> seen;
    for (int i = 0; i < kEntries; ++i) {
      const std::string name = "c" + std::to_string(i % 3);
      const std::string reply =
          clients[i % 3].Run("XREADGROUP GROUP g " + name + " COUNT 1 STREAMS s >");
      CHECK(seen.insert(reply).second);
      if (i % 2 == 0)
        CHECK(clients[(i + 1) % 3].Run("XACK s g " + std::to_string(i + 1) + "-0") == ":1");
    }
    CHECK(clients[0].Run("XREADGROUP GROUP g c0 COUNT 1 STREAMS s >") == "*-1");
    CHECK(clients[0].Run("XPENDING s g") == "[:150 $2-0 $300-0 [[$c0 $50] [$c1 $50] [$c2 $50]]]");
    CHECK(clients[1].Run("XAUTOCLAIM s g c1 0 0 COUNT 1 JUSTID") == "[$4-0 [$2-0] []]");
    CHECK(clients[1].Run("XGROUP DELCONSUMER s g c1") == ":50");
  }
}

}  // namespace
}  // namespace terrace::integration
