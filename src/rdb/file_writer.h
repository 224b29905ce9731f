// Writes an RDB file: what stock servers save, load and send to their followers.
//
//   "REDIS" and the version in 4 digits
//   0xfa  name, value                       something about the file, any number of times
//   0xfe  database                          those that follow are its keys
//   0xfb  keys, keys with a deadline        a hint
//   [0xfc deadline, 8 bytes LE] [0xf8 idle seconds, a length | 0xf9 frequency, 1 byte] code, key, value
//   0xff
//   8     crc64 of everything before, little-endian
//
// Names, keys and values are strings as in string_codec.h, counts and databases are lengths (length_codec.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "rdb/dump_payload.h"
#include "rdb/value_code.h"

namespace terrace::rdb {

/// What a file says of a key besides its value.
struct KeyFacts {
  uint64_t deadline_ms = 0;  // since the epoch; 0: none
  // At most one of the two.
  std::optional<uint64_t> idle_seconds;
  std::optional<uint8_t> frequency;
};

class FileWriter {
 public:
  /// `out` gets the bytes in order, some hundred KiB at a time, or a longer piece of a value as it is; false from it means
  /// they could not be written.
  explicit FileWriter(std::function<bool(Bytes)> out, uint16_t rdb_version = kRdbVersionDefault);

  void Note(Bytes name, Bytes value);
  void SelectDatabase(uint64_t db, uint64_t keys, uint64_t deadlines);
  /// `body` as EncodeCollection and EncodeStringValue give it: the value code first.
  void Key(Bytes key, const KeyFacts& facts, Bytes body) {
    BeginKey(key, facts, static_cast<ValueCode>(body[0]));
    Value(body.substr(1));
  }
  /// The same in pieces: what follows the code in as many calls of Value as one likes.
  void BeginKey(Bytes key, const KeyFacts& facts, ValueCode code);
  void Value(Bytes piece);
  /// Ends the file. False if anything could not be written.
  [[nodiscard]] bool Finish();
  /// Nothing has failed so far.
  bool ok() const { return ok_; }

 private:
  void FlushIfFull();
  void Flush();
  void Write(Bytes bytes);

  const std::function<bool(Bytes)> out_;
  std::string buffer_;
  uint64_t checksum_ = 0;
  bool ok_ = true;
};

}  // namespace terrace::rdb
