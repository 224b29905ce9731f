#include "commands/zset_algebra.h"

#include <algorithm>
#include <cmath>

namespace terrace::commands {

using types::Set;
using types::SortedSet;
using types::TableItem;

namespace {

// Infinity times zero and infinity less infinity count as 0, as they always have here.
double Weighted(double score, double weight) {
  const double product = score * weight;
  return std::isnan(product) ? 0 : product;
}

double Combine(double a, double b, Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kMin:
      return std::min(a, b);
    case Aggregate::kMax:
      return std::max(a, b);
    case Aggregate::kSum:
      break;
  }
  const double sum = a + b;
  return std::isnan(sum) ? 0 : sum;
}

// The smallest first: whatever is in all of them is in that one.
void SortBySize(std::vector<ZsetOperand>* operands) {
  std::stable_sort(operands->begin(), operands->end(),
                   [](const ZsetOperand& a, const ZsetOperand& b) { return a.Size() < b.Size(); });
}

}  // namespace

// --- operands ---

size_t ZsetOperand::Size() const {
  if (!exists_) return 0;
  return is_set() ? Set(value_).Size() : SortedSet(value_).Size();
}

std::optional<double> ZsetOperand::Score(Bytes member) const {
  if (!exists_) return std::nullopt;
  if (!is_set()) return SortedSet(value_).Score(member);
  return Set(value_).Contains(member) ? std::optional(1.0) : std::nullopt;
}

template <typename Visit>
void ZsetOperand::ForEach(Visit visit) const {
  if (!exists_) return;
  if (is_set()) {
    char digits[kInt64CharsMax];
    Set(value_).ForEach(
        [&](const types::Element& element) { return visit(element.Text(digits), 1.0); });
    return;
  }
  for (SortedSet::Cursor at = SortedSet(value_).First(); at; at.Next()) {
    if (!visit(at.member(), at.score())) return;
  }
}

// --- results ---

void ScoredResult::Add(Bytes member, double score, Aggregate aggregate) {
  bool inserted = false;
  TableItem* item = table_->FindOrInsert(member, score, &inserted);
  if (!inserted) item->set_score(Combine(item->score(), score, aggregate));
}

std::vector<const TableItem*> ScoredResult::Sorted() const {
  std::vector<const TableItem*> items;
  items.reserve(Size());
  table_->ForEach([&](const TableItem& item) { items.push_back(&item); });
  std::sort(items.begin(), items.end(), [](const TableItem* a, const TableItem* b) {
    return a->score() != b->score() ? a->score() < b->score() : a->member() < b->member();
  });
  return items;
}

// --- operations ---

void Unite(const std::vector<ZsetOperand>& operands, Aggregate aggregate, ScoredResult* result) {
  for (const ZsetOperand& operand : operands) {
    operand.ForEach([&](Bytes member, double score) {
      result->Add(member, Weighted(score, operand.weight), aggregate);
      return true;
    });
  }
}

void Intersect(std::vector<ZsetOperand> operands, Aggregate aggregate, ScoredResult* result) {
  SortBySize(&operands);
  operands[0].ForEach([&](Bytes member, double first) {
    double score = Weighted(first, operands[0].weight);
    for (size_t i = 1; i < operands.size(); ++i) {
      const auto other = operands[i].Score(member);
      if (!other) return true;
      score = Combine(score, Weighted(*other, operands[i].weight), aggregate);
    }
    result->Add(member, score, aggregate);
    return true;
  });
}

void Subtract(const std::vector<ZsetOperand>& operands, ScoredResult* result) {
  operands[0].ForEach([&](Bytes member, double score) {
    for (size_t i = 1; i < operands.size(); ++i) {
      if (operands[i].Score(member)) return true;
    }
    result->Add(member, score, Aggregate::kSum);
    return true;
  });
}

size_t CountIntersection(std::vector<ZsetOperand> operands, size_t limit) {
  SortBySize(&operands);
  size_t count = 0;
  operands[0].ForEach([&](Bytes member, double) {
    for (size_t i = 1; i < operands.size(); ++i) {
      if (!operands[i].Score(member)) return true;
    }
    ++count;
    return count != limit;
  });
  return count;
}

}  // namespace terrace::commands
