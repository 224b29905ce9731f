// Restarts that read keys only: values come when they are asked for, or by themselves, and nobody can tell but by INFO.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Words = std::vector<std::string>;

const Words kKept = {"--appendonly",           "yes", "--appendfsync", "everysec",
                     "--enable-debug-command", "yes"};

std::string Tiering(Client& client, const char* field) {
  return FieldOf(client.Text("INFO tiering"), field);
}

void Checkpoint(Client& client) {
  const auto saves = [&] { return FieldOf(client.Text("INFO persistence"), "rdb_saves"); };
  const std::string before = saves();
  client.Run("BGSAVE");
  REQUIRE(Eventually([&] { return saves() != before; }));
}

// Text that no packing makes short.
std::string Text(unsigned seed, size_t size) {
  std::minstd_rand random(seed);
  std::string text;
  while (text.size() < size) text += static_cast<char>('!' + random() % 90);
  return text;
}

// What maxmemory bounds: without what the log keeps.
long CountedMemory(Client& client) {
  const std::string info = client.Text("INFO memory");
  return std::stol(FieldOf(info, "used_memory")) -
         std::stol(FieldOf(info, "mem_not_counted_for_evict"));
}

bool AllThere(Client& client) {
  return Eventually([&] { return Tiering(client, "nonresident_values") == "0"; });
}

}  // namespace

TEST_SUITE("integration/residency") {
  TEST_CASE("every type is there behind a restart, before all of it is in memory and after") {
    if (AgainstStock()) return;
    ServerProcess server(kKept);
    {
      Client client = server.Connect();
      client.Run("SET", "string", Text(1, 100));
      client.Run("SET", "blob", Text(2, 100'000));
      client.Run("SET", "timed", Text(3, 50), "PX", "1000000");
      client.Run("RPUSH", "list", "a", "b", Text(4, 50));
      client.Run("HSET", "hash", "f", Text(5, 50), "g", "w");
      client.Run("HSET", "fields", "f", Text(6, 50));
      client.Run("HPEXPIRE fields 1000000 FIELDS 1 f");
      client.Run("SADD", "set", "1", Text(7, 50));
      client.Run("ZADD", "sorted", "1", "a", "2", Text(8, 50));
      client.Run("XADD", "stream", "1-1", "field", Text(9, 50));
      client.Run("XGROUP CREATE stream group 0");
      client.Run("SET number 41");
      client.Run("PFADD guess a b c");
      client.Run("PFCOUNT guess");  // which leaves the count in the value
      client.Run("DEBUG POPULATE 100000 many 100");
    }
    Client client = server.Connect();
    const std::string digest = client.Run("DEBUG DIGEST");
    Checkpoint(client);
    // What the log brings needs values, too.
    client.Run("APPEND string tail");
    client.Run("LPOP list");
    client.Run("RENAME sorted ranked");
    const std::string later = client.Run("DEBUG DIGEST");
    CHECK(later != digest);
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    for (int round = 0; round < 2; ++round) {
      server.Restart(kKept);
      Client again = server.Connect();
      CHECK(again.Run("GET string") == "$" + Text(1, 100) + "tail");
      CHECK(again.Run("STRLEN blob") == ":100000");
      CHECK(again.Run("LRANGE list 0 0") == "[$b]");
      CHECK(again.Run("HGET hash g") == "$w");
      CHECK(again.Run("SCARD set") == ":2");
      CHECK(again.Run("ZSCORE ranked a") == "$1");
      CHECK(again.Run("XLEN stream") == ":1");
      CHECK(again.Run("INCR number") == ":42");
      CHECK(again.Run("DECR number") == ":41");
      CHECK(again.Run("PFCOUNT guess") == ":3");
      CHECK(std::stol(again.Run("PTTL timed").substr(1)) > 900'000);
      CHECK(again.Run("OBJECT ENCODING set") == "$listpack");
      CHECK(again.Run("DEBUG DIGEST") == later);
      CHECK(std::stol(Tiering(again, "warm_left_by_loading")) > 100'000);
      CHECK(AllThere(again));
      CHECK(again.Run("DEBUG DIGEST") == later);
      CHECK(Eventually(
          [&] { return server.Log().find("All values are in memory") != std::string::npos; }));
      server.KillNow();
    }
  }

  TEST_CASE("transactions and blocking commands have their values first") {
    if (AgainstStock()) return;
    ServerProcess server(kKept);
    {
      Client client = server.Connect();
      client.Run("DEBUG POPULATE 200000 many 100");
      for (int i = 0; i < 50; ++i) {
        client.Run("RPUSH", "list" + std::to_string(i), Text(1, 40), "b");
        client.Run("SET", "text" + std::to_string(i), Text(2, 40));
      }
      Checkpoint(client);
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    server.Restart(kKept);
    Client client = server.Connect();
    for (int i = 0; i < 50; ++i) {
      const std::string n = std::to_string(i);
      CHECK(client.Run("BLPOP nothing list" + n + " 0") == "[$list" + n + " $" + Text(1, 40) + "]");
      client.Run("MULTI");
      client.Run("APPEND text" + n + " !");
      client.Run("RPUSH list" + n + " c");
      client.Run("LRANGE list" + n + " 0 -1");
      CHECK(client.Run("EXEC") == "[:41 :2 [$b $c]]");
      CHECK(client.Run("MGET text" + n + " text" + std::to_string((i + 1) % 50) + " nothing")
                .starts_with("[$" + Text(2, 40) + "! $"));
    }
    CHECK(AllThere(client));
  }

  TEST_CASE("killed while it warms and while it makes a checkpoint of what is not there yet") {
    if (AgainstStock()) return;
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::minstd_rand random(seed);
    ServerProcess server(kKept);
    std::string digest;
    {
      Client client = server.Connect();
      client.Run("DEBUG POPULATE 200000 many 100");
      Checkpoint(client);
    }
    for (int round = 0; round < 4; ++round) {
      INFO("round " << round);
      {
        Client client = server.Connect();
        client.Run("BGSAVE");
        for (int i = 0; i < 200; ++i) {
          const std::string key = "many:" + std::to_string(random() % 200'000);
          switch (random() % 4) {
            case 0:
              client.Run("DEL", key);
              break;
            case 1:
              client.Run("SET", key, Text(i, 30));
              break;
            default:
              client.Run("APPEND", key, "+");
          }
        }
        digest = client.Run("DEBUG DIGEST");
      }
      server.KillNow();
      server.Restart(kKept);
      if (round % 2 == 0) CHECK(server.Connect().Run("DEBUG DIGEST") == digest);
    }
    Client client = server.Connect();
    CHECK(AllThere(client));
    CHECK(client.Run("DEBUG DIGEST") == digest);
  }

  TEST_CASE("a byte that turned among the values of a table costs some values, and is named") {
    if (AgainstStock()) return;
    ServerProcess server(kKept);
    const auto key = [](int i) { return "key" + std::to_string(i); };
    {
      Client client = server.Connect();
      for (int i = 0; i < 500; ++i) client.Run("SET", key(i), Text(i, 100));
      Checkpoint(client);
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    std::filesystem::path table;
    for (const auto& file :
         std::filesystem::directory_iterator(server.folder() + "/terrace-data")) {
      if (file.path().extension() == ".table") table = file.path();
    }
    {
      std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(200);
      const char byte = static_cast<char>(file.get() ^ 1);
      file.seekp(200);
      file.put(byte);
    }
    server.Restart(kKept);
    Client client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":500");
    std::vector<int> lost;
    for (int i = 0; i < 500; ++i) {
      const std::string reply = client.Run("GET", key(i));
      if (reply == "$" + Text(i, 100)) continue;
      CHECK_MESSAGE(reply.starts_with("-ERR the value of a key cannot be read: "), reply);
      CHECK_MESSAGE(reply.find(table.filename().string() + ": offset 8") != std::string::npos,
                    reply);
      lost.push_back(i);
    }
    CHECK(lost.size() > 10);
    CHECK(lost.size() < 60);
    CHECK(Eventually([&] { return Tiering(client, "warming") == "0"; }));
    CHECK(Tiering(client, "nonresident_values") == std::to_string(lost.size()));
    CHECK(server.Log().find("values cannot be read") != std::string::npos);
    // What does not need the values goes on, checkpoints included.
    CHECK(client.Run("EXISTS", key(lost[0])) == ":1");
    CHECK(client.Run("DEL", key(lost[0])) == ":1");
    for (size_t i = 1; i < lost.size(); ++i) CHECK(client.Run("SET", key(lost[i]), "new") == "+OK");
    CHECK(Tiering(client, "nonresident_values") == "0");
    Checkpoint(client);
    const std::string digest = client.Run("DEBUG DIGEST");
    server.KillNow();
    server.Restart(kKept);
    Client again = server.Connect();
    CHECK(again.Run("GET", key(lost[1])) == "$new");
    CHECK(again.Run("DEBUG DIGEST") == digest);
    CHECK(AllThere(again));
  }

  TEST_CASE("in database mode memory holds what it may of the values, and all data are there") {
    if (AgainstStock()) return;
    Words args = kKept;
    args.insert(args.end(),
                {"--storage-mode", "database", "--maxmemory", "24mb", "--threads", "2"});
    ServerProcess server(args);
    const auto key = [](int i) { return "key" + std::to_string(i); };
    constexpr int kKeys = 40'000;  // forty megabytes
    {
      Client client = server.Connect();
      CHECK(client.Run("CONFIG GET storage-mode") == "[$storage-mode $database]");
      // Nothing is refused: while what has changed is on its way to the disk, writers wait.
      for (int i = 0; i < kKeys; ++i) {
        const std::string reply = client.Run("SET", key(i), Text(i, 1000));
        REQUIRE_MESSAGE(reply == "+OK", reply);
      }
      CHECK(client.Run("DBSIZE") == ":" + std::to_string(kKeys));
      CHECK(Tiering(client, "value_hit_ratio") == "1.0000");
      CHECK(std::stol(Tiering(client, "values_let_go")) > kKeys / 4);
      CHECK(FieldOf(client.Text("INFO stats"), "evicted_keys") == "0");
      CHECK(CountedMemory(client) < 27'000'000);
      for (int i = 0; i < kKeys; i += 37) {
        const std::string reply = client.Run("GET", key(i));
        REQUIRE_MESSAGE(reply == "$" + Text(i, 1000), key(i));
      }
      CHECK(std::stol(Tiering(client, "value_read_ins")) > 100);
      const double hit_ratio = std::stod(Tiering(client, "value_hit_ratio"));
      CHECK(hit_ratio < 0.95);
      CHECK(hit_ratio > 0.1);
      client.Run("CONFIG RESETSTAT");
      CHECK(client.Run("GET", key(0)) == "$" + Text(0, 1000));
      CHECK(client.Run("GET", key(0)) == "$" + Text(0, 1000));
      const std::string of_two = Tiering(client, "value_hit_ratio");
      CHECK_MESSAGE((of_two == "1.0000" || of_two == "0.5000"), of_two);
      CHECK(Tiering(client, "clients_parked") == "0");
      // Checkpoints began when a part of memory had changed, not when it was full or the log was long.
      CHECK(std::stol(FieldOf(client.Text("INFO persistence"), "rdb_saves")) > 3);
      CHECK(
          Eventually([&] { return std::stol(Tiering(client, "held_value_bytes")) < 12'000'000; }));
      CHECK(std::stol(Tiering(client, "write_delay_us_max")) <= 1'000'000);
      // Keys alone are more than there is room for: values come all the same, one command at a time.
      CHECK(client.Run("CONFIG SET maxmemory 1mb") == "+OK");
      CHECK(
          Eventually([&] { return client.Run("SET", "more", Text(1, 100)).starts_with("-OOM"); }));
      client.Run("DEL more");
      for (int i = 0; i < 20; ++i) {
        CHECK(client.Run("STRLEN", key(i)) == ":1000");
        CHECK(client.Run("MGET", key(i), key(20 + i)) ==
              "[$" + Text(i, 1000) + " $" + Text(20 + i, 1000) + "]");
      }
      CHECK(client.Run("CONFIG SET maxmemory 24mb") == "+OK");
      client.Run("RPUSH", "list", Text(1, 500), "b");
      client.Run("APPEND", key(7), "!");
    }
    server.KillNow();
    server.Restart(args);
    Client client = server.Connect();
    CHECK(client.Run("DBSIZE") == ":" + std::to_string(kKeys + 1));
    CHECK(client.Run("GET", key(7)) == "$" + Text(7, 1000) + "!");
    CHECK(client.Run("LINDEX list 1") == "$b");
    for (int i = 1; i < kKeys; i += 101) {
      if (i == 7) continue;
      const std::string reply = client.Run("GET", key(i));
      REQUIRE_MESSAGE(reply == "$" + Text(i, 1000), key(i));
    }
    CHECK(std::stol(Tiering(client, "nonresident_values")) > kKeys / 4);
    CHECK(CountedMemory(client) < 27'000'000);
  }

  TEST_CASE("what a client sends in one go runs in its order, whatever has to be read for it") {
    if (AgainstStock()) return;
    Words args = kKept;
    args.insert(args.end(),
                {"--storage-mode", "database", "--maxmemory", "40mb", "--threads", "1"});
    ServerProcess server(args);
    const auto key = [](int i) { return "key" + std::to_string(i); };
    constexpr int kKeys = 4000;
    {
      Client client = server.Connect();
      for (int i = 0; i < kKeys; ++i) client.Run("SET", key(i), Text(i, 1000));
      client.Run("SET", "large", Text(5, 300'000));
      client.Run("RPUSH", "list", Text(6, 500), "b");
      Checkpoint(client);
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
    for (int round = 0; round < 3; ++round) {
      server.Restart(args);
      Client client = server.Connect();
      // Workers read by themselves from their first tick on.
      if (round != 0)
        Eventually([&] { return std::stol(Tiering(client, "value_readers")) > 32; }, 2000);
      std::vector<std::pair<Words, std::string>> sent;
      for (int i = 0; i < 300; ++i) {
        const int a = 10 * i;
        sent.push_back({{"GET", key(a)}, "$" + Text(a, 1000)});
        sent.push_back({{"STRLEN", key(a + 1)}, ":1000"});
        sent.push_back({{"SET", key(a + 2), "new"}, "+OK"});
        sent.push_back({{"GET", key(a + 2)}, "$new"});
        sent.push_back({{"SETRANGE", key(a + 3), "0", "x"}, ":1000"});
        sent.push_back({{"GETRANGE", key(a + 3), "0", "0"}, "$x"});
        sent.push_back({{"DEL", key(a + 4)}, ":1"});
        sent.push_back({{"GET", key(a + 4)}, "$-1"});
        sent.push_back({{"MGET", key(a + 5), key(a + 4)}, "[$" + Text(a + 5, 1000) + " $-1]"});
        sent.push_back({{"RENAME", key(a + 6), key(a + 4)}, "+OK"});
        sent.push_back({{"GETDEL", key(a + 4)}, "$" + Text(a + 6, 1000)});
        sent.push_back({{"SELECT", "1"}, "+OK"});
        sent.push_back({{"GET", key(a + 7)}, "$-1"});
        sent.push_back({{"SELECT", "0"}, "+OK"});
        sent.push_back({{"SET", key(a + 2), Text(a + 2, 1000)}, "+OK"});
        sent.push_back({{"SET", key(a + 3), Text(a + 3, 1000)}, "+OK"});
        sent.push_back({{"SET", key(a + 4), Text(a + 4, 1000)}, "+OK"});
        sent.push_back({{"SET", key(a + 6), Text(a + 6, 1000)}, "+OK"});
      }
      sent.push_back({{"STRLEN", "large"}, ":300000"});
      sent.push_back({{"LINDEX", "list", "1"}, "$b"});
      for (const auto& [words, reply] : sent) REQUIRE(client.SendRequest(words));
      for (const auto& [words, reply] : sent) {
        CAPTURE(words[0]);
        CAPTURE(words[1]);
        REQUIRE(client.Read() == reply);
      }
      const long read_ins = std::stol(Tiering(client, "value_read_ins"));
      CHECK(read_ins > 500);
      // Most were read while a command before waited.
      if (std::stol(Tiering(client, "value_readers")) > 32 && round != 0)
        CHECK(std::stol(Tiering(client, "commands_parked")) < read_ins / 2);
      CHECK(Tiering(client, "clients_parked") == "0");
      Checkpoint(client);
      server.KillNow();
    }
  }

  TEST_CASE("database mode without a place for the values is refused") {
    if (AgainstStock()) return;
    ServerProcess server({"--storage-mode", "database"}, ServerProcess::Start::kMayFail);
    CHECK(server.WaitForExit() == 1);
    CHECK(server.Log().find("needs appendonly yes") != std::string::npos);
  }
}

}  // namespace terrace::integration
