// A connected TCP or Unix socket on one loop.
//
// Reading: when the socket is readable the handler is asked for space, and told how much has come into it. While that fills
// the space completely more is read in the same turn, up to 32 times, since more is probably there; otherwise there is one
// recv(2) for each time the socket becomes readable. StopReading() inside OnRead() ends this at once.
//
// Writing: TryWrite() gives the socket what it takes now. What is left goes to Write(), once, and OnDrained()
// tells when it is gone. Sessions normally see only TryWrite().
//
// Threads: the loop's thread alone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "net/handle.h"
#include "net/loop.h"

namespace terrace::net {

/// Bytes to send, owned by the caller. Laid out as an iovec, so that an array of them goes to the kernel as
/// it is.
struct WriteSpan {
  const char* data;
  size_t size;
};

/// What a stream tells its user. All but OnReadSpace() may close or destroy the stream.
class StreamHandler {
 public:
  /// Where the next bytes go. May be asked for without an OnRead() following. An empty span stops the
  /// reading, as StopReading() does. CONTRACT: calls nothing that changes the stream, which is being read.
  virtual std::span<char> OnReadSpace() noexcept = 0;
  /// `size` > 0 bytes have been put at the beginning of the last OnReadSpace().
  virtual void OnRead(size_t size) noexcept = 0;
  /// The last call about input: the peer ended the connection (0), or it broke (errno). At most once; the
  /// handler closes the stream. It comes only while reading or while a Write() is unfinished: a stream that
  /// does neither learns nothing of its peer.
  virtual void OnEnd(int error_number) noexcept = 0;
  /// All bytes of the last Write() were taken by the socket.
  virtual void OnDrained() noexcept = 0;

 protected:
  ~StreamHandler() = default;
};

struct StreamHandle;

class Stream {
 public:
  /// Takes over `fd`, a connected stream socket, also when it fails (then `fd` is closed). `handler` outlives
  /// the stream or its Close(). Nothing is read before StartReading().
  static StatusOr<std::unique_ptr<Stream>> Adopt(Loop& loop, int fd, StreamHandler& handler);

  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void StartReading();
  void StopReading();
  bool reading() const;

  /// Gives the socket what it takes at once: how many bytes that was, 0 if none (also while a Write() is
  /// unfinished), or -errno. Any number of spans.
  ssize_t TryWrite(const WriteSpan* spans, size_t count);

  /// Sends all of `spans` as the socket takes them, then calls OnDrained() (never from within Write()); if
  /// that fails, OnEnd(). Returns 0 or -errno. Only one at a time. CONTRACT: the bytes (not the array of
  /// spans) stay as they are until OnDrained() or Close(). Whoever has much to send hands over a piece at a
  /// time, since nothing of a piece can be freed before all of it has gone.
  int Write(const WriteSpan* spans, size_t count);
  /// Bytes of the unfinished Write() that the socket has not taken.
  size_t unsent_bytes() const;

  /// Closes the socket at once; what it took is still delivered, what Write() still had is dropped. No
  /// callback arrives afterwards. Again is fine; the destructor does it too.
  void Close();
  bool closed() const { return handle_ == nullptr; }

  /// -1 once closed.
  int fd() const { return fd_; }
  bool is_unix() const { return is_unix_; }
  /// As CLIENT LIST prints them: "127.0.0.1:6379", "[::1]:6379"; for a Unix socket both are the listening
  /// path with ":0". They are kept from the beginning, since a broken connection can no longer be asked.
  const std::string& peer_address() const { return peer_address_; }
  const std::string& local_address() const { return local_address_; }
  /// The peer is on this machine as far as its address shows: 127.0.0.0/8, ::1, or a Unix socket.
  bool peer_is_loopback() const { return peer_is_loopback_; }

  // Socket options of TCP; nothing for Unix sockets. A failure is not reported: it means that the connection
  // is broken, and that OnEnd() tells.

  void SetNoDelay(bool enabled);
  /// The first probe after `seconds` of silence, then one every third of that; the third without an answer
  /// ends the connection. 0: no probes.
  void SetKeepAlive(int seconds);

 private:
  Stream() = default;

  HandlePtr<StreamHandle> handle_;
  int fd_ = -1;
  bool is_unix_ = false;
  bool peer_is_loopback_ = false;
  std::string peer_address_;
  std::string local_address_;
};

}  // namespace terrace::net
