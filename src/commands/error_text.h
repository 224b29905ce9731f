// The one place that turns error codes to wire text. Client libraries match on these to the letter.
#pragma once

#include "base/bytes.h"
#include "types/errc.h"

namespace terrace::commands {

Bytes ErrorText(Errc error);

constexpr Bytes kSyntaxError = "ERR syntax error";
constexpr Bytes kWrongTypeError =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr Bytes kNotAnIntegerError = "ERR value is not an integer or out of range";
constexpr Bytes kNotAFloatError = "ERR value is not a valid float";
constexpr Bytes kNoSuchKeyError = "ERR no such key";
constexpr Bytes kOutOfRangeError = "ERR index out of range";

}  // namespace terrace::commands
