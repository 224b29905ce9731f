#include "engine/large_nodes.h"

#include "rdb/length_codec.h"

namespace terrace::engine {

LargeList::LargeList(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                     const rdb::EncodeOptions& options, types::CaptureBytes* bytes)
    : LargeNodes(keyspace, hash, entry, types::Quicklist(entry.collection().data),
                 options.compression, bytes),
      encoder_(options.compression, &encoded_) {}

void LargeList::EncodeNode(size_t node) {
  encoder_.PutNode(nodes_.IsPlain(node), nodes_.NodeBytes(node, &unpacked_));
}

LargeStream::LargeStream(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                         const rdb::EncodeOptions& options, types::CaptureBytes* bytes)
    : LargeNodes(keyspace, hash, entry, types::Stream(entry.collection()), options.compression,
                 bytes),
      code_(rdb::StreamCodeFor(options.rdb_version)) {
  // Under the lock, so as it is.
  rdb::ByteSink sink(&behind_nodes_);
  rdb::EncodeBehindNodes(entry.collection(), code_, rdb::Compression::kNone, sink);
}

void LargeStream::EncodeHead() {
  rdb::ByteSink sink(&encoded_);
  rdb::PutLength(nodes_.Nodes(), sink);
}

void LargeStream::EncodeNode(size_t node) {
  rdb::ByteSink sink(&encoded_);
  rdb::EncodeStreamNode(nodes_.Node(node), nodes_.base(node), compression_, sink);
}

bool LargeStream::EncodeRest(size_t bytes_max) {
  if (behind_done_ == behind_nodes_.size()) return false;
  encoded_.append(behind_nodes_, behind_done_, bytes_max);
  behind_done_ += encoded_.size();
  return true;
}

}  // namespace terrace::engine
