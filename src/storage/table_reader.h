// Reads a table (table_format.h). Opening reads footer, index, filter and places and checks that they fit each other and the file;
// blocks are read, and their checksums verified, when they are asked for. Nothing of them is kept: the page cache is the
// block cache.
//
// Damage is an error that names file, offset and what was expected; bytes that do not match their checksum never leave here.
//
// Threads: const, so any may call anything; a KeyIterator belongs to one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "env/file_system.h"
#include "storage/block_file.h"
#include "storage/key_block.h"
#include "storage/table_format.h"
#include "storage/value_places.h"

namespace terrace::storage {

/// What Find found.
struct FoundRecord {
  uint8_t kind = 0;
  uint8_t flags = 0;
  uint64_t deadline_ms = 0;
  uint64_t size = 0;
  ValueHandle value;
  std::optional<std::string> inline_value;
  bool is_tombstone() const { return kind == kTombstone; }
};

class TableReader {
 public:
  struct Options {
    // Recovery goes through all keys and needs none: without a filter Find reads a block for every absent key. Places, which serve
    // looking for values, go with it.
    bool filter = true;
  };

  static StatusOr<std::unique_ptr<TableReader>> Open(FileSystem& files, const std::string& path,
                                                     const Options& options);
  /// `name` is for what is said of the file.
  static StatusOr<std::unique_ptr<TableReader>> Open(std::unique_ptr<ReadableFile> file,
                                                     std::string name, const Options& options);

  const TableFacts& facts() const { return footer_.facts; }
  const std::string& name() const { return blocks_.name(); }
  const BlockFile& blocks() const { return blocks_; }
  const std::vector<IndexEntry>& index() const { return index_; }
  /// What the reader keeps in memory: index, filter and places.
  size_t resident_bytes() const;

  /// The record of that key, a tombstone included. `hash` is the key's.
  StatusOr<std::optional<FoundRecord>> Find(uint32_t space, uint64_t hash, Bytes key,
                                            uint64_t sub = 0) const;

  /// The value of a record of this table, in one piece.
  StatusOr<std::string> ReadValue(const ValueHandle& handle) const;
  // The same for those who do their reading themselves:
  /// What to read for it, `at_least` bytes of it if there are so many. Not always enough: how long a block is only its header says.
  FileExtent ValueExtent(const ValueHandle& handle, uint64_t at_least = 0) const;
  /// The value, from what was read at handle.block; nullopt: more of it is needed.
  StatusOr<std::optional<std::string>> ValueFrom(const ValueHandle& handle, Bytes bytes) const;

  // And for those who know that the block of keys `block` has the key with that hash:
  /// What to read for its value: all of it is one block; nullopt: only its record tells.
  std::optional<FileExtent> PlaceOf(size_t block, uint64_t hash) const {
    return places_.Find(block, index_[block].first.hash, hash);
  }
  /// Its value, from what was read at its place; nullopt: only its record tells.
  StatusOr<std::optional<PlacedValue>> PlacedIn(FileExtent place, Bytes bytes, uint64_t hash) const;

  /// Reads everything there is and compares it with what the table says of itself.
  Status Verify() const;
  /// Whether what places and directories say is what records say.
  Status VerifyPlaces() const;

  /// The first block that can hold records at `position` or behind it.
  size_t BlockAt(Position position) const;
  /// The first block from `from` on, which is BlockAt(position) or behind it, that may have a record at `position`, by its filter;
  /// nullopt is certain, and costs no read.
  std::optional<size_t> BlockFor(Position position, size_t from) const;

 private:
  TableReader(std::unique_ptr<ReadableFile> file, std::string name);

  bool FilterLets(size_t block, Position position) const;
  Status Load(const Options& options);
  Status LoadFooter();
  Status LoadIndex();
  Status LoadFilter();
  Status LoadPlaces();
  Status CheckIndex() const;
  StatusOr<std::optional<std::string>> LongFrom(const ValueHandle& handle, Bytes bytes) const;
  StatusOr<bool> IsInOneBlock(const ValueHandle& handle) const;
  Status VerifyBlocks() const;
  Status VerifyPlace(const StoredRecord& record) const;
  Status VerifyKeys() const;
  Status VerifyPlacesOf(size_t block) const;

  const BlockFile blocks_;
  TableFooter footer_;
  std::vector<IndexEntry> index_;
  std::string filter_;
  // Where each block's lines begin in filter_, in lines; empty without a filter.
  std::vector<uint64_t> filter_begins_;
  ValuePlaces places_;
};

}  // namespace terrace::storage
