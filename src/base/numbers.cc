#include "base/numbers.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace terrace {

std::optional<int64_t> ParseInt64(Bytes text) {
  if (text.empty() || text.size() > kInt64CharsMax) return std::nullopt;
  const char* first = text.data();
  const char* const last = first + text.size();
  const char* digits = *first == '-' ? first + 1 : first;
  if (digits == last) return std::nullopt;
  if (*digits == '0') {
    if (text.size() == 1) return 0;
    return std::nullopt;  // "007" and "-0" would not print back to the same bytes
  }
  int64_t value;
  auto [end, error] = std::from_chars(first, last, value);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<uint64_t> ParseUint64(Bytes text) {
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  uint64_t value;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

size_t FormatInt64(int64_t value, char* out) {
  // Most replies are small; one branch a digit beats the general way.
  if (value >= 0 && value < 10'000) {
    const auto small = static_cast<unsigned>(value);
    const size_t digits = small < 10 ? 1 : small < 100 ? 2 : small < 1000 ? 3 : 4;
    unsigned rest = small;
    for (size_t i = digits; i-- > 0; rest /= 10) out[i] = static_cast<char>('0' + rest % 10);
    return digits;
  }
  return static_cast<size_t>(std::to_chars(out, out + kInt64CharsMax, value).ptr - out);
}

std::string FormatInt64(int64_t value) {
  char buffer[kInt64CharsMax];
  return std::string(buffer, FormatInt64(value, buffer));
}

namespace {

// strtod needs a terminator that a view does not have; no number that makes sense is longer than this.
constexpr size_t kFloatCharsMax = 5 * 1024;

template <typename Float, typename Parse>
std::optional<Float> ParseFloat(Bytes text, Parse parse) {
  if (text.empty() || text.size() >= kFloatCharsMax) return std::nullopt;
  if (std::isspace(static_cast<unsigned char>(text[0]))) return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const Float value = parse(terminated.c_str(), &end);
  if (end != terminated.c_str() + terminated.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || std::fpclassify(value) == FP_ZERO))
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<long double> ParseLongDouble(Bytes text) {
  return ParseFloat<long double>(text,
                                 [](const char* s, char** end) { return std::strtold(s, end); });
}

std::optional<double> ParseDouble(Bytes text) {
  return ParseFloat<double>(text, [](const char* s, char** end) { return std::strtod(s, end); });
}

std::string FormatLongDoubleHuman(long double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[5 * 1024];
  int length = std::snprintf(buffer, sizeof buffer, "%.17Lf", value);
  if (length < 0 || static_cast<size_t>(length) >= sizeof buffer) return "";
  if (std::memchr(buffer, '.', static_cast<size_t>(length)) != nullptr) {
    while (buffer[length - 1] == '0') --length;
    if (buffer[length - 1] == '.') --length;
  }
  if (length == 2 && buffer[0] == '-' && buffer[1] == '0') return "0";
  return std::string(buffer, static_cast<size_t>(length));
}

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  // Whole numbers that an int64 holds exactly print as integers, as Redis' scores do.
  if (value == std::floor(value) && std::fabs(value) < 1e17) {
    if (value == 0) return std::signbit(value) ? "-0" : "0";
    return FormatInt64(static_cast<int64_t>(value));
  }
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, static_cast<size_t>(end - buffer));
}

}  // namespace terrace
