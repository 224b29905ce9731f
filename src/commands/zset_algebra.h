// Unions, intersections and differences of sorted sets and sets (whose members count with score 1).
#pragma once

#include <cstdint>
#include <vector>

#include "types/set.h"
#include "types/sorted_set.h"

namespace terrace::commands {

/// One operand: a sorted set, a set or nothing, and what its scores are multiplied by.
class ZsetOperand {
 public:
  ZsetOperand() = default;
  /// `value` holds a sorted set or a set.
  explicit ZsetOperand(types::Value value) : value_(value), exists_(true) {}

  size_t Size() const;
  std::optional<double> Score(Bytes member) const;
  /// visit(member, score) until it returns false.
  template <typename Visit>
  void ForEach(Visit visit) const;

  double weight = 1;

 private:
  bool is_set() const { return value_.type == Type::kSet; }

  types::Value value_;
  bool exists_ = false;
};

enum class Aggregate : uint8_t { kSum, kMin, kMax };

/// Members with scores, in order; owns them.
class ScoredResult {
 public:
  ScoredResult() : table_(types::Table::New(types::Table::Extra::kScore)) {}
  ~ScoredResult() { types::Table::Delete(table_); }
  ScoredResult(const ScoredResult&) = delete;
  ScoredResult& operator=(const ScoredResult&) = delete;

  /// Adds a member, or lets its score and this one become one.
  void Add(Bytes member, double score, Aggregate aggregate);
  size_t Size() const { return table_->Size(); }
  /// All members in order.
  std::vector<const types::TableItem*> Sorted() const;

 private:
  types::Table* table_;
};

void Unite(const std::vector<ZsetOperand>& operands, Aggregate aggregate, ScoredResult* result);
void Intersect(std::vector<ZsetOperand> operands, Aggregate aggregate, ScoredResult* result);
/// Members of the first that no other has, with their scores there.
void Subtract(const std::vector<ZsetOperand>& operands, ScoredResult* result);
/// How many members all have; stops at `limit` (0: never).
size_t CountIntersection(std::vector<ZsetOperand> operands, size_t limit);

}  // namespace terrace::commands
