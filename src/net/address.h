// Socket addresses: what `bind` may say, host names, and how an address is printed.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace terrace::net {

/// An address as the kernel takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  /// 0 for a Unix socket.
  uint16_t port() const;
  /// "127.0.0.1:6379", "[::1]:6379", "/path/to.sock:0".
  std::string ToString() const;
  /// 127.0.0.0/8 (also mapped into IPv6), ::1, or a Unix socket.
  bool is_loopback() const;
};

/// One word of the `bind` setting:
///
///   127.0.0.1  ::1  cache.example    this address; of a name's addresses the first IPv4 one, or else the
///   first
///   *   0.0.0.0                      all of IPv4
///   ::*   ::                         all of IPv6
///   -...                             any of these; if the machine has no such address, go on without it
struct BindAddress {
  std::string host;      // empty: every address of the family
  int family = AF_INET;  // AF_UNSPEC: a name, whose addresses decide
  bool optional = false;

  static BindAddress Parse(Bytes text);
  /// For messages: "*", "::*", "127.0.0.1".
  std::string ToString() const;

  /// A server can go on without this address after `error_number` from listening on it: it is optional and
  /// not there, or the kernel does not know its protocol at all (IPv6 switched off).
  bool CanDoWithout(int error_number) const;
};

/// Blocks while a name is looked up: for start-up and configuration only.
StatusOr<SocketAddress> Resolve(const BindAddress& address, uint16_t port);

/// Every address of `host` in the order to try them; never empty. Blocks as Resolve does.
StatusOr<std::vector<SocketAddress>> ResolveHost(const std::string& host, uint16_t port);

/// The address of a Unix socket at `path`; refuses what the kernel cannot take or would understand
/// differently.
StatusOr<SocketAddress> UnixAddress(const std::string& path);

/// The two ends of a connected socket; an empty address where the kernel knows none.
SocketAddress LocalAddressOf(int fd);
SocketAddress PeerAddressOf(int fd);

}  // namespace terrace::net
