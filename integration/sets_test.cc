// The set commands as clients see them.
#include <doctest/doctest.h>

#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

TEST_SUITE("integration/sets") {
  TEST_CASE("sets of all encodings are added to, asked, combined and emptied") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("SADD integers 1 2 3 2") == ":3");
    CHECK(client.Run("OBJECT ENCODING integers") == "$intset");
    CHECK(client.Run("SADD texts a 2 b") == ":3");
    CHECK(client.Run("OBJECT ENCODING texts") == "$listpack");
    for (int i = 0; i < 1000; ++i)
      REQUIRE(client.Run("SADD many member:" + std::to_string(i)) == ":1");
    CHECK(client.Run("OBJECT ENCODING many") == "$hashtable");
    CHECK(client.Run("SCARD many") == ":1000");
    CHECK(client.Run("SINTERCARD 2 integers texts") == ":1");
    CHECK(client.Run("SUNIONSTORE all integers texts many") == ":1005");
    CHECK(client.Run("SDIFFSTORE all all many integers") == ":2");
    CHECK(client.Run("SMISMEMBER all a b 2") == client.Run("SMISMEMBER texts a b x"));
    CHECK(client.Run("SREM all a b") == ":2");
    CHECK(client.Run("EXISTS all") == ":0");
    CHECK(client.Run("GET many") ==
          "-WRONGTYPE Operation against a key holding the wrong kind of value");
    CHECK(client.Run("UNLINK many") == ":1");
  }

  TEST_CASE("a set is popped to the last member, and each comes once") {
    ServerProcess server;
    Client client = server.Connect();
    for (int i = 0; i < 500; ++i) REQUIRE(client.Run("SADD s member:" + std::to_string(i)) == ":1");
    for (int i = 0; i < 500; ++i) {
      const std::string popped = client.Run("SPOP s");
      REQUIRE(popped.starts_with("$member:"));
      REQUIRE(client.Run("SADD seen " + popped.substr(1)) == ":1");
    }
    CHECK(client.Run("SPOP s") == "$-1");
    CHECK(client.Run("EXISTS s") == ":0");
    CHECK(client.Run("SCARD seen") == ":500");
  }
}

}  // namespace
}  // namespace terrace::integration
