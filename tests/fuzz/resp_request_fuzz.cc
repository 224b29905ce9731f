// Fuzzes the request parser. The first bytes of the input say where reads and turns end; the rest is what a
// client sends. The same bytes are parsed twice, cut up and in one piece: the same requests and the same
// error must come out, nothing may be read outside what was sent, and no blob may leak.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "resp/request_parser.h"

namespace {

using terrace::Bytes;
using terrace::resp::ParsedRequest;
using terrace::resp::ParserLimits;
using terrace::resp::RequestParser;
using terrace::resp::TurnArena;

struct Outcome {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

class Client {
 public:
  explicit Client(const ParserLimits& limits) { parser_.set_limits(limits); }

  void Send(Bytes bytes) {
    while (!bytes.empty()) {
      const std::span<char> space = parser_.ReadSpace(arena_);
      TERRACE_CHECK(!space.empty());
      const size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      parser_.Received(size);
      sent_ += size;
      bytes.remove_prefix(size);
      Drain();
    }
  }

  void EndTurn() {
    for (const ParsedRequest& request : gathered_) {
      TERRACE_CHECK(request.argc > 0);
      std::vector<std::string> argv;
      size_t bytes = 0;
      for (const Bytes& argument : request.args()) {
        argv.emplace_back(argument);
        bytes += argument.size();
      }
      TERRACE_CHECK(bytes <= sent_);
      if (!request.raw.empty()) CheckRaw(argv, request.raw);
      for (const terrace::BlobArg& arg : request.blobs) {
        TERRACE_CHECK(arg.blob->bytes() == argv[arg.index]);
        arg.blob->Unref();
      }
      outcome_.requests.push_back(std::move(argv));
    }
    gathered_.clear();
    parser_.EndTurn();
    arena_.Reset();
    TERRACE_CHECK(parser_.buffered_bytes() <= sent_);
  }

  const Outcome& Finish() {
    EndTurn();
    return outcome_;
  }

 private:
  /// `raw` claims to be the canonical form of the request.
  static void CheckRaw(const std::vector<std::string>& argv, Bytes raw) {
    std::string encoded = "*" + std::to_string(argv.size()) + "\r\n";
    for (const std::string& argument : argv) {
      encoded += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
    }
    TERRACE_CHECK(encoded == raw);
  }

  void Drain() {
    ParsedRequest request;
    RequestParser::Outcome outcome;
    while ((outcome = parser_.Next(arena_, &request)) == RequestParser::Outcome::kRequest) {
      TERRACE_CHECK(outcome_.error.empty());
      gathered_.push_back(request);
    }
    if (outcome == RequestParser::Outcome::kError) outcome_.error = parser_.error();
    TERRACE_CHECK(outcome_.error.empty() == (outcome == RequestParser::Outcome::kNeedMore));
  }

  TurnArena arena_;
  RequestParser parser_;
  std::vector<ParsedRequest> gathered_;
  Outcome outcome_;
  size_t sent_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kPlanBytes = 8;
  if (size < kPlanBytes) return 0;
  const Bytes sent(reinterpret_cast<const char*>(data) + kPlanBytes, size - kPlanBytes);
  // Bulk strings of up to 1 MiB: larger ones could only be incomplete here.
  ParserLimits limits{.bulk_bytes_max = terrace::kMiB};
  limits.authenticated = (data[0] & 1) == 0;

  Client whole(limits);
  whole.Send(sent);

  Client cut(limits);
  size_t plan = 1;
  for (size_t i = 0; i < sent.size(); plan = plan % (kPlanBytes - 1) + 1) {
    // A plan byte: the low six bits are the size of a read, scaled by the seventh; the top bit ends the turn.
    const size_t step = 1 + (data[plan] & 63) * ((data[plan] & 64) != 0 ? 1000 : 1);
    cut.Send(sent.substr(i, step));
    i += std::min(step, sent.size() - i);
    if ((data[plan] & 128) != 0) cut.EndTurn();
  }
  TERRACE_CHECK(whole.Finish() == cut.Finish());
  return 0;
}
