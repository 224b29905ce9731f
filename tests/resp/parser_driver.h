// Feeds a parser the way a worker does, with reads and turns cut wherever a test wants, and keeps what came
// out.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "resp/request_parser.h"

namespace terrace::resp {

struct SeenRequest {
  std::vector<std::string> argv;
  std::string raw;
  size_t blobs = 0;
  bool operator==(const SeenRequest&) const = default;
};

class ParserDriver {
 public:
  explicit ParserDriver(const ParserLimits& limits = {}) { parser.set_limits(limits); }

  /// One arrival: as many reads as the parser's spaces make of it, each followed by all the requests it
  /// completes.
  void Feed(Bytes bytes) {
    while (!bytes.empty()) {
      const std::span<char> space = parser.ReadSpace(arena);
      const size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      parser.Received(size);
      bytes.remove_prefix(size);
      Drain();
    }
  }

  /// Views are copied only now, as a worker that runs what it gathered would look at them.
  void EndTurn() {
    for (const ParsedRequest& request : gathered_) {
      SeenRequest seen;
      for (const Bytes& argument : request.args()) seen.argv.emplace_back(argument);
      seen.raw = request.raw;
      seen.blobs = request.blobs.size();
      for (const BlobArg& arg : request.blobs) arg.blob->Unref();
      requests.push_back(std::move(seen));
    }
    gathered_.clear();
    parser.EndTurn();
    arena.Reset();
  }

  ~ParserDriver() { EndTurn(); }

  TurnArena arena;
  RequestParser parser;
  RequestParser::Outcome outcome = RequestParser::Outcome::kNeedMore;
  std::vector<SeenRequest> requests;

 private:
  void Drain() {
    ParsedRequest request;
    while ((outcome = parser.Next(arena, &request)) == RequestParser::Outcome::kRequest)
      gathered_.push_back(request);
  }

  std::vector<ParsedRequest> gathered_;
};

/// The RESP array of `argv`.
inline std::string Encode(const std::vector<std::string>& argv) {
  std::string out = "*" + std::to_string(argv.size()) + "\r\n";
  for (const std::string& argument : argv) {
    out += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return out;
}

}  // namespace terrace::resp
