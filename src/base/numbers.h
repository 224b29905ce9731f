// Numbers as Redis reads and writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace terrace {

/// Longest text of an int64: a sign and 19 digits.
constexpr size_t kInt64CharsMax = 20;

/// Parses the canonical decimal form of an int64 and nothing else: no blanks, no '+', no leading zeros, no "-0".
/// What parses here prints back to the same bytes, which is what lets a string be stored as an integer.
std::optional<int64_t> ParseInt64(Bytes text);
std::optional<uint64_t> ParseUint64(Bytes text);

/// Writes the decimal form, returns its length; `out` has room for kInt64CharsMax bytes.
size_t FormatInt64(int64_t value, char* out);
std::string FormatInt64(int64_t value);

/// A finite or infinite long double in any form strtold accepts, the whole text and no leading blanks; NaN is refused.
std::optional<long double> ParseLongDouble(Bytes text);
/// The same for double ("inf", "-inf", "1e3" are fine; NaN is not).
std::optional<double> ParseDouble(Bytes text);

/// INCRBYFLOAT's text: 17 decimals, trailing zeros dropped, never an exponent ("5200", "3.0e3" -> "3000").
std::string FormatLongDoubleHuman(long double value);

/// The shortest text that reads back as the same double ("0.1", "3", "1e+20", "inf", "nan"): replies and scores.
std::string FormatDouble(double value);

}  // namespace terrace
