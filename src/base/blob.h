// A Blob is one reference-counted run of bytes in one allocation. Large strings (over kBlobBytesMin) travel as blobs
// from the socket into the value, the reply, the log and a checkpoint without a copy. A blob is immutable once more
// than one reference to it exists. One that is appended to has spare bytes behind its end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "base/bytes.h"

namespace terrace {

constexpr size_t kBlobBytesMin = 32 * kKiB;

class Blob {
 public:
  /// A blob of `size` bytes, contents undefined, held by one reference that the caller owns. It can grow by `spare`
  /// bytes.
  static Blob* New(size_t size, uint32_t spare = 0) {
    return new (::operator new(sizeof(Blob) + size + spare)) Blob(size, spare);
  }

  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;

  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  size_t size() const { return size_; }
  Bytes bytes() const { return Bytes(data(), size_); }

  void Ref() { references_.fetch_add(1, std::memory_order_relaxed); }
  void Unref() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      this->~Blob();
      ::operator delete(this);
    }
  }
  bool shared() const { return references_.load(std::memory_order_acquire) > 1; }

  /// Makes it `size` bytes long, at least what it is; false if the spare bytes are not enough. Contents of the new
  /// bytes are undefined. CONTRACT: not shared.
  bool TryGrow(size_t size) {
    if (size - size_ > spare_) return false;
    spare_ -= static_cast<uint32_t>(size - size_);
    size_ = size;
    return true;
  }
  /// Bytes of its allocation.
  size_t allocated_bytes() const { return sizeof(Blob) + size_ + spare_; }

 private:
  Blob(size_t size, uint32_t spare) : spare_(spare), size_(size) {}
  ~Blob() = default;

  std::atomic<uint32_t> references_{1};
  uint32_t spare_;
  size_t size_;
};

/// Owns one reference.
class BlobRef {
 public:
  BlobRef() = default;
  /// Takes over the caller's reference.
  static BlobRef Adopt(Blob* blob) {
    BlobRef ref;
    ref.blob_ = blob;
    return ref;
  }
  /// Adds a reference of its own.
  static BlobRef Share(Blob* blob) {
    if (blob != nullptr) blob->Ref();
    return Adopt(blob);
  }
  static BlobRef Copy(Bytes bytes);

  BlobRef(const BlobRef& other) : blob_(other.blob_) {
    if (blob_ != nullptr) blob_->Ref();
  }
  BlobRef(BlobRef&& other) noexcept : blob_(std::exchange(other.blob_, nullptr)) {}
  BlobRef& operator=(BlobRef other) noexcept {
    std::swap(blob_, other.blob_);
    return *this;
  }
  ~BlobRef() {
    if (blob_ != nullptr) blob_->Unref();
  }

  Blob* get() const { return blob_; }
  Blob* operator->() const { return blob_; }
  explicit operator bool() const { return blob_ != nullptr; }
  /// Gives the reference to the caller.
  Blob* Release() { return std::exchange(blob_, nullptr); }

 private:
  Blob* blob_ = nullptr;
};

}  // namespace terrace
