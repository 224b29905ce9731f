#include "net/blocking_client.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <thread>

#include "net/support.h"

namespace terrace::net {
namespace {

TEST_SUITE("net/blocking_client") {
  TEST_CASE("sends all, reads some, and sees the end") {
    Loop loop;
    Accepted accepted;
    auto listener =
        std::move(*Listen(loop, {.address = BindAddress::Parse("127.0.0.1"), .port = 0}, accepted));
    const std::string request(2 * kMiB, 'q');
    std::string reply;
    std::thread thread([&, port = listener->socket().port()] {
      auto client = BlockingClient::ConnectTcp("localhost", port, 300'000);
      if (!client.ok() || !client->SendAll(request).ok()) return;
      char space[100];
      while (true) {
        auto got = client->ReadSome(space);
        if (!got.ok() || *got == 0) return;
        reply.append(space, *got);
      }
    });
    CHECK(RunUntil(loop, [&] { return accepted.fds.size() == 1; }));
    Recorder server_says;
    auto server = std::move(*Stream::Adopt(loop, accepted.Take(), server_says));
    server->StartReading();
    CHECK(RunUntil(loop, [&] { return server_says.received.size() == request.size(); }));
    CHECK(TryWrite(*server, "+PONG\r\n") == 7);
    server->Close();
    thread.join();
    CHECK(reply == "+PONG\r\n");
  }

  TEST_CASE("nobody there is an error at once, nobody answering is one after the timeout") {
    Loop loop;
    Accepted accepted;
    auto listener =
        std::move(*Listen(loop, {.address = BindAddress::Parse("127.0.0.1"), .port = 0}, accepted));
    const uint16_t port = listener->socket().port();
    // A busy machine may need more than a millisecond for a connection to itself.
    auto client = BlockingClient::ConnectTcp("127.0.0.1", port, 1);
    for (int tries = 0; !client.ok() && tries < 100; ++tries)
      client = BlockingClient::ConnectTcp("127.0.0.1", port, 1);
    REQUIRE(client.ok());
    char space[10];
    auto got = client->ReadSome(space);
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().error_number() == ETIMEDOUT);
    CHECK(got.error().message() == "read: no answer within 1 ms");

    listener->Close();
    auto refused = BlockingClient::ConnectTcp("127.0.0.1", port, 1'000);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message() ==
          "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
    CHECK_FALSE(BlockingClient::ConnectUnix("/nonexistent/a.sock", 1'000).ok());
  }
}

}  // namespace
}  // namespace terrace::net
