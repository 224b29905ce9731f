#include "types/items.h"

#include "base/check.h"
#include "types/intset.h"
#include "types/listpack.h"
#include "types/quicklist.h"
#include "types/sorted_set.h"
#include "types/stream.h"
#include "types/table.h"

namespace terrace::types {
namespace {

// visit(first, second) for the elements taken two by two.
template <typename Visit>
void ForEachTwo(Listpack pairs, Visit visit) {
  for (Listpack::Position at = pairs.First(); at != nullptr;) {
    const Listpack::Position second = pairs.Next(at);
    visit(pairs.Get(at), pairs.Get(second));
    at = pairs.Next(second);
  }
}

}  // namespace

size_t CountItems(Value value) {
  if (value.type == Type::kZset) return SortedSet(value).Size();
  switch (value.encoding) {
    case Encoding::kListpack: {
      return Listpack(value.data).Count() / (value.type == Type::kHash ? 2 : 1);
    }
    case Encoding::kIntset: return Intset(value.data).Count();
    case Encoding::kHashTable: return static_cast<const Table*>(value.data)->Size();
    case Encoding::kQuicklist: return Quicklist(value.data).Size();
    case Encoding::kStream: return Stream(value).Size();
    default: TERRACE_CHECK(false && "a collection of another encoding");
  }
  return 0;
}

void ForEachElement(Value list_or_set, const std::function<void(Bytes)>& visit) {
  char digits[kInt64CharsMax];
  switch (list_or_set.encoding) {
    case Encoding::kListpack: {
      const Listpack elements(list_or_set.data);
      for (auto at = elements.First(); at != nullptr; at = elements.Next(at)) visit(elements.Get(at).Text(digits));
      return;
    }
    case Encoding::kIntset: {
      const Intset members(list_or_set.data);
      const size_t count = members.Count();
      for (size_t i = 0; i < count; ++i) visit(Element::OfInteger(members.At(i)).Text(digits));
      return;
    }
    case Encoding::kHashTable:
      return static_cast<const Table*>(list_or_set.data)->ForEach([&](const TableItem& item) { visit(item.member()); });
    case Encoding::kQuicklist:
      return Quicklist(list_or_set.data).Walk(0, ListEnd::kTail, [&](const Element& element) {
        visit(element.Text(digits));
        return true;
      });
    default: TERRACE_CHECK(false && "a list or set of another encoding");
  }
}

void ForEachField(Value hash, const std::function<void(Bytes, Bytes)>& visit) {
  switch (hash.encoding) {
    case Encoding::kListpack:
      return ForEachTwo(Listpack(hash.data), [&](const Element& field, const Element& value) {
        char field_digits[kInt64CharsMax], value_digits[kInt64CharsMax];
        visit(field.Text(field_digits), value.Text(value_digits));
      });
    case Encoding::kHashTable:
      return static_cast<const Table*>(hash.data)->ForEach(
          [&](const TableItem& item) { visit(item.member(), item.value()); });
    default: TERRACE_CHECK(false && "a hash of another encoding");
  }
}

void ForEachScore(Value zset, const std::function<void(Bytes, double)>& visit) {
  for (SortedSet::Cursor at = SortedSet(zset).First(); at; at.Next()) visit(at.member(), at.score());
}

void ForEachScoreDown(Value zset, const std::function<void(Bytes, double)>& visit) {
  for (SortedSet::Cursor at = SortedSet(zset).Last(); at; at.Previous()) visit(at.member(), at.score());
}

}  // namespace terrace::types
