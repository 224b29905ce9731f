#include "engine/large_capture.h"

#include <utility>

#include "base/check.h"
#include "types/items.h"

namespace terrace::engine {

bool LargeCapture::Takes(const Entry& entry, const Limits& limits) {
  if (!types::TableCapture::Takes(entry.encoding())) return false;
  const types::Value value = entry.collection();
  return types::CountItems(value) > limits.items || types::MemoryEstimate(value) > limits.bytes;
}

LargeCapture::LargeCapture(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                           rdb::Compression compression, types::CaptureBytes* bytes)
    : keyspace_(keyspace),
      hash_(hash),
      key_(entry.key()),
      deadline_ms_(entry.deadline_ms()),
      compression_(compression),
      table_(entry.collection(), bytes) {}

LargeCapture::~LargeCapture() { TERRACE_CHECK(entry_ == nullptr); }

void LargeCapture::Put(const types::TableCapture::Item& item) {
  ++items_put_;
  switch (table_.type()) {
    case Type::kZset:
      return encoder_->PutScored(item.member, item.score);
    case Type::kHash:
      return table_.next_deadline_ms() == 0
                 ? encoder_->PutField(item.member, item.value)
                 : encoder_->PutTimedField(item.member, item.value, item.deadline_ms);
    default:
      return encoder_->PutMember(item.member);
  }
}

void LargeCapture::BeginEncoding() {
  if (encoder_) return;
  // Once, so that it never moves under a lock: beyond what an item takes in memory are two bytes for the length of field
  // and value each, and a deadline. What is not written is not in memory.
  const size_t beyond = table_.next_deadline_ms() == 0 ? 4 : 13;
  encoded_.reserve(32 + table_.item_bytes() + beyond * table_.size());
  encoder_.emplace(rdb::ItemsEncoder::Head{.type = table_.type(),
                                           .items = table_.size(),
                                           .next_deadline_ms = table_.next_deadline_ms()},
                   compression_, &encoded_);
}

size_t LargeCapture::Next(size_t items_max, size_t bytes_max) {
  if (complete()) return 0;
  BeginEncoding();
  const size_t before = items_put_;
  const bool more = table_.Next(items_max, bytes_max, [this](const auto& item) { Put(item); });
  if (!more) table_.Detach();
  return items_put_ - before;
}

CapturedKey LargeCapture::Finish() {
  TERRACE_CHECK(complete());
  BeginEncoding();
  table_.ForEachOld([this](const auto& item) { Put(item); });
  TERRACE_CHECK(items_put_ == table_.size());  // C3
  return CapturedKey(hash_, key_, deadline_ms_, std::move(encoded_));
}

Entry* LargeCapture::ReleaseEntry() { return std::exchange(entry_, nullptr); }

}  // namespace terrace::engine
