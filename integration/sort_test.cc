// SORT as clients see it: what one thread's clients write is sorted by another's.
#include <doctest/doctest.h>

#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

TEST_SUITE("integration/sort") {
  TEST_CASE(
      "a list is sorted by strings and hash fields that lie anywhere, alone and in a transaction") {
    ServerProcess server({"--threads", "4"});
    Client client = server.Connect();
    Client another = server.Connect();
    for (int i = 1; i <= 200; ++i) {
      const std::string n = std::to_string(i);
      REQUIRE(client.Run("RPUSH list " + n) == ":" + n);
      REQUIRE(client.Run("SET weight:" + n + " " + std::to_string(1000 - i)) == "+OK");
      REQUIRE(client.Run("HSET item:" + n + " name item" + n) == ":1");
    }
    const std::string by_weight = "SORT list BY weight:* GET item:*->name LIMIT 0 2";
    CHECK(another.Run(by_weight) == "[$item200 $item199]");
    CHECK(another.Run("SORT list LIMIT 1 2 DESC") == "[$199 $198]");
    CHECK(client.Run("MULTI") == "+OK");
    CHECK(client.Run("SET weight:7 0") == "+QUEUED");
    CHECK(client.Run(by_weight) == "+QUEUED");
    CHECK(client.Run("SORT list BY weight:* STORE sorted") == "+QUEUED");
    CHECK(client.Run("EXEC") == "[+OK [$item7 $item200] :200]");
    CHECK(another.Run("LRANGE sorted 0 1") == "[$7 $200]");
    CHECK(another.Run("COMMAND GETKEYS SORT list BY weight:* STORE sorted") == "[$list $sorted]");
  }
}

}  // namespace
}  // namespace terrace::integration
