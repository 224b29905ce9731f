#include "types/intset.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/memory.h"

namespace terrace::types {
namespace {

template <typename T>
T LoadAt(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

size_t WidthFor(int64_t value) {
  if (value >= INT16_MIN && value <= INT16_MAX) return 2;
  if (value >= INT32_MIN && value <= INT32_MAX) return 4;
  return 8;
}

int64_t ElementAt(const uint8_t* data, size_t width, size_t index) {
  const uint8_t* at = data + Intset::kHeaderBytes + index * width;
  switch (width) {
    case 2:
      return LoadAt<int16_t>(at);
    case 4:
      return LoadAt<int32_t>(at);
    default:
      return LoadAt<int64_t>(at);
  }
}

// Little-endian: the low bytes of the value are the value in a smaller width.
void PutElement(uint8_t* data, size_t width, size_t index, int64_t value) {
  std::memcpy(data + Intset::kHeaderBytes + index * width, &value, width);
}

size_t Width(const uint8_t* data) { return LoadAt<uint32_t>(data); }

void PutHeader(uint8_t* data, size_t width, size_t count) {
  const auto width32 = static_cast<uint32_t>(width);
  const auto count32 = static_cast<uint32_t>(count);
  std::memcpy(data, &width32, 4);
  std::memcpy(data + 4, &count32, 4);
}

size_t TotalBytes(size_t width, size_t count) { return Intset::kHeaderBytes + width * count; }

// Index of the first element that is not less than `value`.
size_t LowerBound(const uint8_t* data, size_t width, size_t count, int64_t value) {
  size_t low = 0;
  for (size_t high = count; low < high;) {
    const size_t middle = (low + high) / 2;
    ElementAt(data, width, middle) < value ? low = middle + 1 : high = middle;
  }
  return low;
}

}  // namespace

Intset Intset::New() {
  auto* data = static_cast<uint8_t*>(Allocate(kHeaderBytes));
  PutHeader(data, 2, 0);
  return Intset(data);
}

Intset Intset::Copy(Bytes bytes) {
  auto* data = static_cast<uint8_t*>(Allocate(bytes.size()));
  std::memcpy(data, bytes.data(), bytes.size());
  return Intset(data);
}

bool Intset::Validate(Bytes bytes) {
  if (bytes.size() < kHeaderBytes) return false;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const size_t width = Width(data);
  const auto count = LoadAt<uint32_t>(data + 4);
  if (width != 2 && width != 4 && width != 8) return false;
  if (count == 0 || (bytes.size() - kHeaderBytes) / width != count ||
      TotalBytes(width, count) != bytes.size())
    return false;
  for (size_t i = 1; i < count; ++i) {
    if (ElementAt(data, width, i - 1) >= ElementAt(data, width, i)) return false;
  }
  return true;
}

void Intset::Free() { Deallocate(data_, bytes().size()); }

Bytes Intset::bytes() const {
  return Bytes(reinterpret_cast<const char*>(data_), TotalBytes(Width(data_), Count()));
}

size_t Intset::Count() const { return LoadAt<uint32_t>(data_ + 4); }

int64_t Intset::At(size_t index) const {
  TERRACE_DCHECK(index < Count());
  return ElementAt(data_, Width(data_), index);
}

bool Intset::Contains(int64_t value) const {
  const size_t width = Width(data_);
  if (WidthFor(value) > width) return false;
  const size_t at = LowerBound(data_, width, Count(), value);
  return at < Count() && At(at) == value;
}

bool Intset::Add(int64_t value) {
  const size_t width = Width(data_);
  const size_t count = Count();
  const size_t at = LowerBound(data_, width, count, value);
  if (at < count && ElementAt(data_, width, at) == value) return false;
  const size_t wanted = std::max(width, WidthFor(value));
  const size_t before = TotalBytes(width, count);
  const size_t after = TotalBytes(wanted, count + 1);
  if (wanted == width && AllocationSize(before) == AllocationSize(after)) {
    uint8_t* place = data_ + kHeaderBytes + at * width;
    std::memmove(place + width, place, (count - at) * width);
  } else {
    auto* grown = static_cast<uint8_t*>(Allocate(after));
    for (size_t i = 0; i < count; ++i)
      PutElement(grown, wanted, i < at ? i : i + 1, ElementAt(data_, width, i));
    Deallocate(data_, before);
    data_ = grown;
  }
  PutElement(data_, wanted, at, value);
  PutHeader(data_, wanted, count + 1);
  return true;
}

bool Intset::Remove(int64_t value) {
  const size_t width = Width(data_);
  const size_t count = Count();
  if (WidthFor(value) > width) return false;
  const size_t at = LowerBound(data_, width, count, value);
  if (at == count || ElementAt(data_, width, at) != value) return false;
  uint8_t* place = data_ + kHeaderBytes + at * width;
  std::memmove(place, place + width, (count - at - 1) * width);
  PutHeader(data_, width, count - 1);
  const size_t before = TotalBytes(width, count);
  const size_t after = TotalBytes(width, count - 1);
  if (AllocationSize(before) == AllocationSize(after)) return true;
  auto* shrunk = static_cast<uint8_t*>(Allocate(after));
  std::memcpy(shrunk, data_, after);
  Deallocate(data_, before);
  data_ = shrunk;
  return true;
}

const ValueOps kIntsetOps = {
    .destroy = [](void* data) { Intset(data).Free(); },
    .copy =
        [](const void* data) {
          return Intset::Copy(Intset(const_cast<void*>(data)).bytes()).data();
        },
    .memory_bytes =
        [](const void* data) {
          return AllocationSize(Intset(const_cast<void*>(data)).bytes().size());
        },
    .free_effort = [](const void*) { return size_t{1}; },
};

}  // namespace terrace::types
