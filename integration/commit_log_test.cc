// The log's ring in the running server: switched on and off, and what INFO says about it.
#include <doctest/doctest.h>

#include <string>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

long EngineField(Client& client, const char* name) { return std::stol(FieldOf(client.Text("INFO engine"), name)); }

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
