// Reads the blocks of a table and believes none before its checksum matched. Whatever is wrong is said with the file's name,
// the offset, and what was expected there.
//
// Threads: all of it is const and may be called by any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "env/file_system.h"
#include "storage/table_format.h"

namespace terrace::storage {

// For those who read on: from here on a read is worth its while on a disk that turns, too. Where tables are merged
// there is a buffer of this size for each of those that overlap, and one for its values.
constexpr size_t kReadAheadBytes = 256 * kKiB;

/// Bytes of a file.
struct FileExtent {
  uint64_t offset = 0;
  uint64_t size = 0;
};

/// A block among bytes that somebody else has.
struct BlockView {
  BlockKind kind;
  Bytes body;
};

/// A block as it was read: `body` is good as long as this is not moved from or destroyed.
class Block {
 public:
  explicit Block(std::string bytes) : bytes_(std::move(bytes)) {}
  BlockHeader header() const { return DecodeBlockHeader(bytes_); }
  Bytes body() const { return Bytes(bytes_).substr(BlockHeader::kBytes); }

 private:
  std::string bytes_;
};

class BlockFile {
 public:
  BlockFile(std::unique_ptr<ReadableFile> file, std::string name);

  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  const ReadableFile& file() const { return *file_; }

  /// "name: offset n: what".
  Status Damage(uint64_t offset, const std::string& what) const;

  /// Fills `out`; fewer bytes in the file are an error.
  Status ReadAt(uint64_t offset, char* out, size_t size) const;
  /// The same as a string. What does not lie inside the file is refused before any memory is asked for.
  StatusOr<std::string> ReadBytes(uint64_t offset, uint64_t size) const;

  /// The block at `extent`, of this kind and with a body of this length.
  StatusOr<Block> ReadBlock(BlockExtent extent, BlockKind kind) const;
  /// The block at `offset`, whatever its kind and length. `guess` is what is read of its body at once.
  StatusOr<Block> ReadAnyBlock(uint64_t offset, uint64_t guess) const;
  /// The body alone, for large ones: they are read to where they stay.
  StatusOr<std::string> ReadBody(BlockExtent extent, BlockKind kind) const;

  /// Ok if all of it is inside the file.
  Status CheckExtent(FileExtent extent) const;
  /// Ok if a read of it gave as many bytes.
  Status CheckRead(FileExtent extent, size_t bytes) const;
  /// The first block in `bytes`, which were read at `offset`, whatever its kind and length; nullopt: it goes on behind them.
  StatusOr<std::optional<BlockView>> FirstBlock(Bytes bytes, uint64_t offset) const;
  /// Ok if a block's header can be at `offset`.
  Status CheckHasHeader(uint64_t offset) const;
  /// The length of the body that a header at `offset` speaks of, if that much is in the file.
  StatusOr<uint64_t> CheckedLength(const BlockHeader& header, uint64_t offset) const;
  /// Ok if the file has room for the value from its block on.
  Status CheckLength(const ValueHandle& handle) const;
  /// Ok if the value lies inside the body of its block.
  Status CheckFits(const ValueHandle& handle, Bytes body) const;

  /// Checks a block that is already in memory, all of it and nothing more: `bytes`, read at `offset`.
  Status Check(Bytes bytes, uint64_t offset, BlockKind kind) const;

 private:
  Status CheckCrc(Bytes header, Bytes body, uint64_t offset) const;

  const std::unique_ptr<ReadableFile> file_;
  const std::string name_;
  const uint64_t size_;
};

}  // namespace terrace::storage
