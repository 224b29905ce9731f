#include "base/glob.h"

#include <cctype>
#include <utility>

namespace terrace {
namespace {

// A pattern with more stars matches nothing, as in Redis: nobody means such a pattern, and it would cost too much.
constexpr size_t kStarsMax = 1000;

unsigned char Fold(char c, bool ignore_case) {
  const auto byte = static_cast<unsigned char>(c);
  return ignore_case ? static_cast<unsigned char>(std::tolower(byte)) : byte;
}

// Matches one character against the class that starts at pattern[p] == '['; returns the index after the class.
// An unclosed class ends with the pattern, as in Redis.
size_t MatchClass(Bytes pattern, size_t p, char c, bool ignore_case, bool* matched) {
  const unsigned char wanted = Fold(c, ignore_case);
  ++p;
  const bool negated = p < pattern.size() && pattern[p] == '^';
  if (negated) ++p;
  bool found = false;
  while (true) {
    if (p >= pattern.size()) break;
    if (pattern[p] == '\\' && p + 1 < pattern.size()) {
      ++p;
      if (Fold(pattern[p], ignore_case) == wanted) found = true;
    } else if (pattern[p] == ']') {
      ++p;
      break;
    } else if (p + 2 < pattern.size() && pattern[p + 1] == '-') {
      unsigned char low = Fold(pattern[p], ignore_case);
      unsigned char high = Fold(pattern[p + 2], ignore_case);
      if (low > high) std::swap(low, high);
      p += 2;
      if (wanted >= low && wanted <= high) found = true;
    } else if (Fold(pattern[p], ignore_case) == wanted) {
      found = true;
    }
    ++p;
  }
  *matched = found != negated;
  return p;
}

}  // namespace

// The classic two-pointer walk: on a mismatch, go back to the last star and let it swallow one more character. Only
// the last star ever needs retrying, so the cost is bounded by pattern * text.
bool GlobMatch(Bytes pattern, Bytes text, bool ignore_case) {
  size_t p = 0, t = 0;
  size_t star = Bytes::npos, star_text = 0;
  size_t stars = 0;
  while (t < text.size()) {
    bool matched = false;
    size_t next = p;
    if (p < pattern.size()) {
      switch (pattern[p]) {
        case '*':
          if (star + 1 != p && ++stars > kStarsMax) return false;
          star = p++;
          star_text = t;
          continue;
        case '?':
          matched = true;
          next = p + 1;
          break;
        case '[':
          next = MatchClass(pattern, p, text[t], ignore_case, &matched);
          break;
        case '\\':
          if (p + 1 < pattern.size()) ++p;
          [[fallthrough]];
        default:
          matched = Fold(pattern[p], ignore_case) == Fold(text[t], ignore_case);
          next = p + 1;
          break;
      }
    }
    if (matched) {
      p = next;
      ++t;
    } else if (star != Bytes::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace terrace
