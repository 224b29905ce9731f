// appendonly switched on in a server that was started without it, beside the data of an earlier one.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Words = std::vector<std::string>;

const Words kDurable = {"--appendonly", "yes"};

bool Exists(const ServerProcess& server, const char* name) {
  return std::filesystem::exists(server.folder() + "/" + name);
}

// A server that was started without appendonly, in a folder where an earlier one has left a key; switched on.
void SwitchOnBesideOlderData(ServerProcess& server) {
  {
    Client client = server.Connect();
    client.Run("SET old x");
    server.KillNow();
  }
  server.Restart({});
  Client client = server.Connect();
  CHECK(client.Run("EXISTS old") == ":0");
  for (int i = 0; i < 100; ++i) client.Run("SET", "new" + std::to_string(i), std::string(100, 'v'));
  CHECK(client.Run("CONFIG SET appendonly yes") == "+OK");
  CHECK(server.Log().find("are set aside as") != std::string::npos);
}

}  // namespace

TEST_SUITE("integration/appendonly_later") {
  TEST_CASE(
      "older data count until the first checkpoint of the new ones is in force, and then go") {
    if (AgainstStock()) return;
    ServerProcess server(kDurable);
    SwitchOnBesideOlderData(server);
    CHECK(Eventually([&] { return !Exists(server, "terrace-data.before"); }));
    CHECK_FALSE(Exists(server, "terrace-data/UNFINISHED"));
    server.KillNow();
    server.Restart(kDurable);
    Client client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":100");
    CHECK(client.Run("EXISTS old") == ":0");
  }

  // As a crash between the two leaves them.
  TEST_CASE("a restart before the first checkpoint brings the older data back") {
    if (AgainstStock()) return;
    for (const char* left : {"nothing", "an empty directory", "an unfinished one"}) {
      CAPTURE(left);
      ServerProcess server(kDurable);
      {
        Client client = server.Connect();
        client.Run("SET old x");
        server.KillNow();
      }
      const std::string data = server.folder() + "/terrace-data";
      std::filesystem::rename(data, data + ".before");
      if (left != std::string("nothing")) std::filesystem::create_directory(data);
      if (left == std::string("an unfinished one")) {
        ServerProcess other(kDurable);
        other.KillNow();
        std::filesystem::copy(other.folder() + "/terrace-data", data,
                              std::filesystem::copy_options::recursive);
        std::filesystem::copy_file(data + "/LOCK", data + "/UNFINISHED");
      }
      server.Restart(kDurable);
      CHECK(server.Log().find("is brought back") != std::string::npos);
      Client client = server.Connect();
      CHECK(client.Run("GET old") == "$x");
      CHECK_FALSE(Exists(server, "terrace-data.before"));
    }
  }

  TEST_CASE("older data that have had their time go at the next start") {
    if (AgainstStock()) return;
    ServerProcess server(kDurable);
    {
      Client client = server.Connect();
      client.Run("SET kept x");
      server.KillNow();
    }
    const std::string data = server.folder() + "/terrace-data";
    std::filesystem::copy(data, data + ".before", std::filesystem::copy_options::recursive);
    server.Restart(kDurable);
    Client client = server.Connect();
    CHECK(client.Run("GET kept") == "$x");
    CHECK_FALSE(Exists(server, "terrace-data.before"));
  }
}

}  // namespace terrace::integration
