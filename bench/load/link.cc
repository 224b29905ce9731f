#include "load/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "load/reply_counter.h"
#include "load/request_template.h"

namespace terrace::load {

void Die(const std::string& what) {
  std::fprintf(stderr, "resp_load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

Link::Link(const Target& target) {
  int connected;
  if (!target.unix_path.empty()) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    target.unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
    connected = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(target.port);
    if (inet_pton(AF_INET, target.host.c_str(), &address.sin_addr) != 1) {
      errno = EINVAL;
      Die("host " + target.host + " is no IPv4 address");
    }
    connected = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (fd_ < 0 || connected != 0) Die("connect");
}

Link::~Link() { close(fd_); }

void Link::SetNonBlocking() {
  if (fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK) != 0) Die("fcntl");
}

size_t Link::SendSome(Bytes data) {
  const ssize_t sent = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<size_t>(sent);
  if (errno != EAGAIN && errno != EINTR) Die("send");
  return 0;
}

void Link::SendAll(Bytes data) {
  while (!data.empty()) {
    const size_t sent = SendSome(data);
    data.remove_prefix(sent);
    if (sent > 0) continue;
    pollfd wait{fd_, POLLOUT, 0};
    poll(&wait, 1, -1);
  }
}

size_t Link::Receive(char* out, size_t size) {
  const ssize_t got = recv(fd_, out, size, 0);
  if (got > 0) return static_cast<size_t>(got);
  if (got == 0) {
    errno = ECONNRESET;
    Die("the server closed a connection");
  }
  if (errno != EAGAIN && errno != EINTR) Die("recv");
  return 0;
}

std::string Link::Ask(Bytes line, size_t replies) {
  SendAll(RequestTemplate(line, 0).Render(1));
  ReplyCounter counter;
  std::string answer;
  char buffer[4096];
  for (uint64_t seen = 0; seen < replies;) {
    const size_t got = Receive(buffer, sizeof buffer);
    answer.append(buffer, got);
    seen += counter.Feed({buffer, got});
  }
  return answer;
}

void Link::Insist(Bytes line) {
  const std::string answer = Ask(line);
  if (answer[0] != '-') return;
  std::fprintf(stderr, "resp_load: %s: %s", std::string(line).c_str(), answer.c_str());
  std::exit(1);
}

}  // namespace terrace::load
