// Ending and starting again.
#include <doctest/doctest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

TEST_SUITE("integration/shutdown") {
  TEST_CASE("SIGTERM and SIGINT end the server in order, with clients connected") {
    for (const int number : {SIGTERM, SIGINT}) {
      ServerProcess server;
      Client idle = server.Connect();
      Client listener = server.Connect();
      listener.Run("SUBSCRIBE a");
      idle.Run("SET k v");
      server.Signal(number);
      CHECK(server.WaitForExit() == 0);
      CHECK(idle.IsClosedByPeer());
      CHECK(listener.IsClosedByPeer());
    }
  }

  TEST_CASE("SHUTDOWN closes the connection instead of answering") {
    for (const char* request : {"SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOW FORCE"}) {
      ServerProcess server;
      Client client = server.Connect();
      CHECK(client.Run(request) == "(closed)");
      CHECK(server.WaitForExit() == 0);
    }
  }

  TEST_CASE("SHUTDOWN refuses options it does not know, and ABORT without a shutdown") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("SHUTDOWN NOSUCH") == "-ERR syntax error");
    CHECK(client.Run("SHUTDOWN SAVE NOSAVE") == "-ERR syntax error");
    CHECK(client.Run("SHUTDOWN ABORT") == "-ERR No shutdown in progress.");
    CHECK(client.Run("PING") == "+PONG");
  }

  TEST_CASE("the server ends in order under load from several clients") {
    ServerProcess server;
    std::vector<Client> clients;
    std::string pipeline;
    for (int i = 0; i < 1000; ++i)
      pipeline += Client::Encode({"SET", std::to_string(i), std::string(100, 'v')});
    for (int i = 0; i < 20; ++i) {
      clients.push_back(server.Connect());
      clients.back().Send(pipeline);
    }
    server.Signal(SIGTERM);
    CHECK(server.WaitForExit() == 0);
  }

  TEST_CASE("a taken port is said and ends the server with an error") {
    ServerProcess first;
    ServerProcess second({"--port", std::to_string(first.port())}, ServerProcess::Start::kMayFail);
    CHECK(second.WaitForExit() == 1);
    CHECK(second.Log().find(std::to_string(first.port())) != std::string::npos);
    CHECK(first.Connect().Run("PING") == "+PONG");
  }

  TEST_CASE("an unknown option is named and ends the server") {
    ServerProcess server({"--no-such-option", "1"}, ServerProcess::Start::kMayFail);
    CHECK(server.WaitForExit() == 1);
    CHECK(server.Log().find("no-such-option") != std::string::npos);
  }
}

}  // namespace
}  // namespace terrace::integration
