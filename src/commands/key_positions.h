// Which arguments of a request are keys.
#pragma once

#include <cstdint>
#include <vector>

#include "base/args.h"
#include "commands/command_table.h"

namespace terrace::commands {

struct KeyPositions {
  struct Key {
    uint32_t index;
    uint16_t flags;
  };
  std::vector<Key> keys;

  void Add(size_t index, uint16_t flags) { keys.push_back({static_cast<uint32_t>(index), flags}); }
};

/// Fills in the positions; false if the request is malformed in a way that leaves them unknown (a key count that is no
/// number, say): such a request is run without keys and its handler answers the error.
bool FindKeys(const Command& command, Args args, KeyPositions* positions);

}  // namespace terrace::commands
