// TableCapture: a large hash, set or sorted set as it was at one moment, handed out a piece at a time while it goes on
// changing.
//
//   members in order   [ handed out ][ as they were, but for those whose old forms are in old_ ]
//                                    ^ cursor
//
// The order is that of the tree for a sorted set, from the highest score down, and for the others that of a scan of their
// table. While a table is under capture it says here what is about to happen to a member (Note). A member the cursor has
// not reached has its form kept, once, or that there was none, and the cursor passes it over; what was kept is handed out
// at the end. So an edit costs what it touches, and all that was handed out is what there was:
//
//   C1  A member that is not in old_ and lies ahead of the cursor is as it was.
//   C2  A member the cursor has passed was handed out, or is in old_.
//   C3  size() members come out of Next and NextOld together.
//
// In the order of a scan nothing ever changes its place, so what the cursor has passed is of no more interest. A member of
// a sorted set may move ahead of the cursor again: there every member that is touched goes into old_, without a form if it
// was handed out.
//
// Deadlines of fields are looked up when a field is handed out, or noted: those of fields that were not touched are what
// they were, even if the table of deadlines has gone and come meanwhile.
//
// Threads: everything under the lock of the key's shard, but NextOld, which is for after Detach, and the destructor, then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "types/capture_bytes.h"
#include "types/ranked_tree.h"
#include "types/scored_table.h"
#include "types/table.h"
#include "types/value.h"

namespace terrace::types {

class TimedTable;

class TableCapture {
 public:
  /// A member, and what there is of the rest for its type.
  struct Item {
    Bytes member;
    Bytes value;
    double score = 0;
    uint64_t deadline_ms = 0;
  };

  static bool Takes(Encoding encoding) {
    return encoding == Encoding::kHashTable || encoding == Encoding::kTimedTable ||
           encoding == Encoding::kSkiplist;
  }

  /// Begins. CONTRACT: Takes its encoding, and it is not under capture. `bytes` counts what old forms take.
  TableCapture(Value value, CaptureBytes* bytes);
  ~TableCapture();
  TableCapture(const TableCapture&) = delete;
  TableCapture& operator=(const TableCapture&) = delete;

  // --- as it was ---
  Type type() const { return type_; }
  size_t size() const { return size_; }
  /// The earliest deadline of a field; 0 if none had one.
  uint64_t next_deadline_ms() const { return next_deadline_ms_; }
  /// What its members take together, at least what they would take as strings with a length of one byte.
  size_t item_bytes() const { return item_bytes_; }

  /// visit(const Item&) for some more members, until `items_max` were looked at or `bytes_max` bytes visited (one bucket of
  /// the table may be beyond). False when these were the last but for old forms.
  template <typename Visit>
  bool Next(size_t items_max, size_t bytes_max, Visit&& visit);
  /// The collection is on its own again. What Next has not handed out is lost.
  void Detach();
  bool detached() const { return table_ == nullptr; }
  /// visit(const Item&) for some more of the members whose old forms were kept, about `bytes_max` bytes of them. False when
  /// these were the last.
  template <typename Visit>
  bool NextOld(size_t bytes_max, Visit&& visit);

  // --- for the collection ---
  /// Before `member` comes (held is nullptr), or changes or goes.
  void Note(uint64_t hash, Bytes member, const TableItem* held);
  /// The index of deadlines beside the table is this now; nullptr: it has none.
  void SetDeadlines(const TimedTable* timed) { timed_ = timed; }
  /// Before the collection is freed: keeps what is left of it.
  void LoseSource();

 private:
  // In the table of old forms: nothing for a member that is not to be handed out, else
  //   u8 1 | u64 deadline, value: of a hash | double score: of a sorted set
  void WriteOld(const TableItem& item);
  static Item ReadOld(Type type, const TableItem& old);
  uint64_t DeadlineOf(Bytes field) const;
  Item Show(const TableItem& item) const;

  bool LiesAhead(const TableItem& item) const;
  RankedTree::Position Cursor() const;
  template <typename Look>
  bool NextByScore(size_t items_max, Look look);
  template <typename Look>
  bool NextByHash(size_t items_max, Look look);

  const Type type_;
  const size_t size_;
  const uint64_t next_deadline_ms_;
  CaptureBytes* const bytes_;
  Table* table_;                         // nullptr: detached
  const ScoredTable* scored_ = nullptr;  // of a sorted set
  const TimedTable* timed_ = nullptr;
  const size_t item_bytes_;

  bool begun_ = false;
  bool done_ = false;
  // By hash: of the scan, all before it is handed out. By score: the last member that was.
  uint64_t cursor_ = 0;
  double cursor_score_ = 0;
  std::string cursor_member_;

  Table* old_;  // member -> its form
  uint64_t old_bytes_ = 0;
  uint64_t old_cursor_ = 0;  // what NextOld has handed out
  std::string room_;
};

template <typename Look>
bool TableCapture::NextByScore(size_t items_max, Look look) {
  constexpr int kFetchedAhead = 12;
  RankedTree::Position at = Cursor();
  RankedTree::Position ahead = at;
  for (int i = 0; i < kFetchedAhead && ahead; ++i, ahead.Previous())
    __builtin_prefetch(ahead.item());
  const ScoredItem* last = nullptr;
  bool more = true;
  for (size_t i = 0; at && more && i < items_max; ++i, at.Previous()) {
    if (ahead) {
      __builtin_prefetch(ahead.item());
      ahead.Previous();
    }
    last = at.item();
    more = look(*last);
  }
  if (last != nullptr) {
    cursor_score_ = last->score();
    cursor_member_ = last->member();
  }
  return static_cast<bool>(at);
}

template <typename Look>
bool TableCapture::NextByHash(size_t items_max, Look look) {
  size_t looked_at = 0;
  bool more = true;
  uint64_t fetched = table_->NextCursor(cursor_);
  if (fetched != 0) table_->FetchBucket(fetched);
  do {
    const uint64_t next = fetched;
    if (next != 0) {
      table_->FetchItemsAt(next);
      fetched = table_->NextCursor(next);
      if (fetched != 0) table_->FetchBucket(fetched);
    }
    looked_at +=
        table_->VisitAt(cursor_, [&](const TableItem& item) { more = look(item) && more; });
    cursor_ = next;
  } while (cursor_ != 0 && more && looked_at < items_max);
  return cursor_ != 0;
}

template <typename Visit>
bool TableCapture::Next(size_t items_max, size_t bytes_max, Visit&& visit) {
  if (done_) return false;
  size_t bytes = 0;
  const auto look = [&](const TableItem& item) {
    if (old_->Size() == 0 || old_->Find(item.member()) == nullptr) {
      const Item shown = Show(item);
      bytes += shown.member.size() + shown.value.size();
      visit(shown);
    }
    return bytes < bytes_max;
  };
  done_ = !(scored_ != nullptr ? NextByScore(items_max, look) : NextByHash(items_max, look));
  begun_ = true;
  return !done_;
}

template <typename Visit>
bool TableCapture::NextOld(size_t bytes_max, Visit&& visit) {
  size_t bytes = 0;
  do {
    old_->VisitAt(old_cursor_, [&](const TableItem& old) {
      bytes += old.member().size() + old.value().size();
      if (!old.value().empty()) visit(ReadOld(type_, old));
    });
    old_cursor_ = old_->NextCursor(old_cursor_);
  } while (old_cursor_ != 0 && bytes < bytes_max);
  return old_cursor_ != 0;
}

}  // namespace terrace::types
