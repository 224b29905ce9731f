#include "tools/inspect/inspector.h"

#include <cstdio>

namespace terrace::tools {

Verdict Complain(const Status& status) {
  std::fprintf(stderr, "terrace-inspect: %s\n", status.message().c_str());
  return Verdict::kNotRun;
}

StatusOr<std::string> ReadWhole(FileSystem& files, const std::string& path, uint64_t bytes_max) {
  const auto file = files.Open(path);
  if (!file.ok()) return Unexpected{file.error()};
  if ((*file)->Size() > bytes_max) {
    return Unexpected{Status::Error(path + " has " + std::to_string((*file)->Size()) +
                                    " bytes; such files have up to " + std::to_string(bytes_max))};
  }
  std::string bytes((*file)->Size(), '\0');
  const auto got = (*file)->ReadAt(0, bytes.data(), bytes.size());
  if (!got.ok()) return Unexpected{got.error()};
  bytes.resize(*got);
  return bytes;
}

std::string Shown(Bytes bytes, size_t chars_max) {
  std::string shown;
  for (const char byte : bytes) {
    if (shown.size() >= chars_max) return shown + "...";
    const auto value = static_cast<unsigned char>(byte);
    if (value >= ' ' && value < 0x7f && byte != '\\') {
      shown.push_back(byte);
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", value);
      shown += escaped;
    }
  }
  return shown;
}

}  // namespace terrace::tools
