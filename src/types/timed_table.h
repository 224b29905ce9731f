// TimedTable: a large hash with fields that have deadlines: the table of all its fields, the same one it was before the
// first of them got a deadline, and a second table of those that have one, in order. So a hash comes to have deadlines,
// and loses the last of them, without touching its fields, however many there are; a field with a deadline pays for its
// name twice and some 30 bytes, the others pay nothing.
//
// Invariant: what is in the second table is in the first.
//
// Threads: the lock of the key's shard.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "types/scored_table.h"
#include "types/table.h"
#include "types/value.h"

namespace terrace::types {

class TimedTable {
 public:
  /// Takes over the fields.
  static TimedTable* New(Table* fields);
  static void Delete(TimedTable* table);
  /// Gives the fields back and forgets the deadlines.
  static Table* Dissolve(TimedTable* table);
  TimedTable* Copy() const;
  TimedTable(const TimedTable&) = delete;
  TimedTable& operator=(const TimedTable&) = delete;

  Table* fields() const { return fields_; }
  /// How many have a deadline.
  size_t timed() const { return deadlines_->Size(); }

  /// 0 if it has none, or is not there.
  uint64_t DeadlineOf(Bytes field) const {
    const ScoredItem* item = deadlines_->Find(field);
    return item == nullptr ? 0 : DeadlineIn(*item);
  }
  /// CONTRACT: the field is there; the deadline is exact as a double (below 2^53), 0 takes it away.
  void SetDeadline(Bytes field, uint64_t deadline_ms) {
    if (TERRACE_UNLIKELY(fields_->capture() != nullptr)) NoteChange(field);
    deadline_ms == 0 ? (void)deadlines_->Erase(field)
                     : (void)deadlines_->Set(field, static_cast<double>(deadline_ms));
  }
  bool Erase(Bytes field) {
    if (TERRACE_UNLIKELY(fields_->capture() != nullptr)) NoteChange(field);
    deadlines_->Erase(field);
    return fields_->Erase(field);
  }
  uint64_t NextDeadline() const {
    const RankedTree::Position first = deadlines_->tree().First();
    return first ? DeadlineIn(*first.item()) : 0;
  }
  bool AllDue(uint64_t now_ms) const {
    return timed() == fields_->Size() && timed() != 0 &&
           DeadlineIn(*deadlines_->tree().Last().item()) < now_ms;
  }
  /// Takes up to `max` fields whose deadlines have passed, after visit(Bytes field) for each. Returns how many.
  template <typename Visit>
  size_t EraseDue(uint64_t now_ms, size_t max, Visit visit) {
    size_t erased = 0;
    while (erased < max) {
      uint64_t hashes[kErasedAtOnce];
      const size_t due = FetchDue(now_ms, std::min(kErasedAtOnce, max - erased), hashes);
      if (due == 0) break;
      const std::span<ScoredItem* const> items = deadlines_->tree().FirstItems();
      for (size_t i = 0; i < due; ++i) {
        const Bytes field = items[i]->member();
        visit(field);
        fields_->Erase(field, hashes[i]);
      }
      deadlines_->EraseFirst({hashes, due});
      erased += due;
    }
    return erased;
  }

  size_t MemoryBytes() const;
  size_t FreeEffort() const { return fields_->FreeEffort() + deadlines_->FreeEffort(); }

 private:
  // Enough for memory to work on many fetches at a time, and few enough to be in the cache still.
  static constexpr size_t kErasedAtOnce = 32;

  TimedTable(Table* fields, ScoredTable* deadlines) : fields_(fields), deadlines_(deadlines) {}
  ~TimedTable() = default;

  /// The hashes of up to `max` fields that are due, the first in order; what erasing them needs comes into the cache.
  size_t FetchDue(uint64_t now_ms, size_t max, uint64_t* hashes) const;
  /// To the capture the fields are under: the field's deadline is about to change.
  void NoteChange(Bytes field);

  static uint64_t DeadlineIn(const ScoredItem& item) { return static_cast<uint64_t>(item.score()); }

  Table* fields_;
  ScoredTable* deadlines_;
};

extern const ValueOps kTimedTableOps;

}  // namespace terrace::types
