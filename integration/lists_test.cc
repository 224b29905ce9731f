// Lists as clients see them: long ones, through a real socket.
#include <doctest/doctest.h>

#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

// "RPUSH key from ... to - 1"
std::string PushNumbers(const std::string& key, int from, int to) {
  std::string command = "RPUSH " + key;
  for (int i = from; i < to; ++i) command += " " + std::to_string(i);
  return command;
}

TEST_SUITE("integration/lists") {
  TEST_CASE("a long list is read and cut anywhere") {
    ServerProcess server;
    Client client = server.Connect();
    constexpr int kElements = 20'000;
    for (int from = 0; from < kElements; from += 1000)
      client.Run(PushNumbers("l", from, from + 1000));
    CHECK(client.Run("LLEN l") == ":20000");
    for (const int index : {0, 1, 4999, 10'000, 19'998, 19'999}) {
      CHECK(client.Run("LINDEX l " + std::to_string(index)) == "$" + std::to_string(index));
      CHECK(client.Run("LINDEX l " + std::to_string(index - kElements)) ==
            "$" + std::to_string(index));
    }
    CHECK(client.Run("LSET l 12345 x") == "+OK");
    CHECK(client.Run("LINSERT l BEFORE x y") == ":20001");
    CHECK(client.Run("LPOS l 12346") == ":12347");
    CHECK(client.Run("LREM l 0 y") == ":1");
    CHECK(client.Run("LTRIM l 5000 -5001") == "+OK");
    CHECK(client.Run("LLEN l") == ":10000");
    CHECK(client.Run("LPOP l") == "$5000");
    CHECK(client.Run("RPOP l") == "$14999");
    CHECK(client.Run("RPOPLPUSH l l") == "$14998");
    CHECK(client.Run("LINDEX l 0") == "$14998");
    CHECK(client.Run("DEL l") == ":1");
    CHECK(client.Run("LLEN l") == ":0");
  }

  TEST_CASE("a list with compressed nodes reads like any other") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("CONFIG SET list-compress-depth 1 list-max-listpack-size 10") == "+OK");
    for (int from = 0; from < 3000; from += 1000) client.Run(PushNumbers("l", from, from + 1000));
    for (const int index : {0, 9, 10, 11, 1500, 2989, 2990, 2999}) {
      CHECK(client.Run("LINDEX l " + std::to_string(index)) == "$" + std::to_string(index));
    }
    CHECK(client.Run("LINSERT l AFTER 1500 between") == ":3001");
    CHECK(client.Run("LINDEX l 1501") == "$between");
    CHECK(client.Run("LINDEX l 1502") == "$1501");
    for (int i = 0; i < 1501; ++i) REQUIRE(client.Run("LPOP l") == "$" + std::to_string(i));
    CHECK(client.Run("LPOP l") == "$between");
  }
}

}  // namespace
}  // namespace terrace::integration
