// The log's ring in the running server: switched on and off, and what INFO says about it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

long EngineField(Client& client, const char* name) {
  return std::stol(FieldOf(client.Text("INFO engine"), name));
}

TEST_SUITE("integration/commit_log") {
  TEST_CASE("switched on, the log grows by the bytes of the stream, and switched off it rests") {
    if (AgainstStock()) return;
    ServerProcess server({"--enable-debug-command", "yes"});
    Client client = server.Connect();
    client.Run("SET before 1");
    CHECK(EngineField(client, "log_enabled") == 0);
    CHECK(EngineField(client, "log_end_offset") == 0);
    CHECK(EngineField(client, "log_ring_bytes") == 0);
    CHECK(client.Run("DEBUG COMMIT-LOG ON") == "+OK");
    CHECK(EngineField(client, "log_enabled") == 1);
    CHECK(EngineField(client, "log_ring_bytes") > 0);
    std::string stream = Client::Encode({"SELECT", "0"});
    for (const char* key : {"a", "b", "c"}) {
      CHECK(client.Run("SET", key, "value") == "+OK");
      stream += Client::Encode({"SET", key, "value"});
    }
    client.Run("GET a");
    CHECK(EngineField(client, "log_first_offset") == 1);
    CHECK(EngineField(client, "log_end_offset") == static_cast<long>(stream.size()));
    CHECK(client.Run("DEBUG COMMIT-LOG on") == "+OK");
    CHECK(EngineField(client, "log_first_offset") == 1);
    CHECK(client.Run("DEBUG COMMIT-LOG OFF") == "+OK");
    client.Run("SET a again");
    CHECK(EngineField(client, "log_enabled") == 0);
    CHECK(EngineField(client, "log_end_offset") == static_cast<long>(stream.size()));
  }

  TEST_CASE(
      "while the log is held, writes and readers of their keys wait and nobody else; then all "
      "leave in order") {
    if (AgainstStock()) return;
    for (const char* threads : {"1", "2"}) {
      ServerProcess server({"--enable-debug-command", "yes", "--threads", threads});
      Client admin = server.Connect();
      Client writer = server.Connect();
      Client reader = server.Connect();
      Client listener = server.Connect();
      CHECK(admin.Run("DEBUG LOG-HOLD ON") ==
            "-ERR the log is off; DEBUG COMMIT-LOG ON switches it on");
      admin.Run("CONFIG SET notify-keyspace-events KEA");
      admin.Run("DEBUG COMMIT-LOG ON");
      admin.Run("SET other 0");
      listener.Run("SUBSCRIBE __keyevent@0__:set");
      CHECK(admin.Run("DEBUG LOG-HOLD ON") == "+OK");
      const long held_at = EngineField(admin, "log_end_offset");
      writer.SendRequest({"PING"});
      writer.SendRequest({"SET", "k", "1"});
      writer.SendRequest({"SET", "k", "2"});
      CHECK(writer.Read() == "+PONG");
      CHECK(Eventually([&] {
        return EngineField(admin, "log_end_offset") ==
               held_at + static_cast<long>(2 * Client::Encode({"SET", "k", "1"}).size());
      }));
      CHECK(EngineField(admin, "log_reached_offset") == held_at);
      CHECK(reader.Run("GET other") == "$0");
      reader.SendRequest({"GET", "k"});
      reader.SendRequest({"PING"});
      // The reader's requests have run when the admin's later one on the same worker has; quiet says they were held.
      CHECK(admin.Run("GET other") == "$0");
      CHECK(writer.IsQuiet(50));
      CHECK(reader.IsQuiet(0));
      CHECK(listener.IsQuiet(0));
      CHECK(admin.Run("DEBUG LOG-HOLD OFF") == "+OK");
      CHECK(writer.Read(2) == std::vector<std::string>{"+OK", "+OK"});
      CHECK(reader.Read(2) == std::vector<std::string>{"$2", "+PONG"});
      CHECK(listener.Read(2) == std::vector<std::string>{"[$message $__keyevent@0__:set $k]",
                                                         "[$message $__keyevent@0__:set $k]"});
      CHECK(writer.Run("SET k 3") == "+OK");
    }
  }

  TEST_CASE("a client that leaves while its replies are held takes nothing with it") {
    if (AgainstStock()) return;
    ServerProcess server({"--enable-debug-command", "yes"});
    Client admin = server.Connect();
    admin.Run("DEBUG COMMIT-LOG ON");
    admin.Run("DEBUG LOG-HOLD ON");
    Client leaving = server.Connect();
    Client staying = server.Connect();
    leaving.SendRequest({"SET", "a", "1"});
    staying.SendRequest({"SET", "b", "1"});
    const size_t written =
        Client::Encode({"SELECT", "0"}).size() + 2 * Client::Encode({"SET", "a", "1"}).size();
    CHECK(Eventually(
        [&] { return EngineField(admin, "log_end_offset") == static_cast<long>(written); }));
    leaving.Close();
    CHECK(Eventually(
        [&] { return FieldOf(admin.Text("INFO clients"), "connected_clients") == "2"; }));
    admin.Run("DEBUG LOG-HOLD OFF");
    CHECK(staying.Read() == "+OK");
    CHECK(admin.Run("GET a") == "$1");
  }

  TEST_CASE("the log cannot be switched in a transaction, nor to anything but ON and OFF") {
    if (AgainstStock()) return;
    ServerProcess server({"--enable-debug-command", "yes"});
    Client client = server.Connect();
    CHECK(client.Run("DEBUG COMMIT-LOG maybe") == "-ERR argument must be ON or OFF");
    client.Run("MULTI");
    client.Run("DEBUG COMMIT-LOG ON");
    CHECK(client.Run("EXEC") == "[-ERR the log cannot be switched inside a transaction]");
    CHECK(EngineField(client, "log_enabled") == 0);
  }
}

}  // namespace
}  // namespace terrace::integration
