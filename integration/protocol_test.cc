// What goes over the wire, well-formed or not.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

using Replies = std::vector<std::string>;

// Sends `bytes` on a fresh connection and returns all that comes back until the server closes it.
std::string AnswerBeforeClose(const ServerProcess& server, std::string_view bytes) {
  Client client = server.Connect();
  client.Send(bytes);
  return client.ReadToEnd();
}

TEST_SUITE("integration/protocol") {
  TEST_CASE("inline requests are split at blanks and quotes") {
    ServerProcess server;
    Client client = server.Connect();
    client.Send("PING\r\nping hello\nSET \"a key\" 'it''s'\r\n");
    CHECK(client.Read() == "+PONG");
    CHECK(client.Read() == "$hello");
    CHECK(client.Read() == "-ERR Protocol error: unbalanced quotes in request");
    CHECK(client.IsClosedByPeer());

    Client again = server.Connect();
    again.Send("  SET   \"a\\x20key\\n\"   'don\\'t'  \r\n\r\n\r\nGET \"a key\\n\"\r\n");
    CHECK(again.Read(2) == Replies{"+OK", "$don't"});
  }

  TEST_CASE("a pipeline is answered in order, whatever fails in it") {
    ServerProcess server;
    Client client = server.Connect();
    std::string pipeline;
    for (int i = 0; i < 10000; ++i) pipeline += Client::Encode({"INCR", "n"});
    pipeline += Client::Encode({"NOSUCH", "a", "b"}) + Client::Encode({"GET"}) +
                Client::Encode({"GET", "n"});
    client.Send(pipeline);
    for (int i = 1; i <= 10000; ++i) REQUIRE(client.Read() == ":" + std::to_string(i));
    CHECK(client.Read() == "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' ");
    CHECK(client.Read() == "-ERR wrong number of arguments for 'get' command");
    CHECK(client.Read() == "$10000");
  }

  TEST_CASE("requests may be split at any byte") {
    ServerProcess server;
    Client client = server.Connect();
    Client bystander = server.Connect();
    const std::string requests = Client::Encode({"SET", "key", "some\r\nvalue"}) +
                                 "PING inline\r\n" + Client::Encode({"GET", "key"}) +
                                 Client::Encode({"STRLEN", "key"});
    for (size_t split = 1; split < requests.size(); ++split) {
      client.Send(requests.substr(0, split));
      // A round trip of somebody else: by then the server has read the first part.
      REQUIRE(bystander.Run("PING") == "+PONG");
      client.Send(requests.substr(split));
      REQUIRE(client.Read(4) == Replies{"+OK", "$inline", "$some\\x0d\\x0avalue", ":11"});
    }
  }

  TEST_CASE("a request that arrives byte by byte is answered") {
    ServerProcess server;
    Client client = server.Connect();
    for (const char byte : Client::Encode({"ECHO", "slowly"}) + "ping\r\n") client.Send({&byte, 1});
    CHECK(client.Read(2) == Replies{"$slowly", "+PONG"});
  }

  TEST_CASE("malformed requests are answered with their error, then the connection is closed") {
    ServerProcess server;
    const std::string error = "-ERR Protocol error: ";
    const std::string filler(70000, 'x');
    CHECK(AnswerBeforeClose(server, "*x\r\n") == error + "invalid multibulk length\r\n");
    CHECK(AnswerBeforeClose(server, "*2147483648\r\n") == error + "invalid multibulk length\r\n");
    CHECK(AnswerBeforeClose(server, "*1\r\nfoo\r\n") == error + "expected '$', got 'f'\r\n");
    CHECK(AnswerBeforeClose(server, "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n") ==
          error + "expected '$', got 'f'\r\n");
    CHECK(AnswerBeforeClose(server, "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\n") ==
          error + "invalid bulk length\r\n");
    CHECK(AnswerBeforeClose(server, "*1\r\n$blabla\r\n") == error + "invalid bulk length\r\n");
    CHECK(AnswerBeforeClose(server, "*1\r\n$2000000000\r\n") == error + "invalid bulk length\r\n");
    CHECK(AnswerBeforeClose(server, "set \"\"\"test-key\"\"\" test-value\r\n") ==
          error + "unbalanced quotes in request\r\n");
    CHECK(AnswerBeforeClose(server, "*" + filler) == error + "too big mbulk count string\r\n");
    CHECK(AnswerBeforeClose(server, "*1\r\n$" + filler) == error + "too big bulk count string\r\n");
    CHECK(AnswerBeforeClose(server, filler) == error + "too big inline request\r\n");
  }

  TEST_CASE("what stood before a protocol error in a pipeline is answered first") {
    ServerProcess server;
    CHECK(AnswerBeforeClose(server, "SET k v\r\nGET k\r\n*1\r\nfoo\r\nGET k\r\n") ==
          "+OK\r\n$1\r\nv\r\n-ERR Protocol error: expected '$', got 'f'\r\n");
  }

  TEST_CASE("empty requests are skipped without an answer") {
    ServerProcess server;
    Client client = server.Connect();
    client.Send("\r\n\n*0\r\n*-10\r\nPING\r\n");
    CHECK(client.Read() == "+PONG");
    CHECK(client.IsQuiet(50));
  }

  TEST_CASE("a web browser's request closes the connection without an answer") {
    ServerProcess server;
    CHECK(
        AnswerBeforeClose(server, "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n").empty());
    Client client = server.Connect();
    client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(client.IsClosedByPeer());
    CHECK(server.Connect().Run("EXISTS k") == ":0");
  }

  TEST_CASE("before the password is given, long requests are refused") {
    ServerProcess server({"--requirepass", "secret"});
    CHECK(AnswerBeforeClose(server, "*100\r\n") ==
          "-ERR Protocol error: unauthenticated multibulk length\r\n");
    CHECK(AnswerBeforeClose(server, "*1\r\n$20000\r\n") ==
          "-ERR Protocol error: unauthenticated bulk length\r\n");
    Client client = server.Connect();
    CHECK(client.Run("GET k") == "-NOAUTH Authentication required.");
    CHECK(client.Run("AUTH wrong") ==
          "-WRONGPASS invalid username-password pair or user is disabled.");
    CHECK(client.Run("AUTH secret") == "+OK");
    CHECK(client.Run("GET k") == "$-1");
  }

  TEST_CASE("HELLO switches between the protocol versions") {
    ServerProcess server;
    Client client = server.Connect();
    CHECK(client.Run("HELLO").starts_with("[$server $redis $version $7."));
    CHECK(client.Run("GET none") == "$-1");
    CHECK(client.Run("HELLO 3").starts_with("%{$server $redis $version $7."));
    CHECK(client.Run("GET none") == "_");
    CHECK(client.Run("CONFIG GET databases") == "%{$databases $16}");
    const std::string back = client.Run("HELLO 2");
    CHECK(back.starts_with("[$server"));
    CHECK(back.find("$proto :2 $id :") != std::string::npos);
    CHECK(back.find("$mode $standalone $role $master $modules []]") != std::string::npos);
    CHECK(client.Run("CONFIG GET databases") == "[$databases $16]");
  }

  TEST_CASE("HELLO can authenticate and name the connection, and changes nothing when it fails") {
    ServerProcess server({"--requirepass", "secret"});
    Client client = server.Connect();
    // The rest of the sentence changed between 7.0 and 7.2.
    CHECK(client.Run("HELLO 3").starts_with(
        "-NOAUTH HELLO must be called with the client already authenticated, "));
    CHECK(client.Run("HELLO 3 AUTH default wrong") ==
          "-WRONGPASS invalid username-password pair or user is disabled.");
    CHECK(client.Run("HELLO 4 AUTH default secret") == "-NOPROTO unsupported protocol version");
    CHECK(client.Run("HELLO 3 AUTH default secret SETNAME worker").starts_with("%{$server"));
    CHECK(client.Run("CLIENT GETNAME") == "$worker");
    CHECK(client.Run("HELLO 3 NOSUCH").starts_with("-ERR Syntax error in HELLO option 'NOSUCH'"));
  }

  TEST_CASE("RESET returns the connection to its first state") {
    ServerProcess server;
    Client client = server.Connect();
    client.Run("HELLO 3 SETNAME x");
    client.Run("SELECT 3");
    client.Run("MULTI");
    CHECK(client.Run("RESET") == "+RESET");
    CHECK(client.Run("GET none") == "$-1");
    CHECK(client.Run("CLIENT GETNAME") == "$-1");
    CHECK(FieldOf(client.Text("CLIENT INFO"), "db") == "0");
  }

  TEST_CASE("QUIT is answered, what follows it is not run") {
    ServerProcess server;
    CHECK(AnswerBeforeClose(server, "SET k v\r\nQUIT\r\nSET k late\r\n") == "+OK\r\n+OK\r\n");
    CHECK(server.Connect().Run("GET k") == "$v");
  }

  TEST_CASE("a client that closes its side still gets its answers") {
    ServerProcess server;
    Client client = server.Connect();
    client.Send("SET k v\r\nGET k\r\n");
    client.ShutdownWrites();
    const std::string answer = client.ReadToEnd();
    CHECK((answer == "+OK\r\n$1\r\nv\r\n" ||
           answer.empty()));  // Redis may see the end before it runs them
    CHECK(server.Connect().Run("PING") == "+PONG");
  }

  TEST_CASE("a value of a hundred megabytes comes back as it went in") {
    ServerProcess server;
    Client client = server.Connect();
    std::string value(100 << 20, 'v');
    for (size_t i = 0; i < value.size(); i += 4093) value[i] = static_cast<char>('a' + i % 26);
    CHECK(client.Run("SET", "big", value) == "+OK");
    CHECK(client.Run("STRLEN big") == ":" + std::to_string(value.size()));
    CHECK((client.Text("GET", "big") == value));
    CHECK(client.Run("APPEND", "big", "tail") == ":" + std::to_string(value.size() + 4));
    CHECK(client.Run("GETRANGE big -6 -1") == "$vvtail");
    CHECK(client.Run("DEL big") == ":1");
  }

  TEST_CASE("big values in a pipeline with small ones keep their order") {
    ServerProcess server;
    Client client = server.Connect();
    std::string pipeline;
    for (int i = 0; i < 50; ++i) {
      const std::string key = "k" + std::to_string(i);
      pipeline += Client::Encode(
          {"SET", key, std::string(size_t{1000} * i * i, static_cast<char>('a' + i % 26))});
      pipeline += Client::Encode({"STRLEN", key}) + Client::Encode({"GETRANGE", key, "0", "2"});
    }
    client.Send(pipeline);
    for (int i = 0; i < 50; ++i) {
      REQUIRE(client.Read() == "+OK");
      REQUIRE(client.Read() == ":" + std::to_string(1000 * i * i));
      REQUIRE(client.Read() == "$" + std::string(i == 0 ? 0 : 3, static_cast<char>('a' + i % 26)));
    }
  }

  TEST_CASE("CLIENT REPLY silences one answer or all of them") {
    ServerProcess server;
    Client client = server.Connect();
    client.Send(
        "CLIENT REPLY SKIP\r\nSET k v\r\nGET k\r\nCLIENT REPLY OFF\r\nGET k\r\nNOSUCH\r\nCLIENT "
        "REPLY "
        "ON\r\n");
    CHECK(client.Read(2) == Replies{"$v", "+OK"});
    CHECK(client.IsQuiet(50));
  }

  TEST_CASE("every reply type of RESP3 has its form, and a stand-in in RESP2") {
    ServerProcess server({"--enable-debug-command", "yes"});
    Client client = server.Connect();
    CHECK(client.Run("DEBUG PROTOCOL double") == "$3.141");
    CHECK(client.Run("DEBUG PROTOCOL true") == ":1");
    CHECK(client.Run("DEBUG PROTOCOL null") == "$-1");
    CHECK(client.Run("DEBUG PROTOCOL bignum") == "$1234567999999999999999999999999999999");
    client.Run("HELLO 3");
    CHECK(client.Run("DEBUG PROTOCOL string") == "$Hello World");
    CHECK(client.Run("DEBUG PROTOCOL integer") == ":12345");
    CHECK(client.Run("DEBUG PROTOCOL double") == ",3.141");
    CHECK(client.Run("DEBUG PROTOCOL null") == "_");
    CHECK(client.Run("DEBUG PROTOCOL array") == "[:0 :1 :2]");
    CHECK(client.Run("DEBUG PROTOCOL set") == "~{:0 :1 :2}");
    CHECK(client.Run("DEBUG PROTOCOL map") == "%{:0 #f :1 #t :2 #f}");
    CHECK(client.Run("DEBUG PROTOCOL bignum") == "(1234567999999999999999999999999999999");
    CHECK(client.Run("DEBUG PROTOCOL true") == "#t");
    CHECK(client.Run("DEBUG PROTOCOL verbatim") == "=txt:This is a verbatim\\x0astring");
    CHECK(client.Run("DEBUG PROTOCOL attrib")
              .ends_with("} $Some real reply following the attribute"));
  }
}

}  // namespace
}  // namespace terrace::integration
