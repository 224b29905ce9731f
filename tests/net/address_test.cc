#include "net/address.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

namespace terrace::net {
namespace {

std::string Resolved(Bytes text) {
  auto address = Resolve(BindAddress::Parse(text), 6379);
  return address.ok() ? address->ToString() : "error: " + address.error().message();
}

TEST_SUITE("net/address") {
  TEST_CASE("every form of a bind address") {
    CHECK(Resolved("127.0.0.1") == "127.0.0.1:6379");
    CHECK(Resolved("*") == "0.0.0.0:6379");
    CHECK(Resolved("0.0.0.0") == "0.0.0.0:6379");
    CHECK(Resolved("::*") == "[::]:6379");
    CHECK(Resolved("-::*") == "[::]:6379");
    CHECK(Resolved("-::1") == "[::1]:6379");
    CHECK(Resolved("localhost") == "127.0.0.1:6379");
    // A label too long to be asked of any name server.
    CHECK(Resolved(std::string(100, 'x')).substr(0, 18) == "error: look up xxx");
    CHECK(BindAddress::Parse("-*").ToString() == "*");
    CHECK(BindAddress::Parse("::").ToString() == "::*");
    CHECK(BindAddress::Parse("-10.0.0.1").ToString() == "10.0.0.1");
  }

  TEST_CASE("only a leading dash makes an address optional, and only for want of the address") {
    CHECK(BindAddress::Parse("-::1").CanDoWithout(EADDRNOTAVAIL));
    CHECK_FALSE(BindAddress::Parse("::1").CanDoWithout(EADDRNOTAVAIL));
    CHECK_FALSE(BindAddress::Parse("-::1").CanDoWithout(EADDRINUSE));
    CHECK(BindAddress::Parse("::*").CanDoWithout(EAFNOSUPPORT));
  }

  TEST_CASE("addresses of this machine alone are known as such") {
    const auto is_loopback = [](Bytes text) {
      return Resolve(BindAddress::Parse(text), 1)->is_loopback();
    };
    CHECK(is_loopback("127.0.0.1"));
    CHECK(is_loopback("127.9.9.9"));
    CHECK(is_loopback("::1"));
    CHECK(is_loopback("::ffff:127.0.0.1"));
    CHECK_FALSE(is_loopback("128.0.0.1"));
    CHECK_FALSE(is_loopback("::ffff:10.0.0.1"));
    CHECK_FALSE(is_loopback("*"));
    CHECK(UnixAddress("/tmp/a.sock")->is_loopback());
  }

  TEST_CASE("a Unix address prints its path, with a port of 0") {
    CHECK(UnixAddress("/tmp/a.sock")->ToString() == "/tmp/a.sock:0");
    CHECK(UnixAddress(std::string(107, 'x')).ok());
    CHECK_FALSE(UnixAddress(std::string(108, 'x')).ok());
    CHECK(SocketAddress().ToString() == ":0");
  }
}

}  // namespace
}  // namespace terrace::net
