// What SCAN and its relatives on collections (HSCAN, SSCAN, ZSCAN) have in common: the cursor, the options and the reply.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/args.h"
#include "commands/context.h"
#include "types/errc.h"

namespace terrace::commands {

/// What strtoul takes for a whole number, which is what clients are used to: a sign may stand before the digits, and
/// nothing at all is 0.
std::optional<uint64_t> ParseCursor(Bytes text);

constexpr Bytes kInvalidCursorError = "ERR invalid cursor";

struct ScanOptions {
  Bytes pattern = "*";
  std::optional<Bytes> type;
  uint64_t count = 10;
  bool no_values = false;

  bool Matches(Bytes name) const;
};

/// Options that only some of the commands know.
enum ScanOption : unsigned { kScanType = 1, kScanNoValues = 2 };

/// args[first] and on; `known` are ScanOption flags.
ErrcOr<ScanOptions> ParseScanOptions(Args args, size_t first, unsigned known);

/// Strings end to end: a cursor is known after them and stands before them in the reply.
class ScanReply {
 public:
  void Add(Bytes text) {
    bytes_.append(text);
    ends_.push_back(bytes_.size());
  }
  void Write(resp::Reply& reply, uint64_t cursor) const;

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

}  // namespace terrace::commands
