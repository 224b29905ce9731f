#include "base/status.h"

#include <cstring>

namespace terrace {

Status Status::FromErrno(std::string what, int error_number) {
  what += ": ";
  what += std::strerror(error_number);
  return Error(std::move(what), error_number);
}

Status Status::WithContext(std::string context) && {
  if (failed_) message_ = std::move(context) + ": " + message_;
  return std::move(*this);
}

}  // namespace terrace
