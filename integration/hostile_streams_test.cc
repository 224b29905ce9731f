// Streams no client would send: requests cut, mutated and mixed with noise, over many connections at once.
// Whatever comes, the server answers in well-formed replies, goes on serving others, and has its memory back
// when they have left.
//
// TERRACE_HOSTILE_STREAMS=n sends more of them than the few thousand of an everyday run, TERRACE_SEED=n
// others.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/eventually.h"
#include "support/server_process.h"

namespace terrace::integration {
namespace {

uint64_t NumberFrom(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Hostile {
 public:
  explicit Hostile(uint64_t seed) : random_(seed) {}

  size_t Below(size_t limit) { return random_() % limit; }

  std::string Stream() {
    std::string bytes;
    for (size_t i = 0, requests = 1 + Below(12); i < requests; ++i) bytes += Request();
    if (Below(3) != 0) Mutate(&bytes);
    return bytes;
  }

 private:
  std::string Pick(const std::vector<std::string>& from) { return from[Below(from.size())]; }

  std::string Noise(size_t limit) {
    std::string noise(Below(limit), '\0');
    for (char& byte : noise) byte = static_cast<char>(Below(256));
    return noise;
  }

  std::string Word() {
    static const std::vector<std::string> kWords = {"a",
                                                    "b",
                                                    "key:1",
                                                    "key:2",
                                                    "0",
                                                    "1",
                                                    "-1",
                                                    "10",
                                                    "100",
                                                    "9223372036854775807",
                                                    "-9223372036854775808",
                                                    "1e400",
                                                    "nan",
                                                    "EX",
                                                    "PX",
                                                    "NX",
                                                    "XX",
                                                    "GET",
                                                    "KEEPTTL",
                                                    "MATCH",
                                                    "*",
                                                    "[a-",
                                                    "COUNT",
                                                    "TYPE",
                                                    "string",
                                                    "LEN",
                                                    "IDX",
                                                    "ENCODING",
                                                    "REPLACE",
                                                    "DB",
                                                    "ASYNC",
                                                    "3",
                                                    "INFO",
                                                    "LIST",
                                                    "SKIP",
                                                    "ON",
                                                    "DOCS",
                                                    "USAGE",
                                                    "ABSTTL",
                                                    "\r\n",
                                                    ""};
    switch (Below(12)) {
      case 0:
        return Noise(40);
      case 1:
        return Noise(70'000);
      case 2:
        return std::string(Below(200'000), 'x');
      default:
        return Pick(kWords);
    }
  }

  std::string Request() {
    // Nothing that ends or pauses the server, or talks to other clients than its own kind.
    static const std::vector<std::string> kCommands = {
        "SET",         "GET",         "MSET",       "MGET",     "MSETNX",   "INCR",
        "INCRBYFLOAT", "APPEND",      "SETRANGE",   "GETRANGE", "GETEX",    "GETDEL",
        "LCS",         "DEL",         "UNLINK",     "EXISTS",   "EXPIRE",   "PEXPIREAT",
        "PERSIST",     "TTL",         "RENAME",     "COPY",     "MOVE",     "SCAN",
        "KEYS",        "RANDOMKEY",   "DBSIZE",     "DUMP",     "RESTORE",  "OBJECT",
        "TYPE",        "TOUCH",       "SELECT",     "SWAPDB",   "FLUSHDB",  "FLUSHALL",
        "MULTI",       "EXEC",        "DISCARD",    "WATCH",    "UNWATCH",  "SUBSCRIBE",
        "PSUBSCRIBE",  "UNSUBSCRIBE", "SSUBSCRIBE", "PUBLISH",  "SPUBLISH", "PUBSUB",
        "HELLO",       "RESET",       "QUIT",       "PING",     "ECHO",     "COMMAND",
        "INFO",        "MEMORY",      "MONITOR",    "TIME",     "SLOWLOG",  "LATENCY",
        "ROLE",        "NOSUCH"};
    std::vector<std::string> parts = {Pick(kCommands)};
    for (size_t i = 0, count = Below(6); i < count; ++i) parts.push_back(Word());
    if (Below(6) != 0) return Client::Encode(parts);
    std::string line;
    for (const std::string& part : parts) line += part + (Below(8) == 0 ? " \"" : " ");
    return line + (Below(2) == 0 ? "\r\n" : "\n");
  }

  void Mutate(std::string* bytes) {
    for (size_t i = 0, changes = 1 + Below(4); i < changes && !bytes->empty(); ++i) {
      // Mostly near the start, where the marks and lengths of short requests are.
      const size_t at = Below(Below(2) == 0 ? bytes->size() : std::min<size_t>(bytes->size(), 40));
      switch (Below(5)) {
        case 0:
          (*bytes)[at] = static_cast<char>(Below(256));
          break;
        case 1:
          (*bytes)[at] = "*$\r\n-0129 \"'"[Below(12)];
          break;
        case 2:
          bytes->erase(at, 1 + Below(5));
          break;
        case 3:
          bytes->insert(at, Noise(9));
          break;
        case 4:
          bytes->resize(at);
          break;
      }
    }
  }

  std::mt19937_64 random_;
};

// Reads `bytes` as replies; false at anything that cannot be one. The last one may be cut short, as the
// server need not wait for a client that has left.
class ReplyReader {
 public:
  explicit ReplyReader(std::string_view bytes) : rest_(bytes) {}

  bool AllWellFormed() {
    while (!rest_.empty()) {
      const Found found = One(0);
      if (found != Found::kWhole) return found == Found::kCut;
    }
    return true;
  }
  std::string Rest() const { return std::string(rest_.substr(0, 100)); }

 private:
  enum class Found { kWhole, kCut, kBroken };

  Found One(int depth) {
    if (depth > 20) return Found::kBroken;
    const size_t end = rest_.find("\r\n");
    if (end == std::string_view::npos) {
      return rest_.empty() ||
                     std::string_view("+-:$*%~>|_,#(=!").find(rest_[0]) != std::string_view::npos
                 ? Found::kCut
                 : Found::kBroken;
    }
    if (end == 0) return Found::kBroken;
    const char type = rest_[0];
    const std::string number(rest_.substr(1, end - 1));
    const long long count = std::strtoll(number.c_str(), nullptr, 10);
    const auto step = [&] { rest_.remove_prefix(end + 2); };
    switch (type) {
      case '+':
      case '-':
      case ':':
      case '_':
      case ',':
      case '#':
      case '(':
        step();
        return Found::kWhole;
      case '$':
      case '=':
      case '!':
        if (count < 0) {
          step();
          return number == "-1" ? Found::kWhole : Found::kBroken;
        }
        if (rest_.size() < end + 4 + static_cast<size_t>(count)) return Found::kCut;
        if (rest_.substr(end + 2 + static_cast<size_t>(count), 2) != "\r\n") return Found::kBroken;
        rest_.remove_prefix(end + 4 + static_cast<size_t>(count));
        return Found::kWhole;
      case '*':
      case '%':
      case '~':
      case '>':
      case '|': {
        step();
        const long long elements =
            count * (type == '%' || type == '|' ? 2 : 1) + (type == '|' ? 1 : 0);
        for (long long i = 0; i < elements; ++i) {
          const Found found = One(depth + 1);
          if (found != Found::kWhole) return found;
        }
        return Found::kWhole;
      }
      default:
        return Found::kBroken;
    }
  }

  std::string_view rest_;
};

size_t UsedMemory(Client& client) {
  return std::stoull(FieldOf(client.Text("INFO", "memory"), "used_memory"));
}

TEST_SUITE("integration/hostile_streams") {
  TEST_CASE("the server outlives whatever is sent to it and gives its memory back") {
    constexpr size_t kAtOnce = 40;
    constexpr size_t kMiB = size_t{1} << 20;
    const uint64_t streams = NumberFrom("TERRACE_HOSTILE_STREAMS", 4'000);
    const uint64_t seed = NumberFrom("TERRACE_SEED", 1);
    CAPTURE(seed);
    Hostile hostile(seed);
    ServerProcess server({"--proto-max-bulk-len", "1mb", "--client-query-buffer-limit", "4mb"});
    Client watcher = server.ConnectAndGreet();
    const size_t used_before = UsedMemory(watcher);
    for (uint64_t sent = 0; sent < streams; sent += kAtOnce) {
      std::vector<Client> clients;
      std::vector<std::string> unsent;
      for (size_t i = 0; i < kAtOnce; ++i) {
        clients.push_back(server.Connect());
        unsent.push_back(hostile.Stream());
      }
      // A piece of one, a piece of another, until all have sent everything; few wait for answers meanwhile.
      for (size_t left =
               kAtOnce - static_cast<size_t>(std::count(unsent.begin(), unsent.end(), ""));
           left > 0;) {
        const size_t i = hostile.Below(kAtOnce);
        if (unsent[i].empty()) continue;
        const size_t piece = hostile.Below(3) == 0 ? 1 + hostile.Below(50) : unsent[i].size();
        const bool taken = clients[i].Send(unsent[i].substr(0, piece));
        unsent[i].erase(0, taken ? piece : unsent[i].size());
        if (unsent[i].empty()) --left;
      }
      for (size_t i = 0; i < kAtOnce; ++i) {
        // Some leave without listening, and some of these in the middle of a reply.
        if (hostile.Below(4) == 0) {
          clients[i].Close();
          continue;
        }
        clients[i].ShutdownWrites();
        const std::string answer = clients[i].ReadToEnd();
        REQUIRE_FALSE(answer.ends_with("(timeout)"));
        ReplyReader reader(answer);
        REQUIRE_MESSAGE(reader.AllWellFormed(), reader.Rest());
      }
      REQUIRE(watcher.Run("PING") == "+PONG");
    }
    CHECK(Eventually(
        [&] { return FieldOf(watcher.Text("INFO", "clients"), "connected_clients") == "1"; }));
    CHECK(watcher.Run("PUBSUB NUMPAT") == ":0");
    CHECK(watcher.Run("FLUSHALL") == "+OK");
    CHECK(Eventually([&] { return UsedMemory(watcher) < used_before + 4 * kMiB; }));
  }
}

}  // namespace
}  // namespace terrace::integration
