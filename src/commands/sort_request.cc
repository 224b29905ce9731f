#include "commands/sort_request.h"

#include "base/ascii.h"
#include "base/numbers.h"
#include "commands/error_text.h"

namespace terrace::commands {

std::optional<SortRequest> ParseSortRequest(Args args, bool may_store, Bytes* error) {
  SortRequest request;
  for (size_t i = 2; i < args.size(); ++i) {
    const Bytes word = args[i];
    const size_t behind = args.size() - i - 1;
    const auto is = [&](Bytes name) { return EqualsIgnoreCase(word, name); };
    if (is("ASC")) {
      request.descending = false;
    } else if (is("DESC")) {
      request.descending = true;
    } else if (is("ALPHA")) {
      request.by_text = true;
    } else if (is("LIMIT") && behind >= 2) {
      const auto offset = ParseInt64(args[i + 1]);
      const auto count = ParseInt64(args[i + 2]);
      if (!offset || !count) {
        *error = kNotAnIntegerError;
        return std::nullopt;
      }
      request.offset = *offset;
      request.count = *count;
      i += 2;
    } else if (may_store && is("STORE") && behind >= 1) {
      request.destination = args[++i];
    } else if (is("BY") && behind >= 1) {
      // Of several the last one's pattern counts, and one without a star wins over all.
      const KeyPattern pattern(args[++i]);
      request.by = pattern;
      if (!pattern.has_star()) request.keeps_order = true;
    } else if (is("GET") && behind >= 1) {
      request.gets.emplace_back(args[++i]);
    } else {
      *error = kSyntaxError;
      return std::nullopt;
    }
  }
  return request;
}

}  // namespace terrace::commands
