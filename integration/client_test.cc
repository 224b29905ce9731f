// What connections ask about each other and do to each other: CLIENT, MONITOR, pauses, passwords.
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

// Several workers, so that the others are mostly on another one.
const std::vector<std::string> kThreads = {"--threads", "3"};

std::unique_ptr<ServerProcess> Start() {
  return std::make_unique<ServerProcess>(AgainstStock() ? std::vector<std::string>() : kThreads);
}

size_t CountLines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string IdOf(Client& client) { return client.Run("CLIENT ID").substr(1); }

std::string ListOf(Client& asking, Client& of) {
  return asking.Text("CLIENT", "LIST", "ID", IdOf(of));
}

TEST_SUITE("integration/client") {
  TEST_CASE("CLIENT LIST shows the connections of all workers in the order they came") {
    const std::unique_ptr<ServerProcess> server = Start();
    std::vector<Client> clients;
    for (int i = 0; i < 7; ++i) {
      clients.push_back(server->Connect());
      CHECK(clients.back().Run("CLIENT SETNAME c" + std::to_string(i)) == "+OK");
    }
    const std::string list = clients[3].Text("CLIENT LIST");
    CHECK(CountLines(list) == 7);
    for (int i = 0; i < 6; ++i) {
      CHECK(list.find("name=c" + std::to_string(i) + " ") <
            list.find("name=c" + std::to_string(i + 1) + " "));
    }
    CHECK(CountLines(clients[0].Text("CLIENT", "LIST", "ID", IdOf(clients[5]), IdOf(clients[1]),
                                     "999999")) == 2);
    CHECK(FieldOf(clients[0].Text("CLIENT", "LIST", "ID", IdOf(clients[5]), IdOf(clients[1])),
                  "name") == "c5");
    CHECK(CountLines(clients[0].Text("CLIENT LIST TYPE normal")) == 7);
    CHECK(clients[0].Text("CLIENT LIST TYPE replica").empty());
    CHECK(clients[0].Run("CLIENT LIST TYPE nosuch") == "-ERR Unknown client type 'nosuch'");
    CHECK(clients[0].Run("CLIENT LIST ID x") == "-ERR Invalid client ID");
    CHECK(clients[0].Run("CLIENT LIST nosuch") == "-ERR syntax error");
  }

  TEST_CASE("a line of CLIENT LIST tells the state of the session") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client asking = server->ConnectAndGreet();
    Client client = server->ConnectAndGreet();
    CHECK(FieldOf(ListOf(asking, client), "flags") == "N");
    client.Run("SELECT 3");
    client.Run("WATCH k");
    client.Run("MULTI");
    client.Run("GET k");
    CHECK(client.Run("CLIENT INFO") == "+QUEUED");
    const std::string all = asking.Text("CLIENT LIST");
    const std::string line = all.substr(all.find('\n') + 1);
    CHECK(FieldOf(line, "db") == "3");
    CHECK(FieldOf(line, "flags") == "x");
    CHECK(FieldOf(line, "multi") == "2");
    CHECK(FieldOf(line, "cmd") == "client|info");
    asking.Run("SELECT 3");
    asking.Run("SET k v");
    CHECK(FieldOf(asking.Text("CLIENT", "LIST", "ID", FieldOf(line, "id")), "flags") == "xd");
    client.Run("RESET");
    client.Run("SUBSCRIBE a b");
    client.Read();
    CHECK(FieldOf(asking.Text("CLIENT LIST TYPE pubsub"), "sub") == "2");
    CHECK(FieldOf(asking.Text("CLIENT LIST TYPE pubsub"), "flags") == "P");
  }

  TEST_CASE("CLIENT KILL closes whom its filters match, on whatever worker") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client killer = server->Connect();
    std::vector<Client> victims;
    for (int i = 0; i < 5; ++i) victims.push_back(server->ConnectAndGreet());
    CHECK(killer.Run("CLIENT", "KILL", "ID", IdOf(victims[0])) == ":1");
    CHECK(victims[0].IsClosedByPeer());
    CHECK(killer.Run("CLIENT", "KILL", FieldOf(victims[1].Text("CLIENT INFO"), "addr")) == "+OK");
    CHECK(victims[1].IsClosedByPeer());
    CHECK(killer.Run("CLIENT KILL 127.0.0.1:1") == "-ERR No such client");
    victims[2].Run("SUBSCRIBE a");
    CHECK(killer.Run("CLIENT KILL TYPE pubsub") == ":1");
    CHECK(victims[2].IsClosedByPeer());
    CHECK(killer.Run("CLIENT KILL USER nobody") == "-ERR No such user 'nobody'");
    CHECK(killer.Run("CLIENT KILL ID 0") == "-ERR client-id should be greater than 0");
    CHECK(killer.Run("CLIENT KILL TYPE normal SKIPME maybe") == "-ERR syntax error");
    CHECK(killer.Run("CLIENT KILL TYPE normal USER default") == ":2");
    CHECK(victims[3].IsClosedByPeer());
    CHECK(victims[4].IsClosedByPeer());
    CHECK(Eventually([&] { return CountLines(killer.Text("CLIENT LIST")) == 1; }));
    CHECK(killer.Run("CLIENT KILL TYPE normal SKIPME no") == ":1");  // answered, then closed
    CHECK(killer.IsClosedByPeer());
  }

  TEST_CASE("names are printable and without blanks; a library may introduce itself") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client client = server->Connect();
    CHECK(client.Run("CLIENT GETNAME") == "$-1");
    CHECK(client.Run("CLIENT", "SETNAME", "two words") ==
          "-ERR Client names cannot contain spaces, newlines or special characters.");
    CHECK(client.Run("CLIENT SETNAME one") == "+OK");
    CHECK(client.Run("CLIENT GETNAME") == "$one");
    CHECK(client.Run("CLIENT", "SETNAME", "") == "+OK");
    CHECK(client.Run("CLIENT GETNAME") == "$-1");
    if (AgainstStock()) return;  // SETINFO came with 7.2
    CHECK(client.Run("CLIENT SETINFO Lib-Name tester(x)") == "+OK");
    CHECK(client.Run("CLIENT SETINFO LIB-VER 1.2") == "+OK");
    CHECK(client.Run("CLIENT SETINFO lib-color red") == "-ERR Unrecognized option 'lib-color'");
    CHECK(client.Run("CLIENT", "SETINFO", "lib-ver", "a b") ==
          "-ERR lib-ver cannot contain spaces, newlines or special characters.");
    CHECK(FieldOf(client.Text("CLIENT INFO"), "lib-name") == "tester(x)");
    CHECK(FieldOf(client.Text("CLIENT INFO"), "lib-ver") == "1.2");
  }

  TEST_CASE("CLIENT REPLY SKIP twice skips two replies, and never a confirmation of SUBSCRIBE") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client client = server->Connect();
    client.Send("CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nECHO a\r\nECHO b\r\n");
    CHECK(client.Read() == "$b");
    client.Send(
        "CLIENT REPLY SKIP\r\nCLIENT REPLY OFF\r\nECHO a\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY "
        "ON\r\n");
    CHECK(client.Read() == "+OK");
    client.Send("CLIENT REPLY OFF\r\nSUBSCRIBE ch\r\nPING\r\nUNSUBSCRIBE\r\nRESET\r\n");
    CHECK(client.Read() == "[$subscribe $ch :1]");
    CHECK(client.Read() == "[$unsubscribe $ch :0]");
    CHECK(client.Read() == "+RESET");
    CHECK(client.Run("CLIENT REPLY maybe") == "-ERR syntax error");
  }

  TEST_CASE("a paused server holds writes up and runs them in order when the pause is over") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client writer = server->Connect();
    writer.Run("SET k 0");
    CHECK(master.Run("CLIENT PAUSE 100000 WRITE") == "+OK");
    CHECK(writer.Run("GET k") == "$0");
    CHECK(writer.Run("SET k") == "-ERR wrong number of arguments for 'set' command");
    std::string pipeline = "APPEND k 1\r\nGET k\r\n";
    for (int i = 0; i < 50; ++i) pipeline += "INCR n\r\n";
    writer.Send(pipeline);
    CHECK(Eventually(
        [&] { return FieldOf(master.Text("INFO", "clients"), "blocked_clients") == "1"; }));
    CHECK(writer.IsQuiet(30));
    CHECK(master.Run("GET n") == "$-1");
    CHECK(master.Run("CLIENT UNPAUSE") == "+OK");
    CHECK(writer.Read() == ":2");
    CHECK(writer.Read() == "$01");
    for (int i = 1; i <= 50; ++i) REQUIRE(writer.Read() == ":" + std::to_string(i));
  }

  TEST_CASE("a pause ends by itself on time, and of two the longer and wider one counts") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client client = server->Connect();
    const auto begin = std::chrono::steady_clock::now();
    CHECK(master.Run("CLIENT PAUSE 300 WRITE") == "+OK");
    CHECK(master.Run("CLIENT PAUSE 100 ALL") == "+OK");
    CHECK(client.Run("PING") == "+PONG");
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    CHECK(ms.count() >=
          250);  // two clocks, and one may be set meanwhile; 100 would be the other pause
    CHECK(master.Run("CLIENT PAUSE x") == "-ERR timeout is not an integer or out of range");
    CHECK(master.Run("CLIENT PAUSE -1") == "-ERR timeout is negative");
    CHECK(master.Run("CLIENT PAUSE 9223372036854775808") ==
          "-ERR timeout is not an integer or out of range");
    CHECK(master.Run("CLIENT PAUSE 9223372036854775807 WRITE") == "-ERR timeout is out of range");
    CHECK(master.Run("CLIENT PAUSE 9000000000000000000 WRITE") ==
          "+OK");  // some hundred million years
    CHECK(master.Run("CLIENT UNPAUSE") == "+OK");
    CHECK(master.Run("CLIENT PAUSE 1 SOME") == "-ERR CLIENT PAUSE mode must be WRITE or ALL");
  }

  TEST_CASE("due keys are hidden while paused and go afterwards") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client client = server->Connect();
    client.Send("MULTI\r\nSET k v PX 10\r\nCLIENT PAUSE 100000 WRITE\r\nEXEC\r\n");
    client.Read(4);
    CHECK(Eventually([&] { return client.Run("GET k") == "$-1"; }));
    CHECK(client.Run("DBSIZE") == ":1");
    CHECK(FieldOf(client.Text("INFO", "stats"), "expired_keys") == "0");
    CHECK(client.Run("CLIENT UNPAUSE") == "+OK");
    CHECK(Eventually([&] { return client.Run("DBSIZE") == ":0"; }));
    CHECK(FieldOf(client.Text("INFO", "stats"), "expired_keys") == "1");
  }

  TEST_CASE(
      "a transaction that holds a write waits for the end of the pause, one that reads does not") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client master = server->Connect();
    Client writer = server->Connect();
    Client reader = server->Connect();
    writer.Send("MULTI\r\nSET k v\r\n");
    writer.Read(2);
    CHECK(master.Run("CLIENT PAUSE 100000 WRITE") == "+OK");
    writer.Send("EXEC\r\n");
    reader.Send("MULTI\r\nGET k\r\nEXEC\r\n");
    CHECK(reader.Read(3) == std::vector<std::string>{"+OK", "+QUEUED", "[$-1]"});
    CHECK(writer.IsQuiet(30));
    CHECK(master.Run("CLIENT UNPAUSE") == "+OK");
    CHECK(writer.Read() == "[+OK]");
  }

  TEST_CASE("MONITOR shows what all workers run, in order, quoted, without passwords") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client monitor = server->Connect();
    std::vector<Client> clients;
    for (int i = 0; i < 4; ++i) clients.push_back(server->Connect());
    CHECK(monitor.Run("MONITOR") == "+OK");
    const auto shown = [&] {
      const std::string line = monitor.Read();
      const size_t end = line.find("] ");
      return end == std::string::npos ? line : line.substr(end + 2);
    };
    for (int i = 0; i < 20; ++i) {
      clients[i % 4].Run("SET", "k", std::to_string(i));
      CHECK(shown() == "\"SET\" \"k\" \"" + std::to_string(i) + "\"");
    }
    Client& client = clients[0];
    client.Run("ECHO", "\x01\"\n");
    CHECK(shown() == "\"ECHO\" \"\\x01\\\"\\n\"");
    client.Run("AUTH default secret");
    CHECK(shown() == "\"AUTH\" \"(redacted)\" \"(redacted)\"");
    client.Run("HELLO 2 AUTH default secret SETNAME me");
    CHECK(shown() == "\"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"me\"");
    client.Run("CONFIG GET maxmemory");  // not shown, as all that administers
    client.Run("MULTI");
    CHECK(shown() == "\"MULTI\"");
    client.Run("INCR n");
    client.Run("EXEC");
    CHECK(shown() == "\"INCR\" \"n\"");
    CHECK(shown() == "\"EXEC\"");
    CHECK(monitor.Run("RESET") == "+RESET");
    client.Run("PING");
    CHECK(monitor.IsQuiet(30));
  }

  TEST_CASE("a password set at run time is asked of new connections only") {
    const std::unique_ptr<ServerProcess> server = Start();
    Client old = server->Connect();
    CHECK(old.Run("AUTH x") ==
          "-ERR AUTH <password> called without any password configured for the default user. Are "
          "you sure your "
          "configuration is correct?");
    CHECK(old.Run("AUTH default x") == "+OK");
    CHECK(old.Run("AUTH bob x") ==
          "-WRONGPASS invalid username-password pair or user is disabled.");
    CHECK(old.Run("CONFIG SET requirepass secret") == "+OK");
    CHECK(old.Run("PING") == "+PONG");
    Client client = server->Connect();
    CHECK(client.Run("PING") == "-NOAUTH Authentication required.");
    CHECK(client.Run("AUTH secre") ==
          "-WRONGPASS invalid username-password pair or user is disabled.");
    CHECK(client.Run("AUTH default secret") == "+OK");
    CHECK(client.Run("AUTH wrong") ==
          "-WRONGPASS invalid username-password pair or user is disabled.");
    CHECK(client.Run("PING") == "+PONG");
    CHECK(client.Run("RESET") == "+RESET");
    CHECK(client.Run("PING") == "-NOAUTH Authentication required.");
    CHECK(old.Run("CONFIG", "SET", "requirepass", "") == "+OK");
    CHECK(Eventually([&] { return client.Run("PING") == "+PONG"; }));
  }
}

}  // namespace
}  // namespace terrace::integration
