#include "storage/value_cursor.h"

#include <algorithm>
#include <utility>

namespace terrace::storage {

StatusOr<Bytes> ValueCursor::Read(const ValueHandle& handle) {
  Bytes whole;
  // One large value should not leave its size behind.
  if (long_.capacity() > 4 * kReadAheadBytes) std::string().swap(long_);
  long_.clear();
  Status status = ReadPieces(handle, [&](Bytes piece) {
    if (piece.size() == handle.length) {
      whole = piece;
      return Status::Ok();
    }
    if (long_.empty()) {
      if (Status fits = blocks_.CheckLength(handle); !fits.ok()) return fits;
      long_.reserve(handle.length);
    }
    whole = long_.append(piece);
    return Status::Ok();
  });
  if (!status.ok()) return Unexpected{std::move(status)};
  return whole;
}

Status ValueCursor::ReadPieces(const ValueHandle& handle,
                               const std::function<Status(Bytes)>& take) {
  if (Status status = GoTo(handle.block); !status.ok()) return status;
  // Tables of version 1 have no others.
  const bool in_one_block =
      !handle.is_long() || handle.offset != 0 || body_.size() >= handle.length;
  if (in_one_block) {
    if (Status status = blocks_.CheckFits(handle, body_); !status.ok()) return status;
    return take(body_.substr(handle.offset, handle.length));
  }
  uint64_t at = handle.block;
  for (uint64_t left = handle.length; left > 0;) {
    if (Status status = GoTo(at); !status.ok()) return status;
    if (kind_ != BlockKind::kValues || body_.size() != std::min<uint64_t>(left, kLongBlockBytes))
      return blocks_.Damage(at, "this is not the block of a long value that was expected");
    if (Status status = take(body_); !status.ok()) return status;
    left -= body_.size();
    at += BlockHeader::kBytes + body_.size();
  }
  return Status::Ok();
}

void ValueCursor::Release() {
  std::string().swap(window_);
  std::string().swap(long_);
  window_at_ = block_ = 0;
}

Status ValueCursor::GoTo(uint64_t block) {
  if (block_ == block && block_ != 0) return Status::Ok();
  block_ = 0;
  if (Status status = Enter(block); !status.ok()) return status;
  block_ = block;
  return Status::Ok();
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
  kind_ = DecodeBlockHeader(bytes).kind;
  return blocks_.Check(bytes, block, kind_);
}

}  // namespace terrace::storage
