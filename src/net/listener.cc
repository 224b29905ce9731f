#include "net/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/numbers.h"
#include "net/uv_handle.h"

namespace terrace::net {

struct ListenerHandle {
  uv_poll_t uv;
  Listener* owner;  // nullptr once it has let go: H2

  static void OnReadable(uv_poll_t* poll, int, int) noexcept {
    Listener::AcceptBatch(static_cast<ListenerHandle*>(poll->data));
  }
};

namespace {

// Connections accepted before the loop goes on. The poll is level-triggered and brings us back next turn for
// the rest; in between, clients that are connected already get their answers. At about 15 us for each with
// what the handler does, a storm of connections costs a turn one millisecond.
constexpr int kAcceptsPerTurnMax = 64;

// How long to rest when there are no descriptors left: long enough not to spin, and well below what a client
// that waits in the backlog would take for an outage.
constexpr uint64_t kRestMs = 100;

// No connection can be had now, for want of something that may come back. Any other error belongs to the one
// connection that accept(2) would have returned, and the next may be fine.
bool IsShortage(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
         error_number == ENOMEM;
}

StatusOr<UniqueFd> MakeSocket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Unexpected{Status::FromErrno("socket", errno)};
  return fd;
}

Status SetOption(int fd, int level, int option) {
  const int one = 1;
  if (::setsockopt(fd, level, option, &one, sizeof(one)) != 0) return Status::FromErrno("setsockopt", errno);
  return Status::Ok();
}

Status BindTcp(int fd, const SocketAddress& address, int backlog) {
  Status status = SetOption(fd, SOL_SOCKET, SO_REUSEADDR);
  if (status.ok() && address.family() == AF_INET6) status = SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY);
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
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Status::FromErrno("remove stale " + path, errno);
  return Status::Ok();
}

// Binds, and sets permissions before listening: until then nobody can connect, so there is no moment with
// wider ones.
Status BindUnix(int fd, const SocketAddress& address, const Listener::Unix& where) {
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

Listener::Listener(Loop& loop, UniqueFd fd, AcceptHandler& handler)
    : handler_(handler), fd_(std::move(fd)), rest_(loop, Bind<&Listener::StartPolling>(this)) {
  auto poll = std::make_unique<ListenerHandle>();
  TERRACE_CHECK(uv_poll_init(loop.uv(), &poll->uv, fd_.get()) == 0);
  poll->uv.data = poll.get();
  poll->owner = this;
  poll_.reset(poll.release());
  StartPolling();
}

StatusOr<std::unique_ptr<Listener>> Listener::Listen(Loop& loop, const Tcp& where, AcceptHandler& handler) {
  const std::string context = "bind to " + where.address.ToString() + " port " + FormatInt64(where.port);
  auto address = Resolve(where.address, where.port);
  if (!address.ok()) return Unexpected{Status(address.error()).WithContext(context)};
  auto fd = MakeSocket(address->family());
  if (!fd.ok()) return Unexpected{Status(fd.error()).WithContext(context)};
  Status status = BindTcp(fd->get(), *address, where.backlog);
  if (!status.ok()) return Unexpected{std::move(status).WithContext(context)};

  const SocketAddress bound = LocalAddressOf(fd->get());
  std::unique_ptr<Listener> listener(new Listener(loop, std::move(*fd), handler));
  listener->port_ = bound.port();
  listener->name_ = bound.ToString();
  return listener;
}

StatusOr<std::unique_ptr<Listener>> Listener::Listen(Loop& loop, const Unix& where, AcceptHandler& handler) {
  auto address = UnixAddress(where.path);
  if (!address.ok()) return Unexpected{address.error()};
  const std::string context = "unix socket '" + where.path + "'";
  Status status = RemoveStale(where.path, *address);
  if (!status.ok()) return Unexpected{std::move(status).WithContext(context)};
  auto fd = MakeSocket(AF_UNIX);
  if (!fd.ok()) return Unexpected{Status(fd.error()).WithContext(context)};
  status = BindUnix(fd->get(), *address, where);
  if (!status.ok()) return Unexpected{std::move(status).WithContext(context)};

  std::unique_ptr<Listener> listener(new Listener(loop, std::move(*fd), handler));
  listener->name_ = where.path;
  struct stat info;
  if (::lstat(where.path.c_str(), &info) == 0) {
    listener->path_ = where.path;
    listener->device_ = info.st_dev;
    listener->inode_ = info.st_ino;
  }
  return listener;
}

Listener::~Listener() { Close(); }

void Listener::Close() {
  if (poll_ == nullptr) return;
  rest_.Stop();
  poll_->owner = nullptr;
  poll_.reset();
  fd_.Reset();
  struct stat info;
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

void Listener::StartPolling() noexcept {
  TERRACE_CHECK(uv_poll_start(&poll_->uv, UV_READABLE, ListenerHandle::OnReadable) == 0);
}

void Listener::AcceptBatch(ListenerHandle* handle) noexcept {
  for (int i = 0; i < kAcceptsPerTurnMax; ++i) {
    Listener* self = handle->owner;
    if (self == nullptr) return;  // the handler has closed us
    const int fd = ::accept4(self->fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      self->failure_told_ = false;
      self->handler_.OnAccept(fd);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (IsShortage(errno)) {
      return self->Rest(errno);
    }
  }
}

void Listener::Rest(int error_number) noexcept {
  uv_poll_stop(&poll_->uv);
  rest_.Start(kRestMs);
  if (std::exchange(failure_told_, true)) return;
  handler_.OnAcceptFailed(error_number);
}

}  // namespace terrace::net
