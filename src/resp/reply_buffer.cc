#include "resp/reply_buffer.h"

#include <algorithm>
#include <new>

namespace terrace::resp {

namespace {

// Growing further would only make the last chunk of a large reply emptier.
constexpr size_t kChunkBytesMax = 256 * kKiB;
constexpr size_t kKeptBytesMax = 16 * kKiB;
// Up to here moving bytes is cheaper than one more piece for writev.
constexpr size_t kInsertMoveMax = 4 * kKiB;

}  // namespace

/// Makes room for `at_least` bytes in a new chunk. Chunks double with what is queued: a connection whose
/// turns are small never holds more than a small one.
void ReplyBuffer::OpenChunk(size_t at_least) {
  const size_t grown = std::clamp(2 * size(), chunk_bytes_min_, kChunkBytesMax);
  const size_t wanted = std::max(at_least, grown);
  char* const fresh = static_cast<char*>(::operator new(wanted));
  if (pieces_.empty() && begin_ == next_) {
    ::operator delete(chunk_);  // too small from the start
  } else if (chunk_ != nullptr) {
    pieces_.push_back({begin_, static_cast<size_t>(next_ - begin_), nullptr, chunk_, chunk_size_});
    closed_bytes_ += pieces_.back().size;
    closed_chunk_bytes_ += chunk_size_;
  }
  chunk_ = begin_ = next_ = fresh;
  chunk_size_ = wanted;
  limit_ = chunk_ + wanted;
}

void ReplyBuffer::AppendAcross(Bytes bytes) {
  const size_t here = std::min(bytes.size(), static_cast<size_t>(limit_ - next_));
  if (here != 0) std::memcpy(next_, bytes.data(), here);
  next_ += here;
  bytes.remove_prefix(here);
  OpenChunk(bytes.size());
  std::memcpy(next_, bytes.data(), bytes.size());
  next_ += bytes.size();
}

/// Ends the open piece; the next one begins behind it in the same chunk.
void ReplyBuffer::ClosePiece() {
  if (begin_ == next_) return;
  pieces_.push_back({begin_, static_cast<size_t>(next_ - begin_)});
  closed_bytes_ += pieces_.back().size;
  begin_ = next_;
}

void ReplyBuffer::AppendBlob(const BlobRef& blob, size_t from, size_t size) {
  TERRACE_DCHECK(from <= blob->size() && size <= blob->size() - from);
  if (size == 0) return;
  ClosePiece();
  blob->Ref();
  pieces_.push_back({blob->data() + from, size, blob.get()});
  closed_bytes_ += size;
}

void ReplyBuffer::Append(const ReplyBuffer& other) {
  for (size_t i = other.first_; i < other.pieces_.size(); ++i) {
    const Piece& piece = other.pieces_[i];
    if (piece.blob == nullptr) {
      Append(Bytes(piece.data, piece.size));
    } else {
      AppendBlob(BlobRef::Share(piece.blob), static_cast<size_t>(piece.data - piece.blob->data()),
                 piece.size);
    }
  }
  Append(Bytes(other.begin_, static_cast<size_t>(other.next_ - other.begin_)));
}

void ReplyBuffer::FreePiece(Piece& piece) {
  closed_bytes_ -= piece.size;
  piece.size = 0;
  if (piece.blob != nullptr) std::exchange(piece.blob, nullptr)->Unref();
}

void ReplyBuffer::Truncate(uint64_t mark) {
  TERRACE_DCHECK(mark >= consumed_ && mark <= this->mark());
  size_t excess = static_cast<size_t>(this->mark() - mark);
  const size_t open = std::min(excess, static_cast<size_t>(next_ - begin_));
  next_ -= open;
  excess -= open;
  // Emptied pieces stay in the queue: one of them may have a chunk to free for pieces before it.
  for (size_t i = pieces_.size(); excess != 0; --i) {
    Piece& piece = pieces_[i - 1];
    if (piece.size <= excess) {
      excess -= piece.size;
      FreePiece(piece);
    } else {
      piece.size -= excess;
      closed_bytes_ -= excess;
      excess = 0;
    }
  }
  if (empty()) Drained();
}

void ReplyBuffer::Insert(uint64_t mark, Bytes bytes) {
  TERRACE_DCHECK(mark >= consumed_ && mark <= this->mark());
  if (bytes.empty()) return;
  Reserve(bytes.size());
  size_t behind = static_cast<size_t>(this->mark() - mark);
  const size_t open = static_cast<size_t>(next_ - begin_);
  if (behind <= open && behind <= kInsertMoveMax) {
    char* const place = next_ - behind;
    std::memmove(place + bytes.size(), place, behind);
    std::memcpy(place, bytes.data(), bytes.size());
    next_ += bytes.size();
    return;
  }
  // The bytes get a piece of their own, which lies in the chunk behind all others but comes before some of
  // them.
  ClosePiece();
  const Piece inserted{next_, bytes.size()};
  std::memcpy(next_, bytes.data(), bytes.size());
  begin_ = next_ += bytes.size();
  closed_bytes_ += bytes.size();
  size_t at = pieces_.size();
  while (behind != 0 && pieces_[at - 1].size <= behind) behind -= pieces_[--at].size;
  if (behind != 0) {  // in the midst of a piece: its rear part keeps the duty to free the chunk
    Piece& front = pieces_[at - 1];
    Piece rear = front;
    rear.data += front.size - behind;
    rear.size = behind;
    if (rear.blob != nullptr) rear.blob->Ref();
    front.size -= behind;
    front.chunk = nullptr;
    front.chunk_size = 0;
    pieces_.insert(pieces_.begin() + static_cast<ptrdiff_t>(at), rear);
  }
  pieces_.insert(pieces_.begin() + static_cast<ptrdiff_t>(at), inserted);
}

size_t ReplyBuffer::Gather(IoSlice* out, size_t max) const {
  size_t count = 0;
  for (size_t i = first_; i < pieces_.size() && count < max; ++i) {
    if (pieces_[i].size != 0) out[count++] = {pieces_[i].data, pieces_[i].size};
  }
  if (count < max && next_ != begin_) out[count++] = {begin_, static_cast<size_t>(next_ - begin_)};
  return count;
}

void ReplyBuffer::Consume(size_t n) {
  TERRACE_DCHECK(n <= size());
  consumed_ += n;
  for (; first_ < pieces_.size(); ++first_) {
    Piece& piece = pieces_[first_];
    if (n < piece.size) {
      piece.data += n;
      piece.size -= n;
      closed_bytes_ -= n;
      n = 0;
      break;
    }
    n -= piece.size;
    FreePiece(piece);
    if (piece.chunk != nullptr) {
      ::operator delete(piece.chunk);
      closed_chunk_bytes_ -= piece.chunk_size;
    }
  }
  begin_ += n;
  if (empty()) return Drained();
  if (first_ > pieces_.size() / 2 &&
      first_ > 32) {  // each piece is moved less than once on average
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

/// Nothing is queued: starts again at the beginning of the last and largest chunk, or without it if it is too
/// large to keep.
void ReplyBuffer::Drained() {
  if (TERRACE_UNLIKELY(!pieces_.empty())) {
    for (size_t i = first_; i < pieces_.size(); ++i) ::operator delete(pieces_[i].chunk);
    if (pieces_.capacity() > 64) {
      pieces_ = std::vector<Piece>();
    } else {
      pieces_.clear();
    }
    first_ = 0;
    closed_chunk_bytes_ = 0;
  }
  if (TERRACE_UNLIKELY(chunk_size_ > kKeptBytesMax)) {
    ::operator delete(chunk_);
    chunk_ = limit_ = nullptr;
    chunk_size_ = 0;
    chunk_bytes_min_ =
        kKeptBytesMax;  // turns are large here: do not work up from small chunks again
  }
  begin_ = next_ = chunk_;
}

void ReplyBuffer::Clear() {
  consumed_ += size();
  for (Piece& piece : pieces_) FreePiece(piece);
  next_ = begin_;
  Drained();
  ::operator delete(chunk_);
  chunk_ = begin_ = next_ = limit_ = nullptr;
  chunk_size_ = 0;
  chunk_bytes_min_ = kChunkBytesMin;
  pieces_ = std::vector<Piece>();
}

size_t ReplyBuffer::memory_bytes() const {
  return chunk_size_ + closed_chunk_bytes_ + pieces_.capacity() * sizeof(Piece);
}

}  // namespace terrace::resp
