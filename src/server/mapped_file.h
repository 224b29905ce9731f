// MappedFile: a whole file as bytes, read as they are looked at.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace terrace::server {

class MappedFile {
 public:
  /// The file is read from its beginning to its end.
  static StatusOr<MappedFile> Open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  /// Good as long as this is and nobody shortens the file.
  Bytes bytes() const { return bytes_; }

 private:
  explicit MappedFile(Bytes bytes) : bytes_(bytes) {}

  Bytes bytes_;
};

}  // namespace terrace::server
