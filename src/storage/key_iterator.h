// Goes through the keys of a table in order (T1), reading key blocks only: those that lie side by side in one read.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "storage/key_block.h"
#include "storage/table_format.h"
#include "storage/table_reader.h"

namespace terrace::storage {

class KeyIterator {
 public:
  /// CONTRACT: `table` outlives the iterator. A table may have many at once, say one for each part of the key space.
  explicit KeyIterator(const TableReader& table, PositionRange range = {});

  /// False at the end, and at damage: status() knows.
  bool Next();
  /// Good until Next is called.
  const StoredRecord& record() const { return cursor_.record(); }
  const Status& status() const { return status_; }

 private:
  bool NextBlock();
  bool ReadAhead();
  bool Stop(Status status);

  const TableReader& table_;
  const PositionRange range_;
  KeyBlockCursor cursor_;
  Status status_;
  // The blocks [block_, read_end_) of the index are in buffer_, and block_ begins at buffer_at_.
  size_t block_;
  size_t read_end_;
  size_t buffer_at_ = 0;
  std::string buffer_;
  // Of the last record, to see T1 from one block to the next.
  std::string last_key_;
  uint64_t last_sub_ = 0;
  Position last_position_;
  bool in_block_ = false;
  bool any_ = false;
};

/// Ok if what the block says of itself is what the index says of it.
Status CheckKeyBlockHead(const BlockFile& blocks, const IndexEntry& entry,
                         const KeyBlockCursor& cursor);
/// Ok if the cursor has met nothing but records.
Status CursorStatus(const BlockFile& blocks, const IndexEntry& entry, const KeyBlockCursor& cursor);

}  // namespace terrace::storage
