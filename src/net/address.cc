#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/numbers.h"

namespace terrace::net {

namespace {

SocketAddress CopyOf(const void* address, socklen_t size) {
  SocketAddress copy;
  std::memcpy(&copy.storage, address, size);
  copy.size = size;
  return copy;
}

SocketAddress AnyAddress(int family, uint16_t port) {
  if (family == AF_INET6) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    any.sin6_addr = in6addr_any;
    return CopyOf(&any, sizeof(any));
  }
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  any.sin_addr.s_addr = htonl(INADDR_ANY);
  return CopyOf(&any, sizeof(any));
}

StatusOr<std::vector<SocketAddress>> LookUp(const std::string& host, int family, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = FormatInt64(port);
  const int error = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  if (error == EAI_SYSTEM) return Unexpected{Status::FromErrno("look up " + host, errno)};
  if (error != 0)
    return Unexpected{Status::Error("look up " + host + ": " + ::gai_strerror(error))};
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    addresses.push_back(CopyOf(entry->ai_addr, entry->ai_addrlen));
  }
  ::freeaddrinfo(found);
  return addresses;
}

const sockaddr_in* AsIpv4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in*>(&address.storage);
}
const sockaddr_in6* AsIpv6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6*>(&address.storage);
}

}  // namespace

uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(AsIpv4(*this)->sin_port);
  if (family() == AF_INET6) return ntohs(AsIpv6(*this)->sin6_port);
  return 0;
}

std::string SocketAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &AsIpv4(*this)->sin_addr, text, sizeof(text));
    return std::string(text) + ":" + FormatInt64(port());
  }
  if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &AsIpv6(*this)->sin6_addr, text, sizeof(text));
    return "[" + std::string(text) + "]:" + FormatInt64(port());
  }
  if (family() == AF_UNIX && size > offsetof(sockaddr_un, sun_path)) {
    const char* path = reinterpret_cast<const sockaddr_un*>(&storage)->sun_path;
    return std::string(path, ::strnlen(path, size - offsetof(sockaddr_un, sun_path))) + ":0";
  }
  return ":0";
}

bool SocketAddress::is_loopback() const {
  if (family() == AF_INET) return ntohl(AsIpv4(*this)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  if (family() == AF_INET6) {
    const in6_addr& ip = AsIpv6(*this)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&ip)) return ip.s6_addr[12] == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&ip);
  }
  return family() == AF_UNIX;
}

BindAddress BindAddress::Parse(Bytes text) {
  BindAddress address;
  address.optional = !text.empty() && text.front() == '-';
  if (address.optional) text.remove_prefix(1);
  if (text == "*" || text == "0.0.0.0") return address;
  if (text == "::*" || text == "::") {
    address.family = AF_INET6;
    return address;
  }
  address.host = text;
  in_addr ipv4;
  const bool is_ipv4 = ::inet_pton(AF_INET, address.host.c_str(), &ipv4) == 1;
  // A colon, because a scoped address ("fe80::1%eth0") is one that only the resolver understands.
  const bool is_ipv6 = text.find(':') != Bytes::npos;
  address.family = is_ipv4 ? AF_INET : is_ipv6 ? AF_INET6 : AF_UNSPEC;
  return address;
}

std::string BindAddress::ToString() const {
  if (!host.empty()) return host;
  return family == AF_INET6 ? "::*" : "*";
}

bool BindAddress::CanDoWithout(int error_number) const {
  switch (error_number) {
    case EADDRNOTAVAIL:
      return optional;
    case ENOPROTOOPT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case EPFNOSUPPORT:
    case EAFNOSUPPORT:
      return true;
    default:
      return false;
  }
}

StatusOr<SocketAddress> Resolve(const BindAddress& address, uint16_t port) {
  if (address.host.empty()) return AnyAddress(address.family, port);
  auto found = LookUp(address.host, address.family, port);
  if (!found.ok()) return Unexpected{found.error()};
  const auto ipv4 = std::find_if(found->begin(), found->end(), [](const SocketAddress& candidate) {
    return candidate.family() == AF_INET;
  });
  return ipv4 != found->end() ? *ipv4 : found->front();
}

StatusOr<std::vector<SocketAddress>> ResolveHost(const std::string& host, uint16_t port) {
  return LookUp(host, AF_UNSPEC, port);
}

StatusOr<SocketAddress> UnixAddress(const std::string& path) {
  sockaddr_un address{};
  constexpr size_t kPathCharsMax = sizeof(address.sun_path) - 1;
  const auto refuse = [&path](const std::string& why) {
    return Unexpected{Status::Error("unix socket '" + path + "': " + why, EINVAL)};
  };
  if (path.empty()) return refuse("the path is empty");
  // A leading zero byte, often written '@', means a name without a file, which has no permissions.
  if (path.front() == '@' || path.find('\0') != std::string::npos)
    return refuse("abstract names are not supported");
  if (path.size() > kPathCharsMax) {
    return refuse("the path is too long, at most " + FormatInt64(kPathCharsMax) + " bytes fit");
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return CopyOf(&address,
                static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1));
}

SocketAddress LocalAddressOf(int fd) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (::getsockname(fd, address.get(), &address.size) != 0) return SocketAddress();
  return address;
}

SocketAddress PeerAddressOf(int fd) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (::getpeername(fd, address.get(), &address.size) != 0) return SocketAddress();
  return address;
}

}  // namespace terrace::net
