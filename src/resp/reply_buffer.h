// What a connection still has to send: a queue of pieces, written at one end and handed to writev at the
// other.
//
//   pieces_                                                        the open piece
//   [ bytes | Blob, a slice of it | bytes (end of a chunk) | ... ] [ begin_ ... next_ | room ... limit_ )
//     ^ first_: Consume() takes from here                            in the chunk at chunk_
//
// Small replies go one behind the other into the open piece; most turns never close it, so appending is a
// copy and an addition, and draining sets one pointer back. A large string goes by reference. Bytes never
// move once written (but see Insert), so a write may be under way while more is appended.
//
// Nothing is allocated before the first byte. Chunks grow with what is queued; drained, the buffer keeps one
// of at most 16 KiB, just what this connection's usual turn needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/check.h"

namespace terrace::resp {

/// Laid out like struct iovec.
struct IoSlice {
  char* base;
  size_t len;
};

class ReplyBuffer {
 public:
  ReplyBuffer() = default;
  ~ReplyBuffer() { Clear(); }
  ReplyBuffer(const ReplyBuffer&) = delete;
  ReplyBuffer& operator=(const ReplyBuffer&) = delete;

  /// `n` contiguous bytes to write to; Commit() says how many of them are meant.
  char* Reserve(size_t n) {
    if (TERRACE_UNLIKELY(static_cast<size_t>(limit_ - next_) < n)) OpenChunk(n);
    return next_;
  }
  void Commit(size_t n) {
    TERRACE_DCHECK(n <= static_cast<size_t>(limit_ - next_));
    next_ += n;
  }

  void Append(Bytes bytes) {
    if (TERRACE_UNLIKELY(static_cast<size_t>(limit_ - next_) < bytes.size()))
      return AppendAcross(bytes);
    if (bytes.empty()) return;
    std::memcpy(next_, bytes.data(), bytes.size());
    next_ += bytes.size();
  }

  /// Bytes [from, from + size) of `blob`, by reference.
  void AppendBlob(const BlobRef& blob, size_t from, size_t size);

  /// What another buffer has queued; what is by reference there is by reference here.
  void Append(const ReplyBuffer& other);

  /// Bytes queued.
  size_t size() const { return closed_bytes_ + static_cast<size_t>(next_ - begin_); }
  bool empty() const { return size() == 0; }

  /// The position behind all that was ever appended. Positions are absolute: they survive Consume().
  uint64_t mark() const { return consumed_ + size(); }
  /// Takes back everything behind `mark`, which must not be consumed yet.
  void Truncate(uint64_t mark);
  /// Puts a few bytes in at `mark`; what is behind moves on, its marks with it. CONTRACT: nothing behind
  /// `mark` is in a write that is under way.
  void Insert(uint64_t mark, Bytes bytes);

  /// The first up to `max` pieces, for writev. Returns how many. Valid until the next Consume(), Truncate(),
  /// Insert() or Clear().
  size_t Gather(IoSlice* out, size_t max) const;
  /// The first `n` bytes were sent.
  void Consume(size_t n);

  /// Drops everything and frees all memory.
  void Clear();
  /// Frees what a drained buffer keeps.
  void Trim() {
    if (empty()) Clear();
  }
  /// Memory held, blobs not counted.
  size_t memory_bytes() const;

 private:
  struct Piece {
    char* data;
    size_t size;
    Blob* blob = nullptr;   // one reference, if the bytes are in a blob
    char* chunk = nullptr;  // the chunk to free behind this piece: the last one in it
    size_t chunk_size = 0;
  };

  static constexpr size_t kChunkBytesMin = kKiB;

  void OpenChunk(size_t at_least);
  void AppendAcross(Bytes bytes);
  void ClosePiece();
  void FreePiece(Piece& piece);
  void Drained();

  char* next_ = nullptr;
  char* limit_ = nullptr;
  char* begin_ = nullptr;
  size_t closed_bytes_ = 0;  // in pieces_
  uint64_t consumed_ = 0;    // since the connection began
  char* chunk_ = nullptr;
  size_t chunk_size_ = 0;
  size_t chunk_bytes_min_ = kChunkBytesMin;
  size_t first_ = 0;  // pieces_ before it are gone
  size_t closed_chunk_bytes_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace terrace::resp
