#include "types/items.h"

#include "base/check.h"
#include "types/hash.h"
#include "types/intset.h"
#include "types/listpack.h"
#include "types/quicklist.h"
#include "types/sorted_set.h"
#include "types/stream.h"
#include "types/table.h"

namespace terrace::types {

size_t CountItems(Value value) {
  if (value.type == Type::kZset) return SortedSet(value).Size();
  if (value.type == Type::kHash) return Hash(value).Size();
  switch (value.encoding) {
    case Encoding::kListpack:
      return Listpack(value.data).Count();
    case Encoding::kIntset:
      return Intset(value.data).Count();
    case Encoding::kHashTable:
      return static_cast<const Table*>(value.data)->Size();
    case Encoding::kQuicklist:
      return Quicklist(value.data).Size();
    case Encoding::kStream:
      return Stream(value).Size();
    default:
      TERRACE_CHECK(false && "a collection of another encoding");
  }
  return 0;
}

void ForEachElement(Value list_or_set, const std::function<void(Bytes)>& visit) {
  char digits[kInt64CharsMax];
  switch (list_or_set.encoding) {
    case Encoding::kListpack: {
      const Listpack elements(list_or_set.data);
      for (auto at = elements.First(); at != nullptr; at = elements.Next(at))
        visit(elements.Get(at).Text(digits));
      return;
    }
    case Encoding::kIntset: {
      const Intset members(list_or_set.data);
      const size_t count = members.Count();
      for (size_t i = 0; i < count; ++i) visit(Element::OfInteger(members.At(i)).Text(digits));
      return;
    }
    case Encoding::kHashTable:
      return static_cast<const Table*>(list_or_set.data)->ForEach([&](const TableItem& item) {
        visit(item.member());
      });
    case Encoding::kQuicklist:
      return Quicklist(list_or_set.data).Walk(0, ListEnd::kTail, [&](const Element& element) {
        visit(element.Text(digits));
        return true;
      });
    default:
      TERRACE_CHECK(false && "a list or set of another encoding");
  }
}

void ForEachField(Value hash, const std::function<void(Bytes, Bytes)>& visit) {
  Hash(hash).ForEach([&](const Element& field, const Element& value) {
    char field_digits[kInt64CharsMax], value_digits[kInt64CharsMax];
    visit(field.Text(field_digits), value.Text(value_digits));
  });
}

void ForEachTimedField(Value hash, const std::function<void(Bytes, Bytes, uint64_t)>& visit) {
  Hash(hash).ForEachTimed([&](const Element& field, const Element& value, uint64_t deadline_ms) {
    char field_digits[kInt64CharsMax], value_digits[kInt64CharsMax];
    visit(field.Text(field_digits), value.Text(value_digits), deadline_ms);
  });
}

void ForEachScore(Value zset, const std::function<void(Bytes, double)>& visit) {
  for (SortedSet::Cursor at = SortedSet(zset).First(); at; at.Next())
    visit(at.member(), at.score());
}

void ForEachScoreDown(Value zset, const std::function<void(Bytes, double)>& visit) {
  for (SortedSet::Cursor at = SortedSet(zset).Last(); at; at.Previous())
    visit(at.member(), at.score());
}

}  // namespace terrace::types
