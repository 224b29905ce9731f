// ReplyCounter: counts the replies in a stream of RESP2 or RESP3 bytes, split anywhere, and looks at nothing else.
//
// A reply is one value and, if that is an aggregate, all the values it announces: one counter of values still to come is
// enough, no stack. "*3\r\n" turns one value to come into three, a bulk string's body is skipped unread.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace terrace::load {

class ReplyCounter {
 public:
  /// Takes in what was read; returns how many replies were completed by it.
  uint64_t Feed(Bytes data);

  uint64_t errors() const { return errors_; }
  /// Null replies: GETs that found nothing.
  uint64_t nulls() const { return nulls_; }
  const std::string& first_error() const { return first_error_; }

 private:
  /// `line` is a whole line without its CRLF. True if it completes a value without a body.
  bool TakeLine(Bytes line);
  /// One value is complete; true if the reply is, too.
  bool EndValue() {
    if (--values_left_ > 0) return false;
    values_left_ = 1;
    return true;
  }

  uint64_t body_left_ = 0;    // bytes of a bulk string and its CRLF still to skip
  uint64_t values_left_ = 1;  // until the reply is complete
  std::string line_;          // the start of a line whose end has not come
  uint64_t errors_ = 0;
  uint64_t nulls_ = 0;
  std::string first_error_;
};

}  // namespace terrace::load
