// The arguments of one request: views of bytes that live until the request has run, and, for the rare argument that
// was read straight into an allocation of its own, that allocation.
#pragma once

#include <cstdint>
#include <span>

#include "base/blob.h"
#include "base/bytes.h"

namespace terrace {

/// Argument `index` of a request lives in `blob` (owned by whoever owns the request).
struct BlobArg {
  uint32_t index;
  Blob* blob;
};

class Args {
 public:
  Args() = default;
  Args(const Bytes* argv, size_t argc, std::span<const BlobArg> blobs = {})
      : argv_(argv, argc), blobs_(blobs) {}
  Args(std::span<const Bytes> argv) : argv_(argv) {}  // NOLINT(google-explicit-constructor)

  size_t size() const { return argv_.size(); }
  const Bytes& operator[](size_t i) const { return argv_[i]; }
  const Bytes* begin() const { return argv_.data(); }
  const Bytes* end() const { return argv_.data() + argv_.size(); }
  std::span<const Bytes> span() const { return argv_; }
  std::span<const BlobArg> blobs() const { return blobs_; }

  /// The allocation argument `i` fills completely, or nullptr: a value can keep it instead of copying.
  Blob* BlobOf(size_t i) const {
    for (const BlobArg& arg : blobs_) {
      if (arg.index == i) return arg.blob;
    }
    return nullptr;
  }

 private:
  std::span<const Bytes> argv_;
  std::span<const BlobArg> blobs_;
};

}  // namespace terrace
