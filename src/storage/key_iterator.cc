#include "storage/key_iterator.h"

#include <utility>

namespace terrace::storage {

Status CheckKeyBlockHead(const BlockFile& blocks, const IndexEntry& entry,
                         const KeyBlockCursor& cursor) {
  const KeyBlockHead& head = cursor.head();
  if (head.first == entry.first && head.records == entry.records && entry.records > 0)
    return Status::Ok();
  return blocks.Damage(entry.offset,
                       "a block of keys begins with another record, or has another number of them, "
                       "than the index says");
}

Status CursorStatus(const BlockFile& blocks, const IndexEntry& entry,
                    const KeyBlockCursor& cursor) {
  if (cursor.error() == nullptr) return Status::Ok();
  return blocks.Damage(entry.offset + BlockHeader::kBytes + cursor.body_offset(),
                       std::string("in a block of keys: ") + cursor.error());
}

KeyIterator::KeyIterator(const TableReader& table, PositionRange range)
    : table_(table), range_(range), block_(table.BlockAt(range.first)), read_end_(block_) {}

bool KeyIterator::Stop(Status status) {
  status_ = std::move(status);
  block_ = table_.index().size();
  in_block_ = false;
  return false;
}

bool KeyIterator::Next() {
  while (true) {
    if (in_block_ && cursor_.Next()) {
      const Position position = cursor_.record().position();
      if (position < range_.first) continue;
      if (position > range_.last) return Stop(Status::Ok());
      return true;
    }
    if (in_block_) {
      // The record stays in the cursor when it meets the end.
      Status status = CursorStatus(table_.blocks(), table_.index()[block_ - 1], cursor_);
      if (!status.ok()) return Stop(std::move(status));
      in_block_ = false;
    }
    if (!NextBlock()) return false;
  }
}

bool KeyIterator::NextBlock() {
  const std::vector<IndexEntry>& index = table_.index();
  if (block_ == index.size() || index[block_].first > range_.last) return Stop(status_);
  // What follows replaces the bytes that the last record points into.
  if (any_) {
    last_key_ = cursor_.record().key;
    last_sub_ = cursor_.record().sub;
    last_position_ = cursor_.record().position();
  }
  if (block_ == read_end_ && !ReadAhead()) return false;
  const IndexEntry& entry = index[block_];
  const Bytes bytes = Bytes(buffer_).substr(buffer_at_, BlockHeader::kBytes + entry.length);
  buffer_at_ += bytes.size();
  ++block_;
  Status status = table_.blocks().Check(bytes, entry.offset, BlockKind::kKeys);
  if (!status.ok()) return Stop(std::move(status));
  cursor_ = KeyBlockCursor(bytes.substr(BlockHeader::kBytes), entry.offset);
  status = CheckKeyBlockHead(table_.blocks(), entry, cursor_);
  if (!status.ok()) return Stop(std::move(status));
  if (any_ && entry.first <= last_position_) {
    // Two blocks share a position: then key and sub must tell them apart.
    KeyBlockCursor probe = cursor_;
    KeyRecord last{.space = last_position_.space, .hash = last_position_.hash};
    last.key = last_key_;
    last.sub = last_sub_;
    if (probe.Next() && CompareOrder(last, probe.record()) >= 0)
      return Stop(table_.blocks().Damage(entry.offset, "blocks of keys are out of order"));
  }
  any_ = true;
  in_block_ = true;
  return true;
}

bool KeyIterator::ReadAhead() {
  const std::vector<IndexEntry>& index = table_.index();
  const uint64_t begin = index[block_].offset;
  uint64_t end = begin;
  do {
    end += BlockHeader::kBytes + index[read_end_].length;
    ++read_end_;
  } while (read_end_ < index.size() && index[read_end_].offset == end &&
           index[read_end_].first <= range_.last &&
           end + BlockHeader::kBytes + index[read_end_].length - begin <= kReadAheadBytes);
  // The index was checked against the file's size, and what it says bounds this.
  buffer_.resize(end - begin);
  buffer_at_ = 0;
  Status status = table_.blocks().ReadAt(begin, buffer_.data(), buffer_.size());
  return status.ok() ? true : Stop(std::move(status));
}

}  // namespace terrace::storage
