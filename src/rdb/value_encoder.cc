#include "rdb/value_encoder.h"

#include "base/check.h"
#include "rdb/items_encoder.h"
#include "rdb/stream_codec.h"
#include "types/intset.h"
#include "types/items.h"
#include "types/list.h"
#include "types/listpack.h"

namespace terrace::rdb {
namespace {

using types::Listpack;

constexpr uint16_t kVersionOfSetListpack = 11;

class Encoder {
 public:
  Encoder(types::Value value, const EncodeOptions& options, std::string* out)
      : value_(value), options_(options), out_(out), sink_(out) {}

  void Encode() {
    switch (value_.type) {
      case Type::kList:
        return EncodeList();
      case Type::kSet:
        return EncodeSet();
      case Type::kHash:
        return EncodeHash();
      case Type::kZset:
        return EncodeZset();
      case Type::kStream:
        return EncodeStream();
      case Type::kString:
        break;
    }
    TERRACE_CHECK(false && "a value of this type has no encoder");
  }

 private:
  void Code(ValueCode code) { sink_.PutByte(static_cast<uint8_t>(code)); }
  void Text(Bytes text) { PutString(text, sink_, options_.compression); }
  bool packed() const { return value_.encoding == Encoding::kListpack; }
  Bytes packed_bytes() const { return Listpack(value_.data).bytes(); }
  // Code and head are written.
  ItemsEncoder Items() {
    const ItemsEncoder::Head head{.type = value_.type,
                                  .items = types::CountItems(value_),
                                  .next_deadline_ms = value_.encoding == Encoding::kTimedTable
                                                          ? types::NextDeadline(value_)
                                                          : 0};
    Code(head.code());
    ItemsEncoder encoder(head, options_.compression, out_);
    encoder.PutHead();
    return encoder;
  }

  void EncodeList() {
    const types::List list(value_);
    const size_t nodes = list.Nodes();
    Code(ListEncoder::kCode);
    ListEncoder encoder(options_.compression, out_);
    encoder.PutHead(nodes);
    std::string unpacked;
    for (size_t node = 0; node < nodes; ++node)
      encoder.PutNode(list.IsPlain(node), list.NodeBytes(node, &unpacked));
  }

  void EncodeSet() {
    if (value_.encoding == Encoding::kIntset) {
      Code(ValueCode::kSetIntset);
      return Text(types::Intset(value_.data).bytes());
    }
    if (packed() && options_.rdb_version >= kVersionOfSetListpack) {
      Code(ValueCode::kSetListpack);
      return Text(packed_bytes());
    }
    ItemsEncoder items = Items();
    types::ForEachElement(value_, [&](Bytes member) { items.PutMember(member); });
  }

  void EncodeHash() {
    if (value_.encoding == Encoding::kListpackEx) return EncodePackedFields();
    if (value_.encoding == Encoding::kTimedTable) return EncodeTimedFields();
    if (packed()) {
      Code(ValueCode::kHashListpack);
      return Text(packed_bytes());
    }
    ItemsEncoder items = Items();
    types::ForEachField(value_, [&](Bytes field, Bytes value) { items.PutField(field, value); });
  }

  // Without deadlines it is a hash like any other, which older readers take.
  void EncodePackedFields() {
    if (const uint64_t smallest = types::NextDeadline(value_); smallest != 0) {
      Code(ValueCode::kHashListpackEx);
      sink_.PutLittle(smallest);
      return Text(packed_bytes());
    }
    Listpack pairs = Listpack::New();
    types::ForEachField(value_, [&](Bytes field, Bytes value) {
      pairs.Append(field);
      pairs.Append(value);
    });
    Code(ValueCode::kHashListpack);
    Text(pairs.bytes());
    pairs.Free();
  }

  void EncodeTimedFields() {
    ItemsEncoder items = Items();
    types::ForEachTimedField(value_, [&](Bytes field, Bytes value, uint64_t deadline_ms) {
      items.PutTimedField(field, value, deadline_ms);
    });
  }

  void EncodeZset() {
    if (packed()) {
      Code(ValueCode::kZsetListpack);
      return Text(packed_bytes());
    }
    ItemsEncoder items = Items();
    types::ForEachScoreDown(value_,
                            [&](Bytes member, double score) { items.PutScored(member, score); });
  }

  void EncodeStream() {
    const ValueCode code = StreamCodeFor(options_.rdb_version);
    Code(code);
    rdb::EncodeStream(value_, code, options_.compression, sink_);
  }

  const types::Value value_;
  const EncodeOptions& options_;
  std::string* const out_;
  ByteSink sink_;
};

}  // namespace

uint16_t RdbVersionFor(types::Value value) {
  return types::NextDeadline(value) != 0 ? kRdbVersionTimedFields : kRdbVersionDefault;
}

std::string EncodeCollection(types::Value value, const EncodeOptions& options) {
  std::string body;
  Encoder(value, options, &body).Encode();
  return body;
}

}  // namespace terrace::rdb
