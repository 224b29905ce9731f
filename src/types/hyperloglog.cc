#include "types/hyperloglog.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace terrace::types {

namespace {

constexpr unsigned kIndexBits = 14;
constexpr unsigned kRankBits = 64 - kIndexBits;  // a hash's bits behind the index
constexpr unsigned kDenseRankMax = 63;
constexpr unsigned kSparseRankMax = 32;
constexpr unsigned kShortZerosMax = 64;
constexpr unsigned kRanksMax = 4;

static_assert(1U << kIndexBits == kHllRegisters);

// How many registers hold each rank.
using Histogram = std::array<uint32_t, kDenseRankMax + 1>;

uint8_t ByteAt(const char* at) { return static_cast<uint8_t>(*at); }

// MurmurHash2 in its 64-bit form (Austin Appleby, in the public domain): which register an element falls to is part of
// the format.
uint64_t Murmur64(Bytes text, uint64_t seed) {
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  constexpr unsigned kShift = 47;
  uint64_t hash = seed ^ text.size() * kFactor;
  const auto take = [](const char* from, size_t size) {  // little-endian
    uint64_t word = 0;
    for (size_t i = 0; i < size; ++i) word |= uint64_t{ByteAt(from + i)} << (8 * i);
    return word;
  };
  const size_t whole = text.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) {
    uint64_t word = take(text.data() + i, 8) * kFactor;
    word = (word ^ word >> kShift) * kFactor;
    hash = (hash ^ word) * kFactor;
  }
  if (whole != text.size())
    hash = (hash ^ take(text.data() + whole, text.size() - whole)) * kFactor;
  hash = (hash ^ hash >> kShift) * kFactor;
  return hash ^ hash >> kShift;
}

// --- the dense form ---

// Register 4n begins a group of three bytes:  byte 0: 11000000   byte 1: 22221111   byte 2: 33333322
uint8_t DenseRank(const char* registers, size_t index) {
  const size_t bit = index * 6;
  const char* const at = registers + bit / 8;
  const unsigned shift = bit % 8;
  unsigned pair = ByteAt(at);
  if (shift > 2) pair |= static_cast<unsigned>(ByteAt(at + 1)) << 8;
  return static_cast<uint8_t>(pair >> shift & kDenseRankMax);
}

void SetDenseRank(char* registers, size_t index, uint8_t rank) {
  const size_t bit = index * 6;
  char* const at = registers + bit / 8;
  const unsigned shift = bit % 8;
  unsigned pair = ByteAt(at);
  if (shift > 2) pair |= static_cast<unsigned>(ByteAt(at + 1)) << 8;
  pair = (pair & ~(kDenseRankMax << shift)) | static_cast<unsigned>(rank) << shift;
  at[0] = static_cast<char>(pair);
  if (shift > 2) at[1] = static_cast<char>(pair >> 8);
}

// Calls visit(index, rank) for all registers in order, four at a time.
template <typename Visit>
void VisitDense(const char* registers, Visit visit) {
  for (size_t index = 0; index < kHllRegisters; index += 4, registers += 3) {
    const unsigned group = ByteAt(registers) | static_cast<unsigned>(ByteAt(registers + 1)) << 8 |
                           static_cast<unsigned>(ByteAt(registers + 2)) << 16;
    for (unsigned i = 0; i < 4; ++i)
      visit(index + i, static_cast<uint8_t>(group >> (6 * i) & kDenseRankMax));
  }
}

// --- the sparse form ---

// Registers with the same value. Read from at least `bytes` bytes: 0 if there are fewer.
struct Run {
  uint8_t rank = 0;
  unsigned length = 0;
  unsigned bytes = 0;
};

Run ReadRun(const char* at, const char* end) {
  if (at == end) return {};
  const unsigned code = ByteAt(at);
  if ((code & 0x80) != 0) return {static_cast<uint8_t>((code >> 2 & 31) + 1), (code & 3) + 1, 1};
  if ((code & 0x40) == 0) return {0, code + 1, 1};
  if (end - at < 2) return {};
  return {0, ((code & 63) << 8 | ByteAt(at + 1)) + 1, 2};
}

// What replaces one run when a register in it is raised: three others at most.
class RunWriter {
 public:
  void Zeros(unsigned length) {
    if (length == 0) return;
    if (length > kShortZerosMax) {
      Put(0x40 | (length - 1) >> 8);
      Put(length - 1);
    } else {
      Put(length - 1);
    }
  }
  void Ranks(uint8_t rank, unsigned length) {
    if (length != 0) Put(0x80U | (rank - 1U) << 2 | (length - 1));
  }
  void Some(uint8_t rank, unsigned length) { rank == 0 ? Zeros(length) : Ranks(rank, length); }
  Bytes bytes() const { return Bytes(out_, size_); }

 private:
  void Put(unsigned byte) { out_[size_++] = static_cast<char>(byte); }

  char out_[5];
  size_t size_ = 0;
};

// Calls visit(first, run) for all runs; false if they are not 16384 registers to the byte.
template <typename Visit>
bool VisitSparse(Bytes image, Visit visit) {
  const char* at = image.data() + kHllHeaderBytes;
  const char* const end = image.data() + image.size();
  size_t first = 0;
  while (at != end) {
    const Run run = ReadRun(at, end);
    if (run.bytes == 0 || run.length > kHllRegisters - first) return false;
    visit(first, run);
    first += run.length;
    at += run.bytes;
  }
  return first == kHllRegisters;
}

// Joins neighbours of the same value from `at` on, looking at five runs, which is as far as one raised register
// reaches. The same steps as Redis takes, because the bytes have to come out the same.
void JoinNeighbours(std::string* image, size_t at) {
  for (int looks = 5; looks > 0 && at < image->size(); --looks) {
    const Run run = ReadRun(image->data() + at, image->data() + image->size());
    if (run.bytes == 0) return;
    if (run.rank == 0) {
      at += run.bytes;
      continue;
    }
    const Run next = ReadRun(image->data() + at + 1, image->data() + image->size());
    if (next.bytes != 0 && next.rank == run.rank && run.length + next.length <= kRanksMax) {
      RunWriter joined;
      joined.Ranks(run.rank, run.length + next.length);
      image->replace(at, 2, joined.bytes());
      continue;  // it may fit with the one behind it, too
    }
    ++at;
  }
}

HllChange RaiseAfterMakingDense(std::string* image, HllMark mark) {
  if (!HllMakeDense(image)) return HllChange::kDamaged;
  return HllRaiseDense(image->data(), mark);
}

HllChange RaiseSparse(std::string* image, HllMark mark, uint64_t bytes_max) {
  if (mark.rank > kSparseRankMax) return RaiseAfterMakingDense(image, mark);

  size_t at = kHllHeaderBytes, before = kHllHeaderBytes;
  unsigned first = 0;
  Run run;
  for (;; first += run.length, before = at, at += run.bytes) {
    run = ReadRun(image->data() + at, image->data() + image->size());
    if (run.bytes == 0 || run.length > kHllRegisters - first) return HllChange::kDamaged;
    if (mark.index < first + run.length) break;
  }
  if (run.rank >= mark.rank) return HllChange::kNone;

  RunWriter split;
  split.Some(run.rank, mark.index - first);
  split.Ranks(mark.rank, 1);
  split.Some(run.rank, first + run.length - 1 - mark.index);
  const size_t size = image->size() - run.bytes + split.bytes().size();
  if (size > image->size() && size > bytes_max) return RaiseAfterMakingDense(image, mark);
  image->replace(at, run.bytes, split.bytes());
  JoinNeighbours(image, before);
  return HllChange::kRaised;
}

// --- the estimate ---
//
// Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), section 4: the improved raw
// estimator, good over the whole range without tables of corrections.

// x + sum of x^(2^k) * 2^(k-1), k from 1: what registers that are still 0 tell.
double Sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double power = 1.0, sum = x, previous;
  do {
    x *= x;
    previous = sum;
    sum += x * power;
    power += power;
  } while (sum != previous);
  return sum;
}

// (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k, k from 1) / 3: what registers at the highest rank tell.
double Tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double power = 1.0, sum = 1.0 - x, previous;
  do {
    x = std::sqrt(x);
    previous = sum;
    power *= 0.5;
    sum -= (1.0 - x) * (1.0 - x) * power;
  } while (sum != previous);
  return sum / 3.0;
}

uint64_t EstimateFrom(const Histogram& histogram) {
  constexpr double kAlphaInfinity = 0.5 / 0.69314718055994530942;  // 1 / (2 ln 2)
  constexpr auto kCount = static_cast<double>(kHllRegisters);
  double z = kCount * Tau((kCount - histogram[kRankBits + 1]) / kCount);
  for (unsigned rank = kRankBits; rank >= 1; --rank) z = (z + histogram[rank]) * 0.5;
  z += kCount * Sigma(histogram[0] / kCount);
  return static_cast<uint64_t>(std::llroundl(kAlphaInfinity * kCount * kCount / z));
}

}  // namespace

HllMark HllMarkOf(Bytes element) {
  const uint64_t hash = Murmur64(element, 0xadc83b19);
  const uint64_t rest = hash >> kIndexBits | uint64_t{1} << kRankBits;  // the mark bounds the run
  return {static_cast<uint16_t>(hash % kHllRegisters),
          static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

std::optional<HllEncoding> HllEncodingOf(Bytes image) {
  if (image.size() < kHllHeaderBytes || !image.starts_with("HYLL")) return std::nullopt;
  switch (ByteAt(image.data() + 4)) {
    case 0:
      return image.size() == kHllDenseBytes ? std::optional(HllEncoding::kDense) : std::nullopt;
    case 1:
      return HllEncoding::kSparse;
    default:
      return std::nullopt;
  }
}

std::string NewHll() {
  std::string image(kHllHeaderBytes, '\0');
  std::memcpy(image.data(), "HYLL\x01", 5);
  RunWriter writer;
  writer.Zeros(kHllRegisters);
  return image.append(writer.bytes());
}

std::optional<uint64_t> HllKeptEstimate(Bytes image) {
  uint64_t estimate = 0;
  for (unsigned i = 0; i < 8; ++i) estimate |= uint64_t{ByteAt(image.data() + 8 + i)} << (8 * i);
  return (estimate >> 63) != 0 ? std::nullopt : std::optional(estimate);
}

void HllKeepEstimate(char* image, uint64_t estimate) {
  for (unsigned i = 0; i < 8; ++i) image[8 + i] = static_cast<char>(estimate >> (8 * i));
}

void HllForgetEstimate(char* image) { image[15] = static_cast<char>(ByteAt(image + 15) | 0x80U); }

uint8_t HllDenseRank(Bytes image, size_t index) {
  return DenseRank(image.data() + kHllHeaderBytes, index);
}

HllChange HllRaiseDense(char* image, HllMark mark) {
  if (DenseRank(image + kHllHeaderBytes, mark.index) >= mark.rank) return HllChange::kNone;
  SetDenseRank(image + kHllHeaderBytes, mark.index, mark.rank);
  return HllChange::kRaised;
}

HllChange HllRaise(std::string* image, HllMark mark, uint64_t sparse_bytes_max) {
  const bool dense = HllEncodingOf(*image) == HllEncoding::kDense;
  return dense ? HllRaiseDense(image->data(), mark) : RaiseSparse(image, mark, sparse_bytes_max);
}

bool HllMakeDense(std::string* image) {
  if (HllEncodingOf(*image) == HllEncoding::kDense) return true;
  std::string dense(kHllDenseBytes, '\0');
  std::memcpy(dense.data(), image->data(),
              kHllHeaderBytes);  // the kept estimate holds for both forms
  dense[4] = static_cast<char>(HllEncoding::kDense);
  const bool sound = VisitSparse(*image, [&](size_t first, const Run& run) {
    if (run.rank == 0) return;
    for (size_t i = 0; i < run.length; ++i)
      SetDenseRank(dense.data() + kHllHeaderBytes, first + i, run.rank);
  });
  if (sound) image->swap(dense);
  return sound;
}

std::optional<std::string> HllDescribeSparse(Bytes image) {
  std::string text;
  const bool sound = VisitSparse(image, [&](size_t, const Run& run) {
    if (!text.empty()) text += ' ';
    if (run.rank != 0) {
      text.append("v:").append(std::to_string(run.rank)).append(",");
    } else {
      text += run.bytes == 1 ? "z:" : "Z:";
    }
    text += std::to_string(run.length);
  });
  return sound ? std::optional(std::move(text)) : std::nullopt;
}

std::optional<uint64_t> HllEstimate(Bytes image) {
  Histogram histogram{};
  if (HllEncodingOf(image) == HllEncoding::kDense) {
    VisitDense(image.data() + kHllHeaderBytes, [&](size_t, uint8_t rank) { ++histogram[rank]; });
  } else if (!VisitSparse(image,
                          [&](size_t, const Run& run) { histogram[run.rank] += run.length; })) {
    return std::nullopt;
  }
  return EstimateFrom(histogram);
}

bool HllRegisters::Merge(Bytes image) {
  if (HllEncodingOf(image) == HllEncoding::kDense) {
    VisitDense(image.data() + kHllHeaderBytes,
               [&](size_t index, uint8_t rank) { ranks_[index] = std::max(ranks_[index], rank); });
    return true;
  }
  return VisitSparse(image, [&](size_t first, const Run& run) {
    for (size_t i = first; i < first + run.length; ++i) ranks_[i] = std::max(ranks_[i], run.rank);
  });
}

uint64_t HllRegisters::Estimate() const {
  Histogram histogram{};
  for (const uint8_t rank : ranks_) ++histogram[rank];
  return EstimateFrom(histogram);
}

}  // namespace terrace::types
