// Clients that wait for keys, on several workers.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

// Several workers, so that who waits and who brings are mostly on different ones.
const std::vector<std::string> kThreads = {"--threads", "3"};

std::unique_ptr<ServerProcess> Start() {
  return std::make_unique<ServerProcess>(AgainstStock() ? std::vector<std::string>() : kThreads);
}

bool Blocked(Client& asking, size_t clients) {
  return Eventually([&] {
    return FieldOf(asking.Text("INFO", "clients"), "blocked_clients") == std::to_string(clients);
  });
}

std::string IdOf(Client& client) { return client.Run("CLIENT ID").substr(1); }

TEST_SUITE("integration/blocking") {
  TEST_CASE("waiting clients of all workers are served in the order they came") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    std::vector<Client> clients;
    for (size_t i = 0; i < 9; ++i) {
      clients.push_back(server->Connect());
      clients.back().Send(i % 2 == 0 ? "BLPOP k other 0\r\n" : "BRPOP k 0\r\n");
      REQUIRE(Blocked(master, i + 1));
    }
    CHECK(master.Text("CLIENT LIST").find("flags=b") != std::string::npos);
    CHECK(FieldOf(master.Text("INFO", "clients"), "blocked_clients") == "9");
    for (size_t i = 0; i < clients.size(); ++i) {
      CHECK(master.Run("RPUSH k " + std::to_string(i)) == ":1");
      CHECK(clients[i].Read() == "[$k $" + std::to_string(i) + "]");
    }
    CHECK(Blocked(master, 0));
    CHECK(master.Run("EXISTS k") == ":0");
  }

  TEST_CASE("what a client sends behind a command that waits runs behind it, in order") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client client = server->Connect();
    client.Send("RPUSH mine a\r\nBLPOP k 0\r\nRPUSH mine b\r\nBLPOP k 0\r\nLLEN mine\r\nPING\r\n");
    CHECK(client.Read() == ":1");
    REQUIRE(Blocked(master, 1));
    CHECK(master.Run("LLEN mine") == ":1");
    CHECK(master.Run("RPUSH k 1 2") == ":2");
    CHECK(client.Read(5) == std::vector<std::string>{"[$k $1]", ":2", "[$k $2]", ":2", "+PONG"});
  }

  TEST_CASE("a timeout ends the waiting on time, and not before") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client client = server->Connect();
    const auto begin = std::chrono::steady_clock::now();
    CHECK(client.Run("BLPOP k 0.05") == "*-1");
    CHECK(client.Run("BLMOVE k l LEFT LEFT 0.05") == "*-1");
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    CHECK(ms.count() >= 98);
    CHECK(client.Run("BLPOP k x") == "-ERR timeout is not a float or out of range");
    CHECK(client.Run("BLPOP k -1") == "-ERR timeout is negative");
    CHECK(client.Run("RPUSH k 1") == ":1");
    CHECK(client.Run("BLPOP k 0.01") == "[$k $1]");
  }

  TEST_CASE("CLIENT UNBLOCK ends the waiting of a client of any worker, once") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    for (int i = 0; i < 4; ++i) {
      Client client = server->Connect();
      const std::string id = IdOf(client);
      CHECK(master.Run("CLIENT UNBLOCK " + id) == ":0");
      client.Send("BLPOP k 0\r\nPING\r\n");
      REQUIRE(Blocked(master, 1));
      CHECK(master.Run("CLIENT UNBLOCK " + id + (i % 2 == 0 ? " ERROR" : " TIMEOUT")) == ":1");
      CHECK(client.Read() ==
            (i % 2 == 0 ? "-UNBLOCKED client unblocked via CLIENT UNBLOCK" : "*-1"));
      CHECK(client.Read() == "+PONG");
      CHECK(master.Run("RPUSH k 1") == ":1");
      CHECK(master.Run("LPOP k") == "$1");
    }
  }

  TEST_CASE("a client that was killed or has gone takes nothing") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client killed = server->Connect();
    const std::string id = IdOf(killed);
    killed.Send("BLPOP k 0\r\n");
    REQUIRE(Blocked(master, 1));
    CHECK(master.Run("CLIENT KILL ID " + id) == ":1");
    CHECK(master.Run("RPUSH k 0") == ":1");  // at once: its own thread may not know yet
    CHECK(master.Run("LPOP k") == "$0");
    CHECK(Blocked(master, 0));
    {
      Client gone = server->Connect();
      gone.Send("BLPOP k 0\r\n");
      REQUIRE(Blocked(master, 1));
    }
    CHECK(Blocked(master, 0));
    CHECK(master.Run("RPUSH k 1") == ":1");
    CHECK(master.Run("LLEN k") == ":1");
  }

  TEST_CASE("a client that a pause holds up is not unblocked") {
    if (AgainstStock()) return;  // 7.0 ends itself when it is asked to
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client client = server->Connect();
    const std::string id = IdOf(client);
    CHECK(master.Run("CLIENT PAUSE 100000 WRITE") == "+OK");
    client.Send("SET k v\r\nGET k\r\n");
    REQUIRE(Blocked(master, 1));
    CHECK(master.Run("CLIENT UNBLOCK " + id) == ":0");
    CHECK(master.Run("CLIENT UNPAUSE") == "+OK");
    CHECK(client.Read(2) == std::vector<std::string>{"+OK", "$v"});
  }

  TEST_CASE("a pause ends no wait and serves none; what it held up serves when it is over") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client producer = server->Connect();
    Client client = server->Connect();
    Client other = server->Connect();
    const std::string other_id = IdOf(other);
    client.Send("BLPOP k 0\r\n");
    REQUIRE(Blocked(master, 1));
    other.Send("BLPOP k 0\r\n");
    REQUIRE(Blocked(master, 2));
    CHECK(master.Run("CLIENT PAUSE 100000 WRITE") == "+OK");
    CHECK(master.Run("CLIENT UNBLOCK " + other_id) == ":1");
    CHECK(other.Read() == "*-1");
    producer.Send("RPUSH k 1 2\r\n");
    REQUIRE(Blocked(master, 2));
    other.Send("BLPOP k 0\r\n");
    REQUIRE(Blocked(master, 3));
    CHECK(master.Run("EXISTS k") == ":0");
    CHECK(master.Run("CLIENT UNPAUSE") == "+OK");
    CHECK(producer.Read() == ":2");
    CHECK(client.Read() == "[$k $1]");
    CHECK(other.Read() == "[$k $2]");
  }

  TEST_CASE("a reply that the client does not want is left out, however long it takes") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client client = server->Connect();
    client.Send("CLIENT REPLY SKIP\r\nBLPOP k 0\r\nPING\r\n");
    REQUIRE(Blocked(master, 1));
    CHECK(master.Run("RPUSH k 1") == ":1");
    CHECK(client.Read() == "+PONG");
    client.Send("CLIENT REPLY OFF\r\nBLPOP k 0\r\nCLIENT REPLY ON\r\n");
    REQUIRE(Blocked(master, 1));
    CHECK(master.Run("RPUSH k 1") == ":1");
    CHECK(client.Read() == "+OK");
    CHECK(master.Run("EXISTS k") == ":0");
  }

  TEST_CASE("a client that waits may send on, more than is read from it meanwhile") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client client = server->Connect();
    constexpr int kBehind = 3000;
    std::string sent = "BLPOP k 0\r\n";
    for (int i = 0; i < kBehind; ++i) sent += "INCR n\r\n";
    client.Send(sent);
    REQUIRE(Blocked(master, 1));
    CHECK(master.Run("EXISTS n") == ":0");
    CHECK(master.Run("RPUSH k 1") == ":1");
    CHECK(client.Read() == "[$k $1]");
    for (int i = 1; i <= kBehind; ++i) REQUIRE(client.Read() == ":" + std::to_string(i));
  }

  TEST_CASE(
      "a command that has waited is in the slow log as it was sent, without the time of its "
      "waiting") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client client = server->Connect();
    client.Send("BLPOP k 0\r\n");
    REQUIRE(Blocked(master, 1));
    master.Run("CONFIG SET slowlog-log-slower-than 0");
    master.Run("SLOWLOG RESET");
    CHECK(master.Run("RPUSH k a") == ":1");
    CHECK(client.Read() == "[$k $a]");
    CHECK(Eventually(
        [&] { return master.Run("SLOWLOG GET -1").find("[$BLPOP $k $0]") != std::string::npos; }));
  }

  TEST_CASE("many consumers and producers: every element arrives once") {
    const std::unique_ptr<ServerProcess> server = Start();
    constexpr int kClients = 6;
    constexpr int kEach = 200;
    std::vector<Client> consumers;
    std::vector<Client> producers;
    for (int i = 0; i < kClients; ++i) {
      consumers.push_back(server->Connect());
      producers.push_back(server->Connect());
    }
    std::string takes;
    for (int n = 0; n < kEach; ++n)
      takes += n % 2 == 0 ? "BLPOP a b 0\r\n" : "BLMOVE c done LEFT RIGHT 0\r\n";
    for (Client& each : consumers) each.Send(takes);
    for (int i = 0; i < kClients; ++i) {
      std::string brings;
      for (int n = 0; n < kEach; ++n) {
        const std::string value = std::to_string(i) + "." + std::to_string(n);
        brings += (n % 2 == 1 ? "RPUSH c " : n % 4 == 0 ? "RPUSH a " : "RPUSH b ") + value + "\r\n";
      }
      producers[static_cast<size_t>(i)].Send(brings);
    }
    std::vector<std::string> got;
    for (Client& each : consumers) {
      for (std::string& reply : each.Read(kEach)) got.push_back(reply.substr(reply.rfind('$')));
    }
    for (std::string& each : got)
      each.erase(std::remove(each.begin(), each.end(), ']'), each.end());
    std::sort(got.begin(), got.end());
    CHECK(got.size() == kClients * kEach);
    CHECK(std::unique(got.begin(), got.end()) == got.end());
    Client master = server->Connect();
    CHECK(master.Run("EXISTS a b c") == ":0");
    CHECK(master.Run("LLEN done") == ":" + std::to_string(kClients * kEach / 2));
  }
}

}  // namespace
}  // namespace terrace::integration
