#include "commands/scan_options.h"

#include <algorithm>
#include <limits>

#include "base/ascii.h"
#include "base/glob.h"
#include "base/numbers.h"

namespace terrace::commands {

std::optional<uint64_t> ParseCursor(Bytes text) {
  if (text.empty()) return 0;
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  uint64_t cursor = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (cursor > (std::numeric_limits<uint64_t>::max() - digit) / 10) return std::nullopt;
    cursor = cursor * 10 + digit;
  }
  return negative ? 0 - cursor : cursor;
}

bool ScanOptions::Matches(Bytes name) const { return pattern == "*" || GlobMatch(pattern, name); }

ErrcOr<ScanOptions> ParseScanOptions(Args args, size_t first, unsigned known) {
  ScanOptions options;
  for (size_t i = first; i < args.size(); ++i) {
    if ((known & kScanNoValues) != 0 && EqualsIgnoreCase(args[i], "NOVALUES")) {
      options.no_values = true;
      continue;
    }
    if (i + 1 == args.size()) return Unexpected{Errc::kSyntax};
    const Bytes value = args[i + 1];
    if (EqualsIgnoreCase(args[i], "COUNT")) {
      const auto count = ParseInt64(value);
      if (!count) return Unexpected{Errc::kNotAnInteger};
      if (*count < 1) return Unexpected{Errc::kSyntax};
      // More than there can be is as good as all, and cannot overflow where it is multiplied.
      options.count = std::min(static_cast<uint64_t>(*count), uint64_t{1} << 48);
    } else if (EqualsIgnoreCase(args[i], "MATCH")) {
      options.pattern = value;
    } else if ((known & kScanType) != 0 && EqualsIgnoreCase(args[i], "TYPE")) {
      options.type = value;
    } else {
      return Unexpected{Errc::kSyntax};
    }
    ++i;
  }
  return options;
}

void ScanReply::Write(resp::Reply& reply, uint64_t cursor) const {
  reply.Array(2);
  // Printed as unsigned: a cursor in a collection may use all 64 bits.
  reply.Bulk(std::to_string(cursor));
  reply.Array(ends_.size());
  size_t begin = 0;
  for (const size_t end : ends_) {
    reply.Bulk(Bytes(bytes_).substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace terrace::commands
