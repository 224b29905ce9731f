// The doors of the server: which addresses it listens on, whom it lets in.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <ifaddrs.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "support/server_process.h"

namespace terrace::integration {
namespace {

bool HasIpv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) close(fd);
  return has;
}

// An address of this machine that is not a loopback one; "" if it has none.
std::string OutsideAddress() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return "";
  std::string found;
  for (const ifaddrs* each = all; each != nullptr && found.empty(); each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    const in_addr address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr;
    if ((ntohl(address.s_addr) >> 24) == 127) continue;
    char text[INET_ADDRSTRLEN];
    found = inet_ntop(AF_INET, &address, text, sizeof text);
  }
  freeifaddrs(all);
  return found;
}

bool Accepts(const std::string& address, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &target.sin_addr);
  const bool accepted = connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof target) == 0;
  close(fd);
  return accepted;
}

// The keep-alive option of the server's end of its only connection, read through a copy of the server's
// descriptor; -1 if the kernel does not let us have one.
int ServerSideOption(const ServerProcess& server, int descriptor, int level, int option) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, server.pid(), 0));
  if (pidfd < 0) return -1;
  const int copy = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, descriptor, 0));
  close(pidfd);
  if (copy < 0) return -1;
  int value = -1;
  socklen_t size = sizeof value;
  if (getsockopt(copy, level, option, &value, &size) != 0) value = -1;
  close(copy);
  return value;
}

TEST_SUITE("integration/network") {
  TEST_CASE("the server listens on IPv6 when bound to it, and on nothing else then") {
    if (!HasIpv6()) {
      MESSAGE("skipped: this machine has no IPv6");
      return;
    }
    ServerProcess server(
        {"--bind", "::1 127.0.0.1"});  // who waits for the server to be ready knocks at the second
    Client six = Client::Tcp("::1", server.port());
    CHECK(six.Run("SET k v") == "+OK");
    CHECK(server.Connect().Run("GET k") == "$v");
    CHECK(FieldOf(six.Text("CLIENT INFO"), "laddr") == "[::1]:" + std::to_string(server.port()));
    CHECK(FieldOf(six.Text("CLIENT INFO"), "addr").starts_with("[::1]:"));
    const std::string address = OutsideAddress();
    if (!address.empty()) CHECK_FALSE(Accepts(address, server.port()));
  }

  TEST_CASE("an address the machine does not have is fatal, unless a '-' says that it may miss") {
    // Both blocks are for examples in documents.
    const std::string nobodys =
        OutsideAddress().starts_with("198.51.100.") ? "203.0.113.77" : "198.51.100.77";
    {
      ServerProcess server({"--bind", "127.0.0.1 -" + nobodys + " -::1"});
      CHECK(server.Connect().Run("PING") == "+PONG");
    }
    ServerProcess refused({"--bind", "127.0.0.1 " + nobodys}, ServerProcess::Start::kMayFail);
    CHECK(refused.WaitForExit() == 1);
    CHECK(refused.Log().find(nobodys) != std::string::npos);
  }

  TEST_CASE(
      "protected mode answers strangers with an explanation, until there is a password or it is "
      "off") {
    const std::string address = OutsideAddress();
    if (address.empty()) {
      MESSAGE("skipped: this machine has a loopback address only");
      return;
    }
    ServerProcess server({"--bind", "* -::*"});
    Client local = server.Connect();
    CHECK(Client::Tcp(address, server.port()).ReadToEnd().starts_with("-DENIED "));
    CHECK(local.Run("CONFIG SET protected-mode no") == "+OK");
    CHECK(Client::Tcp(address, server.port()).Run("PING") == "+PONG");
    CHECK(local.Run("CONFIG SET protected-mode yes") == "+OK");
    CHECK(Client::Tcp(address, server.port()).ReadToEnd().starts_with("-DENIED "));
    CHECK(local.Run("CONFIG SET requirepass secret") == "+OK");
    Client stranger = Client::Tcp(address, server.port());
    CHECK(stranger.Run("PING") == "-NOAUTH Authentication required.");
    CHECK(stranger.Run("AUTH secret") == "+OK");
    CHECK(stranger.Run("PING") == "+PONG");
    CHECK(local.Run("PING") == "+PONG");
  }

  TEST_CASE("tcp-keepalive is set on every connection, 0 leaves it off") {
    ServerProcess server({"--tcp-keepalive", "123"});
    Client probed = server.Connect();
    const auto option = [&](Client& client, int level, int name) {
      return ServerSideOption(server, std::stoi(FieldOf(client.Text("CLIENT INFO"), "fd")), level,
                              name);
    };
    const int idle = option(probed, IPPROTO_TCP, TCP_KEEPIDLE);
    if (idle == -1) {
      MESSAGE("skipped: the kernel does not show us the server's descriptors");
      return;
    }
    CHECK(idle == 123);
    CHECK(option(probed, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(option(probed, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(probed.Run("CONFIG SET tcp-keepalive 0") == "+OK");
    Client silent = server.Connect();
    CHECK(option(silent, SOL_SOCKET, SO_KEEPALIVE) == 0);
  }
}

}  // namespace
}  // namespace terrace::integration
