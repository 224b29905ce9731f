#include "types/scored_table.h"

#include <new>

#include "base/memory.h"

namespace terrace::types {
namespace {

// Who takes from an end mostly comes back for what is next there: it lies anywhere in memory, and the time until then is
// enough to fetch it, and its bucket in the table. (The first one's name was fetched when it was the third.)
void FetchNext(const Table& table, RankedTree::Position at, bool backwards) {
  constexpr int kItemsAhead = 3;
  table.FetchBucket(Table::HashOf(at.item()->member()));
  for (int i = 0; i < kItemsAhead && at; ++i) {
    __builtin_prefetch(at.item());
    backwards ? at.Previous() : at.Next();
  }
}

[[gnu::cold, gnu::noinline]] void NoteItem(Table& table, const ScoredItem& item) {
  table.WillChange(item);
}

}  // namespace

ScoredTable* ScoredTable::New() {
  auto* made = new (Allocate(sizeof(ScoredTable))) ScoredTable;
  made->table_ = Table::New(Table::Extra::kScore);
  return made;
}

void ScoredTable::Delete(ScoredTable* table) {
  Table::Delete(table->table_);
  table->~ScoredTable();
  Deallocate(table, sizeof(ScoredTable));
}

// In order, so that the copy's leaves are full.
ScoredTable* ScoredTable::Copy() const {
  ScoredTable* copy = New();
  for (auto at = tree_.First(); at; at.Next()) copy->Set(at.item()->member(), at.item()->score());
  return copy;
}

ScoredTable::Change ScoredTable::Set(Bytes member, double score) {
  bool inserted = false;
  ScoredItem* item = table_->FindOrInsert(member, score, &inserted);
  if (inserted) {
    tree_.Insert(item);
    return Change::kAdded;
  }
  if (item->score() == score) return Change::kNone;
  if (TERRACE_UNLIKELY(table_->capture() != nullptr)) NoteItem(*table_, *item);
  tree_.Erase(item);
  item->set_score(score);
  tree_.Insert(item);
  return Change::kScored;
}

bool ScoredTable::Erase(Bytes member) {
  ScoredItem* item = table_->Take(member);
  if (item == nullptr) return false;
  tree_.Erase(item);
  table_->FreeItem(item);
  return true;
}

void ScoredTable::EraseSpan(RankSpan span) {
  const bool from_the_end = span.from != 0 && span.from + span.count == Size();
  for (size_t i = 0; i < span.count; ++i) {
    const ScoredItem* item = tree_.At(span.from).item();
    tree_.Erase(item);
    table_->Erase(item->member());
  }
  if (Size() != 0) FetchNext(*table_, from_the_end ? tree_.Last() : tree_.First(), from_the_end);
}

void ScoredTable::EraseFirst(std::span<const uint64_t> hashes) {
  const std::span<ScoredItem* const> items = tree_.FirstItems();
  for (size_t i = 0; i < hashes.size(); ++i) table_->Erase(items[i]->member(), hashes[i]);
  tree_.EraseFirst(hashes.size());
}

size_t ScoredTable::MemoryBytes() const {
  return AllocationSize(sizeof(ScoredTable)) + table_->MemoryBytes() + tree_.MemoryBytes();
}

const ValueOps kSkiplistOps = {
    .destroy = [](void* data) { ScoredTable::Delete(static_cast<ScoredTable*>(data)); },
    .copy = [](const void* data) -> void* { return static_cast<const ScoredTable*>(data)->Copy(); },
    .memory_bytes =
        [](const void* data) { return static_cast<const ScoredTable*>(data)->MemoryBytes(); },
    .free_effort =
        [](const void* data) { return static_cast<const ScoredTable*>(data)->FreeEffort(); },
};

}  // namespace terrace::types
