#include "rdb/value_encoder.h"

#include <bit>

#include "base/check.h"
#include "rdb/length_codec.h"
#include "types/intset.h"
#include "types/items.h"
#include "types/listpack.h"

namespace terrace::rdb {
namespace {

using types::Listpack;

constexpr uint64_t kPlainContainer = 1;
constexpr uint64_t kPackedContainer = 2;
// Of a listpack in a list: what stock servers make, too.
constexpr size_t kNodeBytesMax = 8 * kKiB;
constexpr uint16_t kVersionOfSetListpack = 11;

// The nodes of a list that is made of longer or other runs than one listpack.
class NodeWriter {
 public:
  explicit NodeWriter(Compression compression) : sink_(&nodes_), compression_(compression) {}
  ~NodeWriter() { node_.Free(); }
  NodeWriter(const NodeWriter&) = delete;
  NodeWriter& operator=(const NodeWriter&) = delete;

  void Append(Bytes element) {
    if (!node_.empty() && node_.TotalBytes() + element.size() > kNodeBytesMax) Flush();
    if (!node_.HasRoomFor(element.size())) return AppendPlain(element);
    node_.Append(element);
  }
  /// Writes count and nodes.
  void Finish(ByteSink& out) {
    if (!node_.empty()) Flush();
    PutLength(count_, out);
    out.PutBytes(nodes_);
  }

 private:
  void AppendPlain(Bytes element) {
    PutLength(kPlainContainer, sink_);
    PutString(element, sink_, compression_);
    ++count_;
  }
  void Flush() {
    PutLength(kPackedContainer, sink_);
    PutString(node_.bytes(), sink_, compression_);
    ++count_;
    node_.Free();
    node_ = Listpack::New();
  }

  std::string nodes_;
  ByteSink sink_;
  const Compression compression_;
  Listpack node_ = Listpack::New();
  uint64_t count_ = 0;
};

class Encoder {
 public:
  Encoder(types::Value value, const EncodeOptions& options, std::string* out)
      : value_(value), options_(options), sink_(out) {}

  void Encode() {
    switch (value_.type) {
      case Type::kList: return EncodeList();
      case Type::kSet: return EncodeSet();
      case Type::kHash: return EncodeHash();
      case Type::kZset: return EncodeZset();
      case Type::kString:
      case Type::kStream: break;
    }
    TERRACE_CHECK(false && "a value of this type has no encoder");
  }

 private:
  void Code(ValueCode code) { sink_.PutByte(static_cast<uint8_t>(code)); }
  void Text(Bytes text) { PutString(text, sink_, options_.compression); }
  bool packed() const { return value_.encoding == Encoding::kListpack; }
  Bytes packed_bytes() const { return Listpack(value_.data).bytes(); }

  void EncodeList() {
    Code(ValueCode::kListQuicklist2);
    if (packed()) {
      PutLength(1, sink_);
      PutLength(kPackedContainer, sink_);
      return Text(packed_bytes());
    }
    NodeWriter nodes(options_.compression);
    types::ForEachElement(value_, [&](Bytes element) { nodes.Append(element); });
    nodes.Finish(sink_);
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
    Code(ValueCode::kSet);
    PutLength(types::CountItems(value_), sink_);
    types::ForEachElement(value_, [&](Bytes member) { Text(member); });
  }

  void EncodeHash() {
    if (packed()) {
      Code(ValueCode::kHashListpack);
      return Text(packed_bytes());
    }
    Code(ValueCode::kHash);
    PutLength(types::CountItems(value_), sink_);
    types::ForEachField(value_, [&](Bytes field, Bytes value) {
      Text(field);
      Text(value);
    });
  }

  void EncodeZset() {
    if (packed()) {
      Code(ValueCode::kZsetListpack);
      return Text(packed_bytes());
    }
    Code(ValueCode::kZset2);
    PutLength(types::CountItems(value_), sink_);
    types::ForEachScore(value_, [&](Bytes member, double score) {
      Text(member);
      sink_.PutLittle(std::bit_cast<uint64_t>(score));
    });
  }

  const types::Value value_;
  const EncodeOptions& options_;
  ByteSink sink_;
};

}  // namespace

std::string EncodeCollection(types::Value value, const EncodeOptions& options) {
  std::string body;
  Encoder(value, options, &body).Encode();
  return body;
}

}  // namespace terrace::rdb
