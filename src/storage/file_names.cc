#include "storage/file_names.h"

#include <charconv>
#include <cstdio>

namespace terrace::storage {
namespace {

// The number that `name` begins with, if `give` makes just that name of it.
std::optional<uint64_t> Parse(Bytes name, std::string (*give)(uint64_t)) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || name != give(number)) return std::nullopt;
  return number;
}

}  // namespace

std::string TableFileName(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.table", static_cast<unsigned long long>(number));
  return name;
}

std::string SegmentFileName(uint64_t start) {
  char name[32];
  std::snprintf(name, sizeof name, "%020llu.log", static_cast<unsigned long long>(start));
  return name;
}

std::string NewSegmentFileName(uint64_t start) { return SegmentFileName(start) + ".new"; }

std::optional<uint64_t> ParseTableFileName(Bytes name) { return Parse(name, TableFileName); }

std::optional<uint64_t> ParseSegmentFileName(Bytes name) { return Parse(name, SegmentFileName); }

std::optional<uint64_t> ParseNewSegmentFileName(Bytes name) {
  return Parse(name, NewSegmentFileName);
}

}  // namespace terrace::storage
