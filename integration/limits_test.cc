// Whatever can grow has a limit, and meeting it hurts only the client that does.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

size_t UsedMemory(Client& client) {
  return std::stoull(FieldOf(client.Text("INFO", "memory"), "used_memory"));
}

// A hash of so many thousand fields, 50 bytes and more each.
void FillHash(Client& client, const std::string& key, int thousands) {
  for (int batch = 0; batch < thousands; ++batch) {
    std::string pipeline;
    for (int i = 0; i < 1000; ++i) {
      const std::string number = std::to_string(batch * 1000 + i);
      pipeline += Client::Encode({"HSET", key, "the field " + number, "the value " + number});
    }
    client.Send(pipeline);
    for (int i = 0; i < 1000; ++i) REQUIRE(client.Read() == ":1");
  }
}

// Sets so many keys to 1000 bytes, pipelined; how many it could.
size_t SetMany(Client& client, const std::string& prefix, size_t count) {
  const std::string value(1000, 'x');
  std::string pipeline;
  for (size_t i = 0; i < count; ++i)
    pipeline += Client::Encode({"SET", prefix + std::to_string(i), value});
  client.Send(pipeline);
  size_t done = 0;
  for (size_t i = 0; i < count; ++i) done += client.Read() == "+OK" ? 1 : 0;
  return done;
}

TEST_SUITE("integration/limits") {
  TEST_CASE("one client more than maxclients is told so and closed") {
    ServerProcess server({"--maxclients", "10"});
    std::vector<Client> clients;
    for (int i = 0; i < 10; ++i) {
      clients.push_back(server.Connect());
      REQUIRE(clients.back().Run("PING") == "+PONG");
    }
    Client refused = server.Connect();
    CHECK(refused.ReadToEnd() == "-ERR max number of clients reached\r\n");
    CHECK(FieldOf(clients[0].Text("INFO", "stats"), "rejected_connections") == "1");
    clients.pop_back();
    // The server needs a moment to see that somebody left.
    CHECK(Eventually([&] { return server.Connect().Run("PING") == "+PONG"; }));
  }

  TEST_CASE("a client that does not read is closed at its output limit") {
    ServerProcess server({"--client-output-buffer-limit", "normal 4mb 0 0"});
    Client writer = server.Connect();
    writer.Run("SET", "big", std::string(kMiB, 'x'));
    Client slow = server.Connect();
    slow.ShrinkReceiveBuffer();
    std::string pipeline;
    for (int i = 0; i < 500; ++i) pipeline += Client::Encode({"GET", "big"});
    slow.Send(pipeline);
    const auto is_alone = [&] {
      const std::string list = writer.Text("CLIENT", "LIST");
      return list.find('\n') == list.rfind('\n');
    };
    CHECK(Eventually(is_alone));
    CHECK(writer.Run("PING") == "+PONG");
    CHECK(server.ResidentBytes() < 400 * kMiB);
  }

  TEST_CASE("a slow subscriber is closed at the limit of its class") {
    ServerProcess server({"--client-output-buffer-limit", "pubsub 1mb 0 0"});
    Client slow = server.Connect();
    slow.ShrinkReceiveBuffer();
    Client brisk = server.Connect();
    slow.Run("SUBSCRIBE a");
    brisk.Run("SUBSCRIBE a");
    Client publisher = server.Connect();
    const std::string message(100000, 'm');
    int published = 0;
    // How soon the slow one's worker meets the limit is up to the machine.
    CHECK(Eventually([&] {
      if (publisher.Run("PUBLISH", "a", message) == ":1") return true;
      ++published;
      REQUIRE(brisk.Read().size() > message.size());
      return false;
    }));
    CHECK(published > 5);
    CHECK(brisk.Read().size() > message.size());
  }

  TEST_CASE("a slow reader does not grow memory without bound" * doctest::skip(AgainstStock())) {
    ServerProcess server;
    Client writer = server.Connect();
    for (int i = 0; i < 4; ++i) writer.Run("SET", "k" + std::to_string(i), std::string(10000, 'x'));
    Client slow = server.Connect();
    slow.ShrinkReceiveBuffer();
    slow.SetTimeout(1000);
    std::string pipeline;
    for (int i = 0; i < 100000; ++i)
      pipeline += Client::Encode({"GET", "k" + std::to_string(i % 4)});
    slow.Send(pipeline);  // a gigabyte of replies; sending stalls once the server stops reading
    CHECK(writer.Run("PING") == "+PONG");
    CHECK(server.ResidentBytes() < 200 * kMiB);
  }

  TEST_CASE("a request longer than the query buffer limit closes the connection") {
    ServerProcess server({"--client-query-buffer-limit", "1mb"});
    Client client = server.Connect();
    client.Send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\n");
    client.Send(std::string(3000000, 'x'));
    CHECK(client.IsClosedByPeer());
    CHECK(server.Connect().Run("EXISTS k") == ":0");
  }

  TEST_CASE("a bulk string longer than proto-max-bulk-len is refused by its length") {
    ServerProcess server({"--proto-max-bulk-len", "1mb"});
    Client client = server.Connect();
    client.Send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000\r\n");
    CHECK(client.Read() == "-ERR Protocol error: invalid bulk length");
    CHECK(client.IsClosedByPeer());
    Client other = server.Connect();
    CHECK(other.Run("SETRANGE k 1048576 x") ==
          "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  }

  TEST_CASE("writes that would grow memory past maxmemory are refused, reads and deletes are not") {
    ServerProcess server({"--maxmemory-policy", "noeviction"});
    Client client = server.Connect();
    client.Run("SET k v");
    CHECK(client.Run("CONFIG SET maxmemory 1") == "+OK");
    CHECK(client.Run("SET l w") == "-OOM command not allowed when used memory > 'maxmemory'.");
    CHECK(client.Run("GET k") == "$v");
    CHECK(client.Run("DEL k") == ":1");
    // More than there can be is no limit.
    CHECK(client.Run(
              "CONFIG SET maxmemory 99999999999999999999 maxmemory-clients 99999999999999999999") ==
          "+OK");
    CHECK(client.Run("SET l w") == "+OK");
    CHECK(client.Run("CONFIG SET maxmemory 0 maxmemory-clients 0") == "+OK");
    CHECK(client.Run("SET l w") == "+OK");
  }

  TEST_CASE("with an eviction policy memory stays at its limit and writes go on") {
    ServerProcess server({"--maxmemory-policy", "allkeys-lru"});
    Client client = server.Connect();
    const size_t used = UsedMemory(client);
    client.Run("CONFIG", "SET", "maxmemory", std::to_string(used + 8 * kMiB));
    const std::string value(1000, 'x');
    for (int batch = 0; batch < 40; ++batch) {
      std::string pipeline;
      for (int i = 0; i < 1000; ++i)
        pipeline += Client::Encode({"SET", std::to_string(batch * 1000 + i), value});
      client.Send(pipeline);
      for (int i = 0; i < 1000; ++i) REQUIRE(client.Read() == "+OK");
    }
    CHECK(std::stoull(FieldOf(client.Text("INFO", "stats"), "evicted_keys")) > 10000);
    CHECK(UsedMemory(client) < used + 10 * kMiB);
    CHECK(std::stoll(client.Run("DBSIZE").substr(1)) > 2000);
  }

  TEST_CASE("a large hash that is evicted takes no other key with it") {
    ServerProcess server({"--maxmemory-policy", "volatile-ttl", "--maxmemory-samples", "64"});
    Client client = server.Connect();
    FillHash(client, "large", 200);
    CHECK(client.Run("EXPIRE large 5000") == ":1");
    // It is the first to go, alone in its database so that it is always among the samples, and frees several times of
    // what is wanted; but not at once.
    CHECK(client.Run("SELECT 1") == "+OK");
    const std::string value(kMiB, 'x');
    for (const char* key : {"a", "b", "c"})
      CHECK(client.Run("SET", key, value, "EX", "10000") == "+OK");
    const size_t used = UsedMemory(client);
    CHECK(client.Run("CONFIG", "SET", "maxmemory", std::to_string(used - 2 * kMiB)) == "+OK");
    CHECK(client.Run("SET small v") == "+OK");
    CHECK(client.Run("EXISTS a b c small") == ":4");
    CHECK(client.Run("SELECT 0") == "+OK");
    CHECK(client.Run("EXISTS large") == ":0");
    CHECK(FieldOf(client.Text("INFO", "stats"), "evicted_keys") == "1");
    CHECK(Eventually([&] { return UsedMemory(client) < used - 8 * kMiB; }));
    if (AgainstStock()) return;
    CHECK(Eventually(
        [&] { return FieldOf(client.Text("INFO", "memory"), "lazyfree_pending_bytes") == "0"; }));
  }

  TEST_CASE("at the limit there is room as soon as DEL or FLUSHALL has made some") {
    for (const bool flush : {false, true}) {
      CAPTURE(flush);
      ServerProcess server({"--maxmemory-policy", "noeviction"});
      Client client = server.Connect();
      if (flush) {
        for (int i = 0; i < 5; ++i) CHECK(SetMany(client, std::to_string(i) + " ", 4000) == 4000);
      } else {
        FillHash(client, "large", 200);
      }
      client.Run("CONFIG", "SET", "maxmemory", std::to_string(UsedMemory(client) - kMiB));
      CHECK(client.Run("SET refused v") ==
            "-OOM command not allowed when used memory > 'maxmemory'.");
      CHECK(client.Run(flush ? "FLUSHALL" : "DEL large") == (flush ? "+OK" : ":1"));
      CHECK(SetMany(client, "after ", 4000) == 4000);  // faster than anybody frees
    }
  }

  TEST_CASE(
      "past maxmemory-clients the client that holds most goes, unless it asked for CLIENT "
      "NO-EVICT") {
    ServerProcess server;
    Client control = server.Connect();
    CHECK(control.Run("CLIENT NO-EVICT ON") == "+OK");
    // The beginning of a request, of which so many bytes wait in the query buffer.
    const auto holding = [&](const char* name, size_t bytes, bool no_evict) {
      Client client = server.Connect();
      client.Run("CLIENT", "SETNAME", name);
      if (no_evict) client.Run("CLIENT NO-EVICT ON");
      client.Send("*2\r\n$4\r\nECHO\r\n$" + std::to_string(bytes + 100) + "\r\n" +
                  std::string(bytes, 'x'));
      return client;
    };
    const auto memory_of = [&](const std::string& name) -> size_t {
      const std::string list = control.Text("CLIENT LIST");
      const size_t at = list.find("name=" + name + " ");
      return at == std::string::npos ? 0 : std::stoull(FieldOf(list.substr(at), "tot-mem"));
    };
    const auto evicted = [&] { return FieldOf(control.Text("INFO", "stats"), "evicted_clients"); };
    Client large = holding("large", 8 * kMiB, false);
    Client small = holding("small", 1 * kMiB, false);
    Client spared = holding("spared", 1 * kMiB, true);
    CHECK(Eventually([&] {
      return memory_of("large") >= 8 * kMiB && memory_of("small") >= kMiB &&
             memory_of("spared") >= kMiB;
    }));
    CHECK(evicted() == "0");
    CHECK(control.Run("CONFIG SET maxmemory-clients 6mb") == "+OK");
    CHECK(large.IsClosedByPeer());
    CHECK(Eventually([&] { return memory_of("large") == 0; }));
    CHECK(memory_of("small") >= kMiB);
    CHECK(memory_of("spared") >= kMiB);
    CHECK(evicted() == "1");
    // A share of maxmemory, and the limit met by one that comes later.
    CHECK(control.Run("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-clients", "6%") == "+OK");
    CHECK(control.Run("CONFIG GET maxmemory-clients") == "[$maxmemory-clients $6%]");
    Client late = holding("late", 7 * kMiB, false);
    CHECK(late.IsClosedByPeer());
    CHECK(Eventually([&] { return evicted() == "2"; }));
    CHECK(memory_of("small") >= kMiB);
    CHECK(memory_of("spared") >= kMiB);
    CHECK(control.Run("CONFIG RESETSTAT") == "+OK");
    CHECK(evicted() == "0");
  }

  TEST_CASE(
      "replies that nobody reads, queued commands and subscriptions count as a client's memory") {
    ServerProcess server({"--maxmemory-clients", "3mb"});
    Client control = server.Connect();
    control.Run("CLIENT NO-EVICT ON");
    control.Run("SET", "big", std::string(kMiB, 'x'));
    Client slow = server.Connect();
    slow.ShrinkReceiveBuffer();
    std::string pipeline;
    for (int i = 0; i < 50; ++i) pipeline += Client::Encode({"GET", "big"});
    slow.Send(pipeline);
    const auto evicted = [&] { return FieldOf(control.Text("INFO", "stats"), "evicted_clients"); };
    CHECK(Eventually([&] { return evicted() == "1"; }));

    Client queueing = server.Connect();
    queueing.Run("MULTI");
    for (int i = 0; i < 10 && queueing.Run("SET", "k", std::string(kMiB / 2, 'y')) == "+QUEUED";
         ++i) {
    }
    CHECK(queueing.IsClosedByPeer());
    CHECK(evicted() == "2");

    if (AgainstStock()) return;  // 7.0 does not count the names of channels
    Client listening = server.Connect();
    const std::string suffix(100000, 'z');
    for (int i = 0; i < 100; ++i) {
      if (!listening.Run("SUBSCRIBE", std::to_string(i) + suffix).starts_with("[$subscribe")) break;
    }
    CHECK(listening.IsClosedByPeer());
    CHECK(evicted() == "3");
    CHECK(server.Connect().Run("PING") == "+PONG");
  }

  TEST_CASE("idle clients are closed after the timeout, subscribers are not") {
    ServerProcess server;
    Client idle = server.Connect();
    Client listener = server.Connect();
    CHECK(listener.Run("SUBSCRIBE a") == "[$subscribe $a :1]");
    CHECK(idle.Run("CONFIG SET timeout 1") == "+OK");
    CHECK(idle.IsClosedByPeer());
    // Somebody new may be held up long enough to count as idle, too.
    CHECK(Eventually([&] { return server.Connect().Run("PUBLISH a x") == ":1"; }));
    CHECK(listener.Read() == "[$message $a $x]");
  }
}

}  // namespace
}  // namespace terrace::integration
