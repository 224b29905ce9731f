#include "net/blocking_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/numbers.h"

namespace terrace::net {

Status BlockingClient::WaitFor(short events) const {
  pollfd waiting{.fd = fd_.get(), .events = events, .revents = 0};
  int ready;
  do {
    ready = ::poll(&waiting, 1, timeout_ms_);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return Status::FromErrno("poll", errno);
  if (ready == 0)
    return Status::Error("no answer within " + FormatInt64(timeout_ms_) + " ms", ETIMEDOUT);
  return Status::Ok();
}

StatusOr<BlockingClient> BlockingClient::Connect(const SocketAddress& address, int timeout_ms) {
  const std::string context = "connect to " + address.ToString();
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Unexpected{Status::FromErrno("socket", errno).WithContext(context)};
  BlockingClient client(std::move(fd), timeout_ms);
  if (::connect(client.fd_.get(), address.get(), address.size) == 0) return client;
  // EINTR goes on in the background as EINPROGRESS does. EAGAIN, of a Unix socket with a full backlog, does
  // not.
  if (errno != EINPROGRESS && errno != EINTR) return Unexpected{Status::FromErrno(context, errno)};
  Status status = client.WaitFor(POLLOUT);
  if (!status.ok()) return Unexpected{std::move(status).WithContext(context)};
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(client.fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return Unexpected{Status::FromErrno(context, error)};
  return client;
}

StatusOr<BlockingClient> BlockingClient::ConnectTcp(const std::string& host, uint16_t port,
                                                    int timeout_ms) {
  auto addresses = ResolveHost(host, port);
  if (!addresses.ok()) return Unexpected{addresses.error()};
  Status last;
  for (const SocketAddress& address : *addresses) {
    auto client = Connect(address, timeout_ms);
    if (client.ok()) return client;
    last = client.error();
  }
  return Unexpected{std::move(last)};
}

StatusOr<BlockingClient> BlockingClient::ConnectUnix(const std::string& path, int timeout_ms) {
  auto address = UnixAddress(path);
  if (!address.ok()) return Unexpected{address.error()};
  return Connect(*address, timeout_ms);
}

Status BlockingClient::SendAll(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      Status status = WaitFor(POLLOUT);
      if (!status.ok()) return std::move(status).WithContext("send");
    } else if (errno != EINTR) {
      return Status::FromErrno("send", errno);
    }
  }
  return Status::Ok();
}

StatusOr<size_t> BlockingClient::ReadSome(std::span<char> space) {
  while (true) {
    const ssize_t got = ::recv(fd_.get(), space.data(), space.size(), 0);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      Status status = WaitFor(POLLIN);
      if (!status.ok()) return Unexpected{std::move(status).WithContext("read")};
    } else if (errno != EINTR) {
      return Unexpected{Status::FromErrno("read", errno)};
    }
  }
}

}  // namespace terrace::net
