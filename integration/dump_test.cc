// BGSAVE and SAVE as dumps: what a Redis reads, of one moment, while everybody goes on.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/random_data.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Words = std::vector<std::string>;
using Binary = ServerProcess::Binary;
using Start = ServerProcess::Start;

const Words kDebug = {"--enable-debug-command", "yes"};

uint64_t Seed() {
  const uint64_t seed = std::random_device{}();
  MESSAGE("seed ", seed);
  return seed;
}

std::string Digest(Client& client) { return client.Run("DEBUG DIGEST"); }

std::string Persistence(Client& client, const char* field) {
  return FieldOf(client.Text("INFO persistence"), field);
}

void Stop(ServerProcess& server) {
  server.Signal(SIGTERM);
  REQUIRE(server.WaitForExit() == 0);
}

std::string DumpOf(const ServerProcess& server) { return server.folder() + "/dump.rdb"; }

void HandDump(const ServerProcess& from, const ServerProcess& to) {
  std::filesystem::copy(DumpOf(from), DumpOf(to),
                        std::filesystem::copy_options::overwrite_existing);
}

void BgSave(Client& client) {
  const long before = std::stol(Persistence(client, "rdb_saves"));
  REQUIRE(client.Run("BGSAVE") == "+Background saving started");
  REQUIRE(Eventually([&] {
    return Persistence(client, "rdb_bgsave_in_progress") == "0" &&
           std::stol(Persistence(client, "rdb_saves")) > before;
  }));
  CHECK(Persistence(client, "rdb_last_bgsave_status") == "ok");
}

// What its own checker says of a file.
bool RedisAccepts(const std::string& path) {
  return std::system(("redis-check-rdb " + path + " > /dev/null 2>&1").c_str()) == 0;
}

}  // namespace

TEST_SUITE("integration/dump") {
  TEST_CASE("from a Redis to us and back: every value of every type is the same") {
    if (AgainstStock() || !StockIsInstalled()) return;
    ServerProcess redis(Binary::kStock, kDebug);
    ServerProcess ours(kDebug);
    const uint64_t seed = Seed();
    for (int round = 0; round < 3; ++round) {
      for (const char* compression : {"no", "yes"}) {
        Client writer = redis.Connect();
        writer.Run("FLUSHALL");
        writer.Run(std::string("CONFIG SET rdbcompression ") + compression);
        WriteRandomData(writer, seed + static_cast<uint64_t>(round), 400);
        const std::string digest = Digest(writer);
        REQUIRE(writer.Run("SAVE") == "+OK");
        Stop(ours);
        HandDump(redis, ours);
        ours.Restart(kDebug);
        Client client = ours.Connect();
        CHECK(Digest(client) == digest);
        client.Run(std::string("CONFIG SET rdbcompression ") + compression);
        BgSave(client);
        CHECK(RedisAccepts(DumpOf(ours)));
        Stop(redis);
        HandDump(ours, redis);
        redis.Restart(kDebug);
        Client reader = redis.Connect();
        CHECK(Digest(reader) == digest);
      }
    }
  }

  TEST_CASE("a dump under writes is of one moment, between two transactions") {
    if (AgainstStock()) return;
    constexpr int kCounters = 3000;
    ServerProcess server(kDebug);
    Client client = server.Connect();
    for (int i = 0; i < kCounters; ++i)
      client.Run("SET", "filler:" + std::to_string(i), std::string(500, 'f'));
    std::atomic<bool> done{false};
    std::vector<std::thread> writers;
    const uint64_t seed = Seed();
    for (int w = 0; w < 2; ++w) {
      writers.emplace_back([&, w] {
        Client writer = server.Connect();
        std::minstd_rand random(static_cast<unsigned>(seed) + static_cast<unsigned>(w));
        while (!done.load()) {
          const std::string i = std::to_string(random() % kCounters);
          const std::string command = Client::Encode({"MULTI"}) +
                                      Client::Encode({"INCR", "left:" + i}) +
                                      Client::Encode({"INCR", "right:" + i}) +
                                      Client::Encode({"INCR", "total"}) + Client::Encode({"EXEC"});
          writer.Send(command);
          writer.Read(5);
        }
      });
    }
    REQUIRE(Eventually([&] { return client.Run("EXISTS total") == ":1"; }));
    for (int round = 0; round < 4; ++round) {
      client.Run("SET round " + std::to_string(round));
      BgSave(client);
      ServerProcess reader;
      Stop(reader);
      HandDump(server, reader);
      reader.Restart({});
      Client check = reader.Connect();
      CHECK(check.Run("GET round") == "$" + std::to_string(round));
      Words left = {"MGET"}, right = {"MGET"};
      for (int i = 0; i < kCounters; ++i) {
        left.push_back("left:" + std::to_string(i));
        right.push_back("right:" + std::to_string(i));
      }
      const std::string lefts = check.RunList(left);
      CHECK(lefts == check.RunList(right));
      long sum = 0;
      for (size_t at = lefts.find('$'); at != std::string::npos; at = lefts.find('$', at + 1))
        sum += std::max(std::strtol(lefts.c_str() + at + 1, nullptr, 10), 0L);
      CHECK(check.Run("GET total") == "$" + std::to_string(sum));
      CHECK(sum > 0);
    }
    done = true;
    for (std::thread& writer : writers) writer.join();
  }

  TEST_CASE(
      "large collections that are written meanwhile are in a dump as they were, for a Redis, too") {
    if (AgainstStock()) return;
    constexpr int kItems = 20'000;
    ServerProcess server(kDebug);
    Client client = server.Connect();
    Words zadd = {"ZADD", "zset"}, hset = {"HSET", "hash"}, rpush = {"RPUSH", "list"};
    std::string xadds;
    for (int i = 0; i < kItems; ++i) {
      const std::string name = "item:" + std::to_string(i);
      zadd.insert(zadd.end(), {"0", name});
      hset.insert(hset.end(), {name, "0"});
      rpush.push_back("0");
      xadds += Client::Encode({"XADD", "stream", "*", "item", name});
    }
    for (const Words& fill : {zadd, hset, rpush}) client.RunList(fill);
    client.Send(xadds);
    client.Read(kItems);
    client.Run("XGROUP CREATE stream group 0");
    client.Run("XREADGROUP GROUP group me COUNT 500 STREAMS stream >");
    std::atomic<bool> done{false};
    // The same number goes to the same place of all of them.
    std::thread writing([&, seed = Seed()] {
      Client writer = server.Connect();
      std::minstd_rand random(static_cast<unsigned>(seed));
      for (int n = 1; !done.load(); ++n) {
        const auto at = std::to_string(random() % kItems), value = std::to_string(n);
        writer.Send(Client::Encode({"MULTI"}) +
                    Client::Encode({"ZADD", "zset", value, "item:" + at}) +
                    Client::Encode({"HSET", "hash", "item:" + at, value}) +
                    Client::Encode({"LSET", "list", at, value}) +
                    Client::Encode({"XADD", "stream", "*", "item", at}) +
                    Client::Encode({"INCR", "total"}) + Client::Encode({"EXEC"}));
        writer.Read(7);
      }
    });
    REQUIRE(Eventually([&] { return client.Run("EXISTS total") == ":1"; }));
    const auto check = [&](ServerProcess& reader) {
      Stop(reader);
      HandDump(server, reader);
      reader.Restart({});
      Client loaded = reader.Connect();
      Words scores = {"ZMSCORE", "zset"}, fields = {"HMGET", "hash"};
      for (int i = 0; i < kItems; ++i) {
        scores.push_back("item:" + std::to_string(i));
        fields.push_back(scores.back());
      }
      const std::string values = loaded.RunList(fields);
      CHECK((loaded.RunList(scores) == values));
      CHECK((loaded.Run("LRANGE list 0 -1") == values));
      const std::string total = loaded.Run("GET total");
      CHECK(loaded.Run("XLEN stream") == ":" + std::to_string(kItems + std::stol(total.substr(1))));
      CHECK(loaded.Run("XPENDING stream group").starts_with("[:500 "));
      return total;
    };
    std::string last;
    for (const char* compression : {"no", "yes"}) {
      client.Run(std::string("CONFIG SET rdbcompression ") + compression);
      BgSave(client);
      CHECK(RedisAccepts(DumpOf(server)));
      ServerProcess ours;
      const std::string total = check(ours);
      CHECK(total != last);
      last = total;
      if (!StockIsInstalled()) continue;
      ServerProcess redis(Binary::kStock, {});
      CHECK(check(redis) == total);
    }
    done = true;
    writing.join();
  }

  TEST_CASE(
      "a dump that is overtaken by FLUSHALL and SWAPDB is of a moment before or behind them") {
    if (AgainstStock()) return;
    ServerProcess server(kDebug), reader(kDebug);
    Client client = server.Connect();
    const uint64_t seed = Seed();
    for (int round = 0; round < 6; ++round) {
      client.Run("FLUSHALL");
      WriteRandomData(client, seed + static_cast<uint64_t>(round), 400);
      Words moments = {Digest(client)};
      client.Run("SWAPDB 0 3");
      moments.push_back(Digest(client));
      client.Run("SWAPDB 0 3");
      CHECK(client.Run("BGSAVE") == "+Background saving started");
      client.Run("SWAPDB 0 3");
      client.Run("FLUSHALL");
      moments.push_back(Digest(client));
      client.Run("SET new 1");
      moments.push_back(Digest(client));
      REQUIRE(Eventually([&] { return Persistence(client, "rdb_bgsave_in_progress") == "0"; }));
      CHECK(Persistence(client, "rdb_last_bgsave_status") == "ok");
      Stop(reader);
      HandDump(server, reader);
      reader.Restart(kDebug);
      Client check = reader.Connect();
      CHECK(std::count(moments.begin(), moments.end(), Digest(check)) == 1);
    }
  }

  TEST_CASE("INFO and LASTSAVE tell of dumps, and one at a time is made") {
    if (AgainstStock()) return;
    ServerProcess server;
    Client client = server.Connect();
    CHECK(Persistence(client, "rdb_last_bgsave_time_sec") == "-1");
    const std::string started = client.Run("LASTSAVE");
    client.Run("MSET a 1 b 2");
    CHECK(Persistence(client, "rdb_changes_since_last_save") == "2");
    // Nothing can be cut before EXEC is over, so the first one is under way for the second.
    CHECK(client.Run("MULTI") == "+OK");
    client.Run("BGSAVE");
    client.Run("BGSAVE SCHEDULE");
    client.Run("INFO persistence");
    const std::string replies = client.Run("EXEC");
    CHECK(replies.starts_with(
        "[+Background saving started -ERR Background save already in progress "));
    CHECK(replies.find("rdb_bgsave_in_progress:1") != std::string::npos);
    REQUIRE(Eventually([&] { return Persistence(client, "rdb_bgsave_in_progress") == "0"; }));
    CHECK(Persistence(client, "rdb_changes_since_last_save") == "0");
    CHECK(Persistence(client, "rdb_saves") == "1");
    CHECK(Persistence(client, "rdb_last_bgsave_time_sec") != "-1");
    CHECK(client.Run("LASTSAVE") >= started);
    CHECK(Persistence(client, "rdb_last_save_time") == client.Run("LASTSAVE").substr(1));
    CHECK(client.Run("SAVE") == "+OK");
    CHECK(Persistence(client, "rdb_saves") == "2");
    CHECK(client.Run("BGREWRITEAOF") ==
          "-ERR nothing is kept on the disk: the server was started without appendonly");
    CHECK(!std::filesystem::exists(server.folder() + "/terrace-data"));
  }

  TEST_CASE(
      "a dump that cannot be written is said, and the server stays when it was to end with one") {
    if (AgainstStock()) return;
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SET a 1");
    REQUIRE(client.Run("SAVE") == "+OK");
    const std::string last = client.Run("LASTSAVE");
    std::filesystem::remove(DumpOf(server));
    std::filesystem::create_directories(DumpOf(server) + "/in-the-way");
    CHECK(client.Run("SAVE") == "-ERR");
    CHECK(Persistence(client, "rdb_last_bgsave_status") == "err");
    CHECK(Persistence(client, "rdb_saves") == "1");
    CHECK(client.Run("LASTSAVE") == last);
    CHECK(client.Run("SHUTDOWN SAVE") == "-ERR Errors trying to SHUTDOWN. Check logs.");
    CHECK(server.Log().find("The dump to dump.rdb failed: ") != std::string::npos);
    for (const auto& file : std::filesystem::directory_iterator(server.folder()))
      CHECK(!file.path().filename().string().starts_with("temp-"));
    std::filesystem::remove_all(DumpOf(server));
    CHECK(client.Run("SAVE") == "+OK");
    CHECK(Persistence(client, "rdb_last_bgsave_status") == "ok");
    CHECK(client.Run("SHUTDOWN SAVE") == "(closed)");
    CHECK(server.WaitForExit() == 0);
  }

  TEST_CASE("save points make dumps by themselves, and one at the end") {
    if (AgainstStock()) return;
    ServerProcess server;
    Client client = server.Connect();
    REQUIRE(client.Run("CONFIG", "SET", "save", "1 2") == "+OK");
    client.Run("MSET a 1 b 2");
    REQUIRE(Eventually([&] { return Persistence(client, "rdb_saves") == "1"; }));
    REQUIRE(client.Run("CONFIG", "SET", "save", "3600 1") == "+OK");
    client.Run("SET c 3");
    client.Run("HSET h f v");
    client.Run("HPEXPIREAT h 4102444800000 FIELDS 1 f");
    Stop(server);
    server.Restart({});
    Client again = server.Connect();
    CHECK(again.Run("MGET a b c") == "[$1 $2 $3]");
    CHECK(again.Run("HPEXPIRETIME h FIELDS 1 f") == "[:4102444800000]");
    REQUIRE(again.Run("CONFIG", "SET", "save", "3600 1") == "+OK");
    again.Run("SET d 4");
    CHECK(again.Run("SHUTDOWN NOSAVE") == "(closed)");
    CHECK(server.WaitForExit() == 0);
    server.Restart({});
    Client third = server.Connect();
    CHECK(third.Run("MGET a d") == "[$1 $-1]");
  }

  TEST_CASE("a server with save points stays when it is told to end and cannot write its dump") {
    if (AgainstStock()) return;
    ServerProcess server;
    Client client = server.Connect();
    REQUIRE(client.Run("CONFIG", "SET", "save", "3600 1") == "+OK");
    std::filesystem::create_directories(DumpOf(server) + "/in-the-way");
    client.Run("SET a 1");
    server.Signal(SIGTERM);
    REQUIRE(Eventually([&] { return server.Log().find("can't exit") != std::string::npos; }));
    // Who has save points counts on them.
    CHECK(client.Run("INCR a").starts_with(
        "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to"));
    CHECK(client.Run("GET a") == "$1");
    CHECK(client.Run("CONFIG SET stop-writes-on-bgsave-error no") == "+OK");
    CHECK(client.Run("INCR a") == ":2");
    CHECK(client.Run("CONFIG SET stop-writes-on-bgsave-error yes") == "+OK");
    CHECK(client.Run("INCR a").starts_with("-MISCONF"));
    std::filesystem::remove_all(DumpOf(server));
    CHECK(client.Run("SAVE") == "+OK");
    CHECK(client.Run("INCR a") == ":3");
    Stop(server);
    server.Restart({});
    Client again = server.Connect();
    CHECK(again.Run("GET a") == "$3");
  }

  TEST_CASE("with appendonly, save-format rdb makes a dump besides the checkpoint") {
    if (AgainstStock()) return;
    const Words durable = {"--appendonly", "yes", "--save-format", "rdb"};
    ServerProcess server(durable);
    Client client = server.Connect();
    client.Run("MSET a 1 b 2");
    const std::string offset = Persistence(client, "checkpoint_offset");
    BgSave(client);
    CHECK(std::filesystem::exists(DumpOf(server)));
    REQUIRE(Eventually([&] { return Persistence(client, "checkpoint_offset") != offset; }));
    client.Run("SET after 1");
    server.KillNow();
    // The dump is older than the log, which comes first.
    server.Restart(durable);
    Client again = server.Connect();
    CHECK(again.Run("MGET a after") == "[$1 $1]");
    REQUIRE(again.Run("CONFIG SET save-format tables") == "+OK");
    std::filesystem::remove(DumpOf(server));
    CHECK(again.Run("BGSAVE") == "+Background saving started");
    REQUIRE(Eventually([&] { return Persistence(again, "rdb_bgsave_in_progress") == "0"; }));
    CHECK(!std::filesystem::exists(DumpOf(server)));
  }
}

}  // namespace terrace::integration
