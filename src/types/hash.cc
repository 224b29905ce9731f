#include "types/hash.h"

#include "base/check.h"
#include "base/numbers.h"

namespace terrace::types {

std::optional<Element> Hash::Get(Bytes field) const {
  if (!packed()) {
    const TableItem* item = table()->Find(field);
    if (item == nullptr) return std::nullopt;
    return Element::OfString(item->value());
  }
  const Listpack list = listpack();
  const auto at = FindPacked(list, field);
  if (at == nullptr) return std::nullopt;
  return list.Get(list.Next(at));
}

bool Hash::Contains(Bytes field) const {
  if (!packed()) return table()->Find(field) != nullptr;
  return FindPacked(listpack(), field) != nullptr;
}

bool Hash::Set(Bytes field, Bytes value, const HashLimits& limits, OldDeadline old_deadline) {
  if (packed()) {
    const bool too_long =
        field.size() > limits.listpack_value_bytes || value.size() > limits.listpack_value_bytes;
    if (too_long || !listpack().HasRoomFor(field.size() + value.size() + 32)) BecomeTable();
  }
  if (packed()) {
    if (!SetPacked(field, value, old_deadline)) return false;
    if (static_cast<int64_t>(Size()) > limits.listpack_entries) BecomeTable();
    return true;
  }
  const bool is_new = table()->Put(field, value);
  if (value_.encoding == Encoding::kTimedTable && !is_new && old_deadline == OldDeadline::kGoes)
    SetDeadline(field, 0);
  return is_new;
}

bool Hash::SetPacked(Bytes field, Bytes value, OldDeadline old_deadline) {
  Listpack list = listpack();
  const auto at = FindPacked(list, field);
  if (at != nullptr) {
    list.Replace(list.Next(at), value);
    value_.data = list.data();
    if (value_.encoding == Encoding::kListpackEx && old_deadline == OldDeadline::kGoes)
      SetDeadline(field, 0);
    return false;
  }
  list.Append(field);
  list.Append(value);
  if (value_.encoding == Encoding::kListpackEx) list.Append(int64_t{0});
  value_.data = list.data();
  return true;
}

bool Hash::Erase(Bytes field) {
  if (!packed()) {
    if (TERRACE_LIKELY(value_.encoding == Encoding::kHashTable)) return table()->Erase(field);
    const bool erased = timed_table()->Erase(field);
    ForgetIndexIfEmpty();
    return erased;
  }
  Listpack list = listpack();
  const auto at = FindPacked(list, field);
  if (at == nullptr) return false;
  list.Erase(at, group());
  value_.data = list.data();
  return true;
}

uint64_t Hash::DeadlineOf(Bytes field) const {
  if (!MayHaveTimedItems(value_.encoding)) return 0;
  if (!packed()) return timed_table()->DeadlineOf(field);
  const auto at = FindPacked(listpack(), field);
  return at == nullptr ? 0 : PackedFields(value_.data).DeadlineAt(at);
}

void Hash::SetDeadline(Bytes field, uint64_t deadline_ms) {
  TERRACE_DCHECK(Contains(field) && deadline_ms <= kDeadlineMax);
  if (!MayHaveTimedItems(value_.encoding)) {
    if (deadline_ms == 0) return;
    if (packed() && listpack().HasRoomFor(16 * Size())) {
      value_ = {Type::kHash, Encoding::kListpackEx,
                PackedFields::TakeOver(listpack()).list().data()};
    } else {
      if (packed()) BecomeTable();
      value_ = {Type::kHash, Encoding::kTimedTable, TimedTable::New(table())};
    }
  }
  if (packed()) {
    PackedFields fields(value_.data);
    fields.SetDeadline(FindPacked(fields.list(), field), deadline_ms);
    value_.data = fields.list().data();
    return;
  }
  timed_table()->SetDeadline(field, deadline_ms);
  ForgetIndexIfEmpty();
}

std::vector<Listpack::Position> Hash::Fields(size_t wanted) const {
  std::vector<Listpack::Position> fields;
  if (wanted <= 1) return fields;
  const Listpack list = listpack();
  fields.reserve(Size());
  for (auto at = list.First(); at != nullptr; at = NextField(list, list.Next(at)))
    fields.push_back(at);
  return fields;
}

void Hash::BecomeTable() {
  Table* table = Table::New(Table::Extra::kValue);
  ForEach([table](const Element& field, const Element& value) {
    char field_digits[kInt64CharsMax];
    char value_digits[kInt64CharsMax];
    table->Put(field.Text(field_digits), value.Text(value_digits));
  });
  Value made = {Type::kHash, Encoding::kHashTable, table};
  if (NextDeadline() != 0) {
    TimedTable* timed = TimedTable::New(table);
    const PackedFields fields(value_.data);
    const Listpack list = fields.list();
    for (auto at = list.First(); at != nullptr && fields.DeadlineAt(at) != 0;
         at = NextField(list, list.Next(at))) {
      char digits[kInt64CharsMax];
      timed->SetDeadline(list.Get(at).Text(digits), fields.DeadlineAt(at));
    }
    made = {Type::kHash, Encoding::kTimedTable, timed};
  }
  listpack().Free();
  value_ = made;
}

void Hash::ForgetIndexIfEmpty() {
  if (timed_table()->timed() == 0)
    value_ = {Type::kHash, Encoding::kHashTable, TimedTable::Dissolve(timed_table())};
}

}  // namespace terrace::types
