#include "engine/entry.h"

#include <algorithm>
#include <new>

#include "base/numbers.h"

namespace terrace::engine {
namespace {

constexpr size_t kLongLengthBytes = 1 + 4;  // the marker 255 and a u32

size_t InlineValueBytes(size_t length) { return (length < 255 ? 1 : kLongLengthBytes) + length; }

}  // namespace

StringSource StringSource::Compact(Bytes bytes, Blob* blob) {
  if (bytes.size() <= kInt64CharsMax) {
    if (auto integer = ParseInt64(bytes)) return OfInteger(*integer);
  }
  if (bytes.size() > kBlobBytesMin && blob != nullptr) return OfBlob(blob);
  return Of(bytes);
}

size_t Entry::BytesFor(size_t key_size, const StringSource& value, size_t deadline_bytes) {
  size_t bytes = kHeaderBytes + deadline_bytes + key_size + (key_size < kLongKey ? 0 : 4);
  if (value.encoding() == Encoding::kInline) return bytes + InlineValueBytes(value.bytes().size());
  return bytes + 8;
}

size_t Entry::AllocatedBytes() const {
  const char* p = value();
  size_t bytes = static_cast<size_t>(p - raw());
  if (encoding() != Encoding::kInline) return bytes + 8;
  const auto length = static_cast<uint8_t>(*p);
  return bytes + (length != kLongValue ? 1 + length : kLongLengthBytes + Load<uint32_t>(p + 1));
}

void Entry::WriteValue(const StringSource& source) {
  type_encoding_ = static_cast<uint8_t>(static_cast<uint8_t>(Type::kString) |
                                        static_cast<uint8_t>(source.encoding()) << 4);
  flags_ = static_cast<uint8_t>((flags_ & ~kRawString) | kChanged);
  char* p = value();
  switch (source.encoding()) {
    case Encoding::kInteger: {
      const int64_t integer = source.integer();
      std::memcpy(p, &integer, 8);
      return;
    }
    case Encoding::kBlob: {
      Blob* blob = source.blob();
      blob->Ref();
      std::memcpy(p, &blob, 8);
      return;
    }
    case Encoding::kInline: {
      const Bytes bytes = source.bytes();
      if (bytes.size() < kLongValue) {
        *p++ = static_cast<char>(bytes.size());
      } else {
        *p++ = static_cast<char>(kLongValue);
        const auto length = static_cast<uint32_t>(bytes.size());
        std::memcpy(p, &length, 4);
        p += 4;
      }
      if (!bytes.empty()) std::memmove(p, bytes.data(), bytes.size());
      return;
    }
    default:
      TERRACE_DCHECK(false && "a string's source is no collection");
  }
}

Entry* Entry::NewString(Bytes key, const StringSource& source, uint64_t deadline_ms) {
  // Too large to sit inside: it gets an allocation of its own, so that replies and checkpoints can share it.
  if (source.encoding() == Encoding::kInline && source.bytes().size() > kBlobBytesMin) {
    const BlobRef blob = BlobRef::Copy(source.bytes());
    return NewString(key, StringSource::OfBlob(blob.get()), deadline_ms);
  }
  return New(key, source, deadline_ms, 0);
}

Entry* Entry::New(Bytes key, const StringSource& source, uint64_t deadline_ms, uint64_t items_ms) {
  const Flag deadline_flag = items_ms != 0 ? kHasTimedItems : kHasDeadline;
  const uint8_t deadline_bytes = (deadline_ms | items_ms) != 0 ? deadline_flag : 0;
  void* memory = Allocate(BytesFor(key.size(), source, deadline_bytes));
  auto* entry = new (memory) Entry;
  entry->flags_ = deadline_bytes;
  entry->epoch_ = 0;
  entry->set_access(0);
  char* p = entry->raw() + kHeaderBytes + deadline_bytes;
  if (deadline_bytes != 0) entry->WriteDeadlines(deadline_ms, items_ms);
  if (key.size() < kLongKey) {
    entry->short_key_length_ = static_cast<uint8_t>(key.size());
  } else {
    entry->short_key_length_ = kLongKey;
    const auto length = static_cast<uint32_t>(key.size());
    std::memcpy(p, &length, 4);
    p += 4;
  }
  if (!key.empty()) std::memcpy(p, key.data(), key.size());
  entry->WriteValue(source);
  return entry;
}

Entry* Entry::NewCollection(Bytes key, types::Value value, uint64_t deadline_ms) {
  Entry* entry = New(key, StringSource::OfInteger(0), deadline_ms, types::NextDeadline(value));
  entry->set_collection(value);
  return entry;
}

Entry* Entry::NewAway(Bytes key, Type type, AwayMark mark, uint64_t deadline_ms) {
  Entry* entry = New(key, StringSource::OfInteger(0), deadline_ms, 0);
  entry->type_encoding_ = static_cast<uint8_t>(static_cast<uint8_t>(type) |
                                               static_cast<uint8_t>(Encoding::kInteger) << 4);
  entry->flags_ = static_cast<uint8_t>((entry->flags_ & ~kChanged) | kAway | kInTable);
  entry->set_away_mark(mark);
  return entry;
}

void Entry::WriteDeadlines(uint64_t deadline_ms, uint64_t items_ms) {
  if (items_ms == 0) {
    std::memcpy(raw() + kHeaderBytes, &deadline_ms, 8);
    return;
  }
  const uint64_t due_ms = deadline_ms != 0 ? std::min(deadline_ms, items_ms) : items_ms;
  std::memcpy(raw() + kHeaderBytes, &due_ms, 8);
  std::memcpy(raw() + kHeaderBytes + 8, &deadline_ms, 8);
}

bool Entry::TrySetDeadlines(uint64_t deadline_ms, uint64_t items_ms) {
  if (has_timed_items() != (items_ms != 0) || has_deadline() != (deadline_ms != 0)) return false;
  if ((deadline_ms | items_ms) == 0) return true;
  WriteDeadlines(deadline_ms, items_ms);
  MarkChanged();
  return true;
}

bool Entry::NothingIsLeft(uint64_t now_ms) const {
  const uint64_t own_ms = deadline_ms();
  return (own_ms != 0 && own_ms < now_ms) ||
         (has_timed_items() && types::AllDue(collection(), now_ms));
}

void Entry::set_collection(types::Value collection) {
  TERRACE_DCHECK(IsCollection(collection.encoding));
  type_encoding_ = static_cast<uint8_t>(static_cast<uint8_t>(collection.type) |
                                        static_cast<uint8_t>(collection.encoding) << 4);
  flags_ = static_cast<uint8_t>((flags_ & ~kRawString) | kChanged);
  std::memcpy(value(), &collection.data, 8);
}

Entry* Entry::NewCopy(const Entry& source, Bytes key, uint64_t deadline_ms) {
  TERRACE_CHECK(!source.is_away());
  Entry* copy = nullptr;
  switch (source.encoding()) {
    case Encoding::kInteger:
      copy = NewString(key, StringSource::OfInteger(source.integer()), deadline_ms);
      break;
    case Encoding::kBlob:
      copy = NewString(key, StringSource::OfBlob(source.blob()), deadline_ms);
      break;
    case Encoding::kInline: {
      IntegerText unused;
      copy = NewString(key, StringSource::Of(source.StringBytes(&unused)), deadline_ms);
      break;
    }
    default:
      copy = NewCollection(key, types::Copy(source.collection()), deadline_ms);
      break;
  }
  copy->set_access(source.access());
  copy->flags_ |= source.flags_ & kRawString;
  return copy;
}

Entry* Entry::NewMoved(Entry* source, Bytes key, uint64_t deadline_ms) {
  if (!IsCollection(source->encoding())) return NewCopy(*source, key, deadline_ms);
  Entry* moved = NewCollection(key, source->collection(), deadline_ms);
  moved->set_access(source->access());
  source->type_encoding_ = static_cast<uint8_t>(Encoding::kInteger)
                           << 4;  // of the same size, and nothing to free
  return moved;
}

Entry* Entry::MoveTo(FreshPages& pages, Entry* entry) {
  const size_t bytes = entry->AllocatedBytes();
  void* memory = pages.Allocate(bytes);
  std::memcpy(memory, static_cast<const void*>(entry), bytes);
  Deallocate(entry, bytes);
  return static_cast<Entry*>(memory);
}

void Entry::Delete(Entry* entry) {
  const size_t bytes = entry->AllocatedBytes();
  if (entry->encoding() == Encoding::kBlob) entry->blob()->Unref();
  if (IsCollection(entry->encoding())) types::Destroy(entry->collection());
  entry->~Entry();
  Deallocate(entry, bytes);
}

Bytes Entry::StringBytes(IntegerText* text) const {
  TERRACE_DCHECK(!is_away());
  switch (encoding()) {
    case Encoding::kInteger:
      return Bytes(text->chars, FormatInt64(integer(), text->chars));
    case Encoding::kBlob:
      return blob()->bytes();
    case Encoding::kInline: {
      const char* p = value();
      const auto length = static_cast<uint8_t>(*p);
      if (TERRACE_LIKELY(length != kLongValue)) return Bytes(p + 1, length);
      return Bytes(p + kLongLengthBytes, Load<uint32_t>(p + 1));
    }
    default:
      TERRACE_DCHECK(false && "a collection is no string");
  }
  return Bytes();
}

size_t Entry::StringLength() const {
  IntegerText text;
  return StringBytes(&text).size();
}

bool Entry::TryAssign(const StringSource& source, uint64_t deadline_ms) {
  if (source.encoding() == Encoding::kInline && source.bytes().size() > kBlobBytesMin) return false;
  // A deadline that comes or goes moves the key; rare enough to take the long way. (A string has no items with any.)
  if ((deadline_ms != 0) != has_deadline() || is_away()) return false;
  const size_t before = AllocatedBytes();
  const size_t after = BytesFor(key().size(), source, flags_ & kDeadlineBytes);
  if (AllocationSize(before) != AllocationSize(after)) return false;
  // Let go last: the new value may be the very blob we hold, or bytes of it.
  const BlobRef dropped = encoding() == Encoding::kBlob ? BlobRef::Adopt(blob()) : BlobRef();
  WriteValue(source);
  if (deadline_ms != 0) set_deadline_ms(deadline_ms);
  return true;
}

char* Entry::MutableStringBytes() {
  if (encoding() == Encoding::kInteger) return nullptr;
  if (encoding() == Encoding::kBlob) return blob()->shared() ? nullptr : blob()->data();
  IntegerText unused;
  return const_cast<char*>(StringBytes(&unused).data());
}

char* Entry::TryGrowString(size_t size) {
  if (encoding() == Encoding::kInteger) return nullptr;
  if (encoding() == Encoding::kBlob)
    return !blob()->shared() && blob()->TryGrow(size) ? blob()->data() : nullptr;
  if (size > kBlobBytesMin) return nullptr;
  IntegerText unused;
  const Bytes old = StringBytes(&unused);
  const size_t before = AllocatedBytes();
  const size_t after = before - InlineValueBytes(old.size()) + InlineValueBytes(size);
  if (AllocationSize(before) != AllocationSize(after)) return nullptr;
  char* p = value();
  if (size < kLongValue) {
    *p = static_cast<char>(size);
    return p + 1;
  }
  // The length may need more room now; the bytes move behind it.
  if (old.size() < kLongValue) std::memmove(p + kLongLengthBytes, old.data(), old.size());
  *p = static_cast<char>(kLongValue);
  const auto length = static_cast<uint32_t>(size);
  std::memcpy(p + 1, &length, 4);
  return p + kLongLengthBytes;
}

size_t Entry::OwnMemoryBytes() const {
  const size_t bytes = AllocationSize(AllocatedBytes());
  return encoding() == Encoding::kBlob ? bytes + AllocationSize(blob()->allocated_bytes()) : bytes;
}

size_t Entry::MemoryBytes() const {
  return OwnMemoryBytes() + (IsCollection(encoding()) ? types::MemoryBytes(collection()) : 0);
}

size_t Entry::MemoryEstimate() const {
  return OwnMemoryBytes() + (IsCollection(encoding()) ? types::MemoryEstimate(collection()) : 0);
}

}  // namespace terrace::engine
