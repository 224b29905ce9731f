// Digests of data, so that two servers or two moments can be compared (DEBUG DIGEST).
//
// A key's digest is 160 bits of keyed hashes over its type, value and whether it has a deadline. A data set's digest is
// the exclusive or over its keys, each with its database and name, so it does not depend on any order. Nothing at all is
// all zero. The hash keys are fixed: equal data has equal digests on every server.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/entry.h"

namespace terrace::server {

class Digest {
 public:
  /// Of a value and of whether it has a deadline, without its key's name.
  static Digest OfValue(const engine::Entry& entry);
  /// Of a key in a database and what it holds.
  static Digest OfKey(unsigned db, const engine::Entry& entry);

  void Mix(const Digest& other);
  /// 40 hex digits.
  std::string Hex() const;

 private:
  static Digest Of(Bytes text);

  std::array<uint32_t, 5> words_{};
};

}  // namespace terrace::server
