#include "base/lzf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

namespace terrace {
namespace {

constexpr size_t kLiteralsMax = 32;
constexpr size_t kMatchMin = 3;
constexpr size_t kMatchMax = 264;
constexpr size_t kMatchShortMax = 8;  // longer ones take a third byte
constexpr size_t kDistanceMax = 8192;

// Where each three-byte sequence was last seen, by hash. Sized by the input, because clearing 64 KiB would
// cost more than compressing a string of fifty bytes.
constexpr int kTableBitsMin = 6;
constexpr int kTableBitsMax = 14;

// A stretch without any match is probably compressed already: after this many misses in a row the steps grow.
constexpr int kMissesPerStepShift = 6;

// Bounded output. After a refusal nothing written counts.
class Output {
 public:
  Output(char* out, size_t bytes_max) : start_(out), next_(out), end_(out + bytes_max) {}

  size_t size() const { return static_cast<size_t>(next_ - start_); }

  bool PutLiterals(const char* from, size_t count) {
    while (count > 0) {
      const size_t run = std::min(count, kLiteralsMax);
      if (left() < run + 1) return false;
      *next_++ = static_cast<char>(run - 1);
      std::memcpy(next_, from, run);
      next_ += run;
      from += run;
      count -= run;
    }
    return true;
  }

  bool PutMatch(size_t distance, size_t length) {
    if (left() < 3) return false;
    const size_t back = distance - 1;
    const size_t high = back >> 8;
    if (length <= kMatchShortMax) {
      *next_++ = static_cast<char>((length - 2) << 5 | high);
    } else {
      *next_++ = static_cast<char>(7 << 5 | high);
      *next_++ = static_cast<char>(length - 9);
    }
    *next_++ = static_cast<char>(back & 0xff);
    return true;
  }

 private:
  size_t left() const { return static_cast<size_t>(end_ - next_); }

  char* const start_;
  char* next_;
  char* const end_;
};

class Compressor {
 public:
  explicit Compressor(Bytes input) : input_(input) {
    const int bits =
        std::clamp(static_cast<int>(std::bit_width(input.size())), kTableBitsMin, kTableBitsMax);
    shift_ = 32 - bits;
    std::fill_n(last_seen_.begin(), size_t{1} << bits, 0);
  }

  bool Run(Output* out) {
    size_t literals_from = 0;
    int misses = 0;
    for (size_t at = 0; at + kMatchMin <= input_.size();) {
      const size_t earlier = Remember(at);
      const size_t length = MatchLength(earlier, at);
      if (length == 0) {
        at += 1 + static_cast<size_t>(misses++ >> kMissesPerStepShift);
        continue;
      }
      if (!out->PutLiterals(input_.data() + literals_from, at - literals_from)) return false;
      if (!out->PutMatch(at - earlier, length)) return false;
      // The match's last bytes are remembered too: runs of records often continue right behind one.
      for (size_t i = at + length - 2; i < at + length && i + kMatchMin <= input_.size(); ++i)
        Remember(i);
      at += length;
      literals_from = at;
      misses = 0;
    }
    return out->PutLiterals(input_.data() + literals_from, input_.size() - literals_from);
  }

 private:
  // Notes that the three bytes at `at` are there; returns where they, or others of the same hash, were
  // before. 0 also means "never": a match with the very first bytes is given up for a table that needs no
  // second mark.
  size_t Remember(size_t at) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(input_.data() + at);
    const uint32_t three = bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16;
    const uint32_t slot = (three * 2654435761u) >> shift_;
    return std::exchange(last_seen_[slot], static_cast<uint32_t>(at));
  }

  // How many bytes at `at` repeat those at `earlier`; 0 when it is not worth a match.
  size_t MatchLength(size_t earlier, size_t at) const {
    if (earlier == 0 || at - earlier > kDistanceMax) return 0;
    const size_t length_max = std::min(kMatchMax, input_.size() - at);
    size_t length = 0;
    while (length < length_max && input_[earlier + length] == input_[at + length]) ++length;
    return length < kMatchMin ? 0 : length;
  }

  const Bytes input_;
  int shift_;
  std::array<uint32_t, size_t{1} << kTableBitsMax> last_seen_;
};

}  // namespace

size_t LzfCompress(Bytes input, char* out, size_t out_bytes_max) {
  if (input.size() > UINT32_MAX) return 0;  // positions are 32 bits wide
  Output output(out, out_bytes_max);
  return Compressor(input).Run(&output) ? output.size() : 0;
}

bool LzfDecompress(Bytes compressed, char* out, size_t out_bytes) {
  const auto* in = reinterpret_cast<const unsigned char*>(compressed.data());
  const unsigned char* const in_end = in + compressed.size();
  size_t filled = 0;
  while (in != in_end) {
    const size_t control = *in++;
    if (control < kLiteralsMax) {
      const size_t run = control + 1;
      if (static_cast<size_t>(in_end - in) < run || out_bytes - filled < run) return false;
      std::memcpy(out + filled, in, run);
      in += run;
      filled += run;
      continue;
    }
    size_t length = (control >> 5) + 2;
    const bool is_long = length == 7 + 2;
    if (in_end - in < (is_long ? 2 : 1)) return false;
    if (is_long) length += *in++;
    const size_t distance = ((control & 31) << 8 | *in++) + 1;
    if (distance > filled || out_bytes - filled < length) return false;
    // Byte by byte: a copy may repeat what it has just written.
    for (const size_t end = filled + length; filled < end; ++filled)
      out[filled] = out[filled - distance];
  }
  return filled == out_bytes;
}

}  // namespace terrace
