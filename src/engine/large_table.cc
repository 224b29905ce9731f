#include "engine/large_table.h"

#include <utility>

#include "base/check.h"

namespace terrace::engine {

void LargeTable::BeginEncoding() {
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

void LargeTable::Put(const types::TableCapture::Item& item) {
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

size_t LargeTable::Next(size_t items_max, size_t bytes_max) {
  if (complete()) return 0;
  BeginEncoding();
  const size_t before = items_put_;
  const bool more = table_.Next(items_max, bytes_max, [this](const auto& item) { Put(item); });
  if (!more) table_.Detach();
  return items_put_ - before;
}

std::string LargeTable::TakeEncoded() {
  TERRACE_CHECK(complete());
  BeginEncoding();
  table_.ForEachOld([this](const auto& item) { Put(item); });
  TERRACE_CHECK(items_put_ == table_.size());  // C3
  return std::move(encoded_);
}

}  // namespace terrace::engine
