// Memory that lives for one turn of a worker: sockets are read into it, requests are views of it, their
// argument arrays lie in it. When everything gathered has run and been answered, one Reset() forgets it all.
//
// Two bumps, side by side: one for the bytes that arrive, one for the arrays made while parsing them. Kept
// apart, a second read of the same socket continues right behind the first, so a request cut by the end of a
// read is completed in place.
//
//   reads    [ conn 7: *2 $3 GET ... | conn 9: ... *2 $3 G|<- Reserve() continues here          ]
//   objects  [ argv of request 1 | argv of request 2 | ... |<- Allocate() continues here        ]
//
// Threads: one worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace terrace::resp {

class TurnArena {
 public:
  TurnArena() = default;
  TurnArena(const TurnArena&) = delete;
  TurnArena& operator=(const TurnArena&) = delete;

  /// Room for a read: at least `at_least` contiguous bytes, `*available` of them in all. Nothing is taken
  /// until Commit(); another Reserve() before it gives the same bytes again.
  char* Reserve(size_t at_least, size_t* available) {
    if (TERRACE_UNLIKELY(reads_.room() < at_least)) reads_.Advance(at_least);
    *available = reads_.room();
    return reads_.next;
  }

  /// Takes the first `used` bytes of what Reserve() gave.
  void Commit(size_t used) {
    TERRACE_DCHECK(used <= reads_.room());
    reads_.next += used;
  }

  /// How many bytes may be read directly behind `position`: 0 unless the last Commit() ended there.
  size_t RoomBehind(const char* position) const {
    return position == reads_.next ? reads_.room() : 0;
  }

  /// `align` is a power of two, at most that of max_align_t.
  void* Allocate(size_t size, size_t align) {
    size_t padding = -reinterpret_cast<uintptr_t>(objects_.next) & (align - 1);
    if (TERRACE_UNLIKELY(objects_.room() < size + padding)) {
      objects_.Advance(size);
      padding = 0;  // chunks start at the strictest alignment
    }
    char* const start = objects_.next + padding;
    objects_.next = start + size;
    return start;
  }

  template <typename T>
  T* AllocateArray(size_t count) {
    return static_cast<T*>(Allocate(count * sizeof(T), alignof(T)));
  }

  /// Keeps `memory` alive until Reset(): for buffers that handed-out views point into.
  void Adopt(std::unique_ptr<char[]> memory) { adopted_.push_back(std::move(memory)); }

  /// Bytes taken since Reset(), ends of chunks that were skipped included.
  size_t used() const { return reads_.used() + objects_.used(); }

  /// Forgets everything; starts again at the same address, so that the memory stays hot. The first chunks are
  /// kept, the rest is freed.
  void Reset();

 private:
  struct Chunk {
    std::unique_ptr<char[]> memory;
    size_t size;
  };

  struct Bump {
    explicit Bump(size_t bytes) : chunk_bytes(bytes) {}

    size_t room() const { return static_cast<size_t>(end - next); }
    size_t used() const { return used_before + static_cast<size_t>(next - start); }
    /// Moves on to a chunk with `at_least` bytes.
    void Advance(size_t at_least);
    void Rewind();
    void Enter(size_t index);

    char* next = nullptr;
    char* end = nullptr;
    char* start = nullptr;   // of the current chunk
    size_t used_before = 0;  // in the chunks before it
    size_t current = 0;      // its index, when there are any
    size_t chunk_bytes;
    std::vector<Chunk> chunks;
  };

  Bump reads_{128 * kKiB};
  Bump objects_{64 * kKiB};
  std::vector<std::unique_ptr<char[]>> adopted_;
};

}  // namespace terrace::resp
