// LargeList, LargeStream: a list or a stream in a large capture (engine/large_capture.h). Their nodes are read and encoded
// with no lock held (types/list_capture.h, types/stream_capture.h); a stream's groups when it is begun.
#pragma once

#include <string>

#include "engine/large_capture.h"
#include "rdb/items_encoder.h"
#include "rdb/stream_codec.h"
#include "types/list_capture.h"
#include "types/stream_capture.h"

namespace terrace::engine {

/// What both have in common: all nodes are encoded before the lock is asked for, and then there is nothing but to let go.
template <typename Capture>
class LargeNodes : public LargeCapture {
 public:
  bool EncodeAhead(size_t bytes_max) final {
    if (next_ == 0) EncodeHead();
    for (; next_ < nodes_.Nodes() && encoded_.size() < bytes_max; ++next_) EncodeNode(next_);
    return !encoded_.empty();
  }
  size_t EncodeLocked(size_t, size_t) final {
    nodes_.Detach();
    complete_ = true;
    return 0;
  }
  bool complete() const final { return complete_; }
  void Part() final { nodes_.Part(); }
  void GiveUp() final { nodes_.Detach(); }

 protected:
  template <typename Kind>
  LargeNodes(Keyspace& keyspace, uint64_t hash, const Entry& entry, Kind collection,
             rdb::Compression compression, types::CaptureBytes* bytes)
      : LargeCapture(keyspace, hash, entry), compression_(compression), nodes_(collection, bytes) {}
  virtual void EncodeHead() = 0;
  virtual void EncodeNode(size_t node) = 0;

  const rdb::Compression compression_;
  Capture nodes_;

 private:
  size_t next_ = 0;
  bool complete_ = false;
};

class LargeList final : public LargeNodes<types::ListCapture> {
 public:
  LargeList(Keyspace& keyspace, uint64_t hash, const Entry& entry,
            const rdb::EncodeOptions& options, types::CaptureBytes* bytes);

  rdb::ValueCode code() const override { return rdb::ListEncoder::kCode; }
  bool EncodeRest(size_t) override { return false; }

 private:
  void EncodeHead() override { encoder_.PutHead(nodes_.Nodes()); }
  void EncodeNode(size_t node) override;

  rdb::ListEncoder encoder_;
  std::string unpacked_;
};

class LargeStream final : public LargeNodes<types::StreamCapture> {
 public:
  LargeStream(Keyspace& keyspace, uint64_t hash, const Entry& entry,
              const rdb::EncodeOptions& options, types::CaptureBytes* bytes);

  rdb::ValueCode code() const override { return code_; }
  bool EncodeRest(size_t bytes_max) override;

 private:
  void EncodeHead() override;
  void EncodeNode(size_t node) override;

  const rdb::ValueCode code_;
  std::string behind_nodes_;
  size_t behind_done_ = 0;
};

}  // namespace terrace::engine
