#include "commands/error_text.h"

namespace terrace::commands {

Bytes ErrorText(Errc error) {
  switch (error) {
    case Errc::kSyntax:
      return kSyntaxError;
    case Errc::kWrongType:
      return kWrongTypeError;
    case Errc::kNotAnInteger:
      return kNotAnIntegerError;
    case Errc::kNotAFloat:
      return kNotAFloatError;
    case Errc::kOutOfRange:
      return kOutOfRangeError;
    case Errc::kOverflow:
      return "ERR increment or decrement would overflow";
    case Errc::kNoSuchKey:
      return kNoSuchKeyError;
    case Errc::kStringTooLong:
      return "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    case Errc::kInvalidExpire:
      return "ERR invalid expire time";
    case Errc::kOutOfMemory:
      return "OOM command not allowed when used memory > 'maxmemory'.";
  }
  return kSyntaxError;
}

}  // namespace terrace::commands
