// HyperLogLog: an estimate of how many different elements were added, 0.8 % off on average, in 12 KB at most. The value is
// a string whose bytes are Redis', so that GET, SET, DUMP and replication carry it like any other:
//
//    0  "HYLL"    16384 registers, each with the longest run of zeros seen among the hashes that fell to it
//    4  u8        0 dense, 1 sparse
//    5  3 bytes   zero
//    8  u64       the estimate, little-endian, as it was when somebody last asked; the highest bit says that registers
//                 have changed since
//   16            dense: 16384 values of 6 bits, the first in the low bits of the first byte (12288 bytes)
//                 sparse: runs of registers with the same value, one behind the other, 16384 in all
//                   00llllll            l + 1 registers that are 0
//                   01llllll llllllll   l + 1 registers that are 0
//                   1vvvvvll            l + 1 registers that are v + 1
//
// A sparse one becomes dense when it gets longer than `hll-sparse-max-bytes` or a register passes 32, and stays so.
// The bytes may come from anywhere (SET, RESTORE): nothing here trusts them, and damaged ones are told from sound ones.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace terrace::types {

constexpr size_t kHllRegisters = 16384;
constexpr size_t kHllHeaderBytes = 16;
constexpr size_t kHllDenseBytes = kHllHeaderBytes + kHllRegisters * 6 / 8;

enum class HllEncoding : uint8_t { kDense = 0, kSparse = 1 };

/// What an element does: it raises this register to this value if it is less.
struct HllMark {
  uint16_t index = 0;
  uint8_t rank = 0;
};
HllMark HllMarkOf(Bytes element);

/// nullopt: no HyperLogLog, going by its header and, if dense, its length.
std::optional<HllEncoding> HllEncodingOf(Bytes image);

/// One that has seen nothing: sparse, with an estimate of 0.
std::string NewHll();

/// The estimate the header keeps, if it still holds.
std::optional<uint64_t> HllKeptEstimate(Bytes image);
void HllKeepEstimate(char* image, uint64_t estimate);
void HllForgetEstimate(char* image);

enum class HllChange : uint8_t { kNone, kRaised, kDamaged };

/// A register of a dense image. CONTRACT: HllEncodingOf says it is one, here and in HllRaiseDense.
uint8_t HllDenseRank(Bytes image, size_t index);
/// Raises a register of a dense image.
HllChange HllRaiseDense(char* image, HllMark mark);
/// Raises a register of either form; a sparse one becomes dense if it would be longer than `sparse_bytes_max`. The kept
/// estimate is left as it is. CONTRACT: HllEncodingOf says what it is.
HllChange HllRaise(std::string* image, HllMark mark, uint64_t sparse_bytes_max);
/// False if the sparse form is damaged.
bool HllMakeDense(std::string* image);

/// The runs of the sparse form as PFDEBUG DECODE shows them, "Z:100 v:3,2 z:5"; nullopt if it is damaged.
std::optional<std::string> HllDescribeSparse(Bytes image);

/// The estimate from the registers; nullopt if the sparse form is damaged.
std::optional<uint64_t> HllEstimate(Bytes image);

/// The registers of one or several, one in a byte.
class HllRegisters {
 public:
  /// Raises each register to the other's value; false if the other is damaged.
  bool Merge(Bytes image);
  uint8_t operator[](size_t index) const { return ranks_[index]; }
  uint64_t Estimate() const;

 private:
  std::array<uint8_t, kHllRegisters> ranks_{};
};

}  // namespace terrace::types
