#include "resp/request_parser.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/numbers.h"
#include "resp/inline_request.h"

namespace terrace::resp {

namespace {

// A read is offered at least this much, so that a pipeline comes in few system calls.
constexpr size_t kReadBytesMin = 16 * kKiB;
// Copying an incomplete request this small into the arena is cheaper than reading it anywhere else.
constexpr size_t kSmallTailMax = 16 * kKiB;
// Redis' PROTO_INLINE_MAX_SIZE: the longest line, of an inline request or of a header.
constexpr size_t kLineBytesMax = 64 * kKiB;

constexpr int64_t kUnauthenticatedCountMax = 10;
constexpr int64_t kUnauthenticatedBulkMax = 16 * kKiB;
constexpr size_t kUnauthenticatedQueryMax = kMiB;

// The shortest argument, "$0\r\n\r\n".
constexpr size_t kArgumentBytesMin = 6;

bool IsCrLf(const char* p) { return std::memcmp(p, "\r\n", 2) == 0; }

/// The digits of a length from its third on: up to nine in all, and "\r\n".
[[gnu::noinline]] const char* ReadMoreDigits(const char* p, const char* last, const char* end,
                                             size_t* value) {
  for (; p != last; ++p) {
    const size_t digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) break;
    *value = *value * 10 + digit;
  }
  return end - p < 2 || !IsCrLf(p) ? nullptr : p + 2;
}

/// Reads "<digits>\r\n" where at least four bytes are readable: returns the byte behind, or nullptr if it is
/// anything but one to nine digits without a leading zero, cut off or not. Then the careful path decides what
/// it is. Most lengths have one digit or two.
[[gnu::always_inline]] inline const char* ReadLength(const char* p, const char* end,
                                                     size_t* value) {
  const size_t first = static_cast<unsigned char>(p[0] - '0');
  if (TERRACE_UNLIKELY(first > 9)) return nullptr;
  *value = first;
  if (TERRACE_LIKELY(IsCrLf(p + 1))) return p + 3;
  const size_t second = static_cast<unsigned char>(p[1] - '0');
  if (TERRACE_UNLIKELY(first == 0 || second > 9)) return nullptr;
  *value = first * 10 + second;
  if (TERRACE_LIKELY(IsCrLf(p + 2))) return p + 4;
  return ReadMoreDigits(p + 2, p + std::min<ptrdiff_t>(9, end - p), end, value);
}

}  // namespace

// How far a request that is cut off has been parsed. All positions are relative to cursor_, because the bytes
// move.
struct RequestParser::Partial {
  static constexpr size_t kUnknown = SIZE_MAX;
  struct Piece {
    size_t offset;
    size_t size;
  };

  Partial() = default;
  ~Partial() {
    for (const BlobArg& arg : blobs) arg.blob->Unref();
  }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;

  size_t argc = kUnknown;
  size_t offset = 0;            // next byte to look at
  size_t bulk_size = kUnknown;  // of the argument at `offset`, once its header is read
  Blob* filling = nullptr;      // blobs.back(), while it is the argument at `offset`
  size_t filled = 0;            // bytes of `filling` that have arrived
  size_t blob_bytes = 0;        // bytes that have arrived in all blobs
  bool exact = true;            // every line and bulk ended in \r\n
  // Grown by what arrives: the declared count is only somebody's word.
  std::vector<Piece> pieces;
  std::vector<BlobArg> blobs;
};

RequestParser::RequestParser() = default;
RequestParser::~RequestParser() = default;

// ---------------------------------------------------------------------------------------------- where bytes
// live

std::span<char> RequestParser::ReadSpace(TurnArena& arena) {
  reading_ = nullptr;
  if (partial_ != nullptr && partial_->filling != nullptr &&
      partial_->filled < partial_->filling->size()) {
    Blob* const blob = partial_->filling;
    return {blob->data() + partial_->filled, blob->size() - partial_->filled};
  }
  const size_t kept = tail();
  if (kept > kSmallTailMax && in_own_) {
    if (static_cast<size_t>(own_.get() + own_capacity_ - end_) < kReadBytesMin)
      MoveTailToOwn(2 * kept, &arena);
    return {end_, static_cast<size_t>(own_.get() + own_capacity_ - end_)};
  }
  size_t available = in_own_ || kept == 0 ? 0 : arena.RoomBehind(end_);
  if (available < kReadBytesMin) {
    if (kept > kSmallTailMax) {
      MoveTailToOwn(2 * kept, &arena);
      return {end_, own_capacity_ - kept};
    }
    char* const place = arena.Reserve(kept + kReadBytesMin, &available);
    if (kept != 0) std::memcpy(place, cursor_, kept);
    arena.Commit(kept);
    available -= kept;
    cursor_ = place;
    end_ = place + kept;
    in_own_ = false;
  }
  reading_ = &arena;
  return {end_, available};
}

void RequestParser::Received(size_t bytes) {
  if (reading_ != nullptr) {
    reading_->Commit(bytes);
    reading_ = nullptr;
  } else if (partial_ != nullptr && partial_->filling != nullptr &&
             partial_->filled < partial_->filling->size()) {
    partial_->filled += bytes;
    partial_->blob_bytes += bytes;
    TERRACE_DCHECK(partial_->filled <= partial_->filling->size());
    return;
  }
  end_ += bytes;
  if (TERRACE_UNLIKELY(fault_ != Fault::kNone)) cursor_ = end_;
}

/// Moves the tail to the front of the own buffer, made `capacity` large. Views given out stay valid.
void RequestParser::MoveTailToOwn(size_t capacity, TurnArena* arena) {
  const size_t kept = tail();
  if (own_lent_ || own_capacity_ < capacity || own_capacity_ > 8 * capacity) {
    auto fresh = std::make_unique_for_overwrite<char[]>(capacity);
    std::memcpy(fresh.get(), cursor_, kept);
    if (own_lent_) arena->Adopt(std::move(own_));
    own_ = std::move(fresh);
    own_capacity_ = capacity;
    own_lent_ = false;
  } else {
    std::memmove(own_.get(), cursor_, kept);
  }
  cursor_ = own_.get();
  end_ = cursor_ + kept;
  in_own_ = true;
}

void RequestParser::EndTurn() {
  reading_ = nullptr;
  own_lent_ = false;  // the views die with the turn
  const size_t kept = tail();
  if (kept == 0) {
    if (own_ != nullptr) own_.reset();
    own_capacity_ = 0;
    cursor_ = end_ = nullptr;
    in_own_ = false;
    return;
  }
  const size_t wanted = kept <= kSmallTailMax ? kept : 2 * kept;
  if (in_own_ && cursor_ == own_.get() && own_capacity_ <= 8 * wanted) return;
  MoveTailToOwn(wanted, nullptr);
}

size_t RequestParser::buffered_bytes() const {
  return tail() + (partial_ != nullptr ? partial_->blob_bytes : 0);
}

size_t RequestParser::memory_bytes() const {
  return std::max(buffered_bytes(), buffered_bytes() - tail() + own_capacity_);
}

// -------------------------------------------------------------------------------------------------------
// parsing

RequestParser::Outcome RequestParser::Next(TurnArena& arena, ParsedRequest* request) {
  while (cursor_ != end_) {
    if (TERRACE_LIKELY(partial_ == nullptr && *cursor_ == '*' && ParseWhole(arena, request)))
      return Outcome::kRequest;
    const Step step = partial_ != nullptr || *cursor_ == '*' ? ParseArray(arena, request)
                                                             : ParseInline(arena, request);
    if (step == Step::kDone) {
      own_lent_ |= in_own_;
      return Outcome::kRequest;
    }
    if (step == Step::kFault) return Outcome::kError;
    if (step == Step::kEmpty) continue;
    const size_t limit = limits_.authenticated
                             ? limits_.query_buffer_max
                             : std::min(limits_.query_buffer_max, kUnauthenticatedQueryMax);
    if (TERRACE_LIKELY(buffered_bytes() <= limit)) return Outcome::kNeedMore;
    Fail(Fault::kQueryBuffer);
  }
  return TERRACE_LIKELY(fault_ == Fault::kNone) ? Outcome::kNeedMore : Outcome::kError;
}

/// The hot path: a well-formed array whose bytes are all here. False, with nothing changed, for everything
/// else.
inline bool RequestParser::ParseWhole(TurnArena& arena, ParsedRequest* request) {
  const char* const end = end_;
  if (TERRACE_UNLIKELY(static_cast<size_t>(end - cursor_) < 4 + kArgumentBytesMin ||
                       !limits_.authenticated)) {
    return false;
  }
  size_t argc;
  const char* p = ReadLength(cursor_ + 1, end, &argc);
  // The second test also keeps a boastful count from allocating: there is room for no more than what arrived.
  if (TERRACE_UNLIKELY(p == nullptr || argc == 0 ||
                       argc * kArgumentBytesMin > static_cast<size_t>(end - p)))
    return false;
  Bytes* const argv = arena.AllocateArray<Bytes>(argc);
  const size_t bulk_bytes_max = limits_.bulk_bytes_max;
  for (size_t i = 0; i < argc; ++i) {
    size_t size;
    if (TERRACE_UNLIKELY(static_cast<size_t>(end - p) < kArgumentBytesMin || *p != '$'))
      return false;
    p = ReadLength(p + 1, end, &size);
    if (TERRACE_UNLIKELY(p == nullptr || static_cast<size_t>(end - p) < size + 2)) return false;
    if (TERRACE_UNLIKELY(size > bulk_bytes_max || !IsCrLf(p + size))) return false;
    argv[i] = Bytes(p, size);
    p += size + 2;
  }
  request->argv = argv;
  request->argc = static_cast<uint32_t>(argc);
  request->blobs = {};
  request->raw = Bytes(cursor_, static_cast<size_t>(p - cursor_));
  cursor_ += p - cursor_;
  own_lent_ |= in_own_;
  return true;
}

/// The careful path: whatever came, from where the last call stopped.
RequestParser::Step RequestParser::ParseArray(TurnArena& arena, ParsedRequest* request) {
  if (partial_ == nullptr) {
    partial_ = std::make_unique<Partial>();
    scanned_ = 0;
  }
  Partial& partial = *partial_;
  if (partial.argc == Partial::kUnknown) {
    const Step step = ReadCount(partial);
    if (step != Step::kDone) return step;
  }
  while (partial.pieces.size() < partial.argc) {
    if (partial.bulk_size == Partial::kUnknown) {
      const Step step = ReadBulkLength(partial);
      if (step != Step::kDone) return step;
    }
    const Step step = ReadArgument(partial);
    if (step != Step::kDone) return step;
  }
  Finish(arena, request);
  return Step::kDone;
}

RequestParser::Step RequestParser::ReadCount(Partial& partial) {
  size_t length;
  const Step step = FindLine(0, '\r', Fault::kCountTooLong, &length);
  if (step != Step::kDone) return step;
  const std::optional<int64_t> count = ParseInt64(Bytes(cursor_ + 1, length - 1));
  if (!count || *count > INT_MAX) return Fail(Fault::kCount);
  if (*count > kUnauthenticatedCountMax && !limits_.authenticated)
    return Fail(Fault::kCountUnauthenticated);
  if (*count <= 0) {
    cursor_ += length + 2;
    partial_.reset();
    return Step::kEmpty;
  }
  partial.exact = cursor_[length + 1] == '\n';
  partial.argc = static_cast<size_t>(*count);
  partial.offset = length + 2;
  return Step::kDone;
}

RequestParser::Step RequestParser::ReadBulkLength(Partial& partial) {
  size_t length;
  const Step step = FindLine(partial.offset, '\r', Fault::kBulkTooLong, &length);
  if (step != Step::kDone) return step;
  const char* const line = cursor_ + partial.offset;
  if (*line != '$') return Fail(Fault::kNoDollar, *line);
  const std::optional<int64_t> size = ParseInt64(Bytes(line + 1, length - 1));
  if (!size || *size < 0 || static_cast<size_t>(*size) > limits_.bulk_bytes_max)
    return Fail(Fault::kBulk);
  if (*size > kUnauthenticatedBulkMax && !limits_.authenticated)
    return Fail(Fault::kBulkUnauthenticated);
  partial.exact &= line[length + 1] == '\n';
  partial.bulk_size = static_cast<size_t>(*size);
  partial.offset += length + 2;
  return Step::kDone;
}

RequestParser::Step RequestParser::ReadArgument(Partial& partial) {
  const size_t available = tail() - partial.offset;
  const size_t size = partial.bulk_size;
  if (partial.filling != nullptr) {
    if (partial.filled < size || available < 2) return Step::kMore;
    partial.pieces.push_back({0, size});
    partial.filling = nullptr;
  } else {
    if (available < size + 2) {
      if (size > kBlobBytesMin) StartBlob(partial);
      return Step::kMore;
    }
    partial.pieces.push_back({partial.offset, size});
    partial.offset += size;
  }
  partial.exact &= IsCrLf(cursor_ + partial.offset);
  partial.offset += 2;
  partial.bulk_size = Partial::kUnknown;
  return Step::kDone;
}

/// Moves what has arrived of a large bulk string to an allocation of its own, where the rest will be read.
/// Its pages cost nothing before they are written, so a client must send what it wants us to spend.
void RequestParser::StartBlob(Partial& partial) {
  Blob* const blob = Blob::New(partial.bulk_size);
  partial.blobs.push_back({static_cast<uint32_t>(partial.pieces.size()), blob});
  char* const from = cursor_ + partial.offset;
  const size_t available = static_cast<size_t>(end_ - from);
  const size_t here = std::min(available, partial.bulk_size);
  std::memcpy(blob->data(), from, here);
  std::memmove(from, from + here, available - here);  // at most the '\r' behind
  end_ -= here;
  partial.filling = blob;
  partial.filled = here;
  partial.blob_bytes += here;
}

void RequestParser::Finish(TurnArena& arena, ParsedRequest* request) {
  Partial& partial = *partial_;
  Bytes* const argv = arena.AllocateArray<Bytes>(partial.argc);
  for (size_t i = 0; i < partial.argc; ++i) {
    argv[i] = Bytes(cursor_ + partial.pieces[i].offset, partial.pieces[i].size);
  }
  BlobArg* const blobs = arena.AllocateArray<BlobArg>(partial.blobs.size());
  for (size_t i = 0; i < partial.blobs.size(); ++i) {
    blobs[i] = partial.blobs[i];
    argv[blobs[i].index] = blobs[i].blob->bytes();
  }
  request->argv = argv;
  request->argc = static_cast<uint32_t>(partial.argc);
  request->blobs = {blobs, partial.blobs.size()};
  request->raw = partial.exact && partial.blobs.empty() ? Bytes(cursor_, partial.offset) : Bytes();
  cursor_ += partial.offset;
  partial.blobs.clear();  // their references go with the request
  partial_.reset();
}

RequestParser::Step RequestParser::ParseInline(TurnArena& arena, ParsedRequest* request) {
  size_t length;
  const Step step = FindLine(0, '\n', Fault::kInlineTooLong, &length);
  if (step != Step::kDone) return step;
  const size_t words_length = length > 0 && cursor_[length - 1] == '\r' ? length - 1 : length;
  const ptrdiff_t argc = SplitInline(Bytes(cursor_, words_length), arena, &request->argv);
  if (argc < 0) return Fail(Fault::kInlineQuotes);
  cursor_ += length + 1;
  request->argc = static_cast<uint32_t>(argc);
  request->blobs = {};
  request->raw = {};
  return argc == 0 ? Step::kEmpty : Step::kDone;
}

/// Finds the end of the line that starts at `offset`. A line that ends in '\r' is complete when the byte
/// after it is here too.
RequestParser::Step RequestParser::FindLine(size_t offset, char terminator, Fault too_long,
                                            size_t* length) {
  const char* const line = cursor_ + offset;
  const size_t available = static_cast<size_t>(end_ - line);
  const size_t searched = std::min(available, kLineBytesMax + 1);
  const void* const hit =
      searched > scanned_ ? std::memchr(line + scanned_, terminator, searched - scanned_) : nullptr;
  if (hit == nullptr) {
    if (available > kLineBytesMax) return Fail(too_long);
    scanned_ = static_cast<uint32_t>(available);
    return Step::kMore;
  }
  *length = static_cast<size_t>(static_cast<const char*>(hit) - line);
  if (terminator == '\r' && *length + 2 > available) {
    scanned_ = static_cast<uint32_t>(*length);
    return Step::kMore;
  }
  scanned_ = 0;
  return Step::kDone;
}

RequestParser::Step RequestParser::Fail(Fault fault, char got) {
  fault_ = fault;
  got_ = got;
  partial_.reset();
  cursor_ = end_;
  return Step::kFault;
}

std::string RequestParser::error() const {
  switch (fault_) {
    case Fault::kNone:
      return "";
    case Fault::kCount:
      return "Protocol error: invalid multibulk length";
    case Fault::kCountUnauthenticated:
      return "Protocol error: unauthenticated multibulk length";
    case Fault::kCountTooLong:
      return "Protocol error: too big mbulk count string";
    case Fault::kBulk:
      return "Protocol error: invalid bulk length";
    case Fault::kBulkUnauthenticated:
      return "Protocol error: unauthenticated bulk length";
    case Fault::kBulkTooLong:
      return "Protocol error: too big bulk count string";
    case Fault::kNoDollar:
      return std::string("Protocol error: expected '$', got '") + got_ + "'";
    case Fault::kInlineTooLong:
      return "Protocol error: too big inline request";
    case Fault::kInlineQuotes:
      return "Protocol error: unbalanced quotes in request";
    case Fault::kQueryBuffer:
      return "Protocol error: query buffer limit exceeded";
  }
  return "";
}

}  // namespace terrace::resp
