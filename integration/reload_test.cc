// DEBUG RELOAD: all data as an RDB file and back.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

const std::vector<std::string> kDebug = {"--enable-debug-command", "yes", "--threads", "2"};

// Some of every type, in small and large, in two databases.
void Fill(Client& client) {
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(i);
    CHECK(client.Run("SET string:" + n + " " + std::string(static_cast<size_t>(i * 3), 'v') + n) ==
          "+OK");
    client.Run("RPUSH list " + n + " element" + n);
    client.Run("SADD numbers " + n);
    client.Run("SADD words word" + n);
    client.Run("HSET hash field" + n + " " + n);
    client.Run("ZADD scores " + n + ".5 member" + n);
  }
  client.Run("RPUSH small a");
  client.Run("HSET small-hash a b");
  client.Run("ZADD small-scores 1 a");
  client.Run("PEXPIREAT string:7 4102444800000");
  client.Run("SELECT 3");
  client.Run("SET other db");
  client.Run("SELECT 0");
}

TEST_SUITE("integration/reload") {
  TEST_CASE("data are the same after DEBUG RELOAD, deadlines and databases included") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    Fill(client);
    if (!AgainstStock()) {
      client.Run("HPEXPIREAT hash 4102444800000 FIELDS 2 field3 field5");
      client.Run("HPEXPIREAT small-hash 4102444800000 FIELDS 1 a");
    }
    const std::string digest = client.Run("DEBUG DIGEST");
    CHECK(client.Run("DEBUG RELOAD") == "+OK");
    if (!AgainstStock()) {
      CHECK(client.Run("HPEXPIRETIME hash FIELDS 2 field3 field4") == "[:4102444800000 :-1]");
      CHECK(client.Run("HPEXPIRETIME small-hash FIELDS 1 a") == "[:4102444800000]");
    }
    CHECK(client.Run("DEBUG DIGEST") == digest);
    CHECK(client.Run("PEXPIRETIME string:7") == ":4102444800000");
    CHECK(client.Run("DBSIZE") == ":208");
    CHECK(client.Run("ZSCORE scores member20") == "$20.5");
    CHECK(client.Run("FLUSHALL") == "+OK");
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == "+OK");
    CHECK(client.Run("DEBUG DIGEST") == digest);
  }

  TEST_CASE("a damaged file is refused and leaves the data alone") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    Fill(client);
    const std::string digest = client.Run("DEBUG DIGEST");
    REQUIRE(client.Run("DEBUG RELOAD") == "+OK");
    const std::string path = server.folder() + "/dump.rdb";
    const auto size = std::filesystem::file_size(path);
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(size / 2));
      const int byte = file.peek();
      file.seekp(static_cast<std::streamoff>(size / 2));
      file.put(static_cast<char>(byte ^ 0x55));
    }
    const std::string error = "-ERR Error trying to load the RDB dump, check server logs.";
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == error);
    std::filesystem::resize_file(path, size / 3);
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == error);
    std::filesystem::remove(path);
    CHECK(client.Run("DEBUG RELOAD NOSAVE") == error);
    CHECK(client.Run("DEBUG DIGEST") == digest);
  }

  TEST_CASE("NOFLUSH adds to the data, and replaces keys only with MERGE") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    CHECK(client.Run("MSET a file b file") == "+OK");
    REQUIRE(client.Run("DEBUG RELOAD") == "+OK");
    CHECK(client.Run("FLUSHALL") == "+OK");
    CHECK(client.Run("MSET a live c live") == "+OK");
    CHECK(client.Run("DEBUG RELOAD NOSAVE NOFLUSH") ==
          "-ERR Error trying to load the RDB dump, check server logs.");
    CHECK(client.Run("MGET a b c") == "[$live $-1 $live]");
    CHECK(client.Run("DEBUG RELOAD NOSAVE NOFLUSH MERGE") == "+OK");
    CHECK(client.Run("MGET a b c") == "[$file $file $live]");
    CHECK(client.Run("DEBUG RELOAD SIDEWAYS") ==
          "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  }

  TEST_CASE("keys whose deadline passed while they were in the file do not come back") {
    ServerProcess server(kDebug);
    Client client = server.Connect();
    CHECK(client.Run("DEBUG SET-ACTIVE-EXPIRE 0") == "+OK");
    CHECK(client.Run("MSET stays 1 goes 1") == "+OK");
    CHECK(client.Run("PEXPIREAT goes 4102444800000") == ":1");
    REQUIRE(client.Run("DEBUG RELOAD") == "+OK");
    CHECK(client.Run("PEXPIRE goes 1") == ":1");
    REQUIRE(client.Run("DEBUG SLEEP 0.01") == "+OK");
    CHECK(client.Run("DEBUG RELOAD") == "+OK");
    CHECK(client.Run("DBSIZE") == ":1");
  }

  TEST_CASE("DEBUG LOADAOF brings back what a restart would") {
    const std::vector<std::string> logs = {"--enable-debug-command", "yes", "--threads", "2",
                                           "--appendonly",           "yes"};
    ServerProcess server(logs);
    Client client = server.Connect();
    const auto reads_back = [&] {
      const std::string digest = client.Run("DEBUG DIGEST");
      const std::string keys = client.Run("DBSIZE");
      CHECK(client.Run("DEBUG LOADAOF") == "+OK");
      CHECK(client.Run("DEBUG DIGEST") == digest);
      CHECK(client.Run("DBSIZE") == keys);
    };
    reads_back();  // nothing at all
    Fill(client);
    client.Run("HPEXPIREAT hash 4102444800000 FIELDS 2 field3 field5");
    reads_back();  // the log alone
    client.Run("SAVE");
    reads_back();  // tables alone
    client.Run("DEL list string:3");
    client.Run("XADD stream 1-1 field value");
    client.Run("SWAPDB 0 3");
    client.Run("MULTI");
    client.Run("SET in-a-transaction 1 PX 100000000");
    client.Run("INCR counter");
    client.Run("EXEC");
    reads_back();  // both
    // What is written from then on, and the tables made of it, are whole, too.
    client.Run("SADD words later");
    client.Run("SELECT 3");
    client.Run("DEL hash");
    client.Run("SAVE");
    client.Run("HSET small-hash c d");
    client.Run("DEL string:8");
    reads_back();
    const std::string digest = client.Run("DEBUG DIGEST");
    server.KillNow();
    server.Restart(logs);
    Client after = server.Connect();
    CHECK(after.Run("DEBUG DIGEST") == digest);
    CHECK(after.Run("CONFIG SET appendonly no") == "+OK");
    if (!AgainstStock()) {
      CHECK(after.Run("DEBUG LOADAOF") ==
            "-ERR Error trying to load the AOF files, check server logs.");
    }
    CHECK(after.Run("DEBUG DIGEST") == digest);
  }

  TEST_CASE("a watch breaks when DEBUG LOADAOF brings its key") {
    ServerProcess server({"--enable-debug-command", "yes", "--appendonly", "yes"});
    Client client = server.Connect(), watcher = server.Connect();
    client.Run("SET watched 1");
    watcher.Run("WATCH watched");
    watcher.Run("MULTI");
    watcher.Run("SET x 1");
    CHECK(client.Run("DEBUG LOADAOF") == "+OK");
    CHECK(watcher.Run("EXEC") == "*-1");
    CHECK(client.Run("GET watched") == "$1");
  }

  TEST_CASE("DEBUG LOADAOF is not for transactions, nor for data that memory may not hold") {
    ServerProcess server({"--enable-debug-command", "yes", "--appendonly", "yes"});
    Client client = server.Connect();
    client.Run("MULTI");
    client.Run("SET k v");
    client.Run("DEBUG LOADAOF");
    CHECK(client.Run("EXEC") == "[+OK -ERR the log cannot be loaded inside a transaction]");
    CHECK(client.Run("GET k") == "$v");
    ServerProcess database({"--enable-debug-command", "yes", "--appendonly", "yes",
                            "--storage-mode", "database", "--maxmemory", "100mb"});
    CHECK(database.Connect().Run("DEBUG LOADAOF") ==
          "-ERR in database mode the data may be more than memory can hold at once");
  }

  TEST_CASE("DEBUG LOADAOF loses and doubles nothing while others write and checkpoints are made") {
    ServerProcess server(
        {"--enable-debug-command", "yes", "--threads", "2", "--appendonly", "yes"});
    Client client = server.Connect();
    // Enough that a checkpoint takes some time, and that its end falls into a load now and then.
    client.Run("DEBUG POPULATE 200000 filler 20");
    client.Run("SAVE");
    std::atomic<bool> done{false};
    std::atomic<int64_t> counted{0};
    std::thread writer([&] {
      Client others = server.Connect();
      while (!done) {
        others.Run("INCR counter");
        ++counted;
      }
    });
    for (int round = 0; round < 12; ++round) {
      client.Run("BGREWRITEAOF");
      const int64_t enough = counted + 50 * (round % 4);
      CHECK(Eventually([&] { return counted >= enough; }));
      CHECK(client.Run("DEBUG LOADAOF") == "+OK");
    }
    done = true;
    writer.join();
    CHECK(client.Run("GET counter") == "$" + std::to_string(counted));
    CHECK(client.Run("DBSIZE") == ":200001");
    server.KillNow();
    server.Restart({"--appendonly", "yes"});
    CHECK(server.Connect().Run("GET counter") == "$" + std::to_string(counted));
  }
}

}  // namespace
}  // namespace terrace::integration
