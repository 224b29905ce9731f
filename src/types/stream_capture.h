// StreamCapture: the entries of a long stream as they were at one moment, to be read at leisure while it goes on changing.
// As types/list_capture.h has it: the nodes' listpacks are shared until the stream changes them, for which it copies them.
// Which ones are shared stands here, found by their bases. Groups are no part of it.
//
// Threads: beginning, Part and Detach under the lock of the key's shard, and so is what the stream does. Node by one thread,
// with no lock; the destructor after Detach.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "types/capture_bytes.h"
#include "types/stream.h"

namespace terrace::types {

class StreamCapture {
 public:
  /// Begins. CONTRACT: it is not under capture. `bytes` counts what is left here.
  StreamCapture(Stream stream, CaptureBytes* bytes);
  ~StreamCapture();
  StreamCapture(const StreamCapture&) = delete;
  StreamCapture& operator=(const StreamCapture&) = delete;

  // --- as it was ---
  size_t Nodes() const { return nodes_.size(); }
  /// CONTRACT: not detached, unless by Part or by the stream itself.
  StreamId base(size_t i) const { return nodes_[i].base; }
  StreamNode Node(size_t i) const { return {nodes_[i].data, nodes_[i].base}; }

  /// The stream is on its own again, and what both had is the stream's: nothing can be read here any more.
  void Detach();
  /// The same, but everything can be read: the stream has copied what both had.
  void Part();
  bool detached() const { return stream_ == nullptr; }

  // --- for the stream ---
  /// The stream will not look at this node's data again. False: it is the stream's alone, and nothing is done.
  bool Leave(StreamId base, const void* data);
  /// It is about to be freed, and has left all that both had.
  void LoseSource() { stream_ = nullptr; }

 private:
  struct Shared {
    StreamId base;
    void* data;
    bool left;  // is to be freed here
  };
  void Count(uint64_t bytes);

  CaptureBytes* const bytes_;
  Stream::Data* stream_;       // nullptr: detached
  std::vector<Shared> nodes_;  // by base
  uint64_t counted_ = 0;
};

}  // namespace terrace::types
