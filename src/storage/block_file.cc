#include "storage/block_file.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"

namespace terrace::storage {
namespace {

std::string Hex(uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

}  // namespace

BlockFile::BlockFile(std::unique_ptr<ReadableFile> file, std::string name)
    : file_(std::move(file)), name_(std::move(name)), size_(file_->Size()) {}

Status BlockFile::Damage(uint64_t offset, const std::string& what) const {
  return Status::Error(name_ + ": offset " + std::to_string(offset) + ": " + what);
}

Status BlockFile::ReadAt(uint64_t offset, char* out, size_t size) const {
  const auto got = file_->ReadAt(offset, out, size);
  if (!got.ok()) return got.error();
  return CheckRead({offset, size}, *got);
}

Status BlockFile::CheckRead(FileExtent extent, size_t bytes) const {
  if (bytes == extent.size) return Status::Ok();
  return Damage(extent.offset,
                "the file ends " + std::to_string(extent.size - bytes) + " bytes too early");
}

Status BlockFile::CheckExtent(FileExtent extent) const {
  if (extent.offset <= size_ && extent.size <= size_ - extent.offset) return Status::Ok();
  return Damage(extent.offset, std::to_string(extent.size) + " bytes were expected in a file of " +
                                   std::to_string(size_));
}

StatusOr<std::string> BlockFile::ReadBytes(uint64_t offset, uint64_t size) const {
  if (Status status = CheckExtent({offset, size}); !status.ok())
    return Unexpected{std::move(status)};
  std::string bytes(size, '\0');
  if (Status status = ReadAt(offset, bytes.data(), size); !status.ok())
    return Unexpected{std::move(status)};
  return bytes;
}

Status BlockFile::CheckCrc(Bytes header, Bytes body, uint64_t offset) const {
  const BlockHeader fields = DecodeBlockHeader(header);
  const uint32_t crc = BlockCrc(header, body, offset);
  if (crc != fields.crc) {
    return Damage(offset, "a block's checksum is " + Hex(crc) + ", and should be " +
                              Hex(fields.crc) + ": the file is damaged");
  }
  // Only now is the codec that of the writer, and not a bit that turned.
  if (fields.codec != 0) {
    return Damage(offset, "a block is packed with codec " + std::to_string(fields.codec) +
                              ", which is not known here");
  }
  return Status::Ok();
}

Status BlockFile::Check(Bytes bytes, uint64_t offset, BlockKind kind) const {
  TERRACE_DCHECK(bytes.size() >= BlockHeader::kBytes);
  const BlockHeader header = DecodeBlockHeader(bytes);
  const Bytes body = bytes.substr(BlockHeader::kBytes);
  if (header.kind != kind || header.length != body.size()) {
    return Damage(offset, "a block of " + std::string(BlockKindName(kind)) + ", " +
                              std::to_string(body.size()) +
                              " bytes, was expected; this is one of " +
                              std::string(BlockKindName(header.kind)) + ", " +
                              std::to_string(header.length) + " bytes");
  }
  return CheckCrc(bytes, body, offset);
}

StatusOr<Block> BlockFile::ReadBlock(BlockExtent extent, BlockKind kind) const {
  if (extent.length > size_)
    return Unexpected{Damage(extent.offset, "a block is longer than the file")};
  auto bytes = ReadBytes(extent.offset, BlockHeader::kBytes + extent.length);
  if (!bytes.ok()) return Unexpected{bytes.error()};
  if (Status status = Check(*bytes, extent.offset, kind); !status.ok())
    return Unexpected{std::move(status)};
  return Block(*std::move(bytes));
}

Status BlockFile::CheckHasHeader(uint64_t offset) const {
  if (offset <= size_ && size_ - offset >= BlockHeader::kBytes) return Status::Ok();
  return Damage(offset, "a block was expected, and the file ends");
}

StatusOr<uint64_t> BlockFile::CheckedLength(const BlockHeader& header, uint64_t offset) const {
  if (header.length <= size_ - offset - BlockHeader::kBytes) return header.length;
  return Unexpected{Damage(offset, "a block of " + std::to_string(header.length) +
                                       " bytes does not fit the file: it is damaged")};
}

Status BlockFile::CheckLength(const ValueHandle& handle) const {
  if (handle.block <= size_ && handle.length <= size_ - handle.block) return Status::Ok();
  return Damage(handle.block,
                "a value of " + std::to_string(handle.length) + " bytes does not fit the file");
}

Status BlockFile::CheckFits(const ValueHandle& handle, Bytes body) const {
  if (handle.offset <= body.size() && handle.length <= body.size() - handle.offset)
    return Status::Ok();
  return Damage(handle.block, "a value of " + std::to_string(handle.length) + " bytes at " +
                                  std::to_string(handle.offset) + " does not fit a block of " +
                                  std::to_string(body.size()));
}

StatusOr<Block> BlockFile::ReadAnyBlock(uint64_t offset, uint64_t guess) const {
  if (Status status = CheckHasHeader(offset); !status.ok()) return Unexpected{std::move(status)};
  auto bytes = ReadBytes(offset, std::min(size_ - offset, BlockHeader::kBytes + guess));
  if (!bytes.ok()) return Unexpected{bytes.error()};
  const auto length = CheckedLength(DecodeBlockHeader(*bytes), offset);
  if (!length.ok()) return Unexpected{length.error()};
  const size_t whole = BlockHeader::kBytes + *length;
  const size_t have = bytes->size();
  bytes->resize(whole);
  if (whole > have) {
    Status status = ReadAt(offset + have, bytes->data() + have, whole - have);
    if (!status.ok()) return Unexpected{std::move(status)};
  }
  const Bytes body = Bytes(*bytes).substr(BlockHeader::kBytes);
  if (Status status = CheckCrc(*bytes, body, offset); !status.ok())
    return Unexpected{std::move(status)};
  return Block(*std::move(bytes));
}

StatusOr<std::optional<BlockView>> BlockFile::FirstBlock(Bytes bytes, uint64_t offset) const {
  if (Status status = CheckHasHeader(offset); !status.ok()) return Unexpected{std::move(status)};
  if (bytes.size() < BlockHeader::kBytes) return std::optional<BlockView>();
  const BlockHeader header = DecodeBlockHeader(bytes);
  const auto length = CheckedLength(header, offset);
  if (!length.ok()) return Unexpected{length.error()};
  if (bytes.size() - BlockHeader::kBytes < *length) return std::optional<BlockView>();
  const Bytes body = bytes.substr(BlockHeader::kBytes, *length);
  if (Status status = CheckCrc(bytes, body, offset); !status.ok())
    return Unexpected{std::move(status)};
  return std::optional<BlockView>({header.kind, body});
}

StatusOr<std::string> BlockFile::ReadBody(BlockExtent extent, BlockKind kind) const {
  const auto header = ReadBytes(extent.offset, BlockHeader::kBytes);
  if (!header.ok()) return Unexpected{header.error()};
  const BlockHeader fields = DecodeBlockHeader(*header);
  if (fields.kind != kind || fields.length != extent.length) {
    return Unexpected{Damage(extent.offset, "a block of " + std::string(BlockKindName(kind)) +
                                                ", " + std::to_string(extent.length) +
                                                " bytes, was expected, and is not here")};
  }
  auto body = ReadBytes(extent.offset + BlockHeader::kBytes, extent.length);
  if (!body.ok()) return body;
  if (Status status = CheckCrc(*header, *body, extent.offset); !status.ok())
    return Unexpected{std::move(status)};
  return body;
}

}  // namespace terrace::storage
