// Bytes written in hexadecimal, blanks ignored: golden vectors read as they are documented.
#pragma once

#include <string>

#include "base/bytes.h"

namespace terrace::rdb {

inline std::string FromHex(Bytes text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    if (high < 0) {
      high = digit(c);
    } else {
      out.push_back(static_cast<char>(high << 4 | digit(c)));
      high = -1;
    }
  }
  return out;
}

}  // namespace terrace::rdb
