// Case-insensitive ASCII, as the protocol wants it for command names and keywords. No locale.
#pragma once

#include <string>

#include "base/bytes.h"

namespace terrace {

constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char ToUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

constexpr bool EqualsIgnoreCase(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

inline std::string ToLower(Bytes text) {
  std::string out(text);
  for (char& c : out) c = ToLower(c);
  return out;
}

inline std::string ToUpper(Bytes text) {
  std::string out(text);
  for (char& c : out) c = ToUpper(c);
  return out;
}

}  // namespace terrace
