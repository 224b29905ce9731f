#include "base/numbers.h"

#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace terrace {
namespace {

struct DigitPairs {
  char text[200];
  constexpr DigitPairs() : text() {
    for (int i = 0; i < 100; ++i) {
      text[2 * i] = static_cast<char>('0' + i / 10);
      text[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
  }
};
constexpr DigitPairs kPairs;

struct PowersOfTen {
  uint64_t at[20];
  constexpr PowersOfTen() : at() {
    at[0] = 1;
    for (int i = 1; i < 20; ++i) at[i] = at[i - 1] * 10;
  }
};
constexpr PowersOfTen kPowers;

size_t CountDigits(uint64_t value) {
  // 1233/4096 is a little more than the decimal logarithm of 2.
  const auto least = static_cast<size_t>(std::bit_width(value | 1)) * 1233 >> 12;
  return least + (value >= kPowers.at[least] ? 1 : 0);
}

// Every integer a client gets goes through here; from the last digit, two at a time.
template <typename Unsigned>
void PutDigits(Unsigned value, char* at) {
  for (; value >= 100; value /= 100) std::memcpy(at -= 2, kPairs.text + 2 * (value % 100), 2);
  if (value >= 10) {
    std::memcpy(at - 2, kPairs.text + 2 * value, 2);
  } else {
    at[-1] = static_cast<char>('0' + value);
  }
}

size_t FormatDigits(uint64_t value, char* out) {
  const size_t digits = value == 0 ? 1 : CountDigits(value);
  // Half the width is half the work for a multiplication by what stands for a hundredth.
  value <= UINT32_MAX ? PutDigits(static_cast<uint32_t>(value), out + digits)
                      : PutDigits(value, out + digits);
  return digits;
}

}  // namespace

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
  if (value >= 0) return FormatDigits(static_cast<uint64_t>(value), out);
  *out = '-';
  return 1 + FormatDigits(-static_cast<uint64_t>(value), out + 1);
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
