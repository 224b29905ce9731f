#include "net/stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/random.h"
#include "net/support.h"

namespace terrace::net {
namespace {

std::string RandomText(size_t size) {
  Random random(size);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>('a' + random.Below(26));
  return text;
}

std::vector<WriteSpan> Cut(Bytes text, size_t piece_bytes) {
  std::vector<WriteSpan> spans;
  for (size_t at = 0; at < text.size(); at += piece_bytes) {
    spans.push_back({text.data() + at, std::min(piece_bytes, text.size() - at)});
  }
  return spans;
}

int Option(int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  ::getsockopt(fd, level, option, &value, &size);
  return value;
}

// A TCP connection over the loopback: a stream on each side.
struct TcpPair {
  TcpPair(Loop& loop, Bytes address) : context(loop) {
    auto made = Listen(loop, {.address = BindAddress::Parse(address), .port = 0}, accepted);
    if (!made.ok()) return;
    const std::unique_ptr<Listener> listener = std::move(*made);
    port = listener->socket().port();
    const SocketAddress target = *Resolve(BindAddress::Parse(address), port);
    const int fd = ::socket(target.family(), SOCK_STREAM, 0);
    if (::connect(fd, target.get(), target.size) != 0) std::abort();
    client = std::move(*Stream::Adopt(loop, fd, client_says));
    if (!RunUntil(loop, [this] { return !accepted.fds.empty(); })) std::abort();
    server = std::move(*Stream::Adopt(loop, accepted.Take(), server_says));
  }

  Loop& context;
  Accepted accepted;
  uint16_t port = 0;
  Recorder client_says;
  Recorder server_says;
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

void CheckEcho(Loop& loop, Stream& client, Recorder& client_says, Stream& server,
               Recorder& server_says) {
  server_says.on_read = [&] { CHECK(TryWrite(server, "pong") == 4); };
  server.StartReading();
  client.StartReading();
  CHECK(TryWrite(client, "ping") == 4);
  CHECK(RunUntil(loop, [&] { return client_says.received == "pong"; }));
  CHECK(server_says.received == "ping");
  client.Close();
  CHECK(RunUntil(loop, [&] { return server_says.ends == 1; }));
  CHECK(server_says.end_error == 0);
  CHECK(client_says.ends == 0);
}

TEST_SUITE("net/stream") {
  TEST_CASE("bytes go both ways over TCP on IPv4, and the addresses are printed as Redis does") {
    Loop loop;
    TcpPair pair(loop, "127.0.0.1");
    REQUIRE(pair.server != nullptr);
    CHECK(pair.server->local_address() == "127.0.0.1:" + std::to_string(pair.port));
    CHECK(pair.server->peer_address() == pair.client->local_address());
    CHECK(pair.server->peer_is_loopback());
    CHECK_FALSE(pair.server->is_unix());
    CheckEcho(loop, *pair.client, pair.client_says, *pair.server, pair.server_says);
  }

  TEST_CASE("bytes go both ways over TCP on IPv6, where the machine has it") {
    Loop loop;
    TcpPair pair(loop, "::1");
    if (pair.server == nullptr) return;
    CHECK(pair.server->local_address() == "[::1]:" + std::to_string(pair.port));
    CHECK(pair.server->peer_is_loopback());
    CheckEcho(loop, *pair.client, pair.client_says, *pair.server, pair.server_says);
  }

  TEST_CASE("bytes go both ways over a Unix socket, whose address is its path") {
    Loop loop;
    TempFolder folder;
    const std::string path = folder.path + "/echo.sock";
    Accepted accepted;
    auto listener = Listen(loop, {.path = path}, accepted);
    REQUIRE(listener.ok());
    const SocketAddress target = *UnixAddress(path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::connect(fd, target.get(), target.size) == 0);
    REQUIRE(RunUntil(loop, [&] { return !accepted.fds.empty(); }));
    Recorder client_says, server_says;
    auto client = std::move(*Stream::Adopt(loop, fd, client_says));
    auto server = std::move(*Stream::Adopt(loop, accepted.Take(), server_says));
    CHECK(server->is_unix());
    CHECK(server->peer_is_loopback());
    CHECK(server->peer_address() == path + ":0");
    CHECK(server->local_address() == path + ":0");
    CheckEcho(loop, *client, client_says, *server, server_says);
  }

  TEST_CASE("more than the socket takes goes on when it drains, in order, however many spans") {
    Loop loop;
    StreamPair pair(loop, 10'000);
    const std::string text = RandomText(8 * kMiB);
    // Some 8,000 spans: the kernel takes 1,024 a call.
    const std::vector<WriteSpan> spans = Cut(text, 1'000);
    const ssize_t taken = pair.left->TryWrite(spans.data(), spans.size());
    REQUIRE(taken > 0);
    REQUIRE(static_cast<size_t>(taken) < text.size());
    CHECK(TryWrite(*pair.left, "x") == 0);

    const Bytes rest = Bytes(text).substr(static_cast<size_t>(taken));
    std::vector<WriteSpan> rest_spans = Cut(rest, 777);
    CHECK(pair.left->Write(rest_spans.data(), rest_spans.size()) == 0);
    rest_spans.clear();  // the array need not stay
    CHECK(pair.left->unsent_bytes() == rest.size());
    CHECK(TryWrite(*pair.left, "x") == 0);  // nothing may overtake
    CHECK(pair.left_says.drained == 0);
    pair.right->StartReading();
    CHECK(RunUntil(loop, [&] { return pair.right_says.received.size() >= text.size(); }));
    CHECK(RunUntil(loop, [&] { return pair.left_says.drained == 1; }));
    CHECK(pair.right_says.received == text);
    CHECK(pair.left->unsent_bytes() == 0);
    CHECK(TryWrite(*pair.left, "x") == 1);
  }

  TEST_CASE("one try takes more spans than the kernel does in a call") {
    Loop loop;
    StreamPair pair(loop);
    const std::string text = RandomText(5'000);
    const std::vector<WriteSpan> spans = Cut(text, 2);
    CHECK(pair.left->TryWrite(spans.data(), spans.size()) == 5'000);
    pair.right->StartReading();
    CHECK(RunUntil(loop, [&] { return pair.right_says.received == text; }));
  }

  TEST_CASE("a write that is handed over piece by piece from OnDrained arrives whole") {
    Loop loop;
    StreamPair pair(loop);
    const std::string text = RandomText(3 * kMiB);
    Bytes rest = text;
    const auto write_piece = [&] {
      const Bytes piece = rest.substr(0, 256 * kKiB);
      rest.remove_prefix(piece.size());
      const WriteSpan span{piece.data(), piece.size()};
      if (!piece.empty()) CHECK(pair.left->Write(&span, 1) == 0);
    };
    pair.left_says.on_drained = write_piece;
    write_piece();
    pair.right->StartReading();
    CHECK(RunUntil(loop, [&] { return pair.right_says.received.size() == text.size(); }));
    CHECK(pair.right_says.received == text);
  }

  TEST_CASE("a stream closed with a write unfinished says nothing any more") {
    Loop loop;
    StreamPair pair(loop);
    {
      const std::string text = RandomText(4 * kMiB);
      const WriteSpan span{text.data(), text.size()};
      CHECK(pair.left->Write(&span, 1) == 0);
      CHECK(pair.left->unsent_bytes() > 0);
      pair.left->Close();
      pair.left->Close();
    }  // the bytes are no longer needed
    CHECK(pair.left->closed());
    CHECK(pair.left->fd() == -1);
    CHECK(TryWrite(*pair.left, "x") == -EBADF);
    pair.right->StartReading();
    CHECK(RunUntil(loop, [&] { return pair.right_says.ends == 1; }));
    CHECK(pair.left_says.drained == 0);
    CHECK(pair.left_says.ends == 0);
  }

  TEST_CASE("a write breaks when the peer goes, and that is told once") {
    Loop loop;
    StreamPair pair(loop);
    const std::string text = RandomText(4 * kMiB);
    const WriteSpan span{text.data(), text.size()};
    pair.left->StartReading();
    CHECK(pair.left->Write(&span, 1) == 0);
    pair.right->Close();
    CHECK(RunUntil(loop, [&] { return pair.left_says.ends > 0; }));
    loop.RunNoWait();
    loop.RunNoWait();
    CHECK(pair.left_says.ends == 1);
    CHECK(pair.left_says.drained == 0);
    CHECK_FALSE(pair.left->reading());
    CHECK(TryWrite(*pair.left, "x") < 0);
  }

  TEST_CASE("a connection that was reset ends with its error, whether it is read or written") {
    for (const bool reads : {true, false}) {
      CAPTURE(reads);
      Loop loop;
      TcpPair pair(loop, "127.0.0.1");
      REQUIRE(pair.server != nullptr);
      const std::string text = RandomText(16 * kMiB);
      if (reads) {
        pair.server->StartReading();
      } else {
        const ssize_t taken = TryWrite(*pair.server, text);
        REQUIRE(taken > 0);
        REQUIRE(static_cast<size_t>(taken) < text.size());
        const WriteSpan rest{text.data() + taken, text.size() - static_cast<size_t>(taken)};
        CHECK(pair.server->Write(&rest, 1) == 0);
      }
      loop.RunNoWait();
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      REQUIRE(::setsockopt(pair.client->fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) ==
              0);
      pair.client->Close();
      CHECK(RunUntil(loop, [&] { return pair.server_says.ends == 1; }));
      CHECK(pair.server_says.end_error == ECONNRESET);
      CHECK(pair.server_says.drained == 0);
      for (int i = 0; i < 3; ++i) loop.RunNoWait();
      CHECK(pair.server_says.ends == 1);
    }
  }

  TEST_CASE("a peer that has sent all it will may still be written to") {
    Loop loop;
    StreamPair pair(loop);
    const std::string text = RandomText(4 * kMiB);
    pair.left->StartReading();
    const ssize_t taken = TryWrite(*pair.left, text);
    REQUIRE(static_cast<size_t>(taken) < text.size());
    const WriteSpan rest{text.data() + taken, text.size() - static_cast<size_t>(taken)};
    CHECK(pair.left->Write(&rest, 1) == 0);
    CHECK(TryWrite(*pair.right, "last words") == 10);
    REQUIRE(::shutdown(pair.right->fd(), SHUT_WR) == 0);
    CHECK(RunUntil(loop, [&] { return pair.left_says.ends == 1; }));
    CHECK(pair.left_says.received == "last words");
    CHECK(pair.left_says.end_error == 0);
    pair.right->StartReading();
    CHECK(RunUntil(loop, [&] { return pair.right_says.received.size() == text.size(); }));
    CHECK(pair.right_says.received == text);
    CHECK(RunUntil(loop, [&] { return pair.left_says.drained == 1; }));
  }

  TEST_CASE("a descriptor's number may be another connection's at once") {
    Loop loop;
    for (int i = 0; i < 20; ++i) {
      StreamPair first(loop);
      first.left->StartReading();
      CHECK(TryWrite(*first.right, "never read") == 10);  // readable when it is closed
      const int number = first.left->fd();
      first.left->Close();
      StreamPair second(loop);
      CHECK((second.left->fd() == number || second.right->fd() == number));
      second.left->StartReading();
      second.right->StartReading();
      CHECK(TryWrite(*second.left, "to the right") == 12);
      CHECK(TryWrite(*second.right, "to the left") == 11);
      CHECK(RunUntil(loop, [&] {
        return second.left_says.received == "to the left" &&
               second.right_says.received == "to the right";
      }));
      CHECK(first.left_says.received.empty());
    }
  }

  TEST_CASE("a stream may be destroyed inside OnRead and inside OnEnd") {
    Loop loop;
    StreamPair pair(loop, 4);  // smaller than what comes: it would be read on
    pair.left_says.on_read = [&] { pair.left.reset(); };
    pair.right_says.on_end = [&] { pair.right.reset(); };
    pair.left->StartReading();
    pair.right->StartReading();
    CHECK(TryWrite(*pair.right, "twelve bytes") == 12);
    CHECK(RunUntil(loop, [&] { return pair.right == nullptr; }));
    CHECK(pair.left == nullptr);
    CHECK(pair.left_says.received == "twel");
    CHECK(pair.left_says.ends == 0);
  }

  TEST_CASE("StopReading inside OnRead stops at once, and reading goes on where it was") {
    Loop loop;
    StreamPair pair(loop, 4);
    pair.left_says.on_read = [&] { pair.left->StopReading(); };
    pair.left->StartReading();
    CHECK(TryWrite(*pair.right, "twelve bytes") == 12);
    CHECK(RunUntil(loop, [&] { return pair.left_says.reads == 1; }));
    loop.RunNoWait();
    CHECK(pair.left_says.received == "twel");
    CHECK_FALSE(pair.left->reading());
    pair.left_says.on_read = nullptr;
    pair.left->StartReading();
    CHECK(RunUntil(loop, [&] { return pair.left_says.received == "twelve bytes"; }));
  }

  TEST_CASE("a handler without space stops the reading and loses nothing") {
    Loop loop;
    StreamPair pair(loop);
    pair.left_says.no_space = true;
    pair.left->StartReading();
    CHECK(TryWrite(*pair.right, "hello") == 5);
    CHECK(RunUntil(loop, [&] { return !pair.left->reading(); }));
    CHECK(pair.left_says.reads == 0);
    CHECK(pair.left_says.ends == 0);
    pair.left_says.no_space = false;
    pair.left->StartReading();
    CHECK(RunUntil(loop, [&] { return pair.left_says.received == "hello"; }));
  }

  TEST_CASE("nothing is read before StartReading") {
    Loop loop;
    StreamPair pair(loop);
    CHECK(TryWrite(*pair.right, "hello") == 5);
    loop.RunNoWait();
    CHECK(pair.left_says.reads == 0);
  }

  TEST_CASE("keep-alive probes after n seconds, then every third of it, three times") {
    Loop loop;
    TcpPair pair(loop, "127.0.0.1");
    const int fd = pair.server->fd();
    pair.server->SetKeepAlive(300);
    CHECK(Option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(Option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 300);
    CHECK(Option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 100);
    CHECK(Option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 3);
    pair.server->SetKeepAlive(1);
    CHECK(Option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 1);
    pair.server->SetKeepAlive(0);
    CHECK(Option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
    pair.server->SetNoDelay(true);
    CHECK(Option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
  }

  TEST_CASE("a descriptor that is no stream socket is refused and closed") {
    Loop loop;
    Recorder handler;
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    CHECK_FALSE(Stream::Adopt(loop, fd, handler).ok());
    CHECK(::fcntl(fd, F_GETFD) == -1);
  }
}

}  // namespace
}  // namespace terrace::net
