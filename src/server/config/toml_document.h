// TomlDocument: what a TOML file says, as plain values with their places in the text. The one file that knows
// toml++.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace terrace::config {

enum class TomlKind : uint8_t { kBool, kInteger, kFloat, kString, kArray, kTable, kOther };

struct TomlValue {
  TomlKind kind = TomlKind::kOther;
  std::string text;              ///< "true", "6379", "99.9", the string itself
  std::vector<TomlValue> items;  ///< of an array
};

/// One key of one table. A key outside of any table has an empty section.
struct TomlEntry {
  std::string section;
  std::string key;
  TomlValue value;
  size_t line = 0;         ///< from 1, of the value
  size_t column = 0;       ///< from 1, in characters
  size_t value_begin = 0;  ///< bytes of the value in the text
  size_t value_end = 0;
};

/// Parses the text; the error begins with "file:line:column: ". Entries come in the order of the text.
StatusOr<std::vector<TomlEntry>> ParseToml(Bytes text, const std::string& file_name);

}  // namespace terrace::config
