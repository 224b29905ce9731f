// Writes replies: what a command means to say, in the form the client's protocol version has for it.
//
// RESP3 has types that RESP2 has not; there the nearest RESP2 form is written, as Redis does:
//
//             Null  NullArray  Map(n)     Set(n)  Push(n)  Double        Bool   BigNumber  Verbatim
//   RESP2     $-1   *-1        *2n        *n      *n       bulk string   :1     bulk       bulk
//   RESP3     _     _          %n         ~n      >n       ,3.5          #t     (123       =7 txt:...
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/numbers.h"
#include "resp/reply_buffer.h"

namespace terrace::resp {

class Reply {
 public:
  /// Where an aggregate begins whose length is not known yet.
  struct Slot {
    uint64_t mark;
    char type;
  };

  explicit Reply(ReplyBuffer& buffer, int protocol = 2)
      : buffer_(&buffer), protocol_(static_cast<uint8_t>(protocol)) {}

  ReplyBuffer& buffer() { return *buffer_; }
  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = static_cast<uint8_t>(protocol); }

  /// Muted, nothing is written (CLIENT REPLY OFF); errors are still counted.
  bool muted() const { return muted_; }
  void set_muted(bool muted) { muted_ = muted; }

  void Ok() { Fixed("+OK\r\n"); }
  void Simple(Bytes text) { Line('+', text); }
  /// `text` begins with its code, "ERR no such key". Line ends in it become blanks.
  void Error(Bytes text);
  void Integer(int64_t value) {
    if (value == 0) return Fixed(":0\r\n");
    if (value == 1) return Fixed(":1\r\n");
    Number(':', value);
  }

  void Bulk(Bytes text) {
    if (TERRACE_UNLIKELY(muted_)) return;
    if (TERRACE_UNLIKELY(text.size() > kBulkInOnePieceMax)) return LongBulk(text);
    char* const start = buffer_->Reserve(text.size() + kHeaderBytesMax + 2);
    char* out = PutHeader(start, '$', text.size());
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    out += text.size();
    *out++ = '\r';
    *out++ = '\n';
    buffer_->Commit(static_cast<size_t>(out - start));
  }
  /// Large blobs go by reference.
  void Bulk(const BlobRef& blob) { BulkSlice(blob, 0, blob->size()); }
  void BulkSlice(const BlobRef& blob, size_t from, size_t size);
  void BulkInt(int64_t value);
  void BulkLongDouble(long double value) { Bulk(FormatLongDoubleHuman(value)); }

  void Null() { Fixed(protocol_ == 2 ? Bytes("$-1\r\n") : Bytes("_\r\n")); }
  void NullArray() { Fixed(protocol_ == 2 ? Bytes("*-1\r\n") : Bytes("_\r\n")); }
  void Double(double value);
  void Bool(bool value);
  void BigNumber(Bytes digits);
  /// `format` is three letters: "txt" or "mkd".
  void Verbatim(Bytes format, Bytes text);

  /// Aggregates: `n` elements (of a map: pairs) follow.
  void Array(size_t n) { Header('*', n); }
  void Map(size_t n) { protocol_ == 2 ? Header('*', 2 * n) : Header('%', n); }
  void Set(size_t n) { Header(protocol_ == 2 ? '*' : '~', n); }
  void Push(size_t n) { Header(protocol_ == 2 ? '*' : '>', n); }
  /// CONTRACT: RESP3 only; RESP2 has no place for attributes.
  void Attribute(size_t n);

  /// Aggregates that are counted while they are written. CONTRACT: of several open slots the last is set
  /// first.
  Slot DeferredArray() { return Defer('*'); }
  Slot DeferredMap() { return Defer('%'); }
  Slot DeferredSet() { return Defer('~'); }
  Slot DeferredPush() { return Defer('>'); }
  void SetDeferred(Slot slot, size_t n);

  /// Replies that are encoded already.
  void Raw(Bytes encoded) {
    if (!muted_) buffer_->Append(encoded);
  }

  /// Error replies written (or muted) since construction.
  uint32_t errors() const { return errors_; }
  /// The first word of the last one, "WRONGTYPE"; at most 31 bytes of it.
  Bytes last_error_code() const { return Bytes(error_code_, error_code_size_); }

 private:
  // A type byte, the digits, "\r\n".
  static constexpr size_t kHeaderBytesMax = 1 + kInt64CharsMax + 2;
  // Longer strings may be split between two chunks.
  static constexpr size_t kBulkInOnePieceMax = 4 * kKiB;

  static char* PutHeader(char* out, char type, size_t n) {
    *out++ = type;
    if (n < 10) {
      *out++ = static_cast<char>('0' + n);
    } else if (n < 100) {
      *out++ = static_cast<char>('0' + n / 10);
      *out++ = static_cast<char>('0' + n % 10);
    } else {
      out += FormatInt64(static_cast<int64_t>(n), out);
    }
    *out++ = '\r';
    *out++ = '\n';
    return out;
  }

  void Fixed(Bytes bytes) {
    if (TERRACE_UNLIKELY(muted_)) return;
    std::memcpy(buffer_->Reserve(8), bytes.data(), bytes.size());
    buffer_->Commit(bytes.size());
  }
  void Header(char type, size_t n) {
    if (TERRACE_UNLIKELY(muted_)) return;
    char* const start = buffer_->Reserve(kHeaderBytesMax);
    buffer_->Commit(static_cast<size_t>(PutHeader(start, type, n) - start));
  }
  Slot Defer(char type) const { return {buffer_->mark(), type}; }
  void Number(char type, int64_t value);
  void Line(char type, Bytes text);
  void LongBulk(Bytes text);
  void CountError(Bytes text);

  ReplyBuffer* buffer_;
  uint32_t errors_ = 0;
  uint8_t protocol_;
  bool muted_ = false;
  uint8_t error_code_size_ = 0;
  char error_code_[31];
};

}  // namespace terrace::resp
