#include "storage/bloom_filter.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/random.h"

namespace terrace::storage {
namespace {

constexpr uint64_t kLineBits = kBloomLineBytes * 8;
constexpr unsigned kBitsOfPlace = 9;
static_assert(kLineBits == 1 << kBitsOfPlace);
constexpr uint32_t kPlacesOfOneHash = 64 / kBitsOfPlace;

size_t LineOf(uint64_t hash, size_t lines) {
  return static_cast<size_t>((hash >> 32) * lines >> 32);
}

// Calls `with` for every bit of `hash` in its line until it answers false.
template <typename With>
bool ForEachBit(uint64_t hash, uint32_t probes, With with) {
  Random places(hash);
  while (probes > 0) {
    uint64_t bits = places.Next();
    const uint32_t here = std::min(probes, kPlacesOfOneHash);
    for (uint32_t i = 0; i < here; ++i, bits >>= kBitsOfPlace)
      if (!with(bits % kLineBits)) return false;
    probes -= here;
  }
  return true;
}

}  // namespace

uint64_t BloomHash(Position position) {
  return Random(position.hash + position.space * 0xd6e8feb86659fd93ULL).Next();
}

uint32_t BloomProbes(uint32_t bits_per_key) {
  if (bits_per_key == 0) return 0;
  return std::max(1u, static_cast<uint32_t>(std::lround(bits_per_key * 0.6931)));
}

BloomBuilder::BloomBuilder(uint32_t bits_per_key)
    : bits_per_key_(bits_per_key), probes_(BloomProbes(bits_per_key)) {
  TERRACE_CHECK(bits_per_key <= kFilterBitsPerKeyMax);
}

void BloomBuilder::Add(Position position) {
  if (bits_per_key_ == 0) return;
  const uint64_t hash = BloomHash(position);
  if (hashes_.empty() || hashes_.back() != hash) hashes_.push_back(hash);
}

uint32_t BloomBuilder::AppendLines(std::string* out) {
  const size_t lines = (hashes_.size() * bits_per_key_ + kLineBits - 1) / kLineBits;
  const size_t begin = out->size();
  out->append(lines * kBloomLineBytes, '\0');
  for (const uint64_t hash : hashes_) {
    char* const line = out->data() + begin + LineOf(hash, lines) * kBloomLineBytes;
    ForEachBit(hash, probes_, [line](uint64_t bit) {
      line[bit / 8] = static_cast<char>(line[bit / 8] | 1 << bit % 8);
      return true;
    });
  }
  hashes_.clear();
  return static_cast<uint32_t>(lines);
}

bool BloomMayContain(Bytes lines, uint32_t probes, uint64_t hash) {
  const size_t count = lines.size() / kBloomLineBytes;
  if (count == 0) return true;
  const char* const line = lines.data() + LineOf(hash, count) * kBloomLineBytes;
  return ForEachBit(hash, probes,
                    [line](uint64_t bit) { return (line[bit / 8] >> bit % 8 & 1) != 0; });
}

}  // namespace terrace::storage
