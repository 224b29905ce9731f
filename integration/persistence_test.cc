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

std::string Persistence(Client& client, const char* field) {
  return FieldOf(client.Text("INFO persistence"), field);
}

// One that has begun by itself counts, too.
void Checkpoint(Client& client) {
  const long before = std::stol(Persistence(client, "rdb_saves"));
  client.Run("BGSAVE");
  REQUIRE(Eventually([&] {
    return std::stol(Persistence(client, "rdb_saves")) > before &&
           Persistence(client, "rdb_bgsave_in_progress") == "0";
  }));
}

uint64_t BytesOf(const ServerProcess& server, const char* extension) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(DataFolder(server))) {
    // It may go while we look.
    std::error_code gone;
    const uint64_t size = file.file_size(gone);
    if (file.path().extension() == extension && !gone) bytes += size;
  }
  return bytes;
}

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
    CHECK(FieldOf(info, "second_repl_offset") == "-1");
    CHECK(client.Run("SHUTDOWN SAVE") == "(closed)");
    CHECK(server.WaitForExit() == 0);
    server.Restart(Durable("always"));
    Client again = server.Connect();
    info = again.Text("INFO replication");
    CHECK(FieldOf(info, "master_repl_offset") == end);
    CHECK(FieldOf(info, "master_replid") != id);
    CHECK(FieldOf(info, "master_replid2") == id);
    CHECK(FieldOf(info, "second_repl_offset") == std::to_string(std::stol(end) + 1));
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

  TEST_CASE("what the refusal says to do brings back what was logged before the damage") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("always"));
    for (int life = 0; life < 3; ++life) {
      Client client = server.Connect();
      for (int i = 0; i < 100; ++i)
        client.Run("SET", "key" + std::to_string(100 * life + i), "value");
      server.Signal(SIGTERM);
      CHECK(server.WaitForExit() == 0);
      if (life < 2) server.Restart(Durable("always"));
    }
    const auto segments = Segments(server);
    REQUIRE(segments.size() == 3);
    FlipByte(segments[1], static_cast<std::streamoff>(std::filesystem::file_size(segments[1]) / 2));
    server.Restart(Durable("always"), ServerProcess::Start::kMayFail);
    CHECK(server.WaitForExit() == 1);
    const std::string log = server.Log();
    const size_t at = log.rfind("`terrace-inspect");
    REQUIRE(at != std::string::npos);
    std::string command = log.substr(at + 1, log.find('`', at + 1) - at - 1);
    const std::string out = server.folder() + "/repaired";
    command.replace(command.find("OUT"), 3, out + " > /dev/null");
    REQUIRE(std::system((TERRACE_TOOLS_BUILT "/" + command).c_str()) == 0);
    CHECK(log.find("put OUT in its place", at) != std::string::npos);
    std::filesystem::rename(out, segments[1]);
    CHECK(log.find("move away the segments that begin behind it", at) != std::string::npos);
    std::filesystem::rename(segments[2], server.folder() + "/moved-away");
    server.Restart(Durable("always"));
    Client client = server.Connect();
    const long keys = std::stol(client.Run("DBSIZE").substr(1));
    CHECK(keys >= 100);
    CHECK(keys < 200);
    CHECK(client.Run("SET more x") == "+OK");
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

  TEST_CASE(
      "behind BGSAVE the log begins anew, and a restart takes the tables and what came later") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("everysec"));
    Client client = server.Connect();
    WriteSomeOfAll(client);
    CHECK(client.Run("BGSAVE") == "+Background saving started");
    REQUIRE(Eventually([&] { return Persistence(client, "rdb_saves") == "1"; }));
    CHECK(std::stol(Persistence(client, "checkpoint_entries")) > 10);
    CHECK(Persistence(client, "rdb_last_bgsave_status") == "ok");
    CHECK(Persistence(client, "rdb_changes_since_last_save") == "0");
    CHECK(BytesOf(server, ".table") > 0);
    // What changes, goes and comes after the cut is in the log.
    client.Run("SET text short");
    client.Run("DEL list");
    CHECK(Persistence(client, "rdb_changes_since_last_save") == "2");
    client.Run("ZADD sorted 3 c");
    client.Run("SET late x PX 1000000");
    client.Run("SELECT 10");
    client.Run("FLUSHDB");
    client.Run("SET fresh x");
    client.Run("SELECT 0");
    const std::string digest = Digest(client);
    server.KillNow();
    server.Restart(Durable("everysec"));
    CHECK(server.Log().find("Loaded the tables: ") != std::string::npos);
    Client again = server.Connect();
    CHECK(Digest(again) == digest);
    // The second one writes what has changed, tombstones included; then there is nothing but tables.
    Checkpoint(again);
    CHECK(std::stol(Persistence(again, "checkpoint_tombstones")) > 0);
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    server.Restart(Durable("everysec"));
    Client third = server.Connect();
    CHECK(Digest(third) == digest);
    CHECK(third.Run("EXISTS list") == ":0");
  }

  TEST_CASE(
      "a log that has grown by more than it is worth is cut by itself, and data that go leave the "
      "disk") {
    if (AgainstStock()) return;
    Words args = Durable("no");
    args.insert(args.end(), {"--auto-aof-rewrite-min-size", "1mb", "--repl-backlog-size", "100"});
    ServerProcess server(args);
    Client client = server.Connect();
    const std::string value(10'000, 'v');
    for (int i = 0; i < 3000; ++i) client.Run("SET", "key" + std::to_string(i % 50), value);
    CHECK(Eventually([&] { return std::stol(Persistence(client, "rdb_saves")) >= 1; }));
    // Thirty megabytes were written, half a one is there. As much as is kept for replicas has to come behind the last cut.
    CHECK(Eventually([&] {
      client.Run("SET", "last", value);
      return BytesOf(server, ".log") < 10'000'000;
    }));
    client.Run("FLUSHALL");
    // One that was cut before the flush may be under way still.
    CHECK(Eventually([&] {
      client.Run("BGSAVE");
      return BytesOf(server, ".table") < 100'000;
    }));
    const std::string digest = Digest(client);
    server.KillNow();
    server.Restart(args);
    Client again = server.Connect();
    CHECK(Digest(again) == digest);
    CHECK(again.Run("DBSIZE") == ":0");
  }

  TEST_CASE("writers wait for a checkpoint instead of making it keep more images than it may") {
    if (AgainstStock()) return;
    Words args = Durable("no");
    args.insert(args.end(), {"--checkpoint-image-bytes", "10kb", "--threads", "1"});
    ServerProcess server(args);
    Client client = server.Connect();
    constexpr int kKeys = 20'000;
    const auto fill = [&](const std::string& value) {
      for (int i = 0; i < kKeys; ++i) client.SendRequest({"SET", "key" + std::to_string(i), value});
      for (const std::string& reply : client.Read(kKeys)) REQUIRE(reply == "+OK");
    };
    fill(std::string(1000, 'a'));
    CHECK(client.Run("BGSAVE") == "+Background saving started");
    fill(std::string(1000, 'b'));
    CHECK(Eventually([&] { return Persistence(client, "rdb_bgsave_in_progress") == "0"; }));
    CHECK(Persistence(client, "rdb_last_bgsave_status") == "ok");
    // Beyond it by what one request changes.
    CHECK(std::stol(Persistence(client, "rdb_last_cow_size")) < 12'000);
    server.KillNow();
    server.Restart(args);
    Client again = server.Connect();
    CHECK(again.Run("DBSIZE") == ":20000");
    CHECK(again.Run("GET", "key7") == "$" + std::string(1000, 'b'));
  }

  TEST_CASE("a byte that turned among the keys of a table stops the start and is named") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("everysec"));
    {
      Client client = server.Connect();
      for (int i = 0; i < 200; ++i)
        client.Run("SET", "key" + std::to_string(i), "short");  // which stands beside its key
      Checkpoint(client);
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    std::filesystem::path table;
    for (const auto& file : std::filesystem::directory_iterator(DataFolder(server))) {
      if (file.path().extension() == ".table") table = file.path();
    }
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(table) / 3);
    FlipByte(table, middle);
    server.Restart(Durable("everysec"), ServerProcess::Start::kMayFail);
    CHECK(server.WaitForExit() == 1);
    CHECK(server.Log().find(table.filename().string()) != std::string::npos);
    FlipByte(table, middle);
    server.Restart(Durable("everysec"));
    Client client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":200");
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
      // Checkpoints begin by themselves, too: the limit is low.
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + random() % 100));
      if (random() % 2 == 0) server.Connect().Run("BGSAVE");
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + random() % 100));
      server.KillNow();
      for (std::thread& writer : writers) writer.join();
      Words args = Durable(fsync);
      args.insert(args.end(), {"--auto-aof-rewrite-min-size", "100kb"});
      server.Restart(args);
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

  TEST_CASE("SAVE answers when the checkpoint is in force") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("everysec"));
    Client client = server.Connect();
    client.Run("SET a 1");
    CHECK(client.Run("SAVE") == "+OK");
    CHECK(Persistence(client, "rdb_saves") == "1");
    CHECK(Persistence(client, "rdb_changes_since_last_save") == "0");
    CHECK(BytesOf(server, ".table") > 0);
    client.Run("MULTI");
    CHECK(client.Run("SAVE") == "-ERR Command not allowed inside a transaction");
    CHECK(client.Run("EXEC").starts_with("-EXECABORT"));
    // What comes behind it waits for it, and nobody else does.
    Client other = server.Connect();
    client.SendRequest({"SAVE"});
    client.SendRequest({"GET", "a"});
    CHECK(other.Run("GET a") == "$1");
    CHECK(client.Read() == "+OK");
    CHECK(client.Read() == "$1");
  }

  TEST_CASE("a save point makes a checkpoint, however short the log is") {
    if (AgainstStock()) return;
    Words arguments = Durable("everysec");
    arguments.insert(arguments.end(), {"--save", "1 2"});
    ServerProcess server(arguments);
    Client client = server.Connect();
    client.Run("SET a 1");
    client.Run("SET b 1");
    CHECK(Eventually([&] { return Persistence(client, "rdb_saves") == "1"; }));
    CHECK(client.Run("CONFIG", "SET", "save", "") == "+OK");
  }

  TEST_CASE(
      "who asks for a checkpoint while the server makes one by itself gets another behind it") {
    if (AgainstStock()) return;  // whose rewrites are no saves
    ServerProcess server({"--appendonly", "yes", "--save", "1 1", "--enable-debug-command", "yes"});
    Client client = server.Connect();
    client.Run("DEBUG POPULATE 200000");
    // A save point, which may begin and end before we look: then there is another try.
    const auto meet_one = [&] {
      for (int tries = 0; tries < 20; ++tries) {
        client.Run("DEBUG POPULATE 100000 k" + std::to_string(tries));
        REQUIRE(Eventually([&] {
          client.Run("INCR changes");
          return Persistence(client, "rdb_bgsave_in_progress") == "1";
        }));
        const std::string reply = client.Run("BGREWRITEAOF");
        if (reply == "+Background append only file rewriting scheduled") return true;
        REQUIRE(Eventually([&] { return Persistence(client, "rdb_bgsave_in_progress") == "0"; }));
      }
      return false;
    };
    const int64_t before = std::stoll(Persistence(client, "rdb_saves"));
    REQUIRE(meet_one());
    CHECK(Eventually([&] { return Persistence(client, "aof_rewrite_in_progress") == "0"; }));
    CHECK(std::stoll(Persistence(client, "rdb_saves")) >= before + 2);
    CHECK(Persistence(client, "aof_rewrite_scheduled") == "0");
  }

  TEST_CASE("FLUSHALL gives the disk back without being asked to") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("no"));
    Client client = server.Connect();
    for (int i = 0; i < 100; ++i)
      client.Run("SET", "key:" + std::to_string(i), std::string(60'000, 'v'));
    client.Run("SAVE");
    REQUIRE(BytesOf(server, ".table") > 5'000'000);
    client.Run("SET stays x");
    client.Run("FLUSHALL");
    CHECK(Eventually(
        [&] { return BytesOf(server, ".table") == 0 && BytesOf(server, ".log") < 1'000'000; }));
    server.KillNow();
    server.Restart(Durable("no"));
    Client again = server.Connect();
    CHECK(again.Run("DBSIZE") == ":0");
  }

  TEST_CASE("a signal brings a long log into tables first, a short one it leaves") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("no"));
    {
      Client client = server.Connect();
      client.Run("SET a 1");
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    CHECK(BytesOf(server, ".table") == 0);
    server.Restart(Durable("no"));
    {
      Client client = server.Connect();
      for (int i = 0; i < 100; ++i)
        client.Run("SET", "key:" + std::to_string(i), std::string(60'000, 'v'));
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    CHECK(BytesOf(server, ".table") > 5'000'000);
    server.Restart(Durable("no"));
    Client client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":101");
    client.Run("SET b 1");
    client.SendRequest({"SHUTDOWN", "SAVE"});
    CHECK(server.WaitForExit() == 0);
    server.Restart(Durable("no"));
    Client again = server.Connect();
    CHECK(again.Run("DBSIZE") == ":102");
    CHECK(Persistence(again, "rdb_changes_since_last_save") == "0");
    again.SendRequest({"SHUTDOWN", "NOSAVE"});
    CHECK(server.WaitForExit() == 0);
  }

  TEST_CASE(
      "appendonly switched on keeps what there was and what comes; switched off, what there is "
      "stays") {
    if (AgainstStock()) return;
    const Words plain = {"--enable-debug-command", "yes"};
    ServerProcess server(plain);
    Client client = server.Connect();
    WriteSomeOfAll(client);
    CHECK(Persistence(client, "aof_enabled") == "0");
    CHECK(client.Run("CONFIG SET appendonly yes appendfsync always") == "+OK");
    CHECK(Persistence(client, "aof_enabled") == "1");
    client.Run("SET after 1");
    CHECK(Eventually([&] { return Persistence(client, "rdb_saves") == "1"; }));
    client.Run("INCR after");
    client.Run("INCR number");
    const std::string digest = Digest(client);
    server.KillNow();
    server.Restart(Durable("always"));
    client = server.Connect();
    CHECK(Digest(client) == digest);

    // Off and on again, and changes of all kinds between.
    CHECK(client.Run("CONFIG SET appendonly no") == "+OK");
    CHECK(Persistence(client, "aof_enabled") == "0");
    client.Run("DEL list");
    client.Run("HSET hash f other");
    client.Run("SET new x");
    client.Run("SELECT 5");
    client.Run("FLUSHDB");
    client.Run("SELECT 0");
    CHECK(client.Run("CONFIG SET appendonly yes") == "+OK");
    client.Run("SET new y");
    const std::string second = Digest(client);
    // The first one begins by itself, and there is one at a time.
    CHECK(Eventually([&] { return client.Run("SAVE") == "+OK"; }));
    server.KillNow();
    server.Restart(Durable("always"));
    client = server.Connect();
    CHECK(Digest(client) == second);

    // What comes after it was switched off is not kept.
    CHECK(client.Run("CONFIG SET appendonly no") == "+OK");
    client.Run("SET lost 1");
    server.KillNow();
    server.Restart(Durable("always"));
    client = server.Connect();
    CHECK(Digest(client) == second);

    // A server that did not read it replaces it.
    server.KillNow();
    server.Restart(plain);
    client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":0");
    client.Run("SET only x");
    CHECK(client.Run("CONFIG SET appendonly yes") == "+OK");
    // The first one begins by itself, and there is one at a time.
    CHECK(Eventually([&] { return client.Run("SAVE") == "+OK"; }));
    server.KillNow();
    server.Restart(Durable("always"));
    client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":1");
  }

  TEST_CASE("a log that no checkpoint stands in front of is not applied to an older one") {
    if (AgainstStock()) return;
    ServerProcess server(Durable("always"));
    Client client = server.Connect();
    client.Run("SET n 1");
    CHECK(client.Run("SAVE") == "+OK");
    client.Run("INCR n");
    server.KillNow();
    std::ofstream(DataFolder(server) + "/UNFINISHED");
    server.Restart(Durable("always"));
    client = server.Connect();
    CHECK(client.Run("GET n") == "$1");
    client.Run("INCRBY n 10");
    server.KillNow();
    server.Restart(Durable("always"));
    client = server.Connect();
    CHECK(client.Run("GET n") == "$11");
  }
}

}  // namespace terrace::integration
