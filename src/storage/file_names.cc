#include "storage/file_names.h"

#include <charconv>
#include <cstdio>

namespace terrace::storage {

std::string TableFileName(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.table", static_cast<unsigned long long>(number));
  return name;
}

std::optional<uint64_t> ParseTableFileName(Bytes name) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || name != TableFileName(number)) return std::nullopt;
  return number;
}

}  // namespace terrace::storage
