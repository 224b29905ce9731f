#include "types/set.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace terrace::types {
namespace {

// Above this, moving half of the array for one insertion takes too long, whatever the setting says.
constexpr size_t kIntsetEntriesMax = size_t{1} << 30;

size_t Limit(int64_t setting) { return setting < 0 ? 0 : static_cast<size_t>(setting); }

size_t IntsetEntries(const SetLimits& limits) {
  return std::min(Limit(limits.intset_entries), kIntsetEntriesMax);
}

std::optional<int64_t> IntegerIn(Bytes text) {
  if (text.size() > kInt64CharsMax) return std::nullopt;
  return ParseInt64(text);
}

}  // namespace

Set Set::New(Encoding encoding) {
  Value value{Type::kSet, encoding, nullptr};
  switch (encoding) {
    case Encoding::kIntset:
      value.data = Intset::New().data();
      break;
    case Encoding::kListpack:
      value.data = Listpack::New().data();
      break;
    default:
      value.data = Table::New(Table::Extra::kNone);
  }
  return Set(value);
}

size_t Set::Size() const {
  switch (value_.encoding) {
    case Encoding::kIntset:
      return intset().Count();
    case Encoding::kListpack:
      return listpack().Count();
    default:
      return table()->Size();
  }
}

bool Set::Contains(Bytes member) const {
  switch (value_.encoding) {
    case Encoding::kIntset: {
      const auto integer = IntegerIn(member);
      return integer && intset().Contains(*integer);
    }
    case Encoding::kListpack:
      return listpack().Find(listpack().First(), member) != nullptr;
    default:
      return table()->Find(member) != nullptr;
  }
}

bool Set::Contains(const Element& member) const {
  if (member.is_integer() && value_.encoding == Encoding::kIntset)
    return intset().Contains(member.integer());
  char digits[kInt64CharsMax];
  return Contains(member.Text(digits));
}

// --- adding ---

void Set::Expect(Bytes first, size_t count, const SetLimits& limits) {
  if (value_.encoding == Encoding::kHashTable) return;
  if (Size() != 0) {
    const bool integers = value_.encoding == Encoding::kIntset;
    if (count > (integers ? IntsetEntries(limits) : Limit(limits.listpack_entries)))
      ConvertToTable();
    return;
  }
  if (IntegerIn(first) && count <= IntsetEntries(limits)) return;
  count <= Limit(limits.listpack_entries) ? ConvertToListpack() : ConvertToTable();
}

bool Set::Add(Bytes member, const SetLimits& limits) {
  if (TERRACE_LIKELY(value_.encoding == Encoding::kHashTable)) {
    bool inserted;
    table()->FindOrInsert(member, &inserted);
    return inserted;
  }
  if (value_.encoding == Encoding::kIntset) {
    if (const auto integer = IntegerIn(member)) return AddInteger(*integer, limits);
  }
  return AddText(member, limits);
}

bool Set::Add(const Element& member, const SetLimits& limits) {
  if (member.is_integer() && value_.encoding == Encoding::kIntset)
    return AddInteger(member.integer(), limits);
  char digits[kInt64CharsMax];
  return Add(member.Text(digits), limits);
}

bool Set::AddInteger(int64_t integer, const SetLimits& limits) {
  Intset integers = intset();
  if (!integers.Add(integer)) return false;
  value_.data = integers.data();
  // A larger intset does not become a listpack: where both have a say, the table is next.
  if (integers.Count() > IntsetEntries(limits)) ConvertToTable();
  return true;
}

// To a listpack, or to an intset that is one no longer.
bool Set::AddText(Bytes text, const SetLimits& limits) {
  if (value_.encoding == Encoding::kListpack) {
    if (Contains(text)) return false;
    if (!FitsListpack(text.size(), limits)) ConvertToTable();
  } else {
    // Its longest integer is the first or the last; all of them must fit, too.
    const Intset integers = intset();
    size_t longest = text.size();
    if (const size_t count = integers.Count(); count != 0) {
      char digits[kInt64CharsMax];
      longest = std::max({longest, FormatInt64(integers.At(0), digits),
                          FormatInt64(integers.At(count - 1), digits)});
    }
    FitsListpack(longest, limits) ? ConvertToListpack() : ConvertToTable();
  }
  if (value_.encoding == Encoding::kHashTable) {
    bool inserted;
    table()->FindOrInsert(text, &inserted);
    return inserted;
  }
  Listpack members = listpack();
  members.Append(text);
  value_.data = members.data();
  return true;
}

// One more, of so many bytes.
bool Set::FitsListpack(size_t bytes, const SetLimits& limits) const {
  const size_t size = Size();
  if (size >= Limit(limits.listpack_entries) || bytes > limits.listpack_value_bytes) return false;
  // Integers take at most ten bytes as elements.
  const size_t held = value_.encoding == Encoding::kListpack ? listpack().TotalBytes() : 10 * size;
  return held + bytes + 64 <= Listpack::kBytesMax;
}

void Set::ConvertToListpack() {
  Listpack members = Listpack::New();
  const Intset integers = intset();
  const size_t count = integers.Count();
  for (size_t i = 0; i < count; ++i) members.Append(integers.At(i));
  Become(Encoding::kListpack, members.data());
}

void Set::ConvertToTable() {
  Table* members = Table::New(Table::Extra::kNone);
  ForEach([members](const Element& element) {
    char digits[kInt64CharsMax];
    bool inserted;
    members->FindOrInsert(element.Text(digits), &inserted);
    return true;
  });
  Become(Encoding::kHashTable, members);
}

void Set::Compact(const SetLimits& limits) {
  if (value_.encoding == Encoding::kIntset || Size() > IntsetEntries(limits)) return;
  bool only_integers = true;
  ForEach([&](const Element& element) {
    only_integers = element.is_integer() || IntegerIn(element.string());
    return only_integers;
  });
  if (!only_integers) return;
  Intset integers = Intset::New();
  ForEach([&](const Element& element) {
    integers.Add(element.is_integer() ? element.integer() : *IntegerIn(element.string()));
    return true;
  });
  Become(Encoding::kIntset, integers.data());
}

void Set::Become(Encoding encoding, void* data) {
  Destroy(value_);
  value_.encoding = encoding;
  value_.data = data;
}

// --- removing ---

bool Set::Remove(Bytes member) {
  switch (value_.encoding) {
    case Encoding::kIntset: {
      const auto integer = IntegerIn(member);
      return integer && Remove(Element::OfInteger(*integer));
    }
    case Encoding::kListpack: {
      Listpack members = listpack();
      const auto at = members.Find(members.First(), member);
      if (at == nullptr) return false;
      members.Erase(at);
      value_.data = members.data();
      return true;
    }
    default:
      return table()->Erase(member);
  }
}

bool Set::Remove(const Element& member) {
  if (member.is_integer() && value_.encoding == Encoding::kIntset) {
    Intset integers = intset();
    const bool removed = integers.Remove(member.integer());
    value_.data = integers.data();
    return removed;
  }
  char digits[kInt64CharsMax];
  return Remove(member.Text(digits));
}

Element Set::Pick(Random& random) const {
  TERRACE_DCHECK(Size() != 0);
  switch (value_.encoding) {
    case Encoding::kIntset:
      return Element::OfInteger(intset().At(random.Below(intset().Count())));
    case Encoding::kListpack:
      return listpack().Get(
          listpack().Seek(static_cast<int64_t>(random.Below(listpack().Count()))));
    default:
      return ElementOf(*table()->Pick(random));
  }
}

}  // namespace terrace::types
