#include "net/listener.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "net/blocking_client.h"
#include "net/support.h"

namespace terrace::net {
namespace {

constexpr int kTimeoutMs = 10'000;

ListeningSocket::Tcp Loopback(uint16_t port = 0) {
  return {.address = BindAddress::Parse("127.0.0.1"), .port = port};
}

// A socket file that nobody listens on, as a crash leaves one.
void LeaveStaleSocket(const std::string& path) {
  const SocketAddress address = *UnixAddress(path);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(::bind(fd.get(), address.get(), address.size) == 0);
}

bool Exists(const std::string& path) { return std::filesystem::exists(path); }

TEST_SUITE("net/listener") {
  TEST_CASE("an accepted connection is nonblocking and close-on-exec") {
    Loop loop;
    Accepted accepted;
    auto listener = Listen(loop, Loopback(), accepted);
    REQUIRE(listener.ok());
    CHECK((*listener)->socket().name() ==
          "127.0.0.1:" + std::to_string((*listener)->socket().port()));
    auto client = BlockingClient::ConnectTcp("127.0.0.1", (*listener)->socket().port(), kTimeoutMs);
    REQUIRE(client.ok());
    REQUIRE(RunUntil(loop, [&] { return accepted.fds.size() == 1; }));
    CHECK((::fcntl(accepted.fds[0], F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(accepted.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
  }

  TEST_CASE("more connections than one turn accepts are all accepted") {
    Loop loop;
    Accepted accepted;
    auto listener = Listen(loop, Loopback(), accepted);
    REQUIRE(listener.ok());
    std::vector<BlockingClient> clients;
    for (int i = 0; i < 150; ++i) {
      clients.push_back(
          *BlockingClient::ConnectTcp("127.0.0.1", (*listener)->socket().port(), kTimeoutMs));
    }
    loop.RunOnce();
    CHECK(accepted.fds.size() < 150);
    CHECK(RunUntil(loop, [&] { return accepted.fds.size() == 150; }));
  }

  TEST_CASE("a port that is taken is an error that names address and port") {
    Loop loop;
    Accepted accepted;
    auto first = Listen(loop, Loopback(), accepted);
    REQUIRE(first.ok());
    const uint16_t port = (*first)->socket().port();
    auto second = Listen(loop, Loopback(port), accepted);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message() ==
          "bind to 127.0.0.1 port " + std::to_string(port) + ": Address already in use");
    CHECK(second.error().error_number() == EADDRINUSE);
    (*first)->Close();
    (*first)->Close();
    CHECK(Listen(loop, Loopback(port), accepted).ok());
  }

  TEST_CASE(
      "a socket that stopped listening refuses, and its port is free although it is still open") {
    Loop loop;
    Accepted accepted;
    const std::shared_ptr<ListeningSocket> old = std::move(*ListeningSocket::Open(Loopback()));
    const uint16_t port = old->port();
    Listener listener(loop, old, accepted);
    REQUIRE(BlockingClient::ConnectTcp("127.0.0.1", port, kTimeoutMs).ok());
    REQUIRE(RunUntil(loop, [&] { return accepted.fds.size() == 1; }));
    old->StopListening();
    CHECK_FALSE(BlockingClient::ConnectTcp("127.0.0.1", port, kTimeoutMs).ok());
    Accepted accepted_by_new;
    auto successor = Listen(loop, Loopback(port), accepted_by_new);
    REQUIRE(successor.ok());
    REQUIRE(BlockingClient::ConnectTcp("127.0.0.1", port, kTimeoutMs).ok());
    CHECK(RunUntil(loop, [&] { return accepted_by_new.fds.size() == 1; }));
    CHECK(accepted.fds.size() == 1);
    CHECK(accepted.failures == 0);
  }

  TEST_CASE("all of IPv4 and all of IPv6 can be listened on side by side") {
    Loop loop;
    Accepted accepted;
    auto ipv4 = Listen(loop, {.address = BindAddress::Parse("*"), .port = 0}, accepted);
    REQUIRE(ipv4.ok());
    auto ipv6 = Listen(
        loop, {.address = BindAddress::Parse("-::*"), .port = (*ipv4)->socket().port()}, accepted);
    if (!ipv6.ok()) CHECK(BindAddress::Parse("-::*").CanDoWithout(ipv6.error().error_number()));
  }

  TEST_CASE("an optional address that the machine does not have can be done without") {
    Loop loop;
    Accepted accepted;
    const BindAddress address = BindAddress::Parse("-192.0.2.1");  // TEST-NET-1: nobody has it
    auto listener = Listen(loop, {.address = address, .port = 0}, accepted);
    REQUIRE_FALSE(listener.ok());
    CHECK(address.CanDoWithout(listener.error().error_number()));
    CHECK_FALSE(BindAddress::Parse("192.0.2.1").CanDoWithout(listener.error().error_number()));
  }

  TEST_CASE("a handler may destroy the listener inside OnAccept") {
    Loop loop;
    Accepted accepted;
    auto listener = std::move(*Listen(loop, Loopback(), accepted));
    accepted.on_accept = [&] { listener.reset(); };
    auto one = BlockingClient::ConnectTcp("127.0.0.1", listener->socket().port(), kTimeoutMs);
    auto two = BlockingClient::ConnectTcp("127.0.0.1", listener->socket().port(), kTimeoutMs);
    CHECK(RunUntil(loop, [&] { return listener == nullptr; }));
    CHECK(accepted.fds.size() == 1);
  }

  TEST_CASE(
      "without descriptors the listener tells once, rests, and accepts when there are some again") {
    Loop loop;
    Accepted accepted;
    auto listener = Listen(loop, Loopback(), accepted);
    REQUIRE(listener.ok());
    Counter turns;
    CheckHook count_turns(loop, turns.callback());
    count_turns.Start();
    auto one = BlockingClient::ConnectTcp("127.0.0.1", (*listener)->socket().port(), kTimeoutMs);
    auto two = BlockingClient::ConnectTcp("127.0.0.1", (*listener)->socket().port(), kTimeoutMs);
    REQUIRE(two.ok());

    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    const rlimit tight{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    const uint64_t start_ms = loop.now_ms();
    // Long enough for three attempts.
    CHECK(RunUntil(loop, [&] { return loop.now_ms() >= start_ms + 250; }));
    CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);

    CHECK(accepted.failures == 1);
    CHECK(accepted.last_error == EMFILE);
    CHECK(accepted.fds.empty());
    CHECK(turns.count < 20);  // it does not spin
    CHECK(RunUntil(loop, [&] { return accepted.fds.size() == 2; }));
    CHECK(accepted.failures == 1);
  }

  TEST_CASE("a Unix socket gets its permissions, and its file goes when it closes") {
    Loop loop;
    TempFolder folder;
    const std::string path = folder.path + "/server.sock";
    Accepted accepted;
    auto listener = Listen(loop, {.path = path, .permissions = 0700}, accepted);
    REQUIRE(listener.ok());
    CHECK((*listener)->socket().port() == 0);
    CHECK((*listener)->socket().name() == path);
    struct stat info;
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0700);
    CHECK(BlockingClient::ConnectUnix(path, kTimeoutMs).ok());
    (*listener)->Close();
    CHECK_FALSE(Exists(path));
  }

  TEST_CASE("a socket file that nobody answers is replaced, one that answers is refused") {
    Loop loop;
    TempFolder folder;
    const std::string path = folder.path + "/server.sock";
    Accepted accepted;
    LeaveStaleSocket(path);
    auto listener = Listen(loop, {.path = path}, accepted);
    REQUIRE(listener.ok());
    auto second = Listen(loop, {.path = path}, accepted);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message() ==
          "unix socket '" + path + "': already in use by another server");
    CHECK(BlockingClient::ConnectUnix(path, kTimeoutMs).ok());
  }

  TEST_CASE("a file that is no socket is never removed") {
    Loop loop;
    TempFolder folder;
    const std::string path = folder.path + "/precious";
    std::ofstream(path) << "data";
    Accepted accepted;
    auto listener = Listen(loop, {.path = path}, accepted);
    REQUIRE_FALSE(listener.ok());
    CHECK(listener.error().message().find("is not a socket") != std::string::npos);
    CHECK(Exists(path));
  }

  TEST_CASE("closing leaves a socket file that another server has put in our place") {
    Loop loop;
    TempFolder folder;
    const std::string path = folder.path + "/server.sock";
    Accepted accepted;
    auto ours = std::move(*Listen(loop, {.path = path}, accepted));
    REQUIRE(::unlink(path.c_str()) == 0);
    LeaveStaleSocket(path);
    ours->Close();
    CHECK(Exists(path));
  }

  TEST_CASE("Unix paths that the kernel would not take are refused in words") {
    Loop loop;
    Accepted accepted;
    auto too_long = Listen(loop, {.path = "/tmp/" + std::string(200, 'x')}, accepted);
    REQUIRE_FALSE(too_long.ok());
    CHECK(too_long.error().message().find("too long, at most 107 bytes") != std::string::npos);
    CHECK_FALSE(Listen(loop, {.path = "@abstract"}, accepted).ok());
    CHECK_FALSE(Listen(loop, {.path = std::string("\0abstract", 9)}, accepted).ok());
    CHECK_FALSE(Listen(loop, ListeningSocket::Unix{}, accepted).ok());
    auto nowhere = Listen(loop, {.path = "/nonexistent/folder/a.sock"}, accepted);
    REQUIRE_FALSE(nowhere.ok());
    CHECK(nowhere.error().message() ==
          "unix socket '/nonexistent/folder/a.sock': bind: No such file or directory");
  }
}

}  // namespace
}  // namespace terrace::net
