#include "types/table_capture.h"

#include <cstring>

#include "base/check.h"
#include "types/items.h"
#include "types/timed_table.h"

namespace terrace::types {
namespace {

Table* TableOf(Value value) {
  switch (value.encoding) {
    case Encoding::kSkiplist:
      return static_cast<ScoredTable*>(value.data)->table();
    case Encoding::kTimedTable:
      return static_cast<TimedTable*>(value.data)->fields();
    default:
      TERRACE_CHECK(value.encoding == Encoding::kHashTable);
      return static_cast<Table*>(value.data);
  }
}

constexpr char kForm = 1;

}  // namespace

TableCapture::TableCapture(Value value, CaptureBytes* bytes)
    : type_(value.type),
      size_(CountItems(value)),
      next_deadline_ms_(NextDeadline(value)),
      bytes_(bytes),
      table_(TableOf(value)),
      item_bytes_(table_->item_bytes()),
      old_(Table::New(Table::Extra::kValue)) {
  TERRACE_CHECK(table_->capture() == nullptr);
  table_->set_capture(this);
  if (value.encoding == Encoding::kSkiplist) scored_ = static_cast<ScoredTable*>(value.data);
  if (value.encoding == Encoding::kTimedTable) timed_ = static_cast<TimedTable*>(value.data);
}

TableCapture::~TableCapture() {
  Detach();
  bytes_->Sub(old_bytes_);
  Table::Delete(old_);
}

void TableCapture::Detach() {
  if (table_ != nullptr) table_->set_capture(nullptr);
  table_ = nullptr;
  scored_ = nullptr;
  timed_ = nullptr;
  done_ = true;
}

void TableCapture::LoseSource() {
  if (!done_) {
    table_->ForEach([this](const TableItem& item) {
      Note(Table::HashOf(item.member()), item.member(), &item);
    });
  }
  Detach();
}

uint64_t TableCapture::DeadlineOf(Bytes field) const {
  return timed_ == nullptr ? 0 : timed_->DeadlineOf(field);
}

TableCapture::Item TableCapture::Show(const TableItem& item) const {
  if (type_ == Type::kZset) return {item.member(), {}, item.score(), 0};
  if (type_ == Type::kHash) return {item.member(), item.value(), 0, DeadlineOf(item.member())};
  return {item.member(), {}, 0, 0};
}

// --- the cursor of a sorted set ---

bool TableCapture::LiesAhead(const TableItem& item) const {
  if (!begun_) return true;
  const double score = item.score();
  return score < cursor_score_ || (score == cursor_score_ && item.member() < cursor_member_);
}

// The last member that lies ahead: where to go on, downwards.
RankedTree::Position TableCapture::Cursor() const {
  const RankedTree& tree = scored_->tree();
  if (!begun_) return tree.Last();
  const size_t ahead = tree.CountBefore([this](double score, const ScoredItem* item) {
    return score < cursor_score_ || (score == cursor_score_ && item->member() < cursor_member_);
  });
  return ahead == 0 ? RankedTree::Position() : tree.At(ahead - 1);
}

// --- old forms ---

void TableCapture::Note(uint64_t hash, Bytes member, const TableItem* held) {
  if (done_) return;
  const bool by_score = type_ == Type::kZset;
  if (!by_score && begun_ && !Table::IsAhead(cursor_, hash)) return;
  if (old_->Find(member) != nullptr) return;
  room_.clear();
  if (held != nullptr && (!by_score || LiesAhead(*held))) WriteOld(*held);
  old_->Put(member, room_);
  const uint64_t now = old_->MemoryBytes();
  now >= old_bytes_ ? bytes_->Add(now - old_bytes_) : bytes_->Sub(old_bytes_ - now);
  old_bytes_ = now;
}

void TableCapture::WriteOld(const TableItem& item) {
  const auto put = [this](const auto& value) {
    room_.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  room_.push_back(kForm);
  if (type_ == Type::kZset) put(item.score());
  if (type_ != Type::kHash) return;
  put(DeadlineOf(item.member()));
  room_.append(item.value());
}

TableCapture::Item TableCapture::ReadOld(Type type, const TableItem& old) {
  Item item{old.member(), {}, 0, 0};
  const char* at = old.value().data() + 1;
  if (type == Type::kZset) std::memcpy(&item.score, at, sizeof item.score);
  if (type == Type::kHash) {
    std::memcpy(&item.deadline_ms, at, sizeof item.deadline_ms);
    item.value = old.value().substr(1 + sizeof item.deadline_ms);
  }
  return item;
}

}  // namespace terrace::types
