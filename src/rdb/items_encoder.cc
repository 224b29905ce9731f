#include "rdb/items_encoder.h"

#include <bit>

#include "base/check.h"
#include "rdb/length_codec.h"
#include "rdb/value_code.h"

namespace terrace::rdb {
namespace {

ValueCode CodeOf(const ItemsEncoder::Head& head) {
  switch (head.type) {
    case Type::kSet:
      return ValueCode::kSet;
    case Type::kHash:
      return head.next_deadline_ms == 0 ? ValueCode::kHash : ValueCode::kHashMetadata;
    default:
      TERRACE_CHECK(head.type == Type::kZset);
      return ValueCode::kZset2;
  }
}

}  // namespace

ItemsEncoder::ItemsEncoder(const Head& head, Compression compression, std::string* out)
    : next_deadline_ms_(head.next_deadline_ms), compression_(compression), sink_(out) {
  sink_.PutByte(static_cast<uint8_t>(CodeOf(head)));
  if (next_deadline_ms_ != 0) sink_.PutLittle(next_deadline_ms_);
  PutLength(head.items, sink_);
}

void ItemsEncoder::PutTimedField(Bytes field, Bytes value, uint64_t deadline_ms) {
  PutLength(deadline_ms == 0 ? 0 : deadline_ms - next_deadline_ms_ + 1, sink_);
  PutField(field, value);
}

void ItemsEncoder::PutScored(Bytes member, double score) {
  Text(member);
  sink_.PutLittle(std::bit_cast<uint64_t>(score));
}

ListEncoder::ListEncoder(uint64_t nodes, Compression compression, std::string* out)
    : compression_(compression), sink_(out) {
  sink_.PutByte(static_cast<uint8_t>(ValueCode::kListQuicklist2));
  PutLength(nodes, sink_);
}

void ListEncoder::PutNode(bool plain, Bytes bytes) {
  constexpr uint64_t kPlainContainer = 1;
  constexpr uint64_t kPackedContainer = 2;
  PutLength(plain ? kPlainContainer : kPackedContainer, sink_);
  PutString(bytes, sink_, compression_);
}

}  // namespace terrace::rdb
