#include "rdb/items_encoder.h"

#include <bit>

#include "base/check.h"
#include "rdb/length_codec.h"

namespace terrace::rdb {

ValueCode ItemsEncoder::Head::code() const {
  switch (type) {
    case Type::kSet:
      return ValueCode::kSet;
    case Type::kHash:
      return next_deadline_ms == 0 ? ValueCode::kHash : ValueCode::kHashMetadata;
    default:
      TERRACE_CHECK(type == Type::kZset);
      return ValueCode::kZset2;
  }
}

void ItemsEncoder::PutHead() {
  if (head_.next_deadline_ms != 0) sink_.PutLittle(head_.next_deadline_ms);
  PutLength(head_.items, sink_);
}

void ItemsEncoder::PutTimedField(Bytes field, Bytes value, uint64_t deadline_ms) {
  PutLength(deadline_ms == 0 ? 0 : deadline_ms - head_.next_deadline_ms + 1, sink_);
  PutField(field, value);
}

void ItemsEncoder::PutScored(Bytes member, double score) {
  Text(member);
  sink_.PutLittle(std::bit_cast<uint64_t>(score));
}

void ListEncoder::PutHead(uint64_t nodes) { PutLength(nodes, sink_); }

void ListEncoder::PutNode(bool plain, Bytes bytes) {
  constexpr uint64_t kPlainContainer = 1;
  constexpr uint64_t kPackedContainer = 2;
  PutLength(plain ? kPlainContainer : kPackedContainer, sink_);
  PutString(bytes, sink_, compression_);
}

}  // namespace terrace::rdb
