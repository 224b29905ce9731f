#include "net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

#include "net/address.h"
#include "net/unique_fd.h"
#include "net/uv_handle.h"

namespace terrace::net {

struct StreamHandle {
  uv_poll_t uv;
  StreamHandler* handler;  // nullptr once the owner has let go: H2
  int fd;
  int watched;  // events of `uv`
  bool reading;
  bool ended;  // OnEnd() has been called
  bool writing;
  // What Write() was given and the socket has not taken yet: from `next` on, the first of them from where it is cut.
  std::vector<WriteSpan> unsent;
  size_t next;
  size_t unsent_bytes;
};

namespace {

// Reads of one socket in a row, while each of them fills the space it is given.
constexpr int kReadsMax = 32;

// Spans go to the kernel as they are.
static_assert(sizeof(WriteSpan) == sizeof(iovec));
static_assert(offsetof(WriteSpan, data) == offsetof(iovec, iov_base));
static_assert(offsetof(WriteSpan, size) == offsetof(iovec, iov_len));

iovec* AsVectors(const WriteSpan* spans) {
  return const_cast<iovec*>(reinterpret_cast<const iovec*>(spans));  // only read
}

// recv and send, and not read and write, as libuv's streams use: for a socket those are the longer way through the kernel, and
// where a request is one small piece, as without pipelining, it is felt (bench/RESULTS.md).

// What was read, 0 at the end, or -errno.
ssize_t Receive(int fd, std::span<char> space) {
  ssize_t size;
  do {
    size = ::recv(fd, space.data(), space.size(), MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  return size < 0 ? -errno : size;
}

// What the socket takes at once, or -errno; -EAGAIN if that is nothing.
ssize_t Send(int fd, const WriteSpan* spans, size_t count) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  ssize_t taken;
  do {
    if (count == 1) {
      taken = ::send(fd, spans->data, spans->size, kFlags);
    } else {
      msghdr message{};
      message.msg_iov = AsVectors(spans);
      message.msg_iovlen = std::min<size_t>(count, IOV_MAX);  // all that the kernel takes in a call
      taken = ::sendmsg(fd, &message, kFlags);
    }
  } while (taken < 0 && errno == EINTR);
  if (taken < 0 && errno == ENOBUFS) return -EAGAIN;  // the machine has no memory for it just now
  return taken < 0 ? -errno : taken;
}

void OnPoll(uv_poll_t* uv, int status, int events) noexcept;

void Watch(StreamHandle* handle) {
  if (handle->handler == nullptr) return;  // closing
  const int wanted = (handle->reading ? UV_READABLE : 0) | (handle->writing ? UV_WRITABLE : 0);
  if (wanted == handle->watched) return;
  handle->watched = wanted;
  const int error =
      wanted == 0 ? uv_poll_stop(&handle->uv) : uv_poll_start(&handle->uv, wanted, OnPoll);
  TERRACE_CHECK(error == 0);
}

void StopReadingHandle(StreamHandle* handle) {
  handle->reading = false;
  Watch(handle);
}

void End(StreamHandle* handle, int error_number) {
  StopReadingHandle(handle);
  if (handle->ended) return;
  handle->ended = true;
  handle->handler->OnEnd(error_number);
}

// The handler may stop the reading, or close the stream, whenever it is called.
void ReadSome(StreamHandle* handle) {
  for (int i = 0; i < kReadsMax && handle->reading; ++i) {
    const std::span<char> space = handle->handler->OnReadSpace();
    if (space.empty()) return StopReadingHandle(handle);
    const ssize_t size = Receive(handle->fd, space);
    if (size == -EAGAIN) return;
    if (size <= 0) return End(handle, static_cast<int>(-size));
    handle->handler->OnRead(static_cast<size_t>(size));
    if (static_cast<size_t>(size) < space.size()) return;
  }
}

void SendRest(StreamHandle* handle) {
  while (handle->next < handle->unsent.size()) {
    const ssize_t taken =
        Send(handle->fd, &handle->unsent[handle->next], handle->unsent.size() - handle->next);
    if (taken == -EAGAIN) return;
    if (taken < 0) {
      handle->writing = false;
      return End(handle, static_cast<int>(-taken));
    }
    handle->unsent_bytes -= static_cast<size_t>(taken);
    auto left = static_cast<size_t>(taken);
    for (; handle->next < handle->unsent.size(); ++handle->next) {
      WriteSpan& span = handle->unsent[handle->next];
      if (left < span.size) {
        span = {span.data + left, span.size - left};
        break;
      }
      left -= span.size;
    }
  }
  handle->writing = false;
  handle->handler->OnDrained();
}

// The handle is there until its close callback, which does not come within this.
void OnPoll(uv_poll_t* uv, int status, int events) noexcept {
  auto* handle = static_cast<StreamHandle*>(uv->data);
  if (status < 0) {
    // The socket has an error: what is tried next says which, behind what had arrived before. libuv no longer watches it.
    handle->watched = 0;
    events = UV_READABLE | UV_WRITABLE;
  }
  if ((events & UV_READABLE) != 0 && handle->reading) ReadSome(handle);
  if ((events & UV_WRITABLE) != 0) {
    // It stays watched for this until nothing was written behind it: to begin again is dear, and mostly there is more.
    handle->writing ? SendRest(handle) : Watch(handle);
  }
  if (status < 0) Watch(handle);
}

int SocketOption(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

void SetTcpOption(int fd, int level, int option, int value) {
  // Fails only on a connection that is broken already (stream.h).
  (void)::setsockopt(fd, level, option, &value, sizeof(value));
}

}  // namespace

StatusOr<std::unique_ptr<Stream>> Stream::Adopt(Loop& loop, int fd, StreamHandler& handler) {
  UniqueFd owned(fd);
  const int family = SocketOption(fd, SO_DOMAIN);
  const bool is_unix = family == AF_UNIX;
  const bool is_tcp = family == AF_INET || family == AF_INET6;
  if (!(is_unix || is_tcp) || SocketOption(fd, SO_TYPE) != SOCK_STREAM) {
    return Unexpected{Status::Error("descriptor is not a stream socket", ENOTSOCK)};
  }

  // Value-initialized: everything is zero.
  auto made = std::make_unique<StreamHandle>();
  made->handler = &handler;
  made->fd = fd;
  if (const int error = uv_poll_init(loop.uv(), &made->uv, fd); error != 0)
    return Unexpected{Status::FromErrno("take over a connection", -error)};
  made->uv.data = made.get();
  HandlePtr<StreamHandle> handle(made.release());

  std::unique_ptr<Stream> stream(new Stream);
  stream->handle_ = std::move(handle);
  stream->fd_ = owned.Release();
  const SocketAddress local = LocalAddressOf(fd);
  const SocketAddress peer = is_unix ? local : PeerAddressOf(fd);
  stream->is_unix_ = is_unix;
  stream->local_address_ = local.ToString();
  stream->peer_address_ = peer.ToString();
  stream->peer_is_loopback_ = is_unix || peer.is_loopback();
  return stream;
}

Stream::~Stream() { Close(); }

void Stream::Close() {
  if (handle_ == nullptr) return;
  handle_->handler = nullptr;
  handle_->reading = handle_->writing = false;
  handle_.reset();  // it is not watched any more
  ::close(std::exchange(fd_, -1));
}

void Stream::StartReading() {
  if (handle_ == nullptr || handle_->ended) return;
  handle_->reading = true;
  Watch(handle_.get());
}

void Stream::StopReading() {
  if (handle_ != nullptr) StopReadingHandle(handle_.get());
}

bool Stream::reading() const { return handle_ != nullptr && handle_->reading; }

ssize_t Stream::TryWrite(const WriteSpan* spans, size_t count) {
  if (handle_ == nullptr) return -EBADF;
  if (handle_->writing) return 0;
  ssize_t written = 0;
  while (count > 0) {
    const size_t batch = std::min<size_t>(count, IOV_MAX);
    const ssize_t taken = Send(fd_, spans, batch);
    if (taken == -EAGAIN) break;
    if (taken < 0)
      return written > 0 ? written : taken;  // an error stays: the next call meets it again
    written += taken;
    if (batch == count) break;
    size_t wanted = 0;
    for (size_t i = 0; i < batch; ++i) wanted += spans[i].size;
    if (static_cast<size_t>(taken) < wanted) break;
    spans += batch;
    count -= batch;
  }
  return written;
}

int Stream::Write(const WriteSpan* spans, size_t count) {
  if (handle_ == nullptr) return -EBADF;
  TERRACE_CHECK(!handle_->writing);
  handle_->unsent.assign(spans, spans + count);
  handle_->next = 0;
  handle_->unsent_bytes = 0;
  for (const WriteSpan& span : handle_->unsent) handle_->unsent_bytes += span.size;
  handle_->writing = true;
  Watch(handle_.get());
  return 0;
}

size_t Stream::unsent_bytes() const {
  return handle_ == nullptr || !handle_->writing ? 0 : handle_->unsent_bytes;
}

void Stream::SetNoDelay(bool enabled) {
  if (fd_ < 0 || is_unix_) return;
  SetTcpOption(fd_, IPPROTO_TCP, TCP_NODELAY, enabled ? 1 : 0);
}

void Stream::SetKeepAlive(int seconds) {
  if (fd_ < 0 || is_unix_) return;
  SetTcpOption(fd_, SOL_SOCKET, SO_KEEPALIVE, seconds > 0 ? 1 : 0);
  if (seconds <= 0) return;
  SetTcpOption(fd_, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  SetTcpOption(fd_, IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / 3, 1));
  SetTcpOption(fd_, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace terrace::net
