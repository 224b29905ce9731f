#include "engine/large_table.h"

#include "base/check.h"
#include "rdb/body_compression.h"

namespace terrace::engine {

LargeTable::LargeTable(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                       const rdb::EncodeOptions& options, types::CaptureBytes* bytes)
    : LargeCapture(keyspace, hash, entry),
      compression_(options.compression),
      bytes_(bytes),
      table_(entry.collection(), bytes),
      head_{.type = table_.type(),
            .items = table_.size(),
            .next_deadline_ms = table_.next_deadline_ms()} {}

LargeTable::~LargeTable() { CountParted(0); }

void LargeTable::CountParted(uint64_t bytes) {
  bytes_->Add(bytes);
  bytes_->Sub(parted_counted_);
  parted_counted_ = bytes;
}

bool LargeTable::EncodeAhead(size_t) {
  if (head_put_) return false;
  head_put_ = true;
  rdb::ItemsEncoder(head_, compression_, &encoded_).PutHead();
  return true;
}

void LargeTable::Put(rdb::ItemsEncoder& encoder, const types::TableCapture::Item& item) {
  ++items_put_;
  switch (head_.type) {
    case Type::kZset:
      return encoder.PutScored(item.member, item.score);
    case Type::kHash:
      return head_.next_deadline_ms == 0
                 ? encoder.PutField(item.member, item.value)
                 : encoder.PutTimedField(item.member, item.value, item.deadline_ms);
    default:
      return encoder.PutMember(item.member);
  }
}

size_t LargeTable::Encode(size_t items_max, size_t bytes_max, std::string* out) {
  if (complete()) return 0;
  const size_t before = items_put_;
  rdb::ItemsEncoder encoder(head_, rdb::Compression::kNone, out);
  const bool more =
      table_.Next(items_max, bytes_max, [&](const auto& item) { Put(encoder, item); });
  if (!more) table_.Detach();
  return items_put_ - before;
}

size_t LargeTable::EncodeLocked(size_t items_max, size_t bytes_max) {
  in_a_hurry_ = true;
  return Encode(items_max, bytes_max, &encoded_);
}

void LargeTable::Part() {
  // Once, so that it never moves under the locks: beyond what an item takes in memory are two bytes for the length of field
  // and value each, and a deadline. What is not written is not in memory.
  const size_t beyond = head_.next_deadline_ms == 0 ? 4 : 13;
  parted_.reserve(table_.item_bytes() + beyond * head_.items);
  Encode(SIZE_MAX, SIZE_MAX, &parted_);
  CountParted(parted_.size());
}

bool LargeTable::EncodeRest(size_t bytes_max) {
  if (parted_done_ < parted_.size()) {
    encoded_.append(parted_, parted_done_, bytes_max);
    parted_done_ += encoded_.size();
    return true;
  }
  if (old_done_) return false;
  std::string().swap(parted_);
  parted_done_ = 0;
  CountParted(0);
  rdb::ItemsEncoder encoder(head_, compression_, &encoded_);
  old_done_ = !table_.NextOld(bytes_max, [&](const auto& item) { Put(encoder, item); });
  if (old_done_) TERRACE_CHECK(items_put_ == head_.items);  // C3
  return true;
}

void LargeTable::TakePiece(std::string* piece) {
  if (in_a_hurry_ && compression_ == rdb::Compression::kLzf) {
    piece->clear();
    rdb::CompressItems(code(), encoded_, piece);
    encoded_.clear();
  } else {
    LargeCapture::TakePiece(piece);
  }
  in_a_hurry_ = false;
}

}  // namespace terrace::engine
