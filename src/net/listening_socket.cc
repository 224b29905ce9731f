#include "net/listening_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/numbers.h"

namespace terrace::net {
namespace {

StatusOr<UniqueFd> MakeSocket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Unexpected{Status::FromErrno("socket", errno)};
  return fd;
}

Status SetOption(int fd, int level, int option) {
  const int one = 1;
  if (::setsockopt(fd, level, option, &one, sizeof(one)) != 0)
    return Status::FromErrno("setsockopt", errno);
  return Status::Ok();
}

Status BindTcp(int fd, const SocketAddress& address, int backlog) {
  Status status = SetOption(fd, SOL_SOCKET, SO_REUSEADDR);
  if (status.ok() && address.family() == AF_INET6)
    status = SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (!status.ok()) return status;
  if (::bind(fd, address.get(), address.size) != 0 || ::listen(fd, backlog) != 0) {
    // Without the name of the call: "bind to ... port ..." is put before it.
    return Status::Error(std::strerror(errno), errno);
  }
  return Status::Ok();
}

// Makes room for a socket file at `path`: removes one that nobody listens on.
Status RemoveStale(const std::string& path, const SocketAddress& address) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Status::Ok() : Status::FromErrno(path, errno);
  }
  if (!S_ISSOCK(info.st_mode)) return Status::Error(path + " exists and is not a socket", EEXIST);
  auto probe = MakeSocket(AF_UNIX);
  if (!probe.ok()) return probe.error();
  // EAGAIN: somebody listens, and the backlog is full.
  if (::connect(probe->get(), address.get(), address.size) == 0 || errno == EAGAIN) {
    return Status::Error("already in use by another server", EADDRINUSE);
  }
  if (errno != ECONNREFUSED) return Status::FromErrno(path, errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return Status::FromErrno("remove stale " + path, errno);
  return Status::Ok();
}

// Binds, and sets permissions before listening: until then nobody can connect, so there is no moment with
// wider ones.
Status BindUnix(int fd, const SocketAddress& address, const ListeningSocket::Unix& where) {
  if (::bind(fd, address.get(), address.size) != 0) return Status::FromErrno("bind", errno);
  Status status;
  if (where.permissions != 0 && ::chmod(where.path.c_str(), where.permissions) != 0) {
    status = Status::FromErrno("chmod", errno);
  } else if (::listen(fd, where.backlog) != 0) {
    status = Status::FromErrno("listen", errno);
  }
  if (!status.ok()) ::unlink(where.path.c_str());
  return status;
}

}  // namespace

ListeningSocket::ListeningSocket(UniqueFd fd)
    : fd_(std::move(fd)), address_(LocalAddressOf(fd_.get())) {}

StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Open(const Tcp& where) {
  auto address = Resolve(where.address, where.port);
  Status status = address.ok() ? Status::Ok() : address.error();
  if (status.ok()) {
    auto socket = Open(*address, where.backlog);
    if (socket.ok()) return socket;
    status = socket.error();
  }
  return Unexpected{std::move(status).WithContext("bind to " + where.address.ToString() + " port " +
                                                  FormatInt64(where.port))};
}

StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Open(const SocketAddress& address,
                                                                 int backlog) {
  auto fd = MakeSocket(address.family());
  if (!fd.ok()) return Unexpected{fd.error()};
  const Status status = BindTcp(fd->get(), address, backlog);
  if (!status.ok()) return Unexpected{status};
  std::unique_ptr<ListeningSocket> socket(new ListeningSocket(std::move(*fd)));
  socket->name_ = socket->address_.ToString();
  return socket;
}

StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Open(const Unix& where) {
  auto address = UnixAddress(where.path);
  if (!address.ok()) return Unexpected{address.error()};
  const std::string context = "unix socket '" + where.path + "'";
  Status status = RemoveStale(where.path, *address);
  if (!status.ok()) return Unexpected{std::move(status).WithContext(context)};
  auto fd = MakeSocket(AF_UNIX);
  if (!fd.ok()) return Unexpected{Status(fd.error()).WithContext(context)};
  status = BindUnix(fd->get(), *address, where);
  if (!status.ok()) return Unexpected{std::move(status).WithContext(context)};

  std::unique_ptr<ListeningSocket> socket(new ListeningSocket(std::move(*fd)));
  socket->name_ = where.path;
  struct stat info;
  if (::lstat(where.path.c_str(), &info) == 0) {
    socket->path_ = where.path;
    socket->device_ = info.st_dev;
    socket->inode_ = info.st_ino;
  }
  return socket;
}

ListeningSocket::~ListeningSocket() {
  fd_.Reset();
  struct stat info;
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

void ListeningSocket::StopListening() {
  // Linux: of a listening TCP socket this undoes the listen(); bound, but not listening, it shares its port with others
  // that have SO_REUSEADDR, as ours all have.
  (void)::shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace terrace::net
