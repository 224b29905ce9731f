// ConfigFiles: the few things the configuration asks of the disk, so that tests can answer from memory.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace terrace::config {

class ConfigFiles {
 public:
  virtual ~ConfigFiles() = default;

  /// The whole file; "-" is standard input. A file over 16 MiB is refused: it is not a configuration.
  virtual StatusOr<std::string> Read(const std::string& path) const = 0;
  /// The paths a pattern with * ? [ matches, sorted; a path without such characters stands for itself.
  virtual std::vector<std::string> Glob(const std::string& pattern) const = 0;
  /// Replaces the file by `text`, so that a crash leaves either the old or the new one: a file beside it is
  /// written and synced, then renamed over it. The directory must be writable.
  virtual Status Replace(const std::string& path, const std::string& text) const = 0;
  /// The absolute path of a directory that exists.
  virtual StatusOr<std::string> ResolveDirectory(const std::string& path) const = 0;
  /// The path made absolute; it need not exist.
  virtual std::string Absolute(const std::string& path) const = 0;
};

/// The disk of this machine.
const ConfigFiles& DiskConfigFiles();

}  // namespace terrace::config
