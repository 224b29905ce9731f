// LargeList, LargeStream: a list or a stream in a large capture (engine/large_capture.h). Their nodes are read and encoded
// with no lock held (types/list_capture.h, types/stream_capture.h); a stream's groups when it is begun.
#pragma once

#include <string>

#include "engine/large_capture.h"
#include "rdb/value_code.h"
#include "types/list_capture.h"
#include "types/stream_capture.h"

namespace terrace::engine {

/// What both have in common: all is encoded before the lock is asked for, and then there is nothing but to let go.
template <typename Capture>
class LargeNodes : public LargeCapture {
 public:
  void Prepare() final {
    if (!encoded_.empty()) return;
    Encode();
  }
  size_t Next(size_t, size_t) final {
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
  virtual void Encode() = 0;
  std::string TakeEncoded() final { return std::move(encoded_); }

  const rdb::Compression compression_;
  Capture nodes_;
  std::string encoded_;
  bool complete_ = false;
};

class LargeList final : public LargeNodes<types::ListCapture> {
 public:
  LargeList(Keyspace& keyspace, uint64_t hash, const Entry& entry, rdb::Compression compression,
            types::CaptureBytes* bytes);

 private:
  void Encode() override;
};

class LargeStream final : public LargeNodes<types::StreamCapture> {
 public:
  LargeStream(Keyspace& keyspace, uint64_t hash, const Entry& entry, rdb::Compression compression,
              types::CaptureBytes* bytes);

 private:
  void Encode() override;

  const rdb::ValueCode code_;
  std::string behind_nodes_;
};

}  // namespace terrace::engine
