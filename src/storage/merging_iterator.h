// The keys of several tables as one: in order, and of every (space, hash, key, sub) only the newest record. What recovery
// loads and what compaction writes.
//
// A table is read from when the merge has come to it and until it has gone past, so it is those that overlap that take memory for
// reading, and not all of them.
//
// A tombstone hides the older records of its key and sub. Whether it is shown itself is the caller's choice: recovery has
// no use for it; a compaction must keep it as long as an older table may still hold what it hides.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "storage/key_iterator.h"
#include "storage/table_format.h"
#include "storage/table_reader.h"

namespace terrace::storage {

enum class Tombstones { kHidden, kShown };

class MergingIterator {
 public:
  /// CONTRACT: `newest_first` is in that order, and the tables outlive the iterator.
  MergingIterator(const std::vector<const TableReader*>& newest_first, Tombstones tombstones,
                  PositionRange range = {});

  /// False at the end, and when one of the tables is damaged: status() knows. After damage nothing more comes, as what
  /// the damaged table hides is not known.
  bool Next();
  /// Good until Next is called.
  const StoredRecord& record() const { return sources_[heap_[0]]->record(); }
  /// Where the record is from: its place in `newest_first`.
  size_t source() const { return heap_[0]; }
  const Status& status() const { return status_; }
  /// Whether nothing more comes from that place.
  bool is_over(size_t source) const { return sources_[source] == nullptr; }
  /// Records that newer ones have hidden so far, tombstones hidden by choice not included.
  uint64_t hidden() const { return hidden_; }

 private:
  bool Start();
  bool Advance();
  bool Join();
  bool IsBefore(size_t a, size_t b) const;
  void SiftDown(size_t at);
  void SiftUp(size_t at);
  bool IsRepeat();

  const Tombstones tombstones_;
  std::vector<std::unique_ptr<KeyIterator>> sources_;  // nullptr: over
  struct Waiting {
    Position smallest;
    size_t source;
  };
  std::vector<Waiting> waiting_;  // sources that the merge has not come to, the next one last
  // Indices of sources that stand at a record; the top is the smallest record, of several equal ones the newest.
  std::vector<size_t> heap_;
  Status status_;
  uint64_t hidden_ = 0;
  bool started_ = false;
  // The last record that was shown or hid others.
  Position last_position_;
  std::string last_key_;
  uint64_t last_sub_ = 0;
};

}  // namespace terrace::storage
