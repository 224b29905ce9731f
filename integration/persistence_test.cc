// appendonly: what was answered is there after any end, and what cannot be kept is said.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Words = std::vector<std::string>;

Words Durable(const std::string& fsync) {
  return {"--appendonly", "yes", "--appendfsync", fsync, "--enable-debug-command", "yes"};
}

std::string DataFolder(const ServerProcess& server) { return server.folder() + "/terrace-data"; }

// Segments by name, which is by offset.
std::vector<std::filesystem::path> Segments(const ServerProcess& server) {
  std::vector<std::filesystem::path> segments;
  for (const auto& file : std::filesystem::directory_iterator(DataFolder(server))) {
    if (file.path().extension() == ".log") segments.push_back(file.path());
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

void FlipByte(const std::filesystem::path& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

void WriteSomeOfAll(Client& client) {
  client.Run("SET", "text", std::string(100'000, 't'));
  client.Run("SET number 41");
  client.Run("INCR number");
  client.Run("INCRBYFLOAT ratio 0.1");
  client.Run("RPUSH list a b c");
  client.Run("HSET hash f v g w");
  client.Run("SADD set 1 2 three");
  client.Run("SPOP set");
  client.Run("ZADD sorted 1 a 2 b");
  client.Run("XADD stream * field value");
  client.Run("PFADD guess a b c");
  client.Run("SET bound value EX 1000");
  client.Run("SET gone 1");
  client.Run("DEL gone");
  client.Run("SELECT 5");
  client.Run("MULTI");
  client.Run("SET in-five x");
  client.Run("COPY in-five in-seven DB 7");
  client.Run("EXEC");
  client.Run("SELECT 9");
  client.Run("SET flushed x");
  client.Run("FLUSHDB");
  client.Run("SET stays x");
  client.Run("SWAPDB 9 10");
  client.Run("SELECT 0");
}

std::string Digest(Client& client) { return client.Run("DEBUG DIGEST"); }

}  // namespace

TEST_SUITE("integration/persistence") {
  TEST_CASE("what was answered is there after a kill, whatever the policy") {
    if (AgainstStock()) return;
    for (const char* fsync : {"always", "everysec", "no"}) {
      INFO(fsync);
      ServerProcess server(Durable(fsync));
      Client client = server.Connect();
      WriteSomeOfAll(client);
      const std::string digest = Digest(client);
      server.KillNow();
      server.Restart(Durable(fsync));
      Client again = server.Connect();
      CHECK(Digest(again) == digest);
      CHECK(again.Run("GET number") == "$42");
      again.Run("SELECT 10");
      CHECK(again.Run("GET stays") == "$x");
      // And once more, on top of it.
      again.Run("SET second life");
      const std::string second = Digest(again);
      server.Signal(SIGTERM);
      CHECK(server.WaitForExit() == 0);
      server.Restart(Durable(fsync));
      Client third = server.Connect();
      CHECK(Digest(third) == second);
    }
  }

  TEST_CASE(
      "INFO tells how far the log is written and synced, and the offsets go on after a restart") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("always"));
    Client client = server.Connect();
    client.Run("SET a 1");
    std::string info = client.Text("INFO persistence");
    CHECK(FieldOf(info, "aof_enabled") == "1");
    CHECK(FieldOf(info, "aof_last_write_status") == "ok");
    const std::string end = FieldOf(info, "log_end_offset");
    CHECK(std::stol(end) > 0);
    CHECK(FieldOf(info, "log_synced_offset") == end);
    info = client.Text("INFO replication");
    CHECK(FieldOf(info, "master_repl_offset") == end);
    const std::string id = FieldOf(info, "master_replid");
    CHECK(client.Run("SHUTDOWN SAVE") == "(closed)");
    CHECK(server.WaitForExit() == 0);
    server.Restart(Durable("always"));
    Client again = server.Connect();
    info = again.Text("INFO replication");
    CHECK(FieldOf(info, "master_repl_offset") == end);
    CHECK(FieldOf(info, "master_replid") != id);
  }

  TEST_CASE(
      "a key whose time came while the server was down is gone, and one with time left keeps it") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("everysec"));
    Client client = server.Connect();
    client.Run("SET brief x PX 50");
    client.Run("SET long x PX 1000000");
    server.KillNow();
    CHECK(Eventually([begin = std::chrono::steady_clock::now()] {
      return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(60);
    }));
    server.Restart(Durable("everysec"));
    Client again = server.Connect();
    CHECK(again.Run("EXISTS brief") == ":0");
    CHECK(std::stol(again.Run("PTTL long").substr(1)) > 900'000);
  }

  TEST_CASE("two servers do not share a directory") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("everysec"));
    Words args = Durable("everysec");
    args.insert(args.end(), {"--dir", server.folder()});
    ServerProcess other(args, ServerProcess::Start::kMayFail);
    CHECK(other.WaitForExit() == 1);
    CHECK(other.Log().find("is in use by process " + std::to_string(server.pid())) !=
          std::string::npos);
  }

  TEST_CASE(
      "a byte that turned in what was synced stops the start, with file and repair, and nothing is "
      "lost") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("always"));
    {
      Client client = server.Connect();
      for (int i = 0; i < 100; ++i) client.Run("SET", "key" + std::to_string(i), "value");
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    const std::filesystem::path damaged = Segments(server).front();
    const auto size = std::filesystem::file_size(damaged);
    FlipByte(damaged, static_cast<std::streamoff>(size / 2));
    server.Restart(Durable("always"), ServerProcess::Start::kMayFail);
    CHECK(server.WaitForExit() == 1);
    const std::string log = server.Log();
    CHECK(log.find(damaged.filename().string()) != std::string::npos);
    CHECK(log.find("--repair OUT") != std::string::npos);
    CHECK(std::filesystem::file_size(damaged) == size);
    FlipByte(damaged, static_cast<std::streamoff>(size / 2));
    server.Restart(Durable("always"));
    Client client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":100");
  }

  TEST_CASE("what a torn last write has left is cut off, and the rest is there") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("always"));
    {
      Client client = server.Connect();
      for (int i = 0; i < 100; ++i) client.Run("SET", "key" + std::to_string(i), "value");
    }
    server.KillNow();
    std::ofstream(Segments(server).back(), std::ios::app | std::ios::binary) << "half a frame";
    server.Restart(Durable("always"));
    Client client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":100");
    CHECK(server.Log().find("The log breaks off") != std::string::npos);
  }

  TEST_CASE(
      "while nothing can be written changes are refused, reads go on, and it goes on by itself") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("always"));
    Client client = server.Connect();
    client.Run("SET before x");
    const rlimit none{0, RLIM_INFINITY}, all{RLIM_INFINITY, RLIM_INFINITY};
    REQUIRE(prlimit(server.pid(), RLIMIT_FSIZE, &none, nullptr) == 0);
    // The first one is applied before anybody knows; its reply waits and is no lie.
    Client first = server.Connect();
    first.SendRequest({"SET", "first", "x"});
    std::string refusal;
    CHECK(Eventually([&] {
      refusal = client.Text("INFO persistence");
      return FieldOf(refusal, "aof_last_write_status") == "err";
    }));
    refusal = client.Run("SET refused x");
    CHECK(refusal.starts_with("-MISCONF Errors writing to the AOF file: "));
    CHECK(refusal.find("terrace-data/0") != std::string::npos);
    CHECK(refusal.find("File too large") != std::string::npos);
    CHECK(client.Run("GET before") == "$x");
    CHECK(client.Run("MULTI") == "+OK");
    CHECK(client.Run("SET refused x").starts_with("-MISCONF"));
    CHECK(client.Run("EXEC").starts_with("-EXECABORT"));
    Client deleter = server.Connect();
    deleter.SendRequest({"DEL", "before"});
    REQUIRE(prlimit(server.pid(), RLIMIT_FSIZE, &all, nullptr) == 0);
    CHECK(first.Read() == "+OK");
    CHECK(deleter.Read() == ":1");
    CHECK(Eventually([&] { return client.Run("SET again x") == "+OK"; }));
    server.KillNow();
    server.Restart(Durable("always"));
    Client after = server.Connect();
    CHECK(after.Run("MGET before first refused again") == "[$-1 $x $-1 $x]");
  }

  TEST_CASE("appendonly is settled when the server starts, and said to be") {
    if (AgainstStock()) return;
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("CONFIG SET appendonly yes") == "+OK");
    CHECK(FieldOf(client.Text("INFO persistence"), "aof_enabled") == "0");
    CHECK(server.Log().find("appendonly yes is for the next start") != std::string::npos);
    CHECK(client.Run("CONFIG SET appendonly no") == "+OK");
    CHECK(client.Run("CONFIG SET appendfsync always") == "+OK");
    CHECK(!std::filesystem::exists(DataFolder(server)));
  }

  // TERRACE_KILL_ROUNDS=200 is `./dev crash`; a few rounds always run.
  TEST_CASE("killed at any moment under load, every write that was answered is there again") {
    if (AgainstStock()) return;
    const char* wanted = std::getenv("TERRACE_KILL_ROUNDS");
    const int rounds = wanted != nullptr ? std::atoi(wanted) : 4;
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::minstd_rand random(seed);
    constexpr int kWriters = 4;
    long sent[kWriters] = {};
    std::vector<long> answered[kWriters];
    ServerProcess server(Durable("always"));
    for (int round = 0; round < rounds; ++round) {
      const char* fsync = round % 2 == 0 ? "everysec" : "always";
      std::vector<std::thread> writers;
      for (int w = 0; w < kWriters; ++w) {
        // Connected here, where a failure would be one of the case.
        writers.emplace_back([&, w, client = server.Connect()]() mutable {
          const std::string name = std::to_string(w);
          for (int i = 0; i < 1'000'000; ++i) {
            const std::string value = std::to_string(sent[w] + 1);
            ++sent[w];
            if (client.Run("SET", "last" + name, value) != "+OK") return;
            if (client.Run("SET", "key" + name + ":" + value, value) != "+OK") return;
            answered[w].push_back(sent[w]);
          }
        });
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 200));
      server.KillNow();
      for (std::thread& writer : writers) writer.join();
      server.Restart(Durable(fsync));
      Client client = server.Connect();
      for (int w = 0; w < kWriters; ++w) {
        INFO("round " << round << ", writer " << w);
        const std::string last = client.Run("GET", "last" + std::to_string(w));
        const long found = last == "$-1" ? 0 : std::stol(last.substr(1));
        REQUIRE(found >= (answered[w].empty() ? 0 : answered[w].back()));
        REQUIRE(found <= sent[w]);
        // The latest, and any of before.
        for (size_t i = 0; i < std::min<size_t>(100, answered[w].size()); ++i) {
          const size_t at = i < 50 ? answered[w].size() - 1 - i : random() % answered[w].size();
          const std::string value =
              std::to_string(answered[w][std::min(at, answered[w].size() - 1)]);
          REQUIRE(client.Run("GET", "key" + std::to_string(w) + ":" + value) == "$" + value);
        }
      }
    }
    size_t pairs = 0;
    for (const std::vector<long>& numbers : answered) pairs += numbers.size();
    MESSAGE(rounds, " kills, ", pairs, " pairs of writes");
  }
}

}  // namespace terrace::integration
