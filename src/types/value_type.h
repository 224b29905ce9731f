// The types a key can hold and how each is stored; the names are what TYPE and OBJECT ENCODING answer.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace terrace {

enum class Type : uint8_t { kString, kList, kSet, kZset, kHash, kStream };

enum class Encoding : uint8_t {
  kInteger,  // a string that is the decimal form of an int64: 8 bytes in the entry
  kInline,   // a string inside the entry
  kBlob,     // a string in a reference-counted allocation of its own
  // Collections: the entry holds a pointer (types/value.h).
  kListpack,   // a small list, hash, set or sorted set as one run of bytes
  kIntset,     // a set of integers as a sorted array
  kQuicklist,  // a list as a list of listpacks
  kHashTable,  // a hash or set
  kSkiplist,   // a sorted set as a tree and a table; the name is what clients know it by
  kStream,
  // Hashes with fields that have deadlines, last of all: none of the encodings before has items with deadlines.
  kListpackEx,  // kListpack with a deadline behind each value
  kTimedTable,  // kHashTable and an index of the fields with deadlines
};

/// Strings are stored in the entry itself or in a blob, everything else behind one pointer.
constexpr bool IsCollection(Encoding encoding) { return encoding >= Encoding::kListpack; }

/// Whether items of a collection of this encoding may have deadlines of their own.
constexpr bool MayHaveTimedItems(Encoding encoding) { return encoding >= Encoding::kListpackEx; }

constexpr Bytes TypeName(Type type) {
  constexpr Bytes kNames[] = {"string", "list", "set", "zset", "hash", "stream"};
  return kNames[static_cast<uint8_t>(type)];
}

}  // namespace terrace
