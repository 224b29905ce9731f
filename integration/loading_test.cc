// A server that is still reading its data: what clients get meanwhile, and how it ends.
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Start = ServerProcess::Start;
using Words = std::vector<std::string>;

constexpr char kLoading[] = "-LOADING Redis is loading the dataset in memory";

Words Durable(const Words& more = {}) {
  Words args = {"--appendonly", "yes", "--enable-debug-command", "yes"};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

// Minutes for what the tests below write; they never wait for its end.
const Words kSlowly = {"--key-load-delay", "100000"};

Words Slow(Words args) {
  args.insert(args.end(), kSlowly.begin(), kSlowly.end());
  return args;
}

void WriteKeys(Client& client, int from, int upto) {
  for (int i = from; i < upto; ++i)
    client.Run("SET", "key" + std::to_string(i), std::string(100, 'v'));
}

std::string Persistence(Client& client, const char* field) {
  return FieldOf(client.Text("INFO persistence"), field);
}

// Everything in a folder but the server's own log and lock: path and contents.
std::map<std::string, std::string> FilesOf(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    const auto name = file.path().filename();
    if (!file.is_regular_file() || name == "server.log" || name == "LOCK") continue;
    std::ifstream in(file.path(), std::ios::binary);
    files[file.path()] = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  return files;
}

// Tables with 1000 keys and a log behind them with 1000 more.
std::string PrepareTablesAndLog(ServerProcess& server) {
  Client client = server.Connect();
  WriteKeys(client, 0, 1000);
  client.Run("BGSAVE");
  REQUIRE(Eventually([&] { return Persistence(client, "rdb_saves") == "1"; }));
  WriteKeys(client, 1000, 2000);
  const std::string digest = client.Run("DEBUG DIGEST");
  client.Run("SET brief x PX 100");
  server.KillNow();
  return digest;
}

}  // namespace

TEST_SUITE("integration/loading") {
  TEST_CASE("who connects while data are loaded is told so, and may look around") {
    if (AgainstStock()) return;
    ServerProcess server(Durable());
    const std::string digest = PrepareTablesAndLog(server);
    server.Restart(Slow(Durable()), Start::kMayLoad);
    Client client = server.Connect();
    CHECK(client.Run("PING") == kLoading);
    CHECK(client.Run("GET key1") == kLoading);
    CHECK(client.Run("SET key1 x") == kLoading);
    CHECK(client.Run("BLPOP list 0") == kLoading);
    CHECK(client.Run("BGSAVE") == kLoading);
    CHECK(client.Run("FLUSHALL") == kLoading);
    CHECK(client.Run("DEBUG POPULATE 10") == kLoading);
    CHECK(client.Run("DEBUG RELOAD") == kLoading);
    CHECK(client.Run("MULTI") == "+OK");
    CHECK(client.Run("SET key1 x") == kLoading);
    CHECK(client.Run("EXEC").starts_with("-EXECABORT"));
    CHECK(client.Run("CONFIG GET appendonly") == "[$appendonly $yes]");
    CHECK(client.Run("CONFIG SET appendonly no").find("the data are being loaded") !=
          std::string::npos);
    CHECK(client.Run("CONFIG SET maxmemory 1").starts_with("+OK"));
    CHECK(client.Run("CLIENT SETNAME me") == "+OK");
    CHECK(client.Run("CLIENT LIST").find("name=me") != std::string::npos);
    CHECK(client.Run("PUBLISH channel x") == ":0");
    CHECK(client.Run("WATCH key1") == "+OK");
    const std::string info = client.Text("INFO persistence");
    CHECK(FieldOf(info, "loading") == "1");
    CHECK(FieldOf(info, "async_loading") == "0");
    CHECK(std::stol(FieldOf(info, "loading_start_time")) > 1'600'000'000);
    const long total = std::stol(FieldOf(info, "loading_total_bytes"));
    CHECK(total > 200'000);
    CHECK(std::stol(FieldOf(info, "loading_loaded_bytes")) < total);
    CHECK(std::stod(FieldOf(info, "loading_loaded_perc")) < 100);
    CHECK(!FieldOf(info, "loading_eta_seconds").empty());
    CHECK(server.Log().find("Ready to accept connections\n", server.Log().rfind("starts, PID")) ==
          std::string::npos);
    // It goes on at once, without its limit, and nothing was evicted.
    CHECK(client.Run("CONFIG SET maxmemory 0 key-load-delay 0").starts_with("+OK"));
    CHECK(Eventually([&] { return Persistence(client, "loading") == "0"; }));
    CHECK(client.Run("PING") == "+PONG");
    CHECK(Eventually([&] { return client.Run("EXISTS brief") == ":0"; }));
    CHECK(client.Run("DEBUG DIGEST") == digest);
    CHECK(FieldOf(client.Text("INFO persistence"), "loading_total_bytes").empty());
    CHECK(server.Log().rfind("Ready to accept connections") > server.Log().rfind("Read the log"));
    CHECK(client.Run("SET key1 x") == "+OK");
  }

  TEST_CASE("a server that is asked to stop while it loads does so at once, and changes nothing") {
    if (AgainstStock()) return;
    for (const bool by_signal : {true, false}) {
      CAPTURE(by_signal);
      ServerProcess server(Durable());
      const std::string digest = PrepareTablesAndLog(server);
      const auto before = FilesOf(server.folder());
      server.Restart(Slow(Durable({"--save", "1 1"})), Start::kMayLoad);
      {
        Client client = server.Connect();
        CHECK(client.Run("PING") == kLoading);
        if (by_signal) server.Signal(SIGTERM);
        if (!by_signal) client.Send("SHUTDOWN SAVE\r\n");
        CHECK(server.WaitForExit(3000) == 0);
      }
      CHECK(FilesOf(server.folder()) == before);
      server.Restart(Durable());
      Client again = server.Connect();
      CHECK(Eventually([&] { return again.Run("EXISTS brief") == ":0"; }));
      CHECK(again.Run("DEBUG DIGEST") == digest);
    }
  }

  TEST_CASE("a dump that is being read is not overwritten by what is there of it") {
    if (AgainstStock()) return;
    for (const char* appendonly : {"no", "yes"}) {
      CAPTURE(appendonly);
      ServerProcess server;
      {
        Client client = server.Connect();
        WriteKeys(client, 0, 1000);
        CHECK(client.Run("SAVE") == "+OK");
        server.KillNow();
      }
      const Words args = {"--appendonly", appendonly, "--save", "1 1"};
      const auto before = FilesOf(server.folder());
      REQUIRE(before.size() == 1);
      const std::string dump = before.begin()->first;
      for (const std::string how : {"SIGTERM", "SHUTDOWN\r\n", "SHUTDOWN SAVE\r\n"}) {
        server.Restart(Slow(args), Start::kMayLoad);
        Client client = server.Connect();
        CHECK(client.Run("DBSIZE") == kLoading);
        if (how == "SIGTERM") server.Signal(SIGTERM);
        if (how != "SIGTERM") client.Send(how);
        CHECK(server.WaitForExit(3000) == 0);
        CHECK(FilesOf(server.folder())[dump] == before.at(dump));
      }
      server.Restart(args);
      Client client = server.Connect();
      CHECK(client.Run("DBSIZE") == ":1000");
    }
  }

  TEST_CASE(
      "data that turn out to be damaged end the server with its reasons, whoever is connected") {
    if (AgainstStock()) return;
    ServerProcess server;
    {
      Client client = server.Connect();
      WriteKeys(client, 0, 1000);
      CHECK(client.Run("SAVE") == "+OK");
      server.KillNow();
    }
    const std::string dump = server.folder() + "/dump.rdb";
    std::filesystem::resize_file(dump, std::filesystem::file_size(dump) / 2);
    const auto before = FilesOf(server.folder());
    server.Restart({"--key-load-delay", "2000"}, Start::kMayLoad);
    {
      Client client = server.Connect();
      CHECK(client.Run("PING") == kLoading);
      CHECK(server.WaitForExit() == 1);
    }
    CHECK(server.Log().find("dump.rdb") != std::string::npos);
    CHECK(server.Log().find("what is there was not changed") != std::string::npos);
    CHECK(FilesOf(server.folder()) == before);
  }

  TEST_CASE("a server without data never says that it loads") {
    if (AgainstStock()) return;
    for (int i = 0; i < 5; ++i) {
      ServerProcess server(Durable(kSlowly), Start::kMayLoad);
      Client client = server.Connect();
      CHECK(client.Run("PING") == "+PONG");
      server.KillNow();
      server.Restart(Durable(kSlowly), Start::kMayLoad);
      Client again = server.Connect();
      CHECK(again.Run("PING") == "+PONG");
    }
  }
}

}  // namespace terrace::integration
