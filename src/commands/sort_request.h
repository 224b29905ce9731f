// What a SORT asks for: its words, read once and by everybody who needs them (the handler, the key finder, whoever
// locks).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/args.h"
#include "base/bytes.h"
#include "commands/key_pattern.h"
#include "types/errc.h"

namespace terrace::commands {

struct SortRequest {
  std::optional<KeyPattern> by;  // with a star; otherwise see keeps_order
  std::vector<KeyPattern> gets;
  std::optional<Bytes> destination;
  int64_t offset = 0;
  int64_t count = -1;        // negative: all
  bool keeps_order = false;  // BY something that is the same for all: they come as they are stored
  bool by_text = false;
  bool descending = false;

  /// An element's reply has so many parts.
  size_t width() const { return gets.empty() ? 1 : gets.size(); }
};

/// nullopt and an error's text if a word is wrong.
std::optional<SortRequest> ParseSortRequest(Args args, bool may_store, Bytes* error);

}  // namespace terrace::commands
