// A loop's eye on a listening socket. It accepts plain file descriptors, not libuv streams, because the
// connection may belong on another worker's loop.
//
// Threads: the loop's thread alone.
#pragma once

#include <memory>

#include "net/handle.h"
#include "net/listening_socket.h"
#include "net/loop.h"

namespace terrace::net {

/// What a listener tells its user. Either may close or destroy the listener.
class AcceptHandler {
 public:
  /// A new connection: nonblocking, close-on-exec, and the handler's to close.
  virtual void OnAccept(int fd) noexcept = 0;
  /// There is no descriptor or memory for another connection. The listener rests for a moment and tries
  /// again, so this is for the log; it is said once until an accept has succeeded.
  virtual void OnAcceptFailed(int error_number) noexcept = 0;

 protected:
  ~AcceptHandler() = default;
};

struct ListenerHandle;

class Listener {
 public:
  /// Accepts from the next turn of the loop on. The socket is closed when the last of its owners lets go.
  Listener(Loop& loop, std::shared_ptr<const ListeningSocket> socket, AcceptHandler& handler);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Accepts no more and lets go of the socket. No callback arrives afterwards. Again is fine; the destructor does it
  /// too.
  void Close();

  /// CONTRACT: not closed.
  const ListeningSocket& socket() const { return *socket_; }

 private:
  friend struct ListenerHandle;
  static void AcceptBatch(ListenerHandle* handle) noexcept;
  void StartPolling() noexcept;
  void Rest(int error_number) noexcept;

  AcceptHandler& handler_;
  std::shared_ptr<const ListeningSocket> socket_;
  HandlePtr<ListenerHandle> poll_;
  Timer rest_;
  bool failure_told_ = false;
};

}  // namespace terrace::net
