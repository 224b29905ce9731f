// RequestTemplate: a request rendered once, of which only the digits change.
//
// A command line like "SET key:{r} {v}" becomes RESP bytes; {r} and {s} are twelve digits, {v} is a value:
//
//   *3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$64\r\n....\r\n
//                              ^ place of {r}
//
// A batch is the request repeated; before it is sent each place gets a fresh number: {r} a random one below `keys`, {s}
// the next of a sequence. Nothing else is touched, so a client costs less than any server it measures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace terrace::load {

/// Where the numbers of {r} and {s} come from; shared by all connections.
class NumberSource {
 public:
  NumberSource(uint64_t keys, uint64_t first, uint64_t seed)
      : keys_(keys), next_(first), random_(seed) {}
  uint64_t Random() { return random_.Below(keys_); }
  uint64_t Next() { return next_++; }

 private:
  const uint64_t keys_;
  uint64_t next_;
  terrace::Random random_;
};

class RequestTemplate {
 public:
  /// `line`: words separated by single blanks, with {r}, {s} and {v} anywhere in them.
  RequestTemplate(Bytes line, size_t value_bytes);

  size_t size() const { return request_.size(); }
  /// `count` requests back to back, to be patched with Fill.
  std::string Render(size_t count) const;
  /// New numbers for the first `count` requests of `batch`.
  void Fill(std::string& batch, size_t count, NumberSource& numbers) const;

 private:
  struct Place {
    size_t offset;
    bool random;
  };

  std::string request_;
  std::vector<Place> places_;
};

/// Twelve decimal digits, leading zeros.
void WriteDigits(uint64_t number, char* out);

/// `bytes` printable bytes that repeat nothing, so that nobody gains by compressing them.
std::string MakeValue(size_t bytes);

}  // namespace terrace::load
