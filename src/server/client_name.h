// What clients may call themselves and their library: anything that does not break up a line of CLIENT LIST.
#pragma once

#include <algorithm>

#include "base/bytes.h"

namespace terrace::server {

inline constexpr Bytes kClientNameError =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// Printable ASCII without blanks. The empty name takes a name away.
inline bool IsClientName(Bytes name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace terrace::server
