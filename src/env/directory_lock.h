// DirectoryLock: no two processes work in one data directory. A lock of the kernel's on a file in it (flock), which goes
// with the process however that ends; the file stays and means nothing.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"

namespace terrace {

class DirectoryLock {
 public:
  /// The error says who holds it, as far as that is known.
  static StatusOr<std::unique_ptr<DirectoryLock>> Take(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace terrace
