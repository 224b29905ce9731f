// Entry: one key and its value, in one allocation.
//
//    0  u8   type (low four bits) and encoding (high four)
//    1  u8   flags: has a deadline; has items with deadlines; a string that was changed in place; changed since the last
//            checkpoint; a table has a record of the key; one that may not be installed yet; the value is away
//    2  u16  epoch: the last cut that has captured this entry or found it new (engine/edit_observer.h)
//    4  u24  access clock: LRU seconds, or LFU minutes and counter (engine/access_clock.h)
//    7  u8   key length, or 255: a u32 length stands before the key
//    8  u64  when something is due, ms since epoch: the key, or the first of its items    only with kHasDeadline or
//   16  u64  the key's own deadline, 0 for none                                           kHasTimedItems, only with that
//    .  u32  key length                        only if byte 7 is 255
//    .       key bytes
//    .       value:  integer   i64
//                    inline    u8 length, or 255 and u32 length; then the bytes
//                    blob      Blob*, one reference
//                    others    the collection's pointer (types/value.h), which is the entry's
//                    away      u64, AwayMark: the value is in a table only (engine/residency.h). The type is the value's,
//                              the encoding says kInteger, which is as large and has nothing to free
//
// So a 16-byte key with a 64-byte value takes 89 bytes and is served from the 96-byte class. An entry is rewritten in
// place when the new form falls into the same size class; otherwise the caller puts a new entry in its slot.
//
// Threads: reached through the lock of the shard that holds it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/heap_pages.h"
#include "base/memory.h"
#include "types/value.h"

namespace terrace::engine {

/// What a string value is to be made of. Exactly one of the three forms; bytes are copied, a blob is shared.
class StringSource {
 public:
  static StringSource Of(Bytes bytes) { return StringSource(bytes); }
  static StringSource OfInteger(int64_t value) { return StringSource(value); }
  static StringSource OfBlob(Blob* blob) { return StringSource(blob); }
  /// The most compact of the three that holds `bytes`: an integer if it reads back to the same bytes, a blob above
  /// kBlobBytesMin (`blob` if the caller has the bytes in one already), else inline.
  static StringSource Compact(Bytes bytes, Blob* blob = nullptr);

  Encoding encoding() const { return encoding_; }
  int64_t integer() const { return integer_; }
  Bytes bytes() const { return bytes_; }
  Blob* blob() const { return blob_; }

 private:
  explicit StringSource(Bytes bytes) : encoding_(Encoding::kInline), bytes_(bytes) {}
  explicit StringSource(int64_t value) : encoding_(Encoding::kInteger), integer_(value) {}
  explicit StringSource(Blob* blob) : encoding_(Encoding::kBlob), blob_(blob) {}

  Encoding encoding_;
  int64_t integer_ = 0;
  Bytes bytes_;
  Blob* blob_ = nullptr;
};

/// What an entry has in place of its value while that is away.
struct AwayMark {
  uint64_t word = 0;

  static AwayMark Of(uint64_t size, uint32_t number) {
    return {std::min<uint64_t>(size, UINT32_MAX) | uint64_t{number & 0x7fffffff} << 32};
  }
  /// Of the value in its table; what is larger than 4 GiB is called that.
  uint64_t size() const { return word & UINT32_MAX; }
  /// It could not be read: whoever needs it tries for himself.
  bool unreadable() const { return word >> 63 != 0; }
  AwayMark Unreadable() const { return {word | uint64_t{1} << 63}; }
  /// An entry that has the mark it had has not changed in between.
  bool operator==(const AwayMark&) const = default;
};

/// Room for the decimal form of an integer value while it is looked at as bytes.
struct IntegerText {
  char chars[20];
};

class Entry {
 public:
  /// A new entry holding a string; `deadline_ms` 0 means none.
  static Entry* NewString(Bytes key, const StringSource& value, uint64_t deadline_ms);
  /// A new entry that takes over a collection.
  static Entry* NewCollection(Bytes key, types::Value value, uint64_t deadline_ms);
  /// A new entry whose value is away.
  static Entry* NewAway(Bytes key, Type type, AwayMark mark, uint64_t deadline_ms);
  /// The entry under another name or with another deadline: takes over the collection `source` holds, which is a husk
  /// from then on, fit only to be deleted.
  static Entry* NewMoved(Entry* source, Bytes key, uint64_t deadline_ms);
  /// A copy under another name, with its own deadline; shares a blob.
  static Entry* NewCopy(const Entry& source, Bytes key, uint64_t deadline_ms);
  /// The same entry in one of `pages`; where it was is free.
  static Entry* MoveTo(FreshPages& pages, Entry* entry);
  /// Frees the entry and drops its reference to a blob.
  static void Delete(Entry* entry);

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  Type type() const { return static_cast<Type>(type_encoding_ & 15); }
  Encoding encoding() const { return static_cast<Encoding>(type_encoding_ >> 4); }
  Bytes key() const {
    const char* p = after_header();
    if (TERRACE_LIKELY(short_key_length_ != kLongKey)) return Bytes(p, short_key_length_);
    return Bytes(p + 4, Load<uint32_t>(p));
  }
  bool HasKey(Bytes wanted) const {
    const Bytes own = key();
    return own.size() == wanted.size() && SameBytes(own.data(), wanted.data(), wanted.size());
  }

  /// When the key goes; 0 if it has no deadline.
  uint64_t deadline_ms() const {
    if ((flags_ & kDeadlineBytes) == 0) return 0;
    return Load<uint64_t>(raw() + kHeaderBytes + ((flags_ & kHasTimedItems) != 0 ? 8 : 0));
  }
  bool has_deadline() const { return deadline_ms() != 0; }
  /// Whether items of the collection have deadlines (types::NextDeadline).
  bool has_timed_items() const { return (flags_ & kHasTimedItems) != 0; }
  /// When something is to be removed, the key or some of its items: what the expiry index holds. 0: never.
  uint64_t due_ms() const {
    return (flags_ & kDeadlineBytes) != 0 ? Load<uint64_t>(raw() + kHeaderBytes) : 0;
  }
  bool IsDue(uint64_t now_ms) const { return (flags_ & kDeadlineBytes) != 0 && due_ms() < now_ms; }
  /// Due, or without its value: something has to be done before a command may look at it.
  bool NeedsCare(uint64_t now_ms) const {
    if (TERRACE_LIKELY((flags_ & (kDeadlineBytes | kAway)) == 0)) return false;
    return is_away() || due_ms() < now_ms;
  }
  /// Due, and not only some of its items: there is no such key any more.
  bool IsGone(uint64_t now_ms) const {
    return TERRACE_UNLIKELY(IsDue(now_ms)) && NothingIsLeft(now_ms);
  }
  /// Changes a deadline the entry already has; adding or removing one changes its size (Keyspace::Rewrite).
  void set_deadline_ms(uint64_t deadline_ms) {
    TERRACE_DCHECK((flags_ & kDeadlineBytes) == kHasDeadline);
    std::memcpy(raw() + kHeaderBytes, &deadline_ms, 8);
    MarkChanged();
  }
  /// The key's deadline and the first of its items', each 0 for none. False, and nothing is done, if one of them comes or
  /// goes: then the entry has to be written anew.
  bool TrySetDeadlines(uint64_t deadline_ms, uint64_t items_ms);

  uint32_t access() const { return Load<uint32_t>(raw() + 4) & 0xffffff; }
  void set_access(uint32_t clock) {
    access_[0] = static_cast<uint8_t>(clock);
    access_[1] = static_cast<uint8_t>(clock >> 8);
    access_[2] = static_cast<uint8_t>(clock >> 16);
  }

  // --- checkpoints ---
  /// Since a walk last cleared the mark. Everything that changes an entry sets it; a new entry has it.
  bool changed() const { return (flags_ & kChanged) != 0; }
  void MarkChanged() { flags_ |= kChanged; }
  void ClearChanged() { flags_ &= static_cast<uint8_t>(~kChanged); }
  /// Some table of its keyspace has, or may have, a record of the key: when the key goes, a checkpoint has to say so.
  bool in_table() const { return (flags_ & kInTable) != 0; }
  void MarkInTable() { flags_ |= kInTable; }
  void LeaveTables() { flags_ &= static_cast<uint8_t>(~(kInTable | kAwaitsInstall)); }
  /// A checkpoint writes it as it is now. If that checkpoint comes to nothing, the mark of a change comes back.
  void EnterTable() {
    flags_ = static_cast<uint8_t>((flags_ & ~kChanged) | kInTable | kAwaitsInstall);
  }
  bool awaits_install() const { return (flags_ & kAwaitsInstall) != 0; }
  void EndAwaitingInstall() { flags_ &= static_cast<uint8_t>(~kAwaitsInstall); }
  uint16_t epoch() const { return epoch_; }
  void set_epoch(uint16_t epoch) { epoch_ = epoch; }

  // --- values that are away: CONTRACT: in a table, and not changed() ---
  bool is_away() const { return (flags_ & kAway) != 0; }
  AwayMark away_mark() const {
    TERRACE_DCHECK(is_away());
    return {Load<uint64_t>(value())};
  }
  void set_away_mark(AwayMark mark) {
    TERRACE_DCHECK(is_away());
    std::memcpy(value(), &mark.word, 8);
  }

  // --- collections ---
  types::Value collection() const {
    TERRACE_DCHECK(IsCollection(encoding()));
    return {type(), encoding(), Load<void*>(value())};
  }
  /// Whether that is its collection, in the same place and encoding.
  bool Holds(types::Value collection) const {
    return type() == collection.type && encoding() == collection.encoding &&
           Load<void*>(value()) == collection.data;
  }
  /// The same collection, changed and perhaps in another encoding: what it was in before is no more.
  void set_collection(types::Value value);
  /// About how many allocations there are to free with it.
  size_t FreeEffort() const {
    return IsCollection(encoding()) ? types::FreeEffort(collection()) : 1;
  }

  // --- strings ---
  int64_t integer() const {
    TERRACE_DCHECK(encoding() == Encoding::kInteger && !is_away());
    return Load<int64_t>(value());
  }
  void set_integer(int64_t integer) {
    TERRACE_DCHECK(encoding() == Encoding::kInteger);
    std::memcpy(value(), &integer, 8);
    MarkChanged();
  }
  Blob* blob() const {
    TERRACE_DCHECK(encoding() == Encoding::kBlob);
    return Load<Blob*>(value());
  }
  /// The string's bytes. An integer is written to `text`; otherwise the view is into the entry or its blob.
  Bytes StringBytes(IntegerText* text) const;
  size_t StringLength() const;

  /// Rewrites value and deadline in place if the result falls into the same size class; false leaves it untouched.
  bool TryAssign(const StringSource& value, uint64_t deadline_ms);
  /// The bytes of an inline or unshared blob string, to be changed in place; nullptr otherwise.
  char* MutableStringBytes();
  /// The same after making the string `size` bytes long, at least what it is (the new bytes are undefined); nullptr if it
  /// cannot grow where it is.
  char* TryGrowString(size_t size);
  /// Changed in place by APPEND or SETRANGE since it was set: what OBJECT ENCODING calls raw, however short.
  bool raw_string() const { return (flags_ & kRawString) != 0; }
  void MarkRawString() { flags_ |= kRawString | kChanged; }

  /// Bytes the allocator holds for it, blob included.
  size_t MemoryBytes() const;
  /// About the same, in some microseconds however large it is.
  size_t MemoryEstimate() const;

 private:
  static constexpr size_t kHeaderBytes = 8;
  static constexpr uint8_t kLongKey = 255;
  static constexpr uint8_t kLongValue = 255;
  // The values of the first two are the bytes they add to the header; an entry has one of them at most.
  enum Flag : uint8_t {
    kHasDeadline = 8,
    kHasTimedItems = 16,
    kRawString = 1,
    kChanged = 2,
    kInTable = 4,
    kAwaitsInstall = 32,
    kAway = 64,
  };
  static constexpr uint8_t kDeadlineBytes = kHasDeadline | kHasTimedItems;

  Entry() = default;

  template <typename T>
  static T Load(const char* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }

  static Entry* New(Bytes key, const StringSource& value, uint64_t deadline_ms, uint64_t items_ms);
  static size_t BytesFor(size_t key_size, const StringSource& value, size_t deadline_bytes);
  bool NothingIsLeft(uint64_t now_ms) const;
  /// CONTRACT: there is room for them.
  void WriteDeadlines(uint64_t deadline_ms, uint64_t items_ms);
  size_t OwnMemoryBytes() const;  // without its collection's
  size_t AllocatedBytes() const;  // of the allocation, before rounding to its size class
  void WriteValue(const StringSource& value);

  char* raw() { return reinterpret_cast<char*>(this); }
  const char* raw() const { return reinterpret_cast<const char*>(this); }
  const char* after_header() const { return raw() + kHeaderBytes + (flags_ & kDeadlineBytes); }
  const char* value() const {
    const char* p = after_header();
    return TERRACE_LIKELY(short_key_length_ != kLongKey) ? p + short_key_length_
                                                         : p + 4 + Load<uint32_t>(p);
  }
  char* value() { return const_cast<char*>(static_cast<const Entry*>(this)->value()); }

  uint8_t type_encoding_;
  uint8_t flags_;
  uint16_t epoch_;
  uint8_t access_[3];
  uint8_t short_key_length_;
};

static_assert(sizeof(Entry) == 8);

}  // namespace terrace::engine
