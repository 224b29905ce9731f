// Status: something outside went wrong (a file, the configuration, the leader). Cold; carries words.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace terrace {

class [[nodiscard]] Status {
 public:
  Status() = default;
  static Status Ok() { return Status(); }
  static Status Error(std::string message, int error_number = 0) {
    Status status;
    status.message_ = std::move(message);
    status.errno_ = error_number;
    status.failed_ = true;
    return status;
  }
  /// "what: strerror(error_number)".
  static Status FromErrno(std::string what, int error_number);

  bool ok() const { return !failed_; }
  const std::string& message() const { return message_; }
  int error_number() const { return errno_; }

  /// The same failure with "context: " in front; Ok stays Ok.
  Status WithContext(std::string context) &&;

 private:
  std::string message_;
  int errno_ = 0;
  bool failed_ = false;
};

template <typename T>
using StatusOr = Result<T, Status>;

}  // namespace terrace
