#include "resp/reply_value.h"

#include <algorithm>
#include <utility>

#include "base/numbers.h"

namespace terrace::resp {

namespace {

using Type = ReplyValue::Type;

// Deeper than any reply we make; a bound, since destroying a value recurses.
constexpr size_t kDepthMax = 128;
constexpr int64_t kStringBytesMax = int64_t{1} << 32;
constexpr size_t kLineBytesMax = kMiB;

Type AggregateType(char type) {
  switch (type) {
    case '%':
      return Type::kMap;
    case '~':
      return Type::kSet;
    case '>':
      return Type::kPush;
    default:
      return Type::kArray;
  }
}

std::string Join(const ReplyValue& value, const char* open, const char* close) {
  std::string out = open;
  for (size_t i = 0; i < value.elements.size(); ++i) {
    if (i != 0) out += value.type == Type::kMap && i % 2 == 1 ? ": " : ", ";
    out += value.elements[i].ToString();
  }
  return out + close;
}

}  // namespace

bool operator==(const ReplyValue& a, const ReplyValue& b) {
  return a.type == b.type && a.string == b.string && a.format == b.format &&
         a.integer == b.integer && a.number == b.number && a.elements == b.elements &&
         a.attributes == b.attributes;
}

std::string ReplyValue::ToString() const {
  switch (type) {
    case Type::kNull:
    case Type::kNullArray:
      return "null";
    case Type::kSimple:
    case Type::kBigNumber:
      return string;
    case Type::kError:
      return "(error) " + string;
    case Type::kInteger:
      return FormatInt64(integer);
    case Type::kBulk:
    case Type::kVerbatim:
      return "\"" + string + "\"";
    case Type::kDouble:
      return FormatDouble(number);
    case Type::kBool:
      return integer != 0 ? "true" : "false";
    case Type::kMap:
      return Join(*this, "{", "}");
    case Type::kArray:
    case Type::kSet:
    case Type::kPush:
      return Join(*this, "[", "]");
  }
  return "";
}

void ReplyParser::Feed(Bytes bytes) {
  if (position_ > buffer_.size() / 2) {
    buffer_.erase(0, position_);
    scanned_ -= std::min(scanned_, position_);
    position_ = 0;
  }
  buffer_ += bytes;
}

ReplyParser::Outcome ReplyParser::Next(ReplyValue* value) {
  if (!error_.empty()) return Outcome::kError;
  while (true) {
    ReplyValue read;
    const Step step = ReadOne(&read);
    if (step == Step::kMore) return Outcome::kNeedMore;
    if (step == Step::kFault) return Outcome::kError;
    if (step == Step::kValue && Close(&read)) {
      *value = std::move(read);
      return Outcome::kValue;
    }
  }
}

/// `value` is complete: puts it where it belongs, and what it completes, and so on. True if `*value` is then
/// a whole reply.
bool ReplyParser::Close(ReplyValue* value) {
  while (!open_.empty()) {
    Open& around = open_.back();
    around.value.elements.push_back(std::move(*value));
    if (--around.left != 0) return false;
    Open closed = std::move(around);
    open_.pop_back();
    if (closed.attribute) {
      attributes_ = std::move(closed.value.elements);
      return false;
    }
    *value = std::move(closed.value);
  }
  return true;
}

/// Reads one line and the string it announces, if it does. Takes no bytes unless all of them are there.
ReplyParser::Step ReplyParser::ReadOne(ReplyValue* value) {
  const size_t end = buffer_.find("\r\n", std::max(scanned_, position_));
  if (end == std::string::npos) {
    if (buffered_bytes() > kLineBytesMax) return Fail("a line is too long");
    scanned_ = buffer_.empty()
                   ? 0
                   : buffer_.size() - 1;  // the last byte may be a '\r' whose '\n' is to come
    return Step::kMore;
  }
  const Bytes line = Bytes(buffer_).substr(position_, end - position_);
  if (line.empty()) return Fail("an empty line where a type was expected");
  const char type = line[0];
  const Bytes text = line.substr(1);
  const size_t line_start = position_;
  Step step = Step::kFault;
  if (Bytes("$=!*%~>|").find(type) == Bytes::npos) {
    position_ = end + 2;
    step = ReadLine(type, text, value);
  } else {
    const std::optional<int64_t> size = ParseInt64(text);
    if (!size) return Fail("a length is not a number");
    position_ = end + 2;
    const bool is_string = type == '$' || type == '=' || type == '!';
    step = is_string ? ReadString(type, *size, value) : ReadAggregate(type, *size, value);
  }
  if (step == Step::kMore) position_ = line_start;
  if (step == Step::kValue) value->attributes = std::exchange(attributes_, {});
  return step;
}

ReplyParser::Step ReplyParser::ReadLine(char type, Bytes text, ReplyValue* value) {
  switch (type) {
    case '+':
    case '-':
    case '(':
      value->type = type == '+' ? Type::kSimple : type == '-' ? Type::kError : Type::kBigNumber;
      value->string = text;
      return Step::kValue;
    case ':': {
      const std::optional<int64_t> integer = ParseInt64(text);
      if (!integer) return Fail("an integer is not a number");
      value->type = Type::kInteger;
      value->integer = *integer;
      return Step::kValue;
    }
    case ',': {
      value->type = Type::kDouble;
      if (text == "nan") {
        value->number = __builtin_nan("");
        return Step::kValue;
      }
      const std::optional<double> number = ParseDouble(text);
      if (!number) return Fail("a double is not a number");
      value->number = *number;
      return Step::kValue;
    }
    case '#':
      if (text != "t" && text != "f") return Fail("a boolean is neither t nor f");
      value->type = Type::kBool;
      value->integer = text == "t" ? 1 : 0;
      return Step::kValue;
    case '_':
      value->type = Type::kNull;
      return text.empty() ? Step::kValue : Fail("a null with a value");
    default:
      return Fail("an unknown type");
  }
}

ReplyParser::Step ReplyParser::ReadString(char type, int64_t size, ReplyValue* value) {
  if (size == -1 && type == '$') return Step::kValue;
  if (size < 0 || size > kStringBytesMax) return Fail("a string's length is out of range");
  const size_t bytes = static_cast<size_t>(size);
  if (buffered_bytes() < bytes + 2) return Step::kMore;
  Bytes text = Bytes(buffer_).substr(position_, bytes);
  if (Bytes(buffer_).substr(position_ + bytes, 2) != "\r\n")
    return Fail("a string without its end");
  value->type = type == '$' ? Type::kBulk : type == '!' ? Type::kError : Type::kVerbatim;
  if (type == '=') {
    if (bytes < 4 || text[3] != ':') return Fail("a verbatim string without a format");
    value->format = text.substr(0, 3);
    text.remove_prefix(4);
  }
  value->string = text;
  position_ += bytes + 2;
  return Step::kValue;
}

ReplyParser::Step ReplyParser::ReadAggregate(char type, int64_t count, ReplyValue* value) {
  value->type = AggregateType(type);
  if (count == -1 && type == '*') {
    value->type = Type::kNullArray;
    return Step::kValue;
  }
  if (count < 0 || count > INT32_MAX) return Fail("an aggregate's length is out of range");
  if (count == 0) return type == '|' ? Step::kOpened : Step::kValue;
  if (open_.size() == kDepthMax) return Fail("aggregates are nested too deeply");
  const bool pairs = type == '%' || type == '|';
  if (type != '|') value->attributes = std::exchange(attributes_, {});
  open_.push_back({std::move(*value), static_cast<size_t>(count) * (pairs ? 2 : 1), type == '|'});
  return Step::kOpened;
}

ReplyParser::Step ReplyParser::Fail(const char* why) {
  error_ = why;
  return Step::kFault;
}

}  // namespace terrace::resp
