#include "types/timed_table.h"

#include <new>

#include "base/memory.h"
#include "types/table_capture.h"

namespace terrace::types {

TimedTable* TimedTable::New(Table* fields) {
  auto* made = new (Allocate(sizeof(TimedTable))) TimedTable(fields, ScoredTable::New());
  if (TableCapture* capture = fields->capture()) capture->SetDeadlines(made);
  return made;
}

Table* TimedTable::Dissolve(TimedTable* table) {
  Table* fields = table->fields_;
  if (TableCapture* capture = fields->capture()) capture->SetDeadlines(nullptr);
  ScoredTable::Delete(table->deadlines_);
  table->~TimedTable();
  Deallocate(table, sizeof(TimedTable));
  return fields;
}

void TimedTable::Delete(TimedTable* table) {
  // While the deadlines are still there.
  if (TableCapture* capture = table->fields_->capture()) capture->LoseSource();
  Table::Delete(Dissolve(table));
}

void TimedTable::NoteChange(Bytes field) {
  if (const TableItem* item = fields_->Find(field)) fields_->WillChange(*item);
}

TimedTable* TimedTable::Copy() const {
  return new (Allocate(sizeof(TimedTable))) TimedTable(fields_->Copy(), deadlines_->Copy());
}

// A field that is due lies in three places, each somewhere else in memory. Waiting for them one by one is nearly all that
// erasing them would cost.
size_t TimedTable::FetchDue(uint64_t now_ms, size_t max, uint64_t* hashes) const {
  const std::span<ScoredItem* const> items = deadlines_->tree().FirstItems();
  const size_t looked_at = std::min(max, items.size());
  for (size_t i = 0; i < looked_at; ++i) __builtin_prefetch(items[i]);
  size_t due = 0;
  for (; due < looked_at && DeadlineIn(*items[due]) < now_ms; ++due) {
    hashes[due] = Table::HashOf(items[due]->member());
    fields_->FetchBucket(hashes[due]);
    deadlines_->by_name().FetchBucket(hashes[due]);
  }
  for (size_t i = 0; i < due; ++i) fields_->FetchItem(hashes[i]);
  return due;
}

size_t TimedTable::MemoryBytes() const {
  return AllocationSize(sizeof(TimedTable)) + fields_->MemoryBytes() + deadlines_->MemoryBytes();
}

const ValueOps kTimedTableOps = {
    .destroy = [](void* data) { TimedTable::Delete(static_cast<TimedTable*>(data)); },
    .copy = [](const void* data) -> void* { return static_cast<const TimedTable*>(data)->Copy(); },
    .memory_bytes =
        [](const void* data) { return static_cast<const TimedTable*>(data)->MemoryBytes(); },
    .free_effort =
        [](const void* data) { return static_cast<const TimedTable*>(data)->FreeEffort(); },
};

}  // namespace terrace::types
