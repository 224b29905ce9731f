// Acceptor: listens on worker 0's loop and hands each new connection to the worker with the fewest.
#pragma once

#include <memory>
#include <vector>

#include "net/listener.h"
#include "server/config/options.h"
#include "server/worker.h"

namespace terrace::server {

class Acceptor final : public net::AcceptHandler {
 public:
  explicit Acceptor(std::vector<std::unique_ptr<Worker>>& workers) : workers_(workers) {}

  /// Opens every address and the Unix socket the options name. The error names what could not be opened.
  Status Listen(const config::Options& options);
  void Close() { listeners_.clear(); }
  /// The TCP port in use, 0 without TCP.
  uint16_t port() const { return port_; }
  const std::vector<std::unique_ptr<net::Listener>>& listeners() const { return listeners_; }

  void OnAccept(int fd) noexcept override;
  void OnAcceptFailed(int error_number) noexcept override;

 private:
  std::vector<std::unique_ptr<Worker>>& workers_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  uint16_t port_ = 0;
};

}  // namespace terrace::server
