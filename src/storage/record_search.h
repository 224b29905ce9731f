// Looks for the record of a key in a table, a block at a time, for those who do their reading themselves:
//
//   while (extent = search.NextBlock())
//     read it;  found = search.Look(bytes);  found: that is it
//
// Most often there is one block to read, or none: the filters say so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/block_file.h"
#include "storage/table_reader.h"

namespace terrace::storage {

class RecordSearch {
 public:
  /// CONTRACT: table and key outlive it. `hash` is the key's.
  RecordSearch(const TableReader& table, uint32_t space, uint64_t hash, Bytes key,
               uint64_t sub = 0);

  /// The next block that may have the record; nullopt: there is none.
  std::optional<FileExtent> NextBlock();
  /// What the block has that NextBlock named last; nullopt: not this record.
  StatusOr<std::optional<FoundRecord>> Look(Bytes block);

 private:
  const TableReader& table_;
  KeyRecord wanted_;
  size_t next_;  // in the index
  bool over_ = false;
};

}  // namespace terrace::storage
