// The values of a table for those who want most of them in order: compaction, a full sync, the warming after a restart. Where
// TableReader::ReadValue reads and verifies a block for each value, this reads many blocks at once and verifies each once.
// Any order is allowed, but going back and forth is slow: an inline value, which lies among the keys, is better taken from
// its record.
//
// Threads: one at a time; a table may have many cursors.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/table_format.h"
#include "storage/table_reader.h"

namespace terrace::storage {

class ValueCursor {
 public:
  /// CONTRACT: `table` outlives the cursor.
  explicit ValueCursor(const TableReader& table) : blocks_(table.blocks()) {}

  /// The value of a record of the table, in one piece. Good until the next call.
  StatusOr<Bytes> Read(const ValueHandle& handle);
  /// take(piece) for the value's bytes in order, a block of a long value at a time, until it gives an error.
  Status ReadPieces(const ValueHandle& handle, const std::function<Status(Bytes)>& take);

  /// What was read is given back; the next call reads anew.
  void Release();

 private:
  Status GoTo(uint64_t block);
  Status Enter(uint64_t block);
  Status Fill(uint64_t offset, uint64_t bytes);
  bool Holds(uint64_t offset, uint64_t bytes) const;

  const BlockFile& blocks_;
  // The file's bytes from window_at_ on; what of them was verified is the block.
  std::string window_;
  uint64_t window_at_ = 0;
  uint64_t block_ = 0;  // 0: none, no block begins there
  BlockKind kind_ = BlockKind::kValues;
  Bytes body_;
  std::string long_;  // a value of several blocks
};

}  // namespace terrace::storage
