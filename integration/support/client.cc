#include "support/client.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace terrace::integration {
namespace {

constexpr size_t kReadBytes = 64 * 1024;

// Printable ASCII as it is; the rest as \xNN, so that a reply is one line whatever it holds.
void AppendPrintable(std::string_view bytes, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : bytes) {
    if (c >= 0x20 && c < 0x7f) {
      out->push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out->append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
  }
}

// A socket and whether it could be connected.
std::pair<int, bool> ConnectTcp(const std::string& address, int port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<uint16_t>(port));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<uint16_t>(port));
  const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
  REQUIRE((is_v4 || inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1));
  const int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto* target = is_v4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  return {fd, connect(fd, target, is_v4 ? sizeof v4 : sizeof v6) == 0};
}

}  // namespace

bool Client::CanConnect(const std::string& address, int port) {
  const auto [fd, connected] = ConnectTcp(address, port);
  close(fd);
  return connected;
}

Client Client::Tcp(const std::string& address, int port) {
  const auto [fd, connected] = ConnectTcp(address, port);
  REQUIRE_MESSAGE(connected, "connect to ", address, " port ", port, ": ", std::strerror(errno));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Client(fd);
}

Client Client::Unix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE_MESSAGE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
                  "connect to ", path, ": ", std::strerror(errno));
  return Client(fd);
}

Client::Client(Client&& other) noexcept { *this = std::move(other); }

Client& Client::operator=(Client&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(timeout_ms_, other.timeout_ms_);
  std::swap(buffer_, other.buffer_);
  std::swap(position_, other.position_);
  std::swap(broken_, other.broken_);
  std::swap(escapes_, other.escapes_);
  return *this;
}

Client::~Client() { Close(); }

void Client::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Client::ShutdownWrites() { shutdown(fd_, SHUT_WR); }

void Client::ShrinkReceiveBuffer() {
  const int bytes = 4096;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

std::vector<std::string> Client::Split(std::string_view line) {
  std::vector<std::string> parts;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) return parts;
    const size_t end = std::min(line.find(' '), line.size());
    parts.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::string Client::Encode(const std::vector<std::string>& parts) {
  std::string bytes = "*" + std::to_string(parts.size()) + "\r\n";
  for (const std::string& part : parts)
    bytes += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
  return bytes;
}

std::string Client::RunList(const std::vector<std::string>& parts) {
  if (!SendRequest(parts)) return "(closed)";
  return Read();
}

bool Client::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd writable{fd_, POLLOUT, 0};
    if (poll(&writable, 1, timeout_ms_) <= 0) return false;
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

Client::Fill Client::FillBuffer(int timeout_ms) {
  if (fd_ < 0) return Fill::kClosed;
  pollfd readable{fd_, POLLIN, 0};
  if (poll(&readable, 1, timeout_ms) <= 0) return Fill::kTimeout;
  if (position_ == buffer_.size()) {
    buffer_.clear();
    position_ = 0;
  }
  const size_t old_size = buffer_.size();
  buffer_.resize(old_size + kReadBytes);
  const ssize_t got = recv(fd_, buffer_.data() + old_size, kReadBytes, 0);
  buffer_.resize(old_size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return got > 0 ? Fill::kMore : Fill::kClosed;
}

std::string Client::Take(size_t count) {
  while (broken_.empty() && buffer_.size() - position_ < count) {
    const Fill fill = FillBuffer(timeout_ms_);
    if (fill != Fill::kMore) broken_ = fill == Fill::kClosed ? "(closed)" : "(timeout)";
  }
  if (!broken_.empty()) return {};
  std::string taken = buffer_.substr(position_, count);
  position_ += count;
  return taken;
}

std::string Client::TakeLine() {
  size_t end = 0;
  while (broken_.empty() && (end = buffer_.find("\r\n", position_)) == std::string::npos) {
    const Fill fill = FillBuffer(timeout_ms_);
    if (fill != Fill::kMore) broken_ = fill == Fill::kClosed ? "(closed)" : "(timeout)";
  }
  if (!broken_.empty()) return {};
  std::string line = buffer_.substr(position_, end - position_);
  position_ = end + 2;
  return line;
}

std::string Client::Read() {
  std::string printed;
  broken_.clear();
  PrintReply(&printed);
  return broken_.empty() ? printed : broken_;
}

std::vector<std::string> Client::Read(size_t count) {
  std::vector<std::string> replies;
  for (size_t i = 0; i < count; ++i) replies.push_back(Read());
  return replies;
}

std::string Client::ReadBytes(size_t count) {
  broken_.clear();
  std::string taken = Take(count);
  return broken_.empty() ? taken : broken_;
}

std::string Client::ReadToEnd() {
  Fill fill = Fill::kMore;
  while (fill == Fill::kMore) fill = FillBuffer(timeout_ms_);
  std::string rest = buffer_.substr(position_);
  position_ = buffer_.size();
  return fill == Fill::kClosed ? rest : rest + "(timeout)";
}

bool Client::IsQuiet(int quiet_ms) {
  return position_ == buffer_.size() && FillBuffer(quiet_ms) == Fill::kTimeout;
}

bool Client::IsClosedByPeer() {
  Fill fill = Fill::kMore;
  while (fill == Fill::kMore) fill = FillBuffer(timeout_ms_);
  return fill == Fill::kClosed;
}

void Client::AppendBytes(std::string_view bytes, std::string* out) const {
  if (escapes_) {
    AppendPrintable(bytes, out);
  } else {
    out->append(bytes);
  }
}

void Client::PrintElements(long count, char open, char close, std::string* out) {
  out->push_back(open);
  for (long i = 0; i < count && broken_.empty(); ++i) {
    if (i > 0) out->push_back(' ');
    PrintReply(out);
  }
  out->push_back(close);
}

void Client::PrintReply(std::string* out) {
  const std::string line = TakeLine();
  if (!broken_.empty()) return;
  const char type = line.empty() ? '?' : line[0];
  const std::string rest = line.empty() ? "" : line.substr(1);
  const long count = std::strtol(rest.c_str(), nullptr, 10);
  switch (type) {
    case '$':
    case '=':
    case '!':
      out->push_back(type);
      if (count < 0) {
        out->append("-1");
        return;
      }
      AppendBytes(Take(static_cast<size_t>(count)), out);
      if (Take(2) != "\r\n" && broken_.empty()) broken_ = "(no line end after " + rest + " bytes)";
      return;
    case '*':
      if (count < 0) {
        out->append("*-1");
        return;
      }
      return PrintElements(count, '[', ']', out);
    case '%':
      out->push_back(type);
      return PrintElements(count * 2, '{', '}', out);
    case '~':
      out->push_back(type);
      return PrintElements(count, '{', '}', out);
    case '>':
      out->push_back(type);
      return PrintElements(count, '[', ']', out);
    case '|':  // attributes stand before the reply they describe
      out->push_back(type);
      PrintElements(count * 2, '{', '}', out);
      out->push_back(' ');
      return PrintReply(out);
    case '+':
    case '-':
    case ':':
    case '_':
    case ',':
    case '#':
    case '(':
      AppendBytes(line, out);
      return;
    default:
      broken_ = "(not a reply: " + line + ")";
  }
}

bool IsRecentTtl(const std::string& reply, long seconds) {
  constexpr long kSlackSeconds = 60;
  if (reply.empty() || reply[0] != ':') return false;
  const long left = std::strtol(reply.c_str() + 1, nullptr, 10);
  return left <= seconds && left > 0 && left >= seconds - kSlackSeconds;
}

std::string FieldOf(std::string_view text, std::string_view name) {
  size_t at = 0;
  while ((at = text.find(name, at)) != std::string_view::npos) {
    const size_t after = at + name.size();
    const bool starts =
        at == 0 || text[at - 1] == '\n' || text[at - 1] == ' ' || text[at - 1] == ',';
    if (starts && after < text.size() && (text[after] == ':' || text[after] == '=')) {
      const size_t end = text.find_first_of(" \r\n,", after);
      return std::string(text.substr(after + 1, std::min(end, text.size()) - after - 1));
    }
    at = after;
  }
  return "";
}

}  // namespace terrace::integration
