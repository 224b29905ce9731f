// A listening TCP or Unix socket. It accepts plain file descriptors, not libuv streams, because the
// connection may belong on another worker's loop.
//
// Threads: the loop's thread alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "net/address.h"
#include "net/handle.h"
#include "net/loop.h"
#include "net/unique_fd.h"

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
  struct Tcp {
    BindAddress address;
    uint16_t port = 0;  // 0: the system chooses, see port()
    int backlog = 511;
  };
  struct Unix {
    std::string path;
    mode_t permissions = 0;  // 0: what the umask leaves
    int backlog = 511;
  };

  /// Listens and accepts from the next turn of the loop on. IPv6 sockets take IPv6 only, so that "0.0.0.0"
  /// and "::" can be had side by side.
  static StatusOr<std::unique_ptr<Listener>> Listen(Loop& loop, const Tcp& where, AcceptHandler& handler);
  /// A socket file that nobody answers is left from a crash and is replaced; one that answers is an error.
  static StatusOr<std::unique_ptr<Listener>> Listen(Loop& loop, const Unix& where, AcceptHandler& handler);

  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Stops listening and removes the socket file, if it is still the one we made. No callback arrives
  /// afterwards. Again is fine; the destructor does it too.
  void Close();

  /// 0 for a Unix socket.
  uint16_t port() const { return port_; }
  /// "127.0.0.1:6379", "[::1]:6379" or the path.
  const std::string& name() const { return name_; }

 private:
  Listener(Loop& loop, UniqueFd fd, AcceptHandler& handler);

  friend struct ListenerHandle;
  static void AcceptBatch(ListenerHandle* handle) noexcept;
  void StartPolling() noexcept;
  void Rest(int error_number) noexcept;

  AcceptHandler& handler_;
  UniqueFd fd_;
  HandlePtr<ListenerHandle> poll_;
  Timer rest_;
  bool failure_told_ = false;

  uint16_t port_ = 0;
  std::string name_;
  // The socket file we made, as device and inode, to remove no other.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace terrace::net
