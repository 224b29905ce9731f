// A TCP or Unix socket that listens and belongs to no loop yet: the kernel completes connections and holds them until
// a Listener accepts them.
//
// Threads: opened on any, handed on like any value, and StopListening() from any while another accepts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "net/address.h"
#include "net/unique_fd.h"

namespace terrace::net {

class ListeningSocket {
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

  /// IPv6 sockets take IPv6 only, so that "0.0.0.0" and "::" can be had side by side.
  static StatusOr<std::unique_ptr<ListeningSocket>> Open(const Tcp& where);
  /// The same at an address that was looked up already.
  static StatusOr<std::unique_ptr<ListeningSocket>> Open(const SocketAddress& address, int backlog);
  /// A socket file that nobody answers is left from a crash and is replaced; one that answers is an error.
  static StatusOr<std::unique_ptr<ListeningSocket>> Open(const Unix& where);

  /// Closes, and removes the socket file if it is still the one we made.
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  /// From now on who connects is refused, who waits to be accepted is reset, and the port is free for another
  /// socket of this process, although the descriptor stays open: the loop that watches it gives it up in its own time.
  void StopListening();

  int fd() const { return fd_.get(); }
  /// Where it listens; the port is the one the system chose.
  const SocketAddress& address() const { return address_; }
  /// 0 for a Unix socket.
  uint16_t port() const { return address_.port(); }
  /// "127.0.0.1:6379", "[::1]:6379" or the path.
  const std::string& name() const { return name_; }

 private:
  explicit ListeningSocket(UniqueFd fd);

  UniqueFd fd_;
  SocketAddress address_;
  std::string name_;
  // The socket file we made, as device and inode, to remove no other.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace terrace::net
