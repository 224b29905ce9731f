#include "types/timed_table.h"

#include <new>

#include "base/memory.h"

namespace terrace::types {

TimedTable* TimedTable::New(Table* fields) {
  return new (Allocate(sizeof(TimedTable))) TimedTable(fields, ScoredTable::New());
}

Table* TimedTable::Dissolve(TimedTable* table) {
  Table* fields = table->fields_;
  ScoredTable::Delete(table->deadlines_);
  table->~TimedTable();
  Deallocate(table, sizeof(TimedTable));
  return fields;
}

void TimedTable::Delete(TimedTable* table) { Table::Delete(Dissolve(table)); }

TimedTable* TimedTable::Copy() const {
  return new (Allocate(sizeof(TimedTable))) TimedTable(fields_->Copy(), deadlines_->Copy());
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
