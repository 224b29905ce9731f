// A small blocking client connection, for the healthcheck subcommand and tools: no loop, no libuv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "net/address.h"
#include "net/unique_fd.h"

namespace terrace::net {

class BlockingClient {
 public:
  /// Tries the addresses of `host` in turn. `timeout_ms` limits each wait: a connect, a send that makes no
  /// progress, a read.
  static StatusOr<BlockingClient> ConnectTcp(const std::string& host, uint16_t port,
                                             int timeout_ms);
  static StatusOr<BlockingClient> ConnectUnix(const std::string& path, int timeout_ms);

  Status SendAll(Bytes bytes);
  /// Waits for some bytes; 0 when the server has ended the connection. `space` is not empty.
  StatusOr<size_t> ReadSome(std::span<char> space);

 private:
  BlockingClient(UniqueFd fd, int timeout_ms) : fd_(std::move(fd)), timeout_ms_(timeout_ms) {}

  static StatusOr<BlockingClient> Connect(const SocketAddress& address, int timeout_ms);
  Status WaitFor(short events) const;

  UniqueFd fd_;  // nonblocking, so that poll alone decides how long we wait
  int timeout_ms_;
};

}  // namespace terrace::net
