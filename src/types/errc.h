// What a client may cause. One byte, no allocation; commands/error_text.cc turns it to wire text.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace terrace {

enum class Errc : uint8_t {
  kSyntax,
  kWrongType,
  kNotAnInteger,
  kNotAFloat,
  kOutOfRange,
  kOverflow,
  kNoSuchKey,
  kStringTooLong,
  kInvalidExpire,
  kOutOfMemory,
};

template <typename T>
using ErrcOr = Result<T, Errc>;

}  // namespace terrace
