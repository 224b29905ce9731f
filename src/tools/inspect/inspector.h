// What every kind of file is inspected with: the words behind its name on the command line, and how it ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "env/file_system.h"

namespace terrace::tools {

enum class Verdict {
  kFine = 0,
  kDamaged = 1,
  kNotRun = 2,         // a file cannot be read or written; Complain has said so
  kNotUnderstood = 3,  // the caller prints the usage
};

struct Inspector {
  const char* kind;   // the first word: "segment"
  const char* usage;  // what follows it: "FILE [--repair OUT]"
  const char* about;  // one line
  /// `args`: what follows the kind. Prints to standard output.
  Verdict (*run)(FileSystem& files, const std::vector<std::string>& args);
};

Verdict InspectSegment(FileSystem& files, const std::vector<std::string>& args);
Verdict InspectTable(FileSystem& files, const std::vector<std::string>& args);
Verdict InspectManifest(FileSystem& files, const std::vector<std::string>& args);
Verdict InspectRdb(FileSystem& files, const std::vector<std::string>& args);

/// For files that are understood as a whole or not at all. A larger one than `bytes_max` is refused.
StatusOr<std::string> ReadWhole(FileSystem& files, const std::string& path,
                                uint64_t bytes_max = UINT64_MAX);

/// Something could not be read or written: says so on standard error.
Verdict Complain(const Status& status);
/// Bytes of a stranger as printable text of about `chars_max` characters, with "..." for what is left out.
std::string Shown(Bytes bytes, size_t chars_max);

}  // namespace terrace::tools
