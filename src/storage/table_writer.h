// Writes a table (table_format.h) front to back, in bounded memory: a block of values, one of a long value, a stretch of key
// blocks, and of everything before that what a reader holds, too: 32 bytes of index for each key block, the filter, and the places.
//
// After an error nothing more is written and every call gives that error again; the table is discarded and, when there is
// reason to hope, written anew under another number. A file whose sync has failed is never synced again.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "env/file_system.h"
#include "storage/bloom_filter.h"
#include "storage/key_block.h"
#include "storage/table_format.h"
#include "storage/value_places.h"

namespace terrace::storage {

class TableWriter {
 public:
  struct Options {
    uint64_t number = 0;
    uint64_t log_offset = 0;
    uint32_t filter_bits_per_key = 10;
    // Synced this often while it grows, so that the disk is kept busy evenly: a log on the same disk would have to wait
    // behind a whole table otherwise.
    uint64_t sync_bytes = 16 * kMiB;
  };

  /// `files` outlives the writer.
  static StatusOr<std::unique_ptr<TableWriter>> Create(FileSystem& files, std::string path,
                                                       const Options& options);

  /// CONTRACT: `record` is behind the one before (T1), and `value` is empty for a tombstone, which has neither deadline nor
  /// size. Both are copied. Refuses keys and values over their limits.
  Status Add(const KeyRecord& record, Bytes value);
  /// The same for a value that comes in pieces, none or as many as one likes: the file is the same, too. The record's size is
  /// said at the end; without one it is the value's length.
  Status BeginValue(const KeyRecord& record);
  Status AppendValue(Bytes piece);
  Status EndValue(std::optional<uint64_t> size = std::nullopt);

  /// How large the file is so far, what is held back included: when to begin the next table.
  uint64_t estimated_bytes() const;

  /// Writes what is left and syncs. The name is not durable yet: that is the manifest's.
  StatusOr<TableFacts> Finish();

  /// Closes and removes the file. CONTRACT: no manifest names it.
  Status Discard();

 private:
  TableWriter(FileSystem& files, std::string path, std::unique_ptr<WritableFile> file,
              const Options& options);

  // A record whose value is on its way. Without initializers, which clang 14 minds in an optional: made by emplace(), all
  // zero.
  struct OpenValue {
    KeyRecord record;
    std::string key;   // the record's
    uint64_t block;    // its first one, if it has blocks of its own already
    uint64_t length;   // so far
    std::string tail;  // what of it is in no block yet; up to kLongBlockBytes
  };

  void RefuseLonger(const char* what, uint64_t bytes, uint64_t bytes_max);
  Status BeginRecord(const KeyRecord& record);
  void PutRecord(const KeyRecord& record, Bytes value);
  void EndRecord(const KeyRecord& record, uint64_t value_bytes);
  ValueHandle PlaceValue(const KeyRecord& record, Bytes value);
  void WriteLongBlock();
  void CloseKeyBlock();
  void CloseValueBlock();
  void CloseStretch();
  BlockExtent WriteBlock(BlockKind kind, Bytes body);
  void Write(Bytes bytes);
  void Flush();
  void Sync();

  struct ClosedKeyBlock {
    std::string body;
    IndexEntry entry;
  };

  FileSystem& files_;
  const std::string path_;
  const Options options_;
  std::unique_ptr<WritableFile> file_;
  Status status_;

  // The bytes not yet given to the file, and where they will be.
  std::string buffer_;
  uint64_t offset_ = 0;
  uint64_t synced_ = 0;

  // T3: while values_ is not empty its block begins at offset_, and nothing else is written.
  std::string values_;
  ValueDirectory directory_;  // of these
  std::optional<OpenValue> open_;
  KeyBlockBuilder keys_;
  std::deque<ClosedKeyBlock> stretch_;
  size_t stretch_bytes_ = 0;

  BloomBuilder bloom_;
  std::string filter_;
  PlacesBuilder places_;
  std::string index_;

  TableFacts facts_;
  // Of the last record, to see that the next is behind it.
  std::string last_key_;
  uint64_t last_sub_ = 0;
};

}  // namespace terrace::storage
