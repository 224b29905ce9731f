#include "server/health_check.h"

#include "net/blocking_client.h"

namespace terrace::server {
namespace {

// Probes are given a few seconds in all; each wait gets less than that.
constexpr int kTimeoutMs = 2000;
// The longest line we want to hear: an error in words.
constexpr size_t kAnswerBytesMax = 4 * kKiB;

std::string Request(std::initializer_list<Bytes> words) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const Bytes word : words) {
    request.append("$")
        .append(std::to_string(word.size()))
        .append("\r\n")
        .append(word)
        .append("\r\n");
  }
  return request;
}

// The line number `wanted` (from 0) of what the server says, without its end.
StatusOr<std::string> ReadLine(net::BlockingClient& client, unsigned wanted) {
  std::string text;
  char space[512];
  while (text.size() < kAnswerBytesMax) {
    size_t begin = 0;
    size_t end = text.find("\r\n");
    for (unsigned line = 0; end != std::string::npos; ++line) {
      // A server that refuses us says one thing and hangs up.
      if (line == wanted || text.starts_with("-DENIED") || text.starts_with("-ERR max number")) {
        return text.substr(begin, end - begin);
      }
      begin = end + 2;
      end = text.find("\r\n", begin);
    }
    const auto size = client.ReadSome(space);
    if (!size.ok()) return Unexpected{size.error()};
    if (*size == 0) return Unexpected{Status::Error("the server closed the connection")};
    text.append(space, *size);
  }
  return Unexpected{Status::Error("the answer is too long to come from a server of this kind")};
}

}  // namespace

Status CheckHealth(const config::HealthTarget& target) {
  auto client = target.unixsocket.empty()
                    ? net::BlockingClient::ConnectTcp(
                          target.host, static_cast<uint16_t>(target.port), kTimeoutMs)
                    : net::BlockingClient::ConnectUnix(target.unixsocket, kTimeoutMs);
  if (!client.ok()) return client.error();
  std::string request;
  if (!target.password.empty()) request = Request({"AUTH", target.password});
  request += Request({"PING"});
  if (Status sent = client->SendAll(request); !sent.ok()) return sent;
  const auto answer = ReadLine(*client, target.password.empty() ? 0 : 1);
  if (!answer.ok()) return answer.error();
  for (const Bytes healthy : {"+PONG", "-NOAUTH", "-LOADING"}) {
    if (answer->starts_with(healthy)) return Status::Ok();
  }
  return Status::Error("PING was answered by \"" + *answer + "\"");
}

}  // namespace terrace::server
