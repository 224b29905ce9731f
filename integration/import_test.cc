// The files of a Redis as the beginning of a server: dump.rdb, append only files, --import.
#include <doctest/doctest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "support/random_data.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Words = std::vector<std::string>;
using Start = ServerProcess::Start;

const Words kDebug = {"--enable-debug-command", "yes"};
const Words kDurable = {"--appendonly",           "yes", "--appendfsync", "always",
                        "--enable-debug-command", "yes"};

Words With(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

uint64_t Seed() {
  const uint64_t seed = std::random_device{}();
  MESSAGE("seed ", seed);
  return seed;
}

std::string Digest(Client& client) { return client.Run("DEBUG DIGEST"); }

void Stop(ServerProcess& server) {
  server.Signal(SIGTERM);
  REQUIRE(server.WaitForExit() == 0);
}

// `path` is a file or a folder in the folder of `from`.
void Hand(const ServerProcess& from, const ServerProcess& to, const std::string& path) {
  std::filesystem::copy(
      from.folder() + "/" + path, to.folder() + "/" + path,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

bool Says(const ServerProcess& server, const std::string& words) {
  return server.Log().find(words) != std::string::npos;
}

// A server that is not running, in a folder of its own.
struct Stopped {
  ServerProcess server;
  Stopped() { Stop(server); }
};

// A Redis with random data, in an append only directory with a base and two increments, and a dump of the same.
struct Redis {
  ServerProcess server{ServerProcess::Binary::kStock,
                       With(kDebug, {"--appendonly", "yes", "--aof-timestamp-enabled", "yes"})};
  std::string digest;

  Redis() {
    Client client = server.Connect();
    const uint64_t seed = Seed();
    WriteRandomData(client, seed, 200);
    client.Run("BGREWRITEAOF");
    REQUIRE(Eventually([&] {
      return FieldOf(client.Text("INFO persistence"), "aof_rewrite_in_progress") == "0";
    }));
    WriteRandomData(client, seed + 1, 100);
    client.Run("MULTI");
    client.Run("SET in-transaction 1");
    client.Run("INCR in-transaction");
    client.Run("EXEC");
    REQUIRE(client.Run("SAVE") == "+OK");
    digest = Digest(client);
    Stop(server);
  }
  std::string Increment() const { return IncrementIn(server); }
  static std::string IncrementIn(const ServerProcess& in) {
    std::string last;
    for (const auto& file : std::filesystem::directory_iterator(in.folder() + "/appendonlydir")) {
      const std::string path = file.path().string();
      if (path.ends_with(".incr.aof") && path > last) last = path;
    }
    return last;
  }
  std::string Base() const {
    for (const auto& file : std::filesystem::directory_iterator(server.folder() + "/appendonlydir"))
      if (file.path().string().find(".base.") != std::string::npos) return file.path();
    return "";
  }
};

bool Skips() { return AgainstStock() || !StockIsInstalled(); }

}  // namespace

TEST_SUITE("integration/import") {
  TEST_CASE("a server begins with the dump.rdb of a Redis, and keeps it if it is to") {
    if (Skips()) return;
    const Redis redis;
    for (const Words& args : {kDebug, kDurable}) {
      Stopped stopped;
      ServerProcess& server = stopped.server;
      Hand(redis.server, server, "dump.rdb");
      server.Restart(args);
      Client client = server.Connect();
      CHECK(Digest(client) == redis.digest);
      CHECK(Says(server, "Loaded dump.rdb: "));
      CHECK(FieldOf(client.Text("INFO persistence"), "rdb_last_load_keys_loaded") != "0");
      client.Run("SET more 1");
      const std::string digest = Digest(client);
      server.KillNow();
      // What was imported is ours now: the file may change, and go.
      if (args == kDurable) WriteAll(server.folder() + "/dump.rdb", "rubbish");
      server.Restart(args);
      Client again = server.Connect();
      CHECK(Digest(again) == (args == kDurable ? digest : redis.digest));
    }
  }

  TEST_CASE("a server with appendonly begins with the append only directory of a Redis") {
    if (Skips()) return;
    const Redis redis;
    Stopped stopped;
    ServerProcess& server = stopped.server;
    Hand(redis.server, server, "appendonlydir");
    WriteAll(server.folder() + "/dump.rdb", "rubbish that is not looked at");
    server.Restart(kDurable);
    Client client = server.Connect();
    CHECK(Digest(client) == redis.digest);
    CHECK(client.Run("GET in-transaction") == "$2");
    server.KillNow();
    std::filesystem::remove_all(server.folder() + "/appendonlydir");
    server.Restart(kDurable);
    Client again = server.Connect();
    CHECK(Digest(again) == redis.digest);
  }

  TEST_CASE("an append only file of one piece is read with and without an RDB file in front") {
    if (Skips()) return;
    const Redis redis;
    Stopped with;
    WriteAll(with.server.folder() + "/appendonly.aof",
             ReadAll(redis.Base()) + ReadAll(redis.Increment()));
    with.server.Restart(kDurable);
    Client client = with.server.Connect();
    CHECK(Digest(client) == redis.digest);

    ServerProcess plain(ServerProcess::Binary::kStock,
                        With(kDebug, {"--appendonly", "yes", "--aof-use-rdb-preamble", "no"}));
    Client writer = plain.Connect();
    WriteRandomData(writer, Seed(), 100);
    const std::string digest = Digest(writer);
    Stop(plain);
    Stopped without;
    WriteAll(without.server.folder() + "/appendonly.aof", ReadAll(Redis::IncrementIn(plain)));
    without.server.Restart(kDurable);
    Client reader = without.server.Connect();
    CHECK(Digest(reader) == digest);
  }

  TEST_CASE("the last file of commands may end within one, and says what was left out") {
    if (Skips()) return;
    const Redis redis;
    const std::string whole = ReadAll(redis.Increment());
    const std::string command = "*3\r\n$3\r\nSET\r\n$4\r\ncut!\r\n$5\r\nvalue\r\n";
    const std::string select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
    const Words tails = {command.substr(0, command.size() - 1), command.substr(0, 9), "*", "#TS:17",
                         // A transaction counts as a whole or not at all.
                         "*1\r\n$5\r\nMULTI\r\n" + select + command};
    for (const std::string& tail : tails) {
      INFO(tail);
      Stopped stopped;
      ServerProcess& server = stopped.server;
      Hand(redis.server, server, "appendonlydir");
      WriteAll(Redis::IncrementIn(server), whole + tail);
      server.Restart(With(kDurable, {"--aof-load-truncated", "no"}), Start::kMayFail);
      CHECK(server.WaitForExit() == 1);
      const std::string offset = std::to_string(whole.size());
      CHECK(Says(server, std::to_string(tail.size()) + " bytes from offset " + offset +
                             " on (aof-load-truncated yes leaves them out)"));
      server.Restart(kDurable);
      CHECK(Says(server, std::to_string(tail.size()) + " bytes from offset " + offset +
                             " on are left out"));
      Client client = server.Connect();
      CHECK(Digest(client) == redis.digest);
    }
  }

  TEST_CASE("a file of commands that is damaged, or not the last and cut off, ends the start") {
    if (Skips()) return;
    const Redis redis;
    Stopped stopped;
    ServerProcess& server = stopped.server;
    Hand(redis.server, server, "appendonlydir");
    const std::string path = Redis::IncrementIn(server);
    const std::string whole = ReadAll(path);
    const auto refused = [&](const std::string& bytes, const std::string& words) {
      WriteAll(path, bytes);
      server.Restart(kDurable, Start::kMayFail);
      CHECK(server.WaitForExit() == 1);
      CHECK_MESSAGE(Says(server, words), words, "\n", server.Log());
    };
    refused(whole + "rubbish" + whole,
            "offset " + std::to_string(whole.size()) + ": what stands here is no command");
    refused(whole + "*1\r\n$8\r\nNONSENSE\r\n", "the command 'NONSENSE' cannot be run");
    refused(
        whole + "*2\r\n$4\r\nINCR\r\n$3\r\nabc\r\n*3\r\n$5\r\nLPUSH\r\n$3\r\nabc\r\n$1\r\nx\r\n",
        "the command 'LPUSH' cannot be run");
    const std::string manifest = server.folder() + "/appendonlydir/appendonly.aof.manifest";
    const std::string lines = ReadAll(manifest);
    WriteAll(server.folder() + "/appendonlydir/next.aof", whole);
    WriteAll(manifest, lines + "file next.aof seq 99 type i\n");
    refused(whole.substr(0, whole.size() - 1), "the file ends within a command");
    WriteAll(manifest, lines + "file ../elsewhere.aof seq 99 type i\n");
    refused(whole, "appendonly.aof.manifest: line 3: it does not say file, seq and type");
    WriteAll(manifest, lines);
  }

  TEST_CASE("a dump that is damaged or cut off is refused, with its name and the place") {
    if (Skips()) return;
    const Redis redis;
    const std::string whole = ReadAll(redis.server.folder() + "/dump.rdb");
    std::minstd_rand random(static_cast<unsigned>(Seed()));
    for (const Words& args : {kDebug, kDurable}) {
      Stopped stopped;
      ServerProcess& server = stopped.server;
      for (int i = 0; i < 12; ++i) {
        std::string bytes = whole;
        const size_t at = random() % bytes.size();
        INFO(i, " ", at);
        if (i % 2 == 0) {
          bytes.resize(at);
        } else {
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
        }
        WriteAll(server.folder() + "/dump.rdb", bytes);
        server.Restart(args, Start::kMayFail);
        CHECK(server.WaitForExit() == 1);
        const std::string log = server.Log();
        const size_t named = log.rfind("dump.rdb: offset ");
        CHECK_MESSAGE(named != std::string::npos, log);
      }
      // Nothing is left of those: the next one is taken.
      WriteAll(server.folder() + "/dump.rdb", whole);
      server.Restart(args);
      Client client = server.Connect();
      CHECK(Digest(client) == redis.digest);
    }
  }

  TEST_CASE("what only a newer or another Redis has is refused by name") {
    if (AgainstStock()) return;
    Stopped stopped;
    ServerProcess& server = stopped.server;
    const auto refused = [&](const std::string& items, const std::string& words) {
      WriteAll(server.folder() + "/dump.rdb",
               "REDIS0011" + items + std::string(1, '\xff') + std::string(8, '\0'));
      server.Restart({}, Start::kMayFail);
      CHECK(server.WaitForExit() == 1);
      CHECK_MESSAGE(Says(server, "dump.rdb: " + words), words, "\n", server.Log());
    };
    refused(std::string("\0\x01z\x01y", 5) +
                "\x1e\x03"
                "key\x01v",
            "offset 14: key 'key' is of type 30, which is not known here");
    refused("\xf5\x03lib", "offset 9: a library of functions, which cannot be run here");
    refused("\xfe\x10", "offset 9: keys of database 16, and there are 16 databases");
    refused(std::string("\0\x01z\x01y\0\x01z\x01y", 10), "offset 14: key 'z' is there twice");
  }

  TEST_CASE("--import takes any of these files, and only where there are no data") {
    if (Skips()) return;
    const Redis redis;
    const std::string folder = redis.server.folder();
    for (const std::string& file :
         {folder + "/dump.rdb", folder + "/appendonlydir/appendonly.aof.manifest"}) {
      INFO(file);
      Stopped stopped;
      ServerProcess& server = stopped.server;
      const Words args = With(kDurable, {"--import", file});
      server.Restart(args);
      Client client = server.Connect();
      CHECK(Digest(client) == redis.digest);
      server.KillNow();
      server.Restart(args, Start::kMayFail);
      CHECK(server.WaitForExit() == 1);
      CHECK(Says(server, "--import " + file + ": "));
      CHECK(Says(server, "has data already; start without --import to use that"));
      server.Restart(kDurable);
      Client again = server.Connect();
      CHECK(Digest(again) == redis.digest);
    }
    Stopped volatile_server;
    ServerProcess& server = volatile_server.server;
    server.Restart(With(kDebug, {"--import", folder + "/dump.rdb"}));
    Client client = server.Connect();
    CHECK(Digest(client) == redis.digest);
    Stop(server);
    server.Restart({"--import", folder + "/nothing.rdb"}, Start::kMayFail);
    CHECK(server.WaitForExit() == 1);
    CHECK(Says(server, "cannot open " + folder + "/nothing.rdb"));
    WriteAll(server.folder() + "/dump.rdb", "something");
    server.Restart({"--import", folder + "/dump.rdb"}, Start::kMayFail);
    CHECK(server.WaitForExit() == 1);
    CHECK(Says(server, "dump.rdb would be read anyway"));
  }

  TEST_CASE("an import that is killed at any moment is repeated by the next start") {
    if (Skips()) return;
    const Redis redis;
    ServerProcess server;
    const std::string binary =
        std::filesystem::read_symlink("/proc/" + std::to_string(server.pid()) + "/exe");
    Stop(server);
    Hand(redis.server, server, "dump.rdb");
    std::minstd_rand random(static_cast<unsigned>(Seed()));
    for (int round = 0; round < 20; ++round) {
      INFO(round);
      std::filesystem::remove_all(server.folder() + "/terrace-data");
      const std::string command = "timeout -s KILL 0.0" + std::to_string(10 + random() % 50) + " " +
                                  binary + " --port 0 --unixsocket " + server.folder() +
                                  "/socket --appendonly yes --dir " + server.folder() +
                                  " > /dev/null 2>&1";
      CHECK(std::system(command.c_str()) != 0);
      server.Restart(kDurable);
      Client client = server.Connect();
      CHECK(Digest(client) == redis.digest);
      server.KillNow();
    }
  }

  TEST_CASE("keys whose time was over when the server began are left out, and counted") {
    if (AgainstStock()) return;
    ServerProcess server(kDebug);
    Client client = server.Connect();
    client.Run("DEBUG SET-ACTIVE-EXPIRE 0");
    client.Run("MSET stays 1 goes 1");
    client.Run("PEXPIREAT goes 4102444800000");
    REQUIRE(client.Run("DEBUG RELOAD") == "+OK");
    Stop(server);
    // The deadline, as it stands in the file; another that is over, and no checksum.
    std::string bytes = ReadAll(server.folder() + "/dump.rdb");
    constexpr uint64_t kDeadlineMs = 4102444800000;
    std::string written(1, '\xfc');  // that byte alone may be the time of the dump's, too
    for (int i = 0; i < 8; ++i) written += static_cast<char>(kDeadlineMs >> (8 * i));
    const size_t at = bytes.find(written);
    REQUIRE(at != std::string::npos);
    bytes.replace(at + 1, 8, std::string("\1\0\0\0\0\0\0\0", 8));
    bytes.replace(bytes.size() - 8, 8, std::string(8, '\0'));
    WriteAll(server.folder() + "/dump.rdb", bytes);
    server.Restart(kDebug);
    Client again = server.Connect();
    CHECK(again.Run("KEYS *") == "[$stays]");
    const std::string info = again.Text("INFO persistence");
    CHECK(FieldOf(info, "rdb_last_load_keys_loaded") == "1");
    CHECK(FieldOf(info, "rdb_last_load_keys_expired") == "1");
    CHECK(Says(server, "dump.rdb: 1 keys were left out, their time is over"));
  }
}

}  // namespace terrace::integration
