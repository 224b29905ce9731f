// A string as a file to read.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "env/file_system.h"

namespace terrace::storage {

class BytesFile : public ReadableFile {
 public:
  explicit BytesFile(std::string bytes) : bytes_(std::move(bytes)) {}

  StatusOr<size_t> ReadAt(uint64_t offset, char* out, size_t size) const override {
    if (offset >= bytes_.size()) return size_t{0};
    const size_t there = std::min<size_t>(size, bytes_.size() - offset);
    std::memcpy(out, bytes_.data() + offset, there);
    return there;
  }
  uint64_t Size() const override { return bytes_.size(); }

 private:
  const std::string bytes_;
};

}  // namespace terrace::storage
