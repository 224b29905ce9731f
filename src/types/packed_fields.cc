#include "types/packed_fields.h"

#include <string>

namespace terrace::types {

PackedFields PackedFields::TakeOver(Listpack pairs) {
  Listpack list = Listpack::New();
  const auto append = [&list](const Element& element) {
    element.is_integer() ? list.Append(element.integer()) : list.Append(element.string());
  };
  for (Position at = pairs.First(); at != nullptr;) {
    const Position value = pairs.Next(at);
    append(pairs.Get(at));
    append(pairs.Get(value));
    list.Append(int64_t{0});
    at = pairs.Next(value);
  }
  pairs.Free();
  return PackedFields(list);
}

bool PackedFields::IsSound(const Listpack& list, size_t count, uint64_t deadline_max) {
  if (count % kGroup != 0) return false;
  uint64_t last = 1;
  for (Position at = list.First(); at != nullptr; at = list.Next(at)) {
    at = list.Next(list.Next(at));
    const Element deadline = list.Get(at);
    if (!deadline.is_integer() || deadline.integer() < 0) return false;
    const auto deadline_ms = static_cast<uint64_t>(deadline.integer());
    if (deadline_ms > deadline_max) return false;
    // Behind the first 0 nothing but 0 may come.
    if (deadline_ms != 0 && (last == 0 || deadline_ms < last)) return false;
    last = deadline_ms;
  }
  return true;
}

void PackedFields::Append(Bytes field, Bytes value) {
  list_.Append(field);
  list_.Append(value);
  list_.Append(int64_t{0});
}

void PackedFields::SetDeadline(Position field, uint64_t deadline_ms) {
  if (DeadlineAt(field) == deadline_ms) return;
  char field_digits[kInt64CharsMax], value_digits[kInt64CharsMax];
  const std::string field_text(list_.Get(field).Text(field_digits));
  const std::string value_text(list_.Get(list_.Next(field)).Text(value_digits));
  list_.Erase(field, kGroup);
  Position at = nullptr;  // the end
  if (deadline_ms != 0) {
    for (at = list_.First(); at != nullptr; at = list_.Next(list_.Next(list_.Next(at)))) {
      const uint64_t other = DeadlineAt(at);
      if (other == 0 || other > deadline_ms) break;
    }
  }
  char digits[kInt64CharsMax];
  at = list_.Insert(at, field_text);
  at = list_.Insert(list_.Next(at), value_text);
  list_.Insert(list_.Next(at),
               Bytes(digits, FormatInt64(static_cast<int64_t>(deadline_ms), digits)));
}

}  // namespace terrace::types
