// A small blocking client: sends requests or any bytes, and prints a reply in a form that a test can compare.
//
// A reply prints as it begins on the wire, without lengths; what is not printable ASCII becomes \xNN:
//
//   +OK   -ERR no such key   :42   $value   $-1 (no value)   *-1 (no array)   _ (RESP3's null)
//   [$a :1 [$b]]  an array          %{$field $value}  a map      ~{$a $b}  a set      >[$message $channel
//   $text]  a push ,1.5  double      #t  boolean      (12345  big number      =txt:words  verbatim      !ERR
//   words  blob error
//   |{$key $value} :1  attributes and the reply they describe
//
// Nothing waits for ever: after a minute a read prints as "(timeout)", and at the end of the stream as
// "(closed)". A healthy server on the busiest machine answers well before that; only a broken one makes a
// test wait.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/eventually.h"

namespace terrace::integration {

class Client {
 public:
  /// CONTRACT: a connection that fails makes the test case fail at once.
  static Client Tcp(int port) { return Tcp("127.0.0.1", port); }
  /// `address` is an IPv4 or IPv6 address in numbers.
  static Client Tcp(const std::string& address, int port);
  /// Whether anybody listens there.
  static bool CanConnect(int port) { return CanConnect("127.0.0.1", port); }
  static bool CanConnect(const std::string& address, int port);
  static Client Unix(const std::string& path);

  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// One request and its reply. A single argument is split at blanks: Run("SET k v"); several are taken as
  /// they are: Run("SET", "k", "a value").
  template <typename... Parts>
  std::string Run(const Parts&... parts) {
    if (!SendRequest(Split(parts...))) return "(closed)";
    return Read();
  }
  std::string RunList(const std::vector<std::string>& parts);
  /// The same for a reply that is text of many lines (INFO, CLIENT LIST): its bytes, without type and
  /// escapes.
  template <typename... Parts>
  std::string Text(const Parts&... parts) {
    escapes_ = false;
    std::string text = Run(parts...);
    escapes_ = true;
    return text.empty() ? text : text.substr(1);
  }

  /// Sends a request, or bytes as they are, without waiting for a reply; false when the peer no longer takes
  /// them.
  bool SendRequest(const std::vector<std::string>& parts) { return Send(Encode(parts)); }
  bool Send(std::string_view bytes);
  /// The next reply or push.
  std::string Read();
  std::vector<std::string> Read(size_t count);
  /// The next `count` bytes of the stream as they are.
  std::string ReadBytes(size_t count);
  /// Everything up to the end of the stream; "(timeout)" is added if the peer does not close it.
  std::string ReadToEnd();
  /// True if nothing arrives for `quiet_ms`.
  bool IsQuiet(int quiet_ms);
  /// True if the peer closes the connection within the timeout, whatever it sends before.
  bool IsClosedByPeer();
  /// No more requests: the peer sees the end of the stream.
  void ShutdownWrites();
  void Close();

  void SetTimeout(int timeout_ms) { timeout_ms_ = timeout_ms; }
  /// Bytes the kernel may hold for us unread: a slow reader is one with a small buffer that does not read.
  void ShrinkReceiveBuffer();

  /// The request as RESP: an array of bulk strings.
  static std::string Encode(const std::vector<std::string>& parts);

 private:
  explicit Client(int fd) : fd_(fd) {}

  static std::vector<std::string> Split(std::string_view line);
  template <typename... Parts>
  requires(sizeof...(Parts) > 1) static std::vector<std::string> Split(const Parts&... parts) {
    return {std::string(parts)...};
  }
  enum class Fill { kMore, kClosed, kTimeout };
  Fill FillBuffer(int timeout_ms);
  // The parser's view of the buffer: each step fetches what is missing, or leaves the reason in `broken_`.
  std::string TakeLine();
  std::string Take(size_t count);
  void PrintReply(std::string* out);
  void AppendBytes(std::string_view bytes, std::string* out) const;
  void PrintElements(long count, char open, char close, std::string* out);

  int fd_ = -1;
  int timeout_ms_ = kPatienceMs;
  std::string buffer_;
  size_t position_ = 0;
  std::string broken_;
  bool escapes_ = true;
};

/// True if `reply` is a time to live that was `seconds` when the test set it: somewhat less by now, if the
/// machine had other things to do.
bool IsRecentTtl(const std::string& reply, long seconds);

/// The value of `name:` (INFO) or `name=` (CLIENT LIST) where it first stands at the start of a word; ""
/// without one.
std::string FieldOf(std::string_view text, std::string_view name);

}  // namespace terrace::integration
