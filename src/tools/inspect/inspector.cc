#include "tools/inspect/inspector.h"

#include <cstdio>

namespace terrace::tools {

Verdict Complain(const Status& status) {
  std::fprintf(stderr, "terrace-inspect: %s\n", status.message().c_str());
  return Verdict::kNotRun;
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
