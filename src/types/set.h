// Set: distinct strings. Three encodings, from the smallest that does to the largest:
//
//   intset      integers only, up to set-max-intset-entries of them
//   listpack    up to set-max-listpack-entries, none longer than set-max-listpack-value
//   hash table  everything else (types/table.h)
//
// A set that grows moves down this list and never up again by itself; whoever makes a new set of what may have become
// integers only (SINTERSTORE) calls Compact.
//
// A member is an Element: the integer encodings have no text to point to, and sets meet sets without printing numbers.
//
// Threads: the lock of the key's shard.
#pragma once

#include <atomic>
#include <unordered_set>

#include "base/random.h"
#include "types/encoding_limits.h"
#include "types/intset.h"
#include "types/listpack.h"
#include "types/table.h"
#include "types/value.h"

namespace terrace::types {

struct SetLimits {
  SetLimits() = default;
  explicit SetLimits(const EncodingLimits& limits)
      : intset_entries(limits.set_intset_entries.load(std::memory_order_relaxed)),
        listpack_entries(limits.set_listpack_entries.load(std::memory_order_relaxed)),
        listpack_value_bytes(limits.set_listpack_value_bytes.load(std::memory_order_relaxed)) {}

  int64_t intset_entries = 512;
  int64_t listpack_entries = 128;
  uint64_t listpack_value_bytes = 64;
};

class Set {
 public:
  explicit Set(Value value) : value_(value) {}
  /// An empty intset.
  static Set New() { return New(Encoding::kIntset); }
  /// An empty one that begins in another encoding: what is to come is known.
  static Set New(Encoding encoding);
  Value value() const { return value_; }

  size_t Size() const;
  bool Contains(Bytes member) const;
  bool Contains(const Element& member) const;

  /// Before up to `count` members, of which `first` is one, are added: goes at once to the encoding that holds so many.
  void Expect(Bytes first, size_t count, const SetLimits& limits);
  /// False if it is in already. `member` must not lie in this set.
  bool Add(Bytes member, const SetLimits& limits);
  bool Add(const Element& member, const SetLimits& limits);
  /// False if it is not in. `member` may lie in this set.
  bool Remove(Bytes member);
  bool Remove(const Element& member);
  /// An intset again, if nothing but integers is in and not too many.
  void Compact(const SetLimits& limits);

  /// Any member, each as likely as the others; good until the next edit. Not of an empty set.
  Element Pick(Random& random) const;
  /// visit(element) for `count` different members, fewer than there are, each choice as likely as the others.
  template <typename F>
  void Sample(size_t count, Random& random, F&& visit) const;
  /// The same, and they leave the set; visit sees each while it is still good.
  template <typename F>
  void Pop(size_t count, Random& random, F&& visit);

  /// visit(element) for every member until it returns false.
  template <typename F>
  void ForEach(F&& visit) const;
  /// The compact encodings are visited whole; a table as Table::Scan says.
  template <typename F>
  uint64_t Scan(uint64_t cursor, size_t count, F&& visit) const;

 private:
  static Element ElementOf(const TableItem& item) { return Element::OfString(item.member()); }

  Intset intset() const { return Intset(value_.data); }
  Listpack listpack() const { return Listpack(value_.data); }
  Table* table() const { return static_cast<Table*>(value_.data); }

  bool AddInteger(int64_t integer, const SetLimits& limits);
  bool AddText(Bytes text, const SetLimits& limits);
  bool FitsListpack(size_t bytes, const SetLimits& limits) const;
  void ConvertToListpack();
  void ConvertToTable();
  void Become(Encoding encoding, void* data);

  Value value_;
};

template <typename F>
void Set::ForEach(F&& visit) const {
  switch (value_.encoding) {
    case Encoding::kIntset: {
      const Intset from = intset();
      const size_t count = from.Count();
      for (size_t i = 0; i < count; ++i) {
        if (!visit(Element::OfInteger(from.At(i)))) return;
      }
      return;
    }
    case Encoding::kListpack: {
      const Listpack from = listpack();
      for (auto at = from.First(); at != nullptr; at = from.Next(at)) {
        if (!visit(from.Get(at))) return;
      }
      return;
    }
    default: {
      bool going = true;
      uint64_t cursor = 0;
      do {  // a bucket at a time
        cursor = table()->Scan(
            cursor, 1, [&](const TableItem& item) { going = going && visit(ElementOf(item)); });
      } while (going && cursor != 0);
    }
  }
}

template <typename F>
uint64_t Set::Scan(uint64_t cursor, size_t count, F&& visit) const {
  if (value_.encoding == Encoding::kHashTable) {
    return table()->Scan(cursor, count, [&](const TableItem& item) { visit(ElementOf(item)); });
  }
  ForEach([&](const Element& element) {
    visit(element);
    return true;
  });
  return 0;
}

template <typename F>
void Set::Sample(size_t count, Random& random, F&& visit) const {
  // Few of many out of a table: drawing again what came before is rare. The others are walked once, and each is taken
  // with the chance of those still wanted among those still to come.
  constexpr size_t kFew = 3;
  if (value_.encoding == Encoding::kHashTable && count < Size() / kFew) {
    std::unordered_set<const char*> taken;
    taken.reserve(count);
    while (taken.size() < count) {
      const Bytes member = table()->Pick(random)->member();
      if (taken.insert(member.data()).second) visit(Element::OfString(member));
    }
    return;
  }
  size_t left = Size();
  ForEach([&](const Element& element) {
    if (random.Below(left--) < count) {
      visit(element);
      --count;
    }
    return count != 0;
  });
}

template <typename F>
void Set::Pop(size_t count, Random& random, F&& visit) {
  if (value_.encoding == Encoding::kHashTable || count == 1) {
    for (; count != 0; --count) {
      const Element element = Pick(random);
      visit(element);
      Remove(element);
    }
    return;
  }
  // What stays is written anew: taking one by one out of the middle would move the rest each time.
  size_t left = Size();
  const auto leaves = [&](const Element& element) {
    if (random.Below(left--) >= count) return false;
    visit(element);
    --count;
    return true;
  };
  if (value_.encoding == Encoding::kIntset) {
    Intset rest = Intset::New();
    ForEach([&](const Element& element) {
      if (!leaves(element)) rest.Add(element.integer());
      return true;
    });
    return Become(Encoding::kIntset, rest.data());
  }
  Listpack rest = Listpack::New();
  ForEach([&](const Element& element) {
    if (leaves(element)) return true;
    element.is_integer() ? rest.Append(element.integer()) : rest.Append(element.string());
    return true;
  });
  Become(Encoding::kListpack, rest.data());
}

}  // namespace terrace::types
