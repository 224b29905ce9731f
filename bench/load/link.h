// Link: a client's socket to the server under test, plain system calls.
//
// A load generator has nobody to give a failure to, so a socket that fails ends the program with a sentence.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace terrace::load {

struct Target {
  std::string host = "127.0.0.1";
  uint16_t port = 6379;
  std::string unix_path;  // if set, instead of host and port
};

/// Ends the program: "resp_load: what: strerror(errno)".
[[noreturn]] void Die(const std::string& what);

class Link {
 public:
  explicit Link(const Target& target);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  int fd() const { return fd_; }
  void SetNonBlocking();
  /// Sends all of it, waiting while the socket is full.
  void SendAll(Bytes data);
  /// Sends what the socket takes now; 0 if nothing.
  size_t SendSome(Bytes data);
  /// Reads what is there. A blocking link waits for the first byte, a non-blocking one returns 0 if there is none.
  size_t Receive(char* out, size_t size);
  /// For the few commands around a measurement: one request, the first `replies` replies' bytes.
  std::string Ask(Bytes line, size_t replies = 1);
  /// The same for one reply that must not be an error: a server that lacks the command ends the program.
  void Insist(Bytes line);

 private:
  int fd_;
};

}  // namespace terrace::load
