// An append only file from a stranger. What is found covers the file without a gap from its beginning on, ends where it says,
// and stays found when the scanner is asked anew. A command is one that the parser of requests takes as one, whole; cut by a
// byte it is cut off and begins where it began.
#include "server/aof_scanner.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/ascii.h"
#include "base/check.h"
#include "resp/request_parser.h"
#include "resp/turn_arena.h"

namespace {

using namespace terrace;  // NOLINT(google-build-using-namespace)
using server::AofScanner;
using Item = AofScanner::Item;

constexpr resp::ParserLimits kNoLimits = {.bulk_bytes_max = SIZE_MAX / 4,
                                          .query_buffer_max = SIZE_MAX / 4};

// How many requests the bytes are, each at most one word that equals `word` if that is not empty.
void CheckIsOneRequest(Bytes bytes, bool is_multi) {
  resp::TurnArena arena;
  resp::RequestParser parser;
  parser.set_limits(kNoLimits);
  resp::ParsedRequest request;
  unsigned requests = 0;
  while (!bytes.empty()) {
    const std::span<char> room = parser.ReadSpace(arena);
    const size_t taken = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), taken);
    parser.Received(taken);
    bytes.remove_prefix(taken);
    resp::RequestParser::Outcome outcome;
    while ((outcome = parser.Next(arena, &request)) == resp::RequestParser::Outcome::kRequest) {
      ++requests;
      TERRACE_CHECK(is_multi == (request.argc == 1 && EqualsIgnoreCase(request.argv[0], "multi")));
      for (const BlobArg& blob : request.blobs) blob.blob->Unref();
    }
    TERRACE_CHECK(outcome == resp::RequestParser::Outcome::kNeedMore);
  }
  TERRACE_CHECK(requests == 1 && parser.buffered_bytes() == 0);
}

void CheckCut(Bytes file, size_t begin, size_t end) {
  AofScanner scanner(file.substr(0, end - 1), begin);
  TERRACE_CHECK(scanner.Next() == Item::kCutOff);
  TERRACE_CHECK(scanner.offset() == begin);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kInputBytesMax = 64 * kKiB;
  if (size > kInputBytesMax) return 0;
  const Bytes file(reinterpret_cast<const char*>(data), size);
  AofScanner scanner(file, 0);
  while (true) {
    const size_t begin = scanner.offset();
    const Item item = scanner.Next();
    if (item != Item::kCommand && item != Item::kNote) {
      TERRACE_CHECK(scanner.offset() == begin);
      TERRACE_CHECK((item == Item::kEnd) == (begin == size));
      TERRACE_CHECK(scanner.Next() == item);
      return 0;
    }
    TERRACE_CHECK(scanner.offset() > begin);
    TERRACE_CHECK(scanner.offset() <= size);
    TERRACE_CHECK(scanner.item() == file.substr(begin, scanner.offset() - begin));
    if (item == Item::kCommand) CheckIsOneRequest(scanner.item(), scanner.IsWord("multi"));
    CheckCut(file, begin, scanner.offset());
  }
}
