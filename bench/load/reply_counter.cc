#include "load/reply_counter.h"

#include <algorithm>
#include <cstring>

namespace terrace::load {
namespace {

int64_t NumberAfterType(Bytes line) {
  size_t i = 1;
  const bool negative = i < line.size() && line[i] == '-';
  if (negative) ++i;
  int64_t number = 0;
  for (; i < line.size(); ++i) number = number * 10 + (line[i] - '0');
  return negative ? -number : number;
}

}  // namespace

bool ReplyCounter::TakeLine(Bytes line) {
  const char type = line.empty() ? '+' : line[0];
  switch (type) {
    case '$':
    case '=':
    case '!': {
      const int64_t length = NumberAfterType(line);
      if (length < 0) {
        ++nulls_;
        return true;
      }
      body_left_ = static_cast<uint64_t>(length) + 2;
      return false;
    }
    case '*':
    case '~':
    case '>':
    case '%':
    case '|': {
      int64_t values = std::max<int64_t>(NumberAfterType(line), 0);
      if (type == '%' || type == '|') values *= 2;
      if (type == '|') ++values;  // attributes come before the value they belong to
      values_left_ += static_cast<uint64_t>(values);
      return true;
    }
    case '_':
      ++nulls_;
      return true;
    case '-':
      ++errors_;
      if (first_error_.empty()) first_error_ = line;
      return true;
    default:
      return true;
  }
}

uint64_t ReplyCounter::Feed(Bytes data) {
  uint64_t replies = 0;
  const char* at = data.data();
  const char* const end = at + data.size();
  while (at < end) {
    if (body_left_ > 0) {
      const uint64_t skip = std::min<uint64_t>(body_left_, static_cast<uint64_t>(end - at));
      at += skip;
      body_left_ -= skip;
      if (body_left_ == 0) replies += EndValue();
      continue;
    }
    const auto* newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (newline == nullptr) {
      line_.append(at, static_cast<size_t>(end - at));
      break;
    }
    Bytes line(at, static_cast<size_t>(newline - at));
    if (!line_.empty()) {
      line_.append(line);
      line = line_;
    }
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (TakeLine(line)) replies += EndValue();
    line_.clear();
    at = newline + 1;
  }
  return replies;
}

}  // namespace terrace::load
