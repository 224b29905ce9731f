#include "rdb/stream_codec.h"

#include <optional>
#include <utility>

#include "rdb/length_codec.h"
#include "types/stream.h"

namespace terrace::rdb {
namespace {

using types::Stream;
using types::StreamConsumer;
using types::StreamGroup;
using types::StreamId;
using types::StreamNode;

constexpr size_t kIdBytes = 16;
constexpr uint16_t kVersionOfActiveTime = 11;

bool IsAtLeast(ValueCode code, ValueCode least) {
  return static_cast<uint8_t>(code) >= static_cast<uint8_t>(least);
}

class Encoder {
 public:
  Encoder(ValueCode code, Compression compression, ByteSink& sink)
      : code_(code), compression_(compression), sink_(sink) {}

  void Encode(const Stream& stream) {
    PutLength(stream.nodes(), sink_);
    stream.ForEachNode([&](const StreamNode& node, StreamId base) { EncodeNode(node, base); });
    EncodeRest(stream);
  }
  void EncodeNode(const StreamNode& node, StreamId base) {
    PutLength(kIdBytes, sink_);
    RawId(base);
    PutString(node.bytes(), sink_, compression_);
  }
  void EncodeRest(const Stream& stream) {
    PutLength(stream.Size(), sink_);
    Id(stream.last_id());
    if (IsAtLeast(code_, ValueCode::kStreamListpacks2)) {
      Id(stream.first_id());
      Id(stream.max_deleted_id());
      PutLength(stream.entries_added(), sink_);
    }
    PutLength(stream.GroupCount(), sink_);
    if (stream.groups() == nullptr) return;
    for (const auto& [name, group] : *stream.groups()) Group(name, group);
  }

 private:
  void RawId(StreamId id) {
    sink_.PutBig(id.ms);
    sink_.PutBig(id.seq);
  }
  void Id(StreamId id) {
    PutLength(id.ms, sink_);
    PutLength(id.seq, sink_);
  }

  void Group(Bytes name, const StreamGroup& group) {
    PutString(name, sink_, compression_);
    Id(group.last_id);
    if (IsAtLeast(code_, ValueCode::kStreamListpacks2))
      PutLength(static_cast<uint64_t>(group.entries_read), sink_);
    PutLength(group.pending().size(), sink_);
    for (auto at = group.pending().First(); at; at.Next()) {
      RawId(at.id());
      sink_.PutLittle(at.value().delivered_ms);
      PutLength(at.value().deliveries, sink_);
    }
    PutLength(group.consumers().size(), sink_);
    for (const auto& [consumer_name, consumer] : group.consumers())
      Consumer(consumer_name, consumer);
  }

  void Consumer(Bytes name, const StreamConsumer& consumer) {
    PutString(name, sink_, compression_);
    sink_.PutLittle(static_cast<uint64_t>(consumer.seen_ms));
    if (IsAtLeast(code_, ValueCode::kStreamListpacks3))
      sink_.PutLittle(static_cast<uint64_t>(consumer.active_ms));
    PutLength(consumer.pending().size(), sink_);
    for (auto at = consumer.pending().First(); at; at.Next()) RawId(at.id());
  }

  const ValueCode code_;
  const Compression compression_;
  ByteSink& sink_;
};

class Decoder {
 public:
  Decoder(const PayloadBody& body, Stream stream)
      : code_(body.code), source_(body.value), stream_(stream) {}

  bool Decode() { return TakeNodes() && TakePast() && TakeGroups() && source_.finished(); }

 private:
  // A delivery that was read and that no consumer has claimed yet.
  struct Delivery {
    uint64_t delivered_ms;
    uint64_t deliveries;
  };

  // A count, and so many times `take`. A count that is too large ends where the bytes do.
  template <typename Take>
  bool Repeat(Take take) {
    const uint64_t count = TakeLength(source_);
    for (uint64_t i = 0; i < count; ++i) {
      if (!source_.ok() || !take()) return false;
    }
    return source_.ok();
  }
  StreamId TakeRawId() {
    const auto ms = source_.TakeBig<uint64_t>();
    return {ms, source_.TakeBig<uint64_t>()};
  }
  StreamId TakeId() {
    const uint64_t ms = TakeLength(source_);
    return {ms, TakeLength(source_)};
  }

  bool TakeNodes() {
    return Repeat([&] {
      const DecodedString key = TakeString(source_);
      const DecodedString node = TakeString(source_);
      if (!source_.ok() || key.bytes().size() != kIdBytes) return false;
      ByteSource id(key.bytes());
      const auto ms = id.TakeBig<uint64_t>();
      const StreamId base{ms, id.TakeBig<uint64_t>()};
      return StreamNode::Validate(node.bytes(), base) && stream_.AppendNode(base, node.bytes());
    });
  }

  bool TakePast() {
    const uint64_t entries = TakeLength(source_);
    const StreamId last_id = TakeId();
    if (!source_.ok() || entries != stream_.Size() || last_id < stream_.top_id()) return false;
    stream_.set_last_id(last_id);
    stream_.set_entries_added(entries);
    if (!IsAtLeast(code_, ValueCode::kStreamListpacks2)) return true;
    TakeId();  // the first id is what the entries say
    stream_.set_max_deleted_id(TakeId());
    stream_.set_entries_added(TakeLength(source_));
    return source_.ok();
  }

  bool TakeGroups() {
    return Repeat([&] {
      const DecodedString name = TakeString(source_);
      const StreamId last_id = TakeId();
      if (!source_.ok()) return false;
      int64_t entries_read = stream_.CountedUpTo(last_id).value_or(StreamGroup::kUnknown);
      if (IsAtLeast(code_, ValueCode::kStreamListpacks2))
        entries_read = static_cast<int64_t>(TakeLength(source_));
      if (!source_.ok() || entries_read < StreamGroup::kUnknown) return false;
      StreamGroup* group = stream_.CreateGroup(name.bytes(), last_id, entries_read);
      return group != nullptr && TakeGroup(group);
    });
  }

  bool TakeGroup(StreamGroup* group) {
    types::IdTree<Delivery> deliveries;
    const bool taken = Repeat([&] {
      const StreamId id = TakeRawId();
      const auto delivered_ms = source_.TakeLittle<uint64_t>();
      const Delivery delivery{delivered_ms, TakeLength(source_)};
      if (!source_.ok() || deliveries.Find(id) != nullptr) return false;
      deliveries.Insert(id, delivery);
      return true;
    });
    return taken && Repeat([&] { return TakeConsumer(group, deliveries); }) &&
           group->pending().size() == deliveries.size();
  }

  bool TakeConsumer(StreamGroup* group, const types::IdTree<Delivery>& deliveries) {
    const DecodedString name = TakeString(source_);
    const auto seen_ms = static_cast<int64_t>(source_.TakeLittle<uint64_t>());
    auto active_ms = seen_ms;
    if (IsAtLeast(code_, ValueCode::kStreamListpacks3))
      active_ms = static_cast<int64_t>(source_.TakeLittle<uint64_t>());
    if (!source_.ok()) return false;
    bool made = false;
    StreamConsumer* consumer = group->EnsureConsumer(name.bytes(), 0, &made);
    if (!made) return false;
    consumer->seen_ms = seen_ms;
    consumer->active_ms = active_ms;
    return Repeat([&] {
      const StreamId id = TakeRawId();
      const Delivery* delivery = source_.ok() ? deliveries.Find(id) : nullptr;
      if (delivery == nullptr || group->FindPending(id) != nullptr) return false;
      types::PendingEntry* entry = group->Assign(id, consumer);
      entry->delivered_ms = delivery->delivered_ms;
      entry->deliveries = delivery->deliveries;
      return true;
    });
  }

  const ValueCode code_;
  ByteSource source_;
  Stream stream_;
};

}  // namespace

ValueCode StreamCodeFor(uint16_t rdb_version) {
  return rdb_version >= kVersionOfActiveTime ? ValueCode::kStreamListpacks3
                                             : ValueCode::kStreamListpacks2;
}

void EncodeStream(types::Value stream, ValueCode code, Compression compression, ByteSink& sink) {
  Encoder(code, compression, sink).Encode(Stream(stream));
}

void EncodeStreamNode(const StreamNode& node, StreamId base, Compression compression,
                      ByteSink& sink) {
  Encoder(ValueCode::kStreamListpacks, compression, sink).EncodeNode(node, base);
}

void EncodeBehindNodes(types::Value stream, ValueCode code, Compression compression,
                       ByteSink& sink) {
  Encoder(code, compression, sink).EncodeRest(Stream(stream));
}

PayloadResult<types::Value> DecodeStream(const PayloadBody& body) {
  const Stream stream = Stream::New();
  if (Decoder(body, stream).Decode()) return stream.value();
  types::Destroy(stream.value());
  return Unexpected{PayloadError::kBadFormat};
}

}  // namespace terrace::rdb
