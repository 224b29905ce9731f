#include "types/hash.h"

#include "base/numbers.h"

namespace terrace::types {

std::optional<Element> Hash::Get(Bytes field) const {
  if (!packed()) {
    const TableItem* item = table()->Find(field);
    if (item == nullptr) return std::nullopt;
    return Element::OfString(item->value());
  }
  const Listpack list = listpack();
  const auto at = list.Find(list.First(), field, 1);
  if (at == nullptr) return std::nullopt;
  return list.Get(list.Next(at));
}

bool Hash::Contains(Bytes field) const {
  if (!packed()) return table()->Find(field) != nullptr;
  const Listpack list = listpack();
  return list.Find(list.First(), field, 1) != nullptr;
}

bool Hash::Set(Bytes field, Bytes value, const HashLimits& limits) {
  if (packed()) {
    const bool too_long = field.size() > limits.listpack_value_bytes || value.size() > limits.listpack_value_bytes;
    if (too_long || !listpack().HasRoomFor(field.size() + value.size() + 16)) BecomeTable();
  }
  if (!packed()) return table()->Put(field, value);
  Listpack list = listpack();
  const auto at = list.Find(list.First(), field, 1);
  if (at != nullptr) {
    list.Replace(list.Next(at), value);
    value_.data = list.data();
    return false;
  }
  list.Append(field);
  list.Append(value);
  value_.data = list.data();
  if (static_cast<int64_t>(Size()) > limits.listpack_entries) BecomeTable();
  return true;
}

bool Hash::Erase(Bytes field) {
  if (!packed()) return table()->Erase(field);
  Listpack list = listpack();
  const auto at = list.Find(list.First(), field, 1);
  if (at == nullptr) return false;
  list.Erase(at, 2);
  value_.data = list.data();
  return true;
}

std::vector<Listpack::Position> Hash::Fields(size_t wanted) const {
  std::vector<Listpack::Position> fields;
  if (wanted <= 1) return fields;
  const Listpack list = listpack();
  fields.reserve(Size());
  for (auto at = list.First(); at != nullptr; at = list.Next(list.Next(at))) fields.push_back(at);
  return fields;
}

void Hash::BecomeTable() {
  Table* table = Table::New(Table::Extra::kValue);
  ForEach([table](const Element& field, const Element& value) {
    char field_digits[kInt64CharsMax];
    char value_digits[kInt64CharsMax];
    table->Put(field.Text(field_digits), value.Text(value_digits));
  });
  listpack().Free();
  value_.encoding = Encoding::kHashTable;
  value_.data = table;
}

}  // namespace terrace::types
