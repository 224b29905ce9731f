#pragma once

#include "base/bytes.h"

namespace terrace {

/// Redis' glob: * ? [abc] [^a] [a-z] and backslash escapes. O(pattern * text) in the worst case of one star after
/// another, and a pattern of more than a thousand separate stars matches nothing.
bool GlobMatch(Bytes pattern, Bytes text, bool ignore_case = false);

}  // namespace terrace
