// Hash: fields with values. A small one is a listpack, field, value, field, value ... in the order they came; a large one
// is a table (types/table.h). It becomes a table when it has more fields, or a longer string, than the limits allow, and
// stays one. A handle, like Listpack: an edit may move it, so value() is asked again afterwards.
//
// Fields may have deadlines. Nothing here looks at a clock: who finds fields due takes them (EraseDue) before anybody reads
// the hash. With its first deadline a listpack becomes one of triplets (types/packed_fields.h), which it stays, and a table
// gets a second one beside it (types/timed_table.h) until the last deadline has gone.
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
#include "types/packed_fields.h"
#include "types/table.h"
#include "types/timed_table.h"
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
  size_t Size() const {
    if (!packed()) return table()->Size();
    return value_.encoding == Encoding::kListpack ? listpack().Count() / 2
                                                  : listpack().Count() / PackedFields::kGroup;
  }

  /// The field's value, good until the next edit.
  std::optional<Element> Get(Bytes field) const;
  bool Contains(Bytes field) const;
  /// Whether a field that gets another value keeps the deadline it had.
  enum class OldDeadline : uint8_t { kGoes, kStays };
  /// True if the field is new. The value must not be a part of this hash.
  bool Set(Bytes field, Bytes value, const HashLimits& limits,
           OldDeadline old_deadline = OldDeadline::kGoes);
  /// False if there is no such field.
  bool Erase(Bytes field);

  // --- deadlines: ms since epoch, 0 for none ---
  /// What the index of large hashes takes, and what stock servers take from a file.
  static constexpr uint64_t kDeadlineMax = (uint64_t{1} << 48) - 1;
  /// 0, too, if there is no such field.
  uint64_t DeadlineOf(Bytes field) const;
  /// CONTRACT: there is such a field, and the deadline is not above kDeadlineMax.
  void SetDeadline(Bytes field, uint64_t deadline_ms);
  /// The earliest of all.
  uint64_t NextDeadline() const { return types::NextDeadline(value_); }
  /// Erases up to `max` fields whose deadlines have passed, after visit(Bytes field) for each. Returns how many.
  template <typename F>
  size_t EraseDue(uint64_t now_ms, size_t max, F&& visit) {
    if (!MayHaveTimedItems(value_.encoding)) return 0;
    if (value_.encoding == Encoding::kListpackEx) {
      PackedFields fields(value_.data);
      const size_t erased = fields.EraseDue(now_ms, max, visit);
      value_.data = fields.list().data();
      return erased;
    }
    const size_t erased = timed_table()->EraseDue(now_ms, max, visit);
    ForgetIndexIfEmpty();
    return erased;
  }

  /// visit(Element field, Element value) for each; visit must not change the hash.
  template <typename F>
  void ForEach(F&& visit) const {
    if (!packed()) return table()->ForEach([&](const TableItem& item) { Show(item, visit); });
    const Listpack list = listpack();
    for (auto at = list.First(); at != nullptr;) {
      const auto value_at = list.Next(at);
      visit(list.Get(at), list.Get(value_at));
      at = NextField(list, value_at);
    }
  }
  /// visit(Element field, Element value, uint64_t deadline_ms) for each.
  template <typename F>
  void ForEachTimed(F&& visit) const {
    if (value_.encoding == Encoding::kListpackEx) {
      const Listpack list = listpack();
      for (auto at = list.First(); at != nullptr;) {
        const auto value_at = list.Next(at);
        visit(list.Get(at), list.Get(value_at), PackedFields(list).DeadlineAt(at));
        at = NextField(list, value_at);
      }
      return;
    }
    const bool timed = value_.encoding == Encoding::kTimedTable;
    ForEach([&](const Element& field, const Element& value) {
      visit(field, value, timed ? timed_table()->DeadlineOf(field.string()) : 0);
    });
  }
  /// Table::Scan's promise; a small hash is visited whole at once.
  template <typename F>
  uint64_t Scan(uint64_t cursor, size_t count, F&& visit) const {
    if (!packed())
      return table()->Scan(cursor, count, [&](const TableItem& item) { Show(item, visit); });
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
      const auto at = list.Seek(static_cast<int64_t>(group() * random.Below(Size())));
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
    if (!packed())
      return table()->Sample(random, count, [&](const TableItem& item) { Show(item, visit); });
    Sampling sampling(Size(), count);
    ForEach([&](const Element& field, const Element& value) {
      if (sampling.Takes(random)) visit(field, value);
    });
  }

 private:
  bool packed() const {
    return value_.encoding == Encoding::kListpack || value_.encoding == Encoding::kListpackEx;
  }
  Listpack listpack() const { return Listpack(value_.data); }
  /// Elements that a field takes in the listpack.
  size_t group() const { return value_.encoding == Encoding::kListpack ? 2 : PackedFields::kGroup; }
  Listpack::Position NextField(const Listpack& list, Listpack::Position value_at) const {
    const auto next = list.Next(value_at);
    return value_.encoding == Encoding::kListpack ? next : list.Next(next);
  }
  Listpack::Position FindPacked(const Listpack& list, Bytes field) const {
    return list.Find(list.First(), field, group() - 1);
  }
  TimedTable* timed_table() const { return static_cast<TimedTable*>(value_.data); }
  Table* table() const {
    return value_.encoding == Encoding::kHashTable ? static_cast<Table*>(value_.data)
                                                   : timed_table()->fields();
  }

  template <typename F>
  static void Show(const TableItem& item, F& visit) {
    visit(Element::OfString(item.member()), Element::OfString(item.value()));
  }
  /// Where the fields of a listpack begin; nothing if only one is wanted.
  std::vector<Listpack::Position> Fields(size_t wanted) const;
  bool SetPacked(Bytes field, Bytes value, OldDeadline old_deadline);
  void BecomeTable();
  void ForgetIndexIfEmpty();

  Value value_;
};

}  // namespace terrace::types
