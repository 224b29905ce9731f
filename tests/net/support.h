// What the tests of net/ share: loops driven to a condition, handlers that write down what they are told,
// sockets.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "net/listener.h"
#include "net/loop.h"
#include "net/process.h"
#include "net/stream.h"

namespace terrace::net {

/// Runs turns until `done()`; false if that takes longer than any healthy run, so that a failure does not
/// hang.
template <typename Done>
bool RunUntil(Loop& loop, Done done) {
  bool late = false;
  Timer limit(loop, {[](void* flag) noexcept { *static_cast<bool*>(flag) = true; }, &late});
  limit.Start(300'000);
  while (!done() && !late) loop.RunOnce();
  return !late;
}

/// A callback that counts.
struct Counter {
  int count = 0;
  void Count() { ++count; }
  Callback callback() { return Bind<&Counter::Count>(this); }
};

/// Keeps what a stream says; `on_read` and `on_drained` may do more.
class Recorder final : public StreamHandler {
 public:
  explicit Recorder(size_t space_bytes = 64 * kKiB) : space_(space_bytes) {}

  std::span<char> OnReadSpace() noexcept override {
    return no_space ? std::span<char>() : std::span<char>(space_);
  }
  void OnRead(size_t size) noexcept override {
    ++reads;
    received.append(space_.data(), size);
    if (on_read) on_read();
  }
  void OnEnd(int error_number) noexcept override {
    ++ends;
    end_error = error_number;
    if (on_end) on_end();
  }
  void OnDrained() noexcept override {
    ++drained;
    if (on_drained) on_drained();
  }

  std::string received;
  int reads = 0;
  int ends = 0;
  int end_error = -1;
  int drained = 0;
  bool no_space = false;
  std::function<void()> on_read;
  std::function<void()> on_end;
  std::function<void()> on_drained;

 private:
  std::vector<char> space_;
};

/// Keeps accepted descriptors.
class Accepted final : public AcceptHandler {
 public:
  ~Accepted() {
    for (int fd : fds) ::close(fd);
  }
  void OnAccept(int fd) noexcept override {
    fds.push_back(fd);
    if (on_accept) on_accept();
  }
  void OnAcceptFailed(int error_number) noexcept override {
    ++failures;
    last_error = error_number;
  }
  int Take() {
    const int fd = fds.back();
    fds.pop_back();
    return fd;
  }

  std::vector<int> fds;
  int failures = 0;
  int last_error = 0;
  std::function<void()> on_accept;
};

inline StatusOr<std::unique_ptr<Listener>> ListenOn(
    Loop& loop, StatusOr<std::unique_ptr<ListeningSocket>> socket, AcceptHandler& handler) {
  if (!socket.ok()) return Unexpected{socket.error()};
  return std::make_unique<Listener>(loop, std::move(*socket), handler);
}
inline StatusOr<std::unique_ptr<Listener>> Listen(Loop& loop, const ListeningSocket::Tcp& where,
                                                  AcceptHandler& handler) {
  return ListenOn(loop, ListeningSocket::Open(where), handler);
}
inline StatusOr<std::unique_ptr<Listener>> Listen(Loop& loop, const ListeningSocket::Unix& where,
                                                  AcceptHandler& handler) {
  return ListenOn(loop, ListeningSocket::Open(where), handler);
}

/// Two streams on one loop, connected by a Unix socket pair.
struct StreamPair {
  explicit StreamPair(Loop& loop, size_t space_bytes = 64 * kKiB)
      : left_says(space_bytes), right_says(space_bytes) {
    IgnoreWriteSignals();
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) std::abort();
    left = std::move(*Stream::Adopt(loop, fds[0], left_says));
    right = std::move(*Stream::Adopt(loop, fds[1], right_says));
  }

  Recorder left_says;
  Recorder right_says;
  std::unique_ptr<Stream> left;
  std::unique_ptr<Stream> right;
};

inline ssize_t TryWrite(Stream& stream, Bytes bytes) {
  const WriteSpan span{bytes.data(), bytes.size()};
  return stream.TryWrite(&span, 1);
}

/// A folder of its own for a test's socket files.
struct TempFolder {
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "terrace-net-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace terrace::net
