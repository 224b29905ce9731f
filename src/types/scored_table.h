// ScoredTable: what a large sorted set is: a table that finds members by name and a tree that has them in order, over the
// same items.
//
// Threads: the lock of the key's shard.
#pragma once

#include <cstdint>
#include <span>

#include "types/ranked_tree.h"
#include "types/scored_item.h"
#include "types/sorted_range.h"
#include "types/value.h"

namespace terrace::types {

class ScoredTable {
 public:
  static ScoredTable* New();
  static void Delete(ScoredTable* table);
  ScoredTable* Copy() const;
  ScoredTable(const ScoredTable&) = delete;
  ScoredTable& operator=(const ScoredTable&) = delete;

  size_t Size() const { return tree_.size(); }
  const RankedTree& tree() const { return tree_; }
  const Table& by_name() const { return *table_; }
  Table* table() { return table_; }
  const ScoredItem* Find(Bytes member) const { return table_->Find(member); }

  enum class Change : uint8_t { kNone, kAdded, kScored };
  Change Set(Bytes member, double score);
  /// False if it is not in.
  bool Erase(Bytes member);
  void EraseSpan(RankSpan span);
  /// Erases the first members of the tree's first leaf; `hashes` are Table::HashOf theirs.
  void EraseFirst(std::span<const uint64_t> hashes);

  /// See Table::Scan.
  template <typename Visit>
  uint64_t Scan(uint64_t cursor, size_t count, Visit visit) const {
    return table_->Scan(cursor, count, visit);
  }

  size_t MemoryBytes() const;
  size_t FreeEffort() const { return table_->FreeEffort() + tree_.nodes(); }

 private:
  ScoredTable() = default;
  ~ScoredTable() = default;

  Table* table_ = nullptr;
  RankedTree tree_;
};

extern const ValueOps kSkiplistOps;

}  // namespace terrace::types
