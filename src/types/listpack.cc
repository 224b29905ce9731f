#include "types/listpack.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/memory.h"

namespace terrace::types {
namespace {

constexpr uint8_t kEnd = 0xff;
constexpr size_t kBacklenBytesMax = 5;

template <typename T>
T LoadAt(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void StoreAt(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

// What an element's first bytes say.
struct Layout {
  size_t head = 0;  // bytes before a string's text; all of an integer
  size_t text = 0;  // bytes of text
  bool is_integer = false;
  size_t size() const { return head + text; }
};

// head == 0: no such encoding. Reads no more than the bytes a first byte asks for, `available` in all.
Layout LayoutAt(const uint8_t* at, size_t available) {
  const uint8_t first = at[0];
  if (first < 0x80) return {1, 0, true};
  if (first < 0xc0) return {1, size_t{first} & 0x3f, false};
  if (first < 0xe0) return {2, 0, true};
  if (first < 0xf0) {
    if (available < 2) return {};
    return {2, (size_t{first} & 0x0f) << 8 | at[1], false};
  }
  switch (first) {
    case 0xf0:
      if (available < 5) return {};
      return {5, LoadAt<uint32_t>(at + 1), false};
    case 0xf1:
      return {3, 0, true};
    case 0xf2:
      return {4, 0, true};
    case 0xf3:
      return {5, 0, true};
    case 0xf4:
      return {9, 0, true};
    default:
      return {};
  }
}

Layout LayoutOf(const uint8_t* at) { return LayoutAt(at, 5); }

int64_t IntegerAt(const uint8_t* at) {
  const uint8_t first = at[0];
  if (first < 0x80) return first;
  if (first < 0xe0) {
    const int value = (first & 0x1f) << 8 | at[1];
    return value < 4096 ? value : value - 8192;
  }
  switch (first) {
    case 0xf1:
      return LoadAt<int16_t>(at + 1);
    case 0xf2: {
      const auto raw = static_cast<uint32_t>(at[1]) << 8 | static_cast<uint32_t>(at[2]) << 16 |
                       static_cast<uint32_t>(at[3]) << 24;
      return static_cast<int32_t>(raw) >> 8;
    }
    case 0xf3:
      return LoadAt<int32_t>(at + 1);
    default:
      return LoadAt<int64_t>(at + 1);
  }
}

size_t BacklenBytes(size_t size) {
  if (size <= 127) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  if (size < 268435455) return 4;
  return 5;
}

void PutBacklen(uint8_t* at, size_t size) {
  const size_t bytes = BacklenBytes(size);
  for (size_t i = bytes; i-- > 0;) {
    at[i] = static_cast<uint8_t>((size & 127) | (i == 0 ? 0 : 128));
    size >>= 7;
  }
}

// The backlen that ends right before `end`; 0 if it is none.
size_t BacklenBefore(const uint8_t* end) {
  size_t size = 0;
  for (size_t i = 0; i < kBacklenBytesMax; ++i) {
    const uint8_t byte = *--end;
    size |= size_t{byte & 127u} << (7 * i);
    if ((byte & 128) == 0) return size;
  }
  return 0;
}

// An element in the making: its head, and the text behind it.
class NewElement {
 public:
  explicit NewElement(Bytes text) {
    if (text.size() <= kInt64CharsMax) {
      if (const auto integer = ParseInt64(text)) {
        PutInteger(*integer);
        return;
      }
    }
    text_ = text;
    if (text.size() < 64) {
      head_[0] = static_cast<uint8_t>(0x80 | text.size());
      head_bytes_ = 1;
    } else if (text.size() < 4096) {
      head_[0] = static_cast<uint8_t>(0xe0 | text.size() >> 8);
      head_[1] = static_cast<uint8_t>(text.size());
      head_bytes_ = 2;
    } else {
      head_[0] = 0xf0;
      StoreAt(head_ + 1, static_cast<uint32_t>(text.size()));
      head_bytes_ = 5;
    }
  }
  explicit NewElement(int64_t value) { PutInteger(value); }

  size_t TotalBytes() const { return size() + BacklenBytes(size()); }
  void WriteTo(uint8_t* at) const {
    at[0] = head_[0];
    if (head_bytes_ == 2) {
      at[1] = head_[1];
    } else if (head_bytes_ > 2) {
      std::memcpy(at, head_, head_bytes_);
    }
    if (!text_.empty()) std::memcpy(at + head_bytes_, text_.data(), text_.size());
    PutBacklen(at + size(), size());
  }

 private:
  size_t size() const { return head_bytes_ + text_.size(); }

  void PutInteger(int64_t value) {
    if (value >= 0 && value <= 127) {
      head_[0] = static_cast<uint8_t>(value);
      head_bytes_ = 1;
    } else if (value >= -4096 && value <= 4095) {
      const auto raw = static_cast<uint32_t>(value) & 0x1fff;
      head_[0] = static_cast<uint8_t>(0xc0 | raw >> 8);
      head_[1] = static_cast<uint8_t>(raw);
      head_bytes_ = 2;
    } else {
      PutWide(value);
    }
  }
  void PutWide(int64_t value) {
    const bool fits16 = value >= INT16_MIN && value <= INT16_MAX;
    const bool fits24 = value >= -(1 << 23) && value < (1 << 23);
    const bool fits32 = value >= INT32_MIN && value <= INT32_MAX;
    const size_t width = fits16 ? 2 : fits24 ? 3 : fits32 ? 4 : 8;
    head_[0] = static_cast<uint8_t>(fits16 ? 0xf1 : fits24 ? 0xf2 : fits32 ? 0xf3 : 0xf4);
    std::memcpy(head_ + 1, &value, width);
    head_bytes_ = 1 + width;
  }

  uint8_t head_[9];
  size_t head_bytes_ = 0;
  Bytes text_;
};

void SetTotal(uint8_t* data, size_t bytes) { StoreAt(data, static_cast<uint32_t>(bytes)); }

// Elements were added or taken: the count stays exact, or unknown once it does not fit.
void ChangeCount(uint8_t* data, int64_t by) {
  const auto count = LoadAt<uint16_t>(data + 4);
  if (count == Listpack::kCountUnknown) return;
  const int64_t now = std::clamp<int64_t>(count + by, 0, Listpack::kCountUnknown);
  StoreAt(data + 4, static_cast<uint16_t>(now));
}

[[gnu::noinline]] uint8_t* Move(uint8_t* data, size_t from, size_t to) {
  auto* moved = static_cast<uint8_t*>(Allocate(to));
  std::memcpy(moved, data, std::min(from, to));
  Deallocate(data, from);
  return moved;
}

// Makes the run `to` bytes long, from `from`; moves only when the size class changes.
inline uint8_t* Resize(uint8_t* data, size_t from, size_t to) {
  return TERRACE_LIKELY(SameAllocationSize(from, to)) ? data : Move(data, from, to);
}

// Puts `added` in place of the `removed` bytes at offset `at` and returns where it stands.
const uint8_t* Splice(uint8_t** data, size_t at, size_t removed, const NewElement& added) {
  const size_t before = LoadAt<uint32_t>(*data);
  const size_t added_bytes = added.TotalBytes();
  const size_t after = before - removed + added_bytes;
  TERRACE_CHECK(after <= Listpack::kBytesMax);
  if (after > before) *data = Resize(*data, before, after);
  uint8_t* place = *data + at;
  if (added_bytes != removed)
    std::memmove(place + added_bytes, place + removed, before - at - removed);
  if (after < before) {
    *data = Resize(*data, before, after);
    place = *data + at;
  }
  added.WriteTo(place);
  SetTotal(*data, after);
  return place;
}

// Puts `added` in front of what is at offset `at`, and returns where it stands.
inline const uint8_t* Add(uint8_t** data, size_t at, const NewElement& added) {
  const size_t before = LoadAt<uint32_t>(*data);
  const size_t added_bytes = added.TotalBytes();
  const size_t after = before + added_bytes;
  TERRACE_CHECK(after <= Listpack::kBytesMax);
  *data = Resize(*data, before, after);
  uint8_t* place = *data + at;
  std::memmove(place + added_bytes, place, before - at);
  added.WriteTo(place);
  SetTotal(*data, after);
  ChangeCount(*data, 1);
  return place;
}

// The same behind the last element, where nothing has to make way.
inline void Append(uint8_t** data, const NewElement& added) {
  const size_t before = LoadAt<uint32_t>(*data);
  const size_t after = before + added.TotalBytes();
  TERRACE_CHECK(after <= Listpack::kBytesMax);
  *data = Resize(*data, before, after);
  added.WriteTo(*data + before - 1);
  (*data)[after - 1] = kEnd;
  SetTotal(*data, after);
  ChangeCount(*data, 1);
}

}  // namespace

Listpack Listpack::New() {
  constexpr size_t kBytes = kHeaderBytes + 1;
  auto* data = static_cast<uint8_t*>(Allocate(kBytes));
  SetTotal(data, kBytes);
  StoreAt<uint16_t>(data + 4, 0);
  data[kHeaderBytes] = kEnd;
  return Listpack(data);
}

Listpack Listpack::Copy(Bytes bytes) {
  auto* data = static_cast<uint8_t*>(Allocate(bytes.size()));
  std::memcpy(data, bytes.data(), bytes.size());
  return Listpack(data);
}

void Listpack::Free() { Deallocate(data_, TotalBytes()); }

bool Listpack::Validate(Bytes bytes, size_t* count) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() < kHeaderBytes + 1 || bytes.size() > kBytesMax) return false;
  if (LoadAt<uint32_t>(data) != bytes.size() || data[bytes.size() - 1] != kEnd) return false;
  const uint8_t* end = data + bytes.size() - 1;
  size_t elements = 0;
  for (const uint8_t* at = data + kHeaderBytes; at != end; ++elements) {
    const auto left = static_cast<size_t>(end - at);
    const Layout layout = LayoutAt(at, left);
    if (layout.head == 0 || layout.size() > left) return false;
    const size_t total = layout.size() + BacklenBytes(layout.size());
    if (total > left || BacklenBefore(at + total) != layout.size()) return false;
    // As short as it can be: otherwise walking back would land elsewhere.
    uint8_t backlen[kBacklenBytesMax];
    PutBacklen(backlen, layout.size());
    if (std::memcmp(backlen, at + layout.size(), total - layout.size()) != 0) return false;
    at += total;
  }
  const auto stored = LoadAt<uint16_t>(data + 4);
  *count = elements;
  return stored == kCountUnknown || stored == elements;
}

size_t Listpack::CountByWalking() const {
  size_t count = 0;
  for (Position at = First(); at != nullptr; at = Next(at)) ++count;
  return count;
}

Listpack::Position Listpack::First() const {
  const uint8_t* first = data_ + kHeaderBytes;
  return *first == kEnd ? nullptr : first;
}

Listpack::Position Listpack::Last() const {
  const uint8_t* end = data_ + TotalBytes() - 1;
  return end == data_ + kHeaderBytes ? nullptr : Previous(end);
}

Listpack::Position Listpack::Next(Position at) const {
  const size_t size = LayoutOf(at).size();
  at += size + BacklenBytes(size);
  return *at == kEnd ? nullptr : at;
}

Listpack::Position Listpack::Previous(Position at) const {
  if (at == data_ + kHeaderBytes) return nullptr;
  const size_t size = BacklenBefore(at);
  return at - size - BacklenBytes(size);
}

Listpack::Position Listpack::Seek(int64_t index) const {
  const auto count = static_cast<int64_t>(Count());
  if (index < 0) index += count;
  if (index < 0 || index >= count) return nullptr;
  if (index <= count / 2) {
    Position at = First();
    for (int64_t i = 0; i < index; ++i) at = Next(at);
    return at;
  }
  Position at = Last();
  for (int64_t i = count - 1; i > index; --i) at = Previous(at);
  return at;
}

Element Listpack::Get(Position at) const {
  const Layout layout = LayoutOf(at);
  if (layout.is_integer) return Element::OfInteger(IntegerAt(at));
  return Element::OfString(Bytes(reinterpret_cast<const char*>(at + layout.head), layout.text));
}

Listpack::Position Listpack::Find(Position from, Bytes text, size_t skip) const {
  // An integer is equal to its canonical text only, so comparing as what `text` would be stored as is enough; strings
  // that came from elsewhere may hold digits, and are compared as they are.
  const auto integer = text.size() <= kInt64CharsMax ? ParseInt64(text) : std::nullopt;
  Position at = from;
  while (at != nullptr) {
    const Layout layout = LayoutOf(at);
    if (layout.is_integer
            ? integer && IntegerAt(at) == *integer
            : text == Bytes(reinterpret_cast<const char*>(at + layout.head), layout.text)) {
      return at;
    }
    at = Next(at);
    for (size_t i = 0; i < skip && at != nullptr; ++i) at = Next(at);
  }
  return nullptr;
}

void Listpack::Append(Bytes text) { types::Append(&data_, NewElement(text)); }

void Listpack::Append(int64_t value) { types::Append(&data_, NewElement(value)); }

void Listpack::Prepend(Bytes text) { types::Add(&data_, kHeaderBytes, NewElement(text)); }

Listpack::Position Listpack::Insert(Position at, Bytes text) {
  const size_t offset = at == nullptr ? TotalBytes() - 1 : static_cast<size_t>(at - data_);
  return types::Add(&data_, offset, NewElement(text));
}

Listpack::Position Listpack::Replace(Position at, Bytes text) {
  const size_t size = LayoutOf(at).size();
  return Splice(&data_, static_cast<size_t>(at - data_), size + BacklenBytes(size),
                NewElement(text));
}

Listpack::Position Listpack::Replace(Position at, int64_t value) {
  const size_t size = LayoutOf(at).size();
  return Splice(&data_, static_cast<size_t>(at - data_), size + BacklenBytes(size),
                NewElement(value));
}

Listpack::Position Listpack::Erase(Position at, size_t count) {
  const auto offset = static_cast<size_t>(at - data_);
  const size_t before = TotalBytes();
  const uint8_t* end = at;
  size_t erased = 0;
  while (erased < count && *end != kEnd) {
    const size_t size = LayoutOf(end).size();
    end += size + BacklenBytes(size);
    ++erased;
  }
  const auto removed = static_cast<size_t>(end - at);
  std::memmove(data_ + offset, end, before - offset - removed);
  SetTotal(data_, before - removed);
  data_ = Resize(data_, before, before - removed);
  ChangeCount(data_, -static_cast<int64_t>(erased));
  const uint8_t* here = data_ + offset;
  return *here == kEnd ? nullptr : here;
}

size_t Listpack::EraseEqual(Bytes text, size_t pass_over, size_t max) {
  const size_t before = TotalBytes();
  const uint8_t* const end = data_ + before - 1;
  Position found = Find(First(), text);
  for (; found != nullptr && pass_over > 0; --pass_over) {
    found = Next(found);
    if (found != nullptr) found = Find(found, text);
  }
  if (found == nullptr || max == 0) return 0;
  // What is kept lies in runs between those that go; each moves down once.
  size_t erased = 0;
  uint8_t* out = data_ + (found - data_);
  while (found != nullptr && erased < max) {
    ++erased;
    const size_t size = LayoutOf(found).size();
    const uint8_t* kept = found + size + BacklenBytes(size);
    found = *kept == kEnd ? nullptr : Find(kept, text);
    const uint8_t* kept_end = found != nullptr && erased < max ? found : end;
    const auto bytes = static_cast<size_t>(kept_end - kept);
    std::memmove(out, kept, bytes);
    out += bytes;
  }
  *out++ = kEnd;
  const auto after = static_cast<size_t>(out - data_);
  SetTotal(data_, after);
  data_ = Resize(data_, before, after);
  ChangeCount(data_, -static_cast<int64_t>(erased));
  return erased;
}

size_t Listpack::CountEqual(Bytes text) const {
  size_t count = 0;
  for (Position at = First(); at != nullptr; at = Next(at)) {
    at = Find(at, text);
    if (at == nullptr) break;
    ++count;
  }
  return count;
}

void Listpack::AppendAll(const Listpack& other) {
  const size_t before = TotalBytes();
  const size_t added = other.TotalBytes() - kHeaderBytes - 1;
  TERRACE_CHECK(before + added <= kBytesMax);
  data_ = Resize(data_, before, before + added);
  std::memcpy(data_ + before - 1, other.data_ + kHeaderBytes, added + 1);
  SetTotal(data_, before + added);
  const auto count = LoadAt<uint16_t>(other.data_ + 4);
  if (count == kCountUnknown) {
    StoreAt<uint16_t>(data_ + 4, kCountUnknown);
  } else {
    ChangeCount(data_, count);
  }
}

const ValueOps kListpackOps = {
    .destroy = [](void* data) { Listpack(data).Free(); },
    .copy =
        [](const void* data) {
          return Listpack::Copy(Listpack(const_cast<void*>(data)).bytes()).data();
        },
    .memory_bytes =
        [](const void* data) {
          return AllocationSize(Listpack(const_cast<void*>(data)).TotalBytes());
        },
    .free_effort = [](const void*) { return size_t{1}; },
};

}  // namespace terrace::types
