// The items of a hash, set or sorted set in the form that is not packed (rdb/value_encoder.h), one after the other, for
// who has them in pieces: the value code, which the caller writes, the head, and the items.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "rdb/byte_sink.h"
#include "rdb/string_codec.h"
#include "rdb/value_code.h"
#include "types/value_type.h"

namespace terrace::rdb {

class ItemsEncoder {
 public:
  struct Head {
    Type type = Type::kSet;
    uint64_t items = 0;
    /// Of the fields of a hash, the smallest; 0: none has one.
    uint64_t next_deadline_ms = 0;

    ValueCode code() const;
  };

  /// Appends to `out`: PutHead, and then as many items as that says, by their type. Another encoder of the same head may go on.
  ItemsEncoder(const Head& head, Compression compression, std::string* out)
      : head_(head), compression_(compression), sink_(out) {}

  void PutHead();
  void PutMember(Bytes member) { Text(member); }
  void PutField(Bytes field, Bytes value) {
    Text(field);
    Text(value);
  }
  /// The same where some have deadlines; 0 for none.
  void PutTimedField(Bytes field, Bytes value, uint64_t deadline_ms);
  void PutScored(Bytes member, double score);

 private:
  void Text(Bytes text) { PutString(text, sink_, compression_); }

  const Head head_;
  const Compression compression_;
  ByteSink sink_;
};

/// The same for the nodes of a list.
class ListEncoder {
 public:
  static constexpr ValueCode kCode = ValueCode::kListQuicklist2;

  ListEncoder(Compression compression, std::string* out) : compression_(compression), sink_(out) {}

  void PutHead(uint64_t nodes);
  /// A listpack's bytes, or the text of a plain one.
  void PutNode(bool plain, Bytes bytes);

 private:
  const Compression compression_;
  ByteSink sink_;
};

}  // namespace terrace::rdb
