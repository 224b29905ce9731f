// Hashes, seen by several clients at once.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

TEST_SUITE("integration/hashes") {
  TEST_CASE(
      "clients that fill and count in one hash lose nothing while it grows to a table and away "
      "again") {
    constexpr int kClients = 4;
    constexpr int kFields = 1'000;
    ServerProcess server({"--threads", "2"});
    const auto everyone = [&server](const char* command, bool with_value) {
      std::vector<std::thread> clients;
      for (int c = 0; c < kClients; ++c) {
        clients.emplace_back([&server, command, with_value, c] {
          Client client = server.Connect();
          for (int i = 0; i < kFields; ++i) {
            std::vector<std::string> request = {command, "h",
                                                std::to_string(c) + ":" + std::to_string(i)};
            if (with_value) request.push_back(std::to_string(i));
            client.RunList(request);
            client.Run("HINCRBY counts n 1");
          }
        });
      }
      for (std::thread& client : clients) client.join();
    };
    everyone("HSET", true);
    Client client = server.Connect();
    CHECK(client.Run("HLEN h") == ":" + std::to_string(kClients * kFields));
    CHECK(client.Run("HGET counts n") == "$" + std::to_string(kClients * kFields));
    CHECK(client.Run("OBJECT ENCODING h") == "$hashtable");
    for (int c = 0; c < kClients; ++c) {
      CHECK(client.Run("HGET h " + std::to_string(c) + ":999") == "$999");
    }
    everyone("HDEL", false);
    CHECK(client.Run("EXISTS h") == ":0");
    CHECK(client.Run("HGET counts n") == "$" + std::to_string(2 * kClients * kFields));
  }
}

}  // namespace
}  // namespace terrace::integration
