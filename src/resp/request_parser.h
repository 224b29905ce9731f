// From a connection's bytes to requests.
//
// One parser per connection. A turn of the worker goes:
//
//   while the socket has bytes:   span = ReadSpace(arena); read(span); Received(n);
//                                 while Next(arena, &request) is kRequest: gather request
//   run everything gathered
//   EndTurn(); arena.Reset();
//
// A request whose bytes are all here is parsed by one straight function and is a view of what was read. A
// request that is cut off is continued where parsing stopped, never from its start. Its bytes lie in one of
// three places:
//
//   up to 16 KiB          kept in a small buffer between turns, copied back into the arena before the next
//   read more                  the connection's own buffer, which doubles; reads go straight into it a bulk
//   over 32 KiB    its own Blob, read in place: the allocation becomes the value
//
// What counts as a request is what Redis takes for one, its leniences included: the two bytes that end a bulk
// string and the byte after a header's '\r' are skipped unseen. Unlike Redis, bytes of value 0 are ordinary,
// and a line over 64 KiB is refused however its bytes are spread over reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/args.h"
#include "base/bytes.h"
#include "resp/turn_arena.h"

namespace terrace::resp {

struct ParserLimits {
  size_t bulk_bytes_max = 512 * kMiB;
  size_t query_buffer_max = 1 * kGiB;
  /// Strangers may send 10 arguments of 16 KiB, and no request over 1 MiB.
  bool authenticated = true;
};

/// Everything here is valid until the arena is Reset.
struct ParsedRequest {
  const Bytes* argv = nullptr;
  uint32_t argc = 0;
  /// CONTRACT: each blob carries one reference, which the taker of the request must Unref.
  std::span<const BlobArg> blobs;
  /// The request as it came, if that was one well-formed RESP array in one piece; else empty (inline, blobs).
  Bytes raw;

  Args args() const { return Args(argv, argc, blobs); }
};

class RequestParser {
 public:
  enum class Outcome : uint8_t { kRequest, kNeedMore, kError };

  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// May change between two calls of Next(), as AUTH does.
  void set_limits(const ParserLimits& limits) { limits_ = limits; }

  /// Where the next bytes of this connection belong; never empty. Bytes not announced by Received() are not
  /// there. CONTRACT: between ReadSpace() and its Received() no other parser uses the arena.
  std::span<char> ReadSpace(TurnArena& arena);
  void Received(size_t bytes);

  /// The next complete request. After kError there is nothing more, ever.
  Outcome Next(TurnArena& arena, ParsedRequest* request);

  /// The arena is about to be reset: saves the beginning of an incomplete request. Cheap when there is none.
  void EndTurn();

  /// What Redis would say after "-ERR ", e.g. "Protocol error: invalid bulk length". Only after kError.
  std::string error() const;
  /// The error is that the request outgrew query_buffer_max: nothing is answered, the connection is closed.
  bool query_buffer_exceeded() const { return fault_ == Fault::kQueryBuffer; }

  /// Bytes that arrived and are not part of a request yet.
  size_t buffered_bytes() const;
  /// Memory they take between turns: the buffer is larger than what is in it, so that it can be read into.
  size_t memory_bytes() const;

 private:
  enum class Fault : uint8_t {
    kNone,
    kCount,
    kCountUnauthenticated,
    kCountTooLong,
    kBulk,
    kBulkUnauthenticated,
    kBulkTooLong,
    kNoDollar,
    kInlineTooLong,
    kInlineQuotes,
    kQueryBuffer,
  };
  enum class Step : uint8_t { kDone, kMore, kFault, kEmpty };
  struct Partial;

  bool ParseWhole(TurnArena& arena, ParsedRequest* request);
  Step ParseArray(TurnArena& arena, ParsedRequest* request);
  Step ReadCount(Partial& partial);
  Step ReadBulkLength(Partial& partial);
  Step ReadArgument(Partial& partial);
  void StartBlob(Partial& partial);
  void Finish(TurnArena& arena, ParsedRequest* request);
  Step ParseInline(TurnArena& arena, ParsedRequest* request);
  Step FindLine(size_t offset, char terminator, Fault too_long, size_t* length);
  Step Fail(Fault fault, char got = 0);

  size_t tail() const { return static_cast<size_t>(end_ - cursor_); }
  void MoveTailToOwn(size_t capacity, TurnArena* arena);

  char* cursor_ = nullptr;        // first byte of the first request not yet given out
  char* end_ = nullptr;           // of what was received, blobs apart
  TurnArena* reading_ = nullptr;  // the arena that ReadSpace() pointed into, if it did
  std::unique_ptr<Partial>
      partial_;  // how far the request at cursor_ is parsed, when it is cut off
  std::unique_ptr<char[]> own_;
  size_t own_capacity_ = 0;
  ParserLimits limits_;
  uint32_t scanned_ = 0;   // bytes of the current line known not to hold its end
  bool in_own_ = false;    // cursor_ points into own_
  bool own_lent_ = false;  // a request given out this turn points into own_
  Fault fault_ = Fault::kNone;
  char got_ = 0;
};

}  // namespace terrace::resp
