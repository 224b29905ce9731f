// Digests of data, so that two servers or two moments can be compared (DEBUG DIGEST). They are those of a stock server, to
// the byte, so that data which was moved from one to the other can be checked.
//
// A digest is 20 bytes. Two operations feed one:
//
//   Add(text)    digest ^= sha1(text)                    order does not count
//   Chain(text)  digest  = sha1(digest ^ sha1(text))     order counts
//
//   value     Chain(u32 BE type), then
//             string: Chain(it)     list: Chain(each)     set: Add(each)
//             hash, sorted set: Add(the 20 bytes of a digest of its own, that chained field and value, member and score)
//             stream: Chain("ms.seq") for each entry, and Chain(it) for each of its fields and values
//             and with a deadline: Add("!!expire!!")
//   key       Chain(name), then its value
//   data set  each database that is not empty: Chain(u32 BE number), then Add(its 20 bytes) for every key
#pragma once

#include <cstdint>
#include <string>

#include "base/sha1.h"
#include "engine/databases.h"
#include "engine/entry.h"
#include "types/stream.h"

namespace terrace::server {

class Digest {
 public:
  /// Of a value and of whether it has a deadline, without its key's name.
  static Digest OfValue(const engine::Entry& entry);
  /// Of a key and what it holds.
  static Digest OfKey(const engine::Entry& entry);
  /// Of everything; all zero if there is nothing. CONTRACT: in an exclusive section.
  static Digest OfAll(const engine::Databases& databases);

  void Add(Bytes text);
  void Add(const Digest& other) { Add(other.bytes()); }
  void Chain(Bytes text);
  Bytes bytes() const { return {reinterpret_cast<const char*>(sum_.data()), sum_.size()}; }
  /// 40 hex digits.
  std::string Hex() const;

 private:
  void Chain(uint32_t number);
  void FeedValue(const engine::Entry& entry);
  void FeedCollection(types::Value value);
  void FeedStream(const types::Stream& stream);

  Sha1Digest sum_{};
};

}  // namespace terrace::server
