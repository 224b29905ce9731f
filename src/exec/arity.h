// Whether a request has as many words as its command takes: so many, or, if that is negative, at least so many.
#pragma once

#include <cstddef>
#include <cstdint>

#include "commands/command_table.h"

namespace terrace::exec {

inline bool FitsArity(const commands::Command& command, size_t words) {
  const int16_t arity = command.spec->arity;
  const auto count = static_cast<int64_t>(words);
  return arity >= 0 ? count == arity : count >= -arity;
}

}  // namespace terrace::exec
