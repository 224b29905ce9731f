// PackedFields: a small hash with fields that have deadlines, as one listpack, the same bytes Redis keeps: triplets
//
//   field, value, deadline (ms since epoch) ...   those that go first first, and then, with 0, those that never go
//
// A handle on a listpack it does not own, like Listpack; every edit may move it.
//
// Threads: the lock of the key's shard.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "types/listpack.h"

namespace terrace::types {

class PackedFields {
 public:
  using Position = Listpack::Position;
  static constexpr size_t kGroup = 3;

  explicit PackedFields(void* data) : list_(data) {}
  explicit PackedFields(Listpack list) : list_(list) {}
  /// The fields of a listpack of field, value, ..., which is freed; none has a deadline yet.
  static PackedFields TakeOver(Listpack pairs);

  Listpack list() const { return list_; }

  /// Whether a listpack that Validate accepted is one of these: whole triplets, deadlines up to `deadline_max` and in
  /// their order. Whether a field is there twice is not looked at.
  static bool IsSound(const Listpack& list, size_t count, uint64_t deadline_max);

  /// 0 if it has none. `field` is where the field stands.
  uint64_t DeadlineAt(Position field) const { return Deadline(list_.Next(list_.Next(field))); }
  uint64_t NextDeadline() const {
    const Position first = list_.First();
    return first == nullptr ? 0 : DeadlineAt(first);
  }
  bool AllDue(uint64_t now_ms) const {
    const Position last = list_.Last();
    return last != nullptr && IsDue(Deadline(last), now_ms);
  }
  static bool IsDue(uint64_t deadline_ms, uint64_t now_ms) {
    return deadline_ms != 0 && deadline_ms < now_ms;
  }

  void Append(Bytes field, Bytes value);
  /// Puts the field, its value and this deadline (0: none) where they belong.
  void SetDeadline(Position field, uint64_t deadline_ms);
  /// Takes up to `max` fields whose deadlines have passed, after visit(Bytes field) for each. Returns how many.
  template <typename Visit>
  size_t EraseDue(uint64_t now_ms, size_t max, Visit visit) {
    size_t due = 0;
    for (Position at = list_.First(); at != nullptr && due < max && IsDue(DeadlineAt(at), now_ms);
         ++due) {
      char digits[kInt64CharsMax];
      visit(list_.Get(at).Text(digits));
      at = list_.Next(list_.Next(list_.Next(at)));
    }
    if (due != 0) list_.Erase(list_.First(), due * kGroup);
    return due;
  }

 private:
  uint64_t Deadline(Position at) const { return static_cast<uint64_t>(list_.Get(at).integer()); }

  Listpack list_;
};

}  // namespace terrace::types
