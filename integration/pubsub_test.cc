// Messages to whoever listens.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

TEST_SUITE("integration/pubsub") {
  TEST_CASE("a message reaches every subscriber once, in order") {
    ServerProcess server;
    Client publisher = server.Connect();
    std::vector<Client> listeners;
    for (int i = 0; i < 20; ++i) {
      listeners.push_back(server.Connect());
      REQUIRE(listeners.back().Run("SUBSCRIBE news") == "[$subscribe $news :1]");
    }
    std::string pipeline;
    for (int i = 0; i < 500; ++i)
      pipeline += Client::Encode({"PUBLISH", "news", std::to_string(i)});
    publisher.Send(pipeline);
    for (int i = 0; i < 500; ++i) REQUIRE(publisher.Read() == ":20");
    for (Client& listener : listeners) {
      for (int i = 0; i < 500; ++i)
        REQUIRE(listener.Read() == "[$message $news $" + std::to_string(i) + "]");
    }
  }

  TEST_CASE("subscribing counts channels and patterns together") {
    ServerProcess server;
    Client client = server.Connect();
    client.Send(
        "SUBSCRIBE a b a\r\nPSUBSCRIBE a* *\r\nUNSUBSCRIBE b "
        "none\r\nPUNSUBSCRIBE\r\nUNSUBSCRIBE\r\nPING\r\n");
    CHECK(client.Read() == "[$subscribe $a :1]");
    CHECK(client.Read() == "[$subscribe $b :2]");
    CHECK(client.Read() == "[$subscribe $a :2]");
    CHECK(client.Read() == "[$psubscribe $a* :3]");
    CHECK(client.Read() == "[$psubscribe $* :4]");
    CHECK(client.Read() == "[$unsubscribe $b :3]");
    CHECK(client.Read() == "[$unsubscribe $none :3]");
    client.Read(2);  // both patterns, in any order
    CHECK(client.Read() == "[$unsubscribe $a :0]");
    CHECK(client.Read() == "+PONG");
  }

  TEST_CASE("leaving without subscriptions is answered once") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("UNSUBSCRIBE") == "[$unsubscribe $-1 :0]");
    CHECK(client.Run("PUNSUBSCRIBE") == "[$punsubscribe $-1 :0]");
    CHECK(client.Run("SUNSUBSCRIBE") == "[$sunsubscribe $-1 :0]");
  }

  TEST_CASE("a channel and two patterns that match deliver three times") {
    ServerProcess server;
    Client publisher = server.Connect();
    Client listener = server.Connect();
    listener.Run("SUBSCRIBE news.art");
    listener.Run("PSUBSCRIBE news.*");
    listener.Run("PSUBSCRIBE *art");
    CHECK(publisher.Run("PUBLISH news.art x") == ":3");
    CHECK(listener.Read() == "[$message $news.art $x]");
    const std::vector<std::string> patterns = listener.Read(2);
    CHECK((patterns[0] == "[$pmessage $news.* $news.art $x]" ||
           patterns[0] == "[$pmessage $*art $news.art $x]"));
    CHECK(patterns[0] != patterns[1]);
  }

  TEST_CASE("a RESP2 subscriber may only subscribe, ping and leave") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("SUBSCRIBE a");
    CHECK(client.Run("GET k") ==
          "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
          "are "
          "allowed in this "
          "context");
    CHECK(client.Run("PING") == "[$pong $]");
    CHECK(client.Run("PING hi") == "[$pong $hi]");
    CHECK(client.Run("RESET") == "+RESET");
    CHECK(client.Run("GET k") == "$-1");
    CHECK(server.Connect().Run("PUBLISH a x") == ":0");
  }

  TEST_CASE("a RESP3 subscriber goes on working and gets pushes between its replies") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("HELLO 3");
    CHECK(client.Run("SUBSCRIBE a") == ">[$subscribe $a :1]");
    CHECK(client.Run("SET k v") == "+OK");
    CHECK(client.Run("PING") == "+PONG");
    // Redis sends its own message before the reply up to 7.0, behind it since 7.2.
    client.Send("PUBLISH a to-myself\r\nPING\r\n");
    const std::vector<std::string> got = client.Read(3);
    CHECK(got[AgainstStock() ? 1 : 0] == ":1");
    CHECK(got[AgainstStock() ? 0 : 1] == ">[$message $a $to-myself]");
    CHECK(got[2] == "+PONG");
  }

  TEST_CASE("a message waits for the end of the transaction that listens to it") {
    if (AgainstStock()) return;  // since 7.2
    ServerProcess server;
    Client client = server.Connect();
    client.Run("HELLO 3");
    client.Run("MULTI");
    client.Run("SUBSCRIBE a");
    client.Run("PUBLISH a x");
    client.Run("SSUBSCRIBE s");
    CHECK(client.Run("EXEC") ==
          "[>[$subscribe $a :1] :1 -ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client]");
    CHECK(client.Read() == ">[$message $a $x]");
  }

  TEST_CASE("leaving protocol 3 makes a subscriber one that may do little else") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("HELLO 3");
    client.Run("PSUBSCRIBE a*");
    CHECK(client.Run("GET k") == "_");
    client.Run("HELLO 2");
    CHECK(client.Run("GET k").starts_with("-ERR Can't execute 'get': only"));
    CHECK(client.Run("PUNSUBSCRIBE") == "[$punsubscribe $a* :0]");
    CHECK(client.Run("GET k") == "$-1");
  }

  TEST_CASE(
      "workers that publish to each other faster than they read lose nothing and keep the order") {
    if (AgainstStock()) return;
    constexpr int kMessages = 150'000;  // more than a mailbox holds
    ServerProcess server({"--threads", "4", "--client-output-buffer-limit", "pubsub 0 0 0"});
    std::vector<Client> listeners;
    std::vector<Client> publishers;
    for (int i = 0; i < 4; ++i) {
      listeners.push_back(server.Connect());
      REQUIRE(listeners.back().Run("SUBSCRIBE a") == "[$subscribe $a :1]");
    }
    publishers.push_back(server.Connect());
    // One EXEC publishes all of it within one turn.
    std::string pipeline = "MULTI\r\n";
    for (int i = 0; i < kMessages; ++i) pipeline += "PUBLISH a " + std::to_string(i) + "\r\n";
    pipeline += "EXEC\r\n";
    std::thread sender([&] { publishers[0].Send(pipeline); });
    bool all_queued = true;
    for (int i = 0; i <= kMessages && all_queued; ++i)
      all_queued = publishers[0].Read().front() == '+';
    sender.join();
    REQUIRE(all_queued);
    for (Client& listener : listeners) {
      for (int i = 0; i < kMessages; ++i)
        REQUIRE(listener.Read() == "[$message $a $" + std::to_string(i) + "]");
    }
    CHECK(publishers[0].Read().starts_with("[:4 :4"));
    CHECK(publishers[0].Run("PING") == "+PONG");
  }

  TEST_CASE("PUBSUB tells channels, subscribers and patterns") {
    ServerProcess server;
    Client client = server.Connect();
    Client one = server.Connect();
    Client two = server.Connect();
    one.Run("SUBSCRIBE a");
    two.Run("SUBSCRIBE a");
    two.Run("PSUBSCRIBE p*");
    CHECK(client.Run("PUBSUB CHANNELS") == "[$a]");
    CHECK(client.Run("PUBSUB CHANNELS b*") == "[]");
    CHECK(client.Run("PUBSUB NUMSUB a none") == "[$a :2 $none :0]");
    CHECK(client.Run("PUBSUB NUMPAT") == ":1");
    two.Close();
    CHECK(Eventually([&] { return client.Run("PUBSUB NUMPAT") == ":0"; }));
    CHECK(Eventually([&] { return client.Run("PUBSUB NUMSUB a") == "[$a :1]"; }));
    CHECK(client.Run("PUBSUB NOSUCH") == "-ERR unknown subcommand 'NOSUCH'. Try PUBSUB HELP.");
  }

  TEST_CASE("sharded channels are a world of their own") {
    ServerProcess server;
    Client publisher = server.Connect();
    Client listener = server.Connect();
    CHECK(listener.Run("SSUBSCRIBE s") == "[$ssubscribe $s :1]");
    CHECK(publisher.Run("PUBLISH s x") == ":0");
    CHECK(publisher.Run("SPUBLISH s x") == ":1");
    CHECK(listener.Read() == "[$smessage $s $x]");
    CHECK(publisher.Run("PUBSUB SHARDCHANNELS") == "[$s]");
    CHECK(publisher.Run("PUBSUB SHARDNUMSUB s") == "[$s :1]");
    CHECK(listener.Run("SUNSUBSCRIBE s") == "[$sunsubscribe $s :0]");
    CHECK(publisher.Run("SPUBLISH s x") == ":0");
  }

  TEST_CASE("publishing inside a transaction happens at EXEC") {
    ServerProcess server;
    Client client = server.Connect();
    Client listener = server.Connect();
    listener.Run("SUBSCRIBE a");
    client.Run("MULTI");
    client.Run("PUBLISH a one");
    client.Run("PUBLISH a two");
    CHECK(listener.IsQuiet(30));
    CHECK(client.Run("EXEC") == "[:1 :1]");
    CHECK(listener.Read() == "[$message $a $one]");
    CHECK(listener.Read() == "[$message $a $two]");
  }
}

}  // namespace
}  // namespace terrace::integration
