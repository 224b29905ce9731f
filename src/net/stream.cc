#include "net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "net/address.h"
#include "net/unique_fd.h"
#include "net/uv_handle.h"

namespace terrace::net {

struct StreamHandle {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  uv_write_t write;
  StreamHandler* handler;  // nullptr once the owner has let go: H2
  bool writing;            // `write` is libuv's until its callback
  bool reading;
  bool ended;  // OnEnd() has been called
};

namespace {

// Spans go to libuv and on to the kernel as they are.
static_assert(sizeof(WriteSpan) == sizeof(uv_buf_t) && sizeof(uv_buf_t) == sizeof(iovec));
static_assert(offsetof(WriteSpan, data) == offsetof(uv_buf_t, base));
static_assert(offsetof(WriteSpan, size) == offsetof(uv_buf_t, len));

const uv_buf_t* AsBuffers(const WriteSpan* spans) {
  return reinterpret_cast<const uv_buf_t*>(spans);
}

iovec* AsVectors(const WriteSpan* spans) {
  return const_cast<iovec*>(reinterpret_cast<const iovec*>(spans));  // only read
}

void StopReadingHandle(StreamHandle* handle) {
  if (!handle->reading) return;
  handle->reading = false;
  uv_read_stop(&handle->uv.stream);
}

void End(StreamHandle* handle, int error_number) {
  StopReadingHandle(handle);
  if (handle->ended) return;
  handle->ended = true;
  handle->handler->OnEnd(error_number);
}

void OnAllocate(uv_handle_t* uv, size_t, uv_buf_t* out) noexcept {
  auto* handle = static_cast<StreamHandle*>(uv->data);
  // For an empty span libuv reads nothing and reports UV_ENOBUFS.
  const std::span<char> space = handle->handler->OnReadSpace();
  *out = uv_buf_init(space.data(), static_cast<unsigned>(std::min<size_t>(space.size(), INT_MAX)));
}

void OnReadDone(uv_stream_t* uv, ssize_t size, const uv_buf_t*) noexcept {
  auto* handle = static_cast<StreamHandle*>(uv->data);
  if (handle->handler == nullptr || size == 0) return;  // 0: nothing there after all (EAGAIN)
  if (size > 0) return handle->handler->OnRead(static_cast<size_t>(size));
  if (size == UV_ENOBUFS) return StopReadingHandle(handle);
  End(handle, size == UV_EOF ? 0 : static_cast<int>(-size));
}

void OnWriteDone(uv_write_t* write, int error) noexcept {
  auto* handle = static_cast<StreamHandle*>(write->handle->data);
  handle->writing = false;
  if (handle->handler == nullptr) return;  // closed: UV_ECANCELED
  if (error != 0) return End(handle, -error);
  handle->handler->OnDrained();
}

int SocketOption(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// What the socket takes at once, or -errno. Not uv_try_write(), which calls write(2): for a socket that is the longer way
// through the kernel, and where a reply is one small span, as without pipelining, it is felt (bench/RESULTS.md).
ssize_t Send(int fd, const WriteSpan* spans, size_t count) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  ssize_t taken;
  do {
    if (count == 1) {
      taken = ::send(fd, spans->data, spans->size, kFlags);
    } else {
      msghdr message{};
      message.msg_iov = AsVectors(spans);
      message.msg_iovlen = count;
      taken = ::sendmsg(fd, &message, kFlags);
    }
  } while (taken < 0 && errno == EINTR);
  return taken < 0 ? -errno : taken;
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

  // Value-initialized: everything is zero. libuv's init functions cannot fail here, they only fill in the
  // struct.
  auto made = std::make_unique<StreamHandle>();
  made->handler = &handler;
  if (is_unix) {
    TERRACE_CHECK(uv_pipe_init(loop.uv(), &made->uv.pipe, 0) == 0);
  } else {
    TERRACE_CHECK(uv_tcp_init(loop.uv(), &made->uv.tcp) == 0);
  }
  made->uv.handle.data = made.get();
  HandlePtr<StreamHandle> handle(made.release());
  const int error = is_unix ? uv_pipe_open(&handle->uv.pipe, fd) : uv_tcp_open(&handle->uv.tcp, fd);
  if (error != 0) return Unexpected{Status::FromErrno("take over a connection", -error)};

  std::unique_ptr<Stream> stream(new Stream);
  stream->handle_ = std::move(handle);
  stream->fd_ = owned.Release();  // libuv's now: uv_close() closes it
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
  handle_->reading = false;
  handle_.reset();
  fd_ = -1;
}

void Stream::StartReading() {
  if (handle_ == nullptr || handle_->reading || handle_->ended) return;
  handle_->reading = uv_read_start(&handle_->uv.stream, OnAllocate, OnReadDone) == 0;
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
    const size_t batch = std::min<size_t>(count, IOV_MAX);  // all that the kernel takes in a call
    const ssize_t taken = Send(fd_, spans, batch);
    if (taken == -EAGAIN || taken == -ENOBUFS) break;  // the second for want of memory: Write waits
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
  const int error = uv_write(&handle_->write, &handle_->uv.stream, AsBuffers(spans),
                             static_cast<unsigned>(count), OnWriteDone);
  handle_->writing = error == 0;
  return error;
}

size_t Stream::unsent_bytes() const {
  return handle_ == nullptr ? 0 : uv_stream_get_write_queue_size(&handle_->uv.stream);
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
