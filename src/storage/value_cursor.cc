#include "storage/value_cursor.h"

#include <algorithm>
#include <utility>

namespace terrace::storage {

StatusOr<Bytes> ValueCursor::Read(const ValueHandle& handle) {
  if (block_ != handle.block || block_ == 0) {
    block_ = 0;
    if (Status status = Enter(handle.block); !status.ok()) return Unexpected{std::move(status)};
    block_ = handle.block;
  }
  if (Status status = blocks_.CheckFits(handle, body_); !status.ok())
    return Unexpected{std::move(status)};
  return body_.substr(handle.offset, handle.length);
}

bool ValueCursor::Holds(uint64_t offset, uint64_t bytes) const {
  return offset >= window_at_ && offset - window_at_ <= window_.size() &&
         bytes <= window_.size() - (offset - window_at_);
}

// CONTRACT: `bytes` from `offset` on are in the file.
Status ValueCursor::Fill(uint64_t offset, uint64_t bytes) {
  const uint64_t there = blocks_.size() - offset;
  const uint64_t wanted = std::min(there, std::max<uint64_t>(bytes, kReadAheadBytes));
  // One large value should not leave its size behind.
  if (wanted <= kReadAheadBytes && window_.capacity() > 4 * kReadAheadBytes)
    std::string().swap(window_);
  window_.resize(wanted);
  window_at_ = offset;
  Status status = blocks_.ReadAt(offset, window_.data(), window_.size());
  if (!status.ok()) window_.clear();
  return status;
}

Status ValueCursor::Enter(uint64_t block) {
  const auto length = [this, block]() -> StatusOr<uint64_t> {
    if (Status status = blocks_.CheckHasHeader(block); !status.ok())
      return Unexpected{std::move(status)};
    if (!Holds(block, BlockHeader::kBytes)) {
      if (Status status = Fill(block, BlockHeader::kBytes); !status.ok())
        return Unexpected{std::move(status)};
    }
    const auto header = DecodeBlockHeader(Bytes(window_).substr(block - window_at_));
    return blocks_.CheckedLength(header, block);
  }();
  if (!length.ok()) return length.error();
  const uint64_t whole = BlockHeader::kBytes + *length;
  if (!Holds(block, whole)) {
    if (Status status = Fill(block, whole); !status.ok()) return status;
  }
  const Bytes bytes = Bytes(window_).substr(block - window_at_, whole);
  body_ = bytes.substr(BlockHeader::kBytes);
  return blocks_.Check(bytes, block, DecodeBlockHeader(bytes).kind);
}

}  // namespace terrace::storage
