// A Bloom filter in lines of 512 bits, a line of the processor's cache each: a key has all its bits in one line, so a
// question costs one miss of the cache. A key block has its own lines, made when the block is complete and its keys are
// counted: nothing needs to be guessed, and nothing held back. All filters of a table lie together and are read at once.
//
//   h       BloomHash of (space, hash): the records of one block have their first bits in common, h has not
//   line    the upper half of h, scaled to the number of lines
//   bits    nine bits of h, spread once more, for each probe; seven probes from one spreading
//
// What it lets through of keys that are not there, in blocks of 150 keys, where whole lines are more than was asked for
// (bloom_filter_test.cc measures it anew):
//
//   bits per key      6       8       10      12      16
//   with whole lines  6.8     10.2    10.2    13.7    17.1
//   probes            4       6       7       8       11
//   false positives   3.9 %   0.83 %  0.84 %  0.19 %  0.05 %
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "storage/table_format.h"

namespace terrace::storage {

constexpr size_t kBloomLineBytes = 64;

uint64_t BloomHash(Position position);

/// How many bits to set and to look at: bits_per_key * ln 2, rounded, at least 1; 0 for no filter.
uint32_t BloomProbes(uint32_t bits_per_key);

/// Collects the keys of one block after the other.
class BloomBuilder {
 public:
  /// `bits_per_key` 0: there is no filter, and no lines.
  explicit BloomBuilder(uint32_t bits_per_key);

  /// The same position twice counts once, if nothing was between.
  void Add(Position position);
  /// Appends the lines of what was added since the last time, and says how many.
  uint32_t AppendLines(std::string* out);

  uint32_t probes() const { return probes_; }

 private:
  const uint32_t bits_per_key_;
  const uint32_t probes_;
  std::vector<uint64_t> hashes_;
};

/// False: it was not added to `lines`. Without lines everything may be there.
bool BloomMayContain(Bytes lines, uint32_t probes, uint64_t hash);

}  // namespace terrace::storage
