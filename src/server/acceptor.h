// Acceptor: the sockets the server listens on, and the way of a new connection to the worker with the fewest.
//
// Which sockets there are is decided by whoever runs CONFIG SET, at once and with an answer; that worker 0 begins to
// accept from the new ones and lets go of the old ones follows a moment later, on its own loop. Until then the kernel
// keeps who has connected.
//
// Threads: Listen and Close on worker 0's thread before and after the others run; Follow on any.
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.h"
#include "net/listener.h"
#include "server/config/options.h"
#include "server/worker.h"

namespace terrace::server {

class Acceptor final : public net::AcceptHandler {
 public:
  explicit Acceptor(std::vector<std::unique_ptr<Worker>>& workers) : workers_(workers) {}

  /// Opens every address and the Unix socket the options name. The error names what could not be opened.
  Status Listen(const config::Options& options) TERRACE_EXCLUDES(mutex_);
  void Close() TERRACE_EXCLUDES(mutex_);

  /// Makes the TCP sockets those that the options name: new ones are opened first, then those no longer named refuse.
  /// After an error everything is as it was.
  Status Follow(const config::Options& options) TERRACE_EXCLUDES(mutex_);

  void OnAccept(int fd) noexcept override;
  void OnAcceptFailed(int error_number) noexcept override;

 private:
  Status FollowLocked(const config::Options& options) TERRACE_REQUIRES(mutex_);
  void UpdateListeners() TERRACE_EXCLUDES(mutex_);

  std::vector<std::unique_ptr<Worker>>& workers_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;  // worker 0's
  std::unique_ptr<net::Doorbell> changed_;

  Mutex mutex_;
  std::vector<std::shared_ptr<net::ListeningSocket>> tcp_ TERRACE_GUARDED_BY(mutex_);
  std::shared_ptr<net::ListeningSocket> unix_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::server
