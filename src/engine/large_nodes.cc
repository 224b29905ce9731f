#include "engine/large_nodes.h"

#include "rdb/dump_payload.h"
#include "rdb/items_encoder.h"
#include "rdb/length_codec.h"
#include "rdb/stream_codec.h"

namespace terrace::engine {

LargeList::LargeList(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                     rdb::Compression compression, types::CaptureBytes* bytes)
    : LargeNodes(keyspace, hash, entry, types::Quicklist(entry.collection().data), compression,
                 bytes) {}

void LargeList::Encode() {
  constexpr size_t kBesideNode = 16;
  encoded_.reserve(nodes_.raw_bytes() + kBesideNode * (nodes_.Nodes() + 1));
  rdb::ListEncoder encoder(nodes_.Nodes(), compression_, &encoded_);
  std::string unpacked;
  for (size_t node = 0; node < nodes_.Nodes(); ++node)
    encoder.PutNode(nodes_.IsPlain(node), nodes_.NodeBytes(node, &unpacked));
}

LargeStream::LargeStream(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                         rdb::Compression compression, types::CaptureBytes* bytes)
    : LargeNodes(keyspace, hash, entry, types::Stream(entry.collection()), compression, bytes),
      code_(rdb::StreamCodeFor(rdb::kRdbVersionMax)) {
  rdb::ByteSink sink(&behind_nodes_);
  rdb::EncodeBehindNodes(entry.collection(), code_, compression, sink);
}

void LargeStream::Encode() {
  constexpr size_t kBesideNode = 32;
  size_t bytes = behind_nodes_.size() + kBesideNode;
  for (size_t i = 0; i < nodes_.Nodes(); ++i) bytes += nodes_.Node(i).bytes().size() + kBesideNode;
  encoded_.reserve(bytes);
  rdb::ByteSink sink(&encoded_);
  sink.PutByte(static_cast<uint8_t>(code_));
  rdb::PutLength(nodes_.Nodes(), sink);
  for (size_t i = 0; i < nodes_.Nodes(); ++i)
    rdb::EncodeStreamNode(nodes_.Node(i), nodes_.base(i), compression_, sink);
  sink.PutBytes(behind_nodes_);
}

}  // namespace terrace::engine
