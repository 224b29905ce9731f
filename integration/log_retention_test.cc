// What is kept of the log behind a checkpoint, and how long the log may get.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Words = std::vector<std::string>;

Words Durable(const Words& more = {}) {
  Words args = {"--appendonly",
                "yes",
                "--appendfsync",
                "no",
                "--enable-debug-command",
                "yes",
                "--auto-aof-rewrite-percentage",
                "0"};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

std::string Persistence(Client& client, const char* field) {
  return FieldOf(client.Text("INFO persistence"), field);
}

long Number(Client& client, const char* field) { return std::stol(Persistence(client, field)); }

void Checkpoint(Client& client) {
  const long before = Number(client, "rdb_saves");
  client.Run("BGSAVE");
  REQUIRE(Eventually([&] { return Number(client, "rdb_saves") > before; }));
}

void WriteMegabytes(Client& client, int megabytes) {
  const std::string value(100'000, 'v');
  for (int i = 0; i < 10 * megabytes; ++i) client.Run("SET", "key" + std::to_string(i % 5), value);
}

std::vector<std::filesystem::path> Segments(const ServerProcess& server) {
  std::vector<std::filesystem::path> segments;
  for (const auto& file : std::filesystem::directory_iterator(server.folder() + "/terrace-data")) {
    if (file.path().extension() == ".log") segments.push_back(file.path());
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

// Turns a byte, or cuts the file there.
void Damage(const std::filesystem::path& path, std::streamoff at, bool cut) {
  if (cut) return std::filesystem::resize_file(path, static_cast<uintmax_t>(at));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

}  // namespace

TEST_SUITE("integration/log_retention") {
  TEST_CASE(
      "the newest megabytes of the log stay behind a checkpoint, and a restart does not apply "
      "them") {
    if (AgainstStock()) return;
    ServerProcess server(Durable({"--repl-backlog-size", "2mb"}));
    Client client = server.Connect();
    WriteMegabytes(client, 3);
    Checkpoint(client);
    CHECK(Number(client, "log_replay_bytes") == 0);
    CHECK(Number(client, "log_kept_bytes") > 3'000'000);
    CHECK(Number(client, "aof_current_size") < 1'000'000);  // what a restart would read
    std::string info = client.Text("INFO replication");
    CHECK(FieldOf(info, "repl_backlog_size") == std::to_string(2 * 1024 * 1024));
    CHECK(FieldOf(info, "repl_backlog_first_byte_offset") == "1");
    CHECK(FieldOf(info, "repl_backlog_histlen") == FieldOf(info, "master_repl_offset"));
    client.Run("SET late x");
    const std::string digest = client.Run("DEBUG DIGEST");
    server.KillNow();
    server.Restart(Durable({"--repl-backlog-size", "2mb"}));
    CHECK(server.Log().find("Read the log: 0.0 MiB") != std::string::npos);
    Client again = server.Connect();
    CHECK(again.Run("DEBUG DIGEST") == digest);
    CHECK(Number(again, "log_first_offset") == 1);
    // Enough of it has come.
    WriteMegabytes(again, 3);
    CHECK(Eventually([&] { return Number(again, "log_first_offset") > 3'000'000; }));
    CHECK(Number(again, "log_kept_bytes") > 2'000'000);
    // Without a checkpoint nothing goes that a restart needs.
    again.Run("CONFIG SET repl-backlog-size 1");
    WriteMegabytes(again, 1);
    CHECK(Number(again, "log_replay_bytes") > 4'000'000);
    Checkpoint(again);
    again.Run("SET one more");
    CHECK(Eventually([&] { return Number(again, "log_kept_bytes") < 1000; }));
  }

  TEST_CASE("FLUSHALL gives the room of the whole log back") {
    if (AgainstStock()) return;
    ServerProcess server(Durable({"--repl-backlog-size", "100mb"}));
    Client client = server.Connect();
    for (int i = 0; i < 30; ++i)
      client.Run("SET", "key" + std::to_string(i), std::string(100'000, 'v'));
    Checkpoint(client);
    CHECK(Number(client, "log_kept_bytes") > 3'000'000);
    client.Run("FLUSHALL");
    CHECK(Eventually([&] { return Number(client, "log_kept_bytes") < 1000; }));
    CHECK(Eventually([&] { return Segments(server).size() == 1; }));
  }

  TEST_CASE("a log as long as wal-max-bytes is cut, whatever the percentage says") {
    if (AgainstStock()) return;
    const Words args = Durable({"--wal-max-bytes", "2mb", "--repl-backlog-size", "100mb"});
    ServerProcess server(args);
    Client client = server.Connect();
    WriteMegabytes(client, 1);
    CHECK(Number(client, "rdb_saves") == 0);
    for (int i = 0; i < 5; ++i) {
      WriteMegabytes(client, 3);
      const long saves = i;
      REQUIRE(Eventually([&] { return Number(client, "rdb_saves") > saves; }));
    }
    // And what is kept for replicas is no more, beside the file that is being written.
    CHECK(Eventually([&] { return Number(client, "log_kept_bytes") < 7'000'000; }));
    CHECK(Number(client, "log_replay_bytes") < 4'000'000);
    client.Run("CONFIG SET wal-max-bytes 0");
    const long saves = Number(client, "rdb_saves");
    WriteMegabytes(client, 4);
    const std::string digest = client.Run("DEBUG DIGEST");
    CHECK(Number(client, "rdb_saves") <= saves + 1);
    CHECK(Number(client, "log_replay_bytes") > 2'000'000);
    server.KillNow();
    server.Restart(args);
    Client again = server.Connect();
    CHECK(again.Run("DEBUG DIGEST") == digest);
  }

  TEST_CASE("damage to what is kept before a checkpoint stops no start") {
    if (AgainstStock()) return;
    const Words args = Durable({"--repl-backlog-size", "100mb"});
    for (const bool cut : {false, true}) {
      for (const std::streamoff at : {20, 500'000}) {
        CAPTURE(cut);
        CAPTURE(at);
        ServerProcess server(args);
        {
          Client client = server.Connect();
          for (int i = 0; i < 3; ++i) {
            WriteMegabytes(client, 1);
            Checkpoint(client);
          }
          client.Run("SET late x");
          server.KillNow();
        }
        const auto segments = Segments(server);
        REQUIRE(segments.size() >= 4);
        Damage(segments[1], at, cut);
        server.Restart(args);
        const bool header = at < 80;
        CHECK(
            (server.Log().find("What was kept of the log before the last checkpoint is damaged") !=
             std::string::npos) == header);
        Client client = server.Connect();
        CHECK(client.Run("GET late") == "$x");
        CHECK(client.Run("DBSIZE") == ":6");
        CHECK(std::filesystem::exists(segments[1]) == !header);
      }
    }
  }
}

}  // namespace terrace::integration
