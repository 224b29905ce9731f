// Hash: fields with values. A small one is a listpack, field, value, field, value ... in the order they came; a large one
// is a table (types/table.h). It becomes a table when it has more fields, or a longer string, than the limits allow, and
// stays one. A handle, like Listpack: an edit may move it, so value() is asked again afterwards.
//
// Threads: the lock of the key's shard.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "types/encoding_limits.h"
#include "types/listpack.h"
#include "types/table.h"
#include "types/value.h"

namespace terrace::types {

struct HashLimits {
  explicit HashLimits(const EncodingLimits& limits)
      : listpack_entries(limits.hash_listpack_entries.load(std::memory_order_relaxed)),
        listpack_value_bytes(limits.hash_listpack_value_bytes.load(std::memory_order_relaxed)) {}

  int64_t listpack_entries;
  uint64_t listpack_value_bytes;
};

class Hash {
 public:
  static Hash New() { return Hash({Type::kHash, Encoding::kListpack, Listpack::New().data()}); }
  explicit Hash(Value value) : value_(value) {}

  Value value() const { return value_; }
  size_t Size() const { return packed() ? listpack().Count() / 2 : table()->Size(); }

  /// The field's value, good until the next edit.
  std::optional<Element> Get(Bytes field) const;
  bool Contains(Bytes field) const;
  /// True if the field is new. The value must not be a part of this hash.
  bool Set(Bytes field, Bytes value, const HashLimits& limits);
  /// False if there is no such field.
  bool Erase(Bytes field);

  /// visit(Element field, Element value) for each; visit must not change the hash.
  template <typename F>
  void ForEach(F&& visit) const {
    if (!packed()) return table()->ForEach([&](const TableItem& item) { Show(item, visit); });
    const Listpack list = listpack();
    for (auto at = list.First(); at != nullptr;) {
      const auto value_at = list.Next(at);
      visit(list.Get(at), list.Get(value_at));
      at = list.Next(value_at);
    }
  }
  /// Table::Scan's promise; a small hash is visited whole at once.
  template <typename F>
  uint64_t Scan(uint64_t cursor, size_t count, F&& visit) const {
    if (!packed()) return table()->Scan(cursor, count, [&](const TableItem& item) { Show(item, visit); });
    ForEach(visit);
    return 0;
  }
  /// visit(field, value) for `count` fields drawn at random, the same one perhaps several times. Not empty.
  template <typename F>
  void Draw(Random& random, size_t count, F&& visit) const {
    if (!packed()) {
      for (; count != 0; --count) Show(*table()->Pick(random), visit);
      return;
    }
    const Listpack list = listpack();
    const std::vector<Listpack::Position> fields = Fields(count);
    if (fields.empty()) {  // a walk for one is cheaper than a list of all
      const auto at = list.Seek(static_cast<int64_t>(2 * random.Below(Size())));
      return visit(list.Get(at), list.Get(list.Next(at)));
    }
    for (; count != 0; --count) {
      const auto at = fields[random.Below(fields.size())];
      visit(list.Get(at), list.Get(list.Next(at)));
    }
  }
  /// The same for `count` different fields, each choice of them as likely; count <= Size().
  template <typename F>
  void Sample(Random& random, size_t count, F&& visit) const {
    if (!packed()) return table()->Sample(random, count, [&](const TableItem& item) { Show(item, visit); });
    Sampling sampling(Size(), count);
    ForEach([&](const Element& field, const Element& value) {
      if (sampling.Takes(random)) visit(field, value);
    });
  }

 private:
  bool packed() const { return value_.encoding == Encoding::kListpack; }
  Listpack listpack() const { return Listpack(value_.data); }
  Table* table() const { return static_cast<Table*>(value_.data); }

  template <typename F>
  static void Show(const TableItem& item, F& visit) {
    visit(Element::OfString(item.member()), Element::OfString(item.value()));
  }
  /// Where the fields of a listpack begin; nothing if only one is wanted.
  std::vector<Listpack::Position> Fields(size_t wanted) const;
  void BecomeTable();

  Value value_;
};

}  // namespace terrace::types
