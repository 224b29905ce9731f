#include "net/listener.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

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

}  // namespace

Listener::Listener(Loop& loop, std::shared_ptr<const ListeningSocket> socket,
                   AcceptHandler& handler)
    : handler_(handler),
      socket_(std::move(socket)),
      rest_(loop, Bind<&Listener::StartPolling>(this)) {
  auto poll = std::make_unique<ListenerHandle>();
  TERRACE_CHECK(uv_poll_init(loop.uv(), &poll->uv, socket_->fd()) == 0);
  poll->uv.data = poll.get();
  poll->owner = this;
  poll_.reset(poll.release());
  StartPolling();
}

Listener::~Listener() { Close(); }

void Listener::Close() {
  if (poll_ == nullptr) return;
  rest_.Stop();
  poll_->owner = nullptr;
  poll_.reset();
  socket_.reset();
}

void Listener::StartPolling() noexcept {
  TERRACE_CHECK(uv_poll_start(&poll_->uv, UV_READABLE, ListenerHandle::OnReadable) == 0);
}

void Listener::AcceptBatch(ListenerHandle* handle) noexcept {
  for (int i = 0; i < kAcceptsPerTurnMax; ++i) {
    Listener* self = handle->owner;
    if (self == nullptr) return;  // the handler has closed us
    const int fd = ::accept4(self->socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      self->failure_told_ = false;
      self->handler_.OnAccept(fd);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (IsShortage(errno)) {
      return self->Rest(errno);
    } else if (errno == EINVAL) {
      uv_poll_stop(&handle->uv);  // StopListening(): nobody comes any more
      return;
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
