// LogChunks: the newest bytes of the log, in memory: a ring whose links are chunks of whole units.
//
//   [ units . . . |    ][ units . . . . . . | ][ one unit that is larger than a chunk ][ units . |      ]
//   start(0)       used   start(1)                                                       ^ the tail
//
// Why chunks: whoever carries the log on (the log writer, followers) takes a chunk's bytes as they stand, without copying
// them and without the lock, and takes whole units by taking whatever there is. And where the bytes may not go yet
// (nothing has made them durable) another chunk comes, instead of a larger ring that all of it has to be copied to.
// A chunk that falls out at the front becomes the next tail, so a log that flows touches no new memory.
//
// Threads: everything under the lock of whoever owns it, but for the bytes of a Span: they never change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "base/bytes.h"
#include "base/memory.h"

namespace terrace::engine {

class LogChunks {
 public:
  struct Chunk {
    explicit Chunk(size_t room) : capacity(room), bytes(static_cast<char*>(Allocate(room))) {}
    ~Chunk() { Deallocate(bytes, capacity); }
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;

    uint64_t start = 0;  // log offset of its first byte
    const size_t capacity;
    char* const bytes;
    size_t used = 0;

    uint64_t end() const { return start + used - 1; }  // of its last byte
  };
  /// Bytes of the log from some offset to the end of their chunk, good as long as this lives.
  struct Span {
    std::shared_ptr<const Chunk> chunk;
    Bytes bytes;
  };

  explicit LogChunks(size_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}

  /// Room for the next `bytes` bytes, the first of which has log offset `offset`; they count once written.
  char* Extend(uint64_t offset, size_t bytes);
  /// Lets go of the oldest chunks while there are more than `bytes_max` bytes, but of none that has a byte behind `upto`, and
  /// never of the newest.
  void Shrink(size_t bytes_max, uint64_t upto);
  void Clear();

  /// From `offset` on, as far as one chunk goes; empty if there is nothing.
  Span From(uint64_t offset) const;
  /// Log offset of the first byte there is; 0 if there is none.
  uint64_t first_offset() const { return chunks_.empty() ? 0 : chunks_.front()->start; }
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  const size_t chunk_bytes_;
  std::deque<std::shared_ptr<Chunk>> chunks_;
  std::shared_ptr<Chunk> spare_;
  size_t used_bytes_ = 0;
  size_t memory_bytes_ = 0;
};

}  // namespace terrace::engine
