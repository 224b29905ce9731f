// Replies read back: RESP2 and RESP3 bytes to a tree. For embedders, who ask in words and want values, and
// for tests; a client library's job, so nothing here is on a server's hot path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace terrace::resp {

struct ReplyValue {
  enum class Type : uint8_t {
    kNull,       // $-1 and _
    kNullArray,  // *-1
    kSimple,
    kError,  // "-" and RESP3's "!"
    kInteger,
    kBulk,
    kDouble,
    kBool,  // in `integer`
    kBigNumber,
    kVerbatim,  // `string` is the text, `format` its three letters
    kArray,
    kMap,  // key, value, key, value in `elements`
    kSet,
    kPush,
  };

  Type type = Type::kNull;
  std::string string;
  std::string format;
  int64_t integer = 0;
  double number = 0;
  std::vector<ReplyValue> elements;
  std::vector<ReplyValue> attributes;  // key, value, ... of the attribute that came before it

  bool is_null() const { return type == Type::kNull || type == Type::kNullArray; }
  bool is_error() const { return type == Type::kError; }

  friend bool operator==(const ReplyValue& a, const ReplyValue& b);
  friend bool operator!=(const ReplyValue& a, const ReplyValue& b) { return !(a == b); }

  /// One line for people and failing tests: OK, 3, "text", [1, "two"], {"a": 1}, (error) ERR no.
  std::string ToString() const;
};

/// Takes bytes as they come; a value split over many feeds is never read twice.
class ReplyParser {
 public:
  enum class Outcome : uint8_t { kValue, kNeedMore, kError };

  void Feed(Bytes bytes);
  Outcome Next(ReplyValue* value);

  /// Why there is nothing more; only after kError.
  const std::string& error() const { return error_; }
  /// Bytes fed that no value took yet.
  size_t buffered_bytes() const { return buffer_.size() - position_; }

 private:
  enum class Step : uint8_t { kValue, kOpened, kMore, kFault };
  struct Open {
    ReplyValue value;
    size_t left;  // elements still to come
    bool attribute;
  };

  Step ReadOne(ReplyValue* value);
  Step ReadLine(char type, Bytes text, ReplyValue* value);
  Step ReadString(char type, int64_t size, ReplyValue* value);
  Step ReadAggregate(char type, int64_t count, ReplyValue* value);
  Step Fail(const char* why);
  bool Close(ReplyValue* value);

  std::string buffer_;
  size_t position_ = 0;
  size_t scanned_ = 0;      // no line ends before it, if it is behind position_
  std::vector<Open> open_;  // aggregates around the next value
  std::vector<ReplyValue> attributes_;
  std::string error_;
};

}  // namespace terrace::resp
