// RemovedKeys: keys that are gone from memory and of which a table still holds a record. The next checkpoint writes a
// tombstone for each, and forgets them once that is installed.
//
// Packed, because a client may remove millions of keys between two checkpoints:
//
//   chunk   [hash u64][key length u32][key bytes] ...       as many as fit; a chunk is never moved
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace terrace::engine {

/// A key as it stands in the order of tables. The bytes are somebody else's.
struct HashedKey {
  uint64_t hash;
  Bytes key;
  auto operator<=>(const HashedKey&) const = default;
};

class RemovedKeys {
 public:
  void Add(uint64_t hash, Bytes key);
  /// All of `other`, without a look at any.
  void Append(RemovedKeys&& other);

  uint64_t count() const { return count_; }
  /// In the order of tables, each once. They lie in here, good until the next change.
  std::vector<HashedKey> Sorted() const;

 private:
  std::vector<std::string> chunks_;
  uint64_t count_ = 0;
};

}  // namespace terrace::engine
