#include "types/bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/numbers.h"

namespace terrace::types {

namespace {

__extension__ typedef __int128 Wide;  // holds any int64 or uint64 and the sum of two of them

uint64_t LoadWord(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The first byte becomes the highest, so that counting leading zeros walks the bits in our order.
uint64_t LoadInBitOrder(const char* from) {
  uint64_t word = LoadWord(from);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

[[gnu::always_inline]] inline uint64_t CountWords(Bytes bytes) {
  uint64_t ones = 0;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 32; left -= 32, at += 32) {
    ones +=
        static_cast<uint64_t>(std::popcount(LoadWord(at)) + std::popcount(LoadWord(at + 8)) +
                              std::popcount(LoadWord(at + 16)) + std::popcount(LoadWord(at + 24)));
  }
  for (; left > 0; --left, ++at)
    ones += static_cast<uint64_t>(std::popcount(static_cast<uint8_t>(*at)));
  return ones;
}

#if defined(__x86_64__)
// Built for any x86-64, which may lack the instruction; nearly all have it, and it is several times as fast.
__attribute__((target("popcnt"))) uint64_t CountWithInstruction(Bytes bytes) {
  uint64_t ones = 0;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 32; left -= 32, at += 32) {
    ones += static_cast<uint64_t>(
        __builtin_popcountll(LoadWord(at)) + __builtin_popcountll(LoadWord(at + 8)) +
        __builtin_popcountll(LoadWord(at + 16)) + __builtin_popcountll(LoadWord(at + 24)));
  }
  for (; left > 0; --left, ++at)
    ones += static_cast<uint64_t>(__builtin_popcount(static_cast<uint8_t>(*at)));
  return ones;
}
#endif

// out[i] = out[i] op source[i], a word at a time.
template <typename Operation>
void Apply(char* out, const char* source, size_t size, Operation operation) {
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    const uint64_t word = operation(LoadWord(out + i), LoadWord(source + i));
    std::memcpy(out + i, &word, 8);
  }
  for (; i < size; ++i) {
    out[i] =
        static_cast<char>(operation(static_cast<uint8_t>(out[i]), static_cast<uint8_t>(source[i])));
  }
}

void ApplyTo(BitOperation operation, char* out, const char* source, size_t size) {
  switch (operation) {
    case BitOperation::kAnd:
      return Apply(out, source, size, [](uint64_t a, uint64_t b) { return a & b; });
    case BitOperation::kOr:
      return Apply(out, source, size, [](uint64_t a, uint64_t b) { return a | b; });
    case BitOperation::kXor:
      return Apply(out, source, size, [](uint64_t a, uint64_t b) { return a ^ b; });
    case BitOperation::kNot:
      return Apply(out, source, size, [](uint64_t a, uint64_t) { return ~a; });
  }
}

// The bits from..from+size of a string into `out`, zeros behind its end.
void CopyPadded(Bytes source, size_t from, char* out, size_t size) {
  const size_t have = source.size() > from ? std::min(size, source.size() - from) : 0;
  if (have != 0) std::memcpy(out, source.data() + from, have);
  std::memset(out + have, 0, size - have);
}

struct FieldLimits {
  Wide min;
  Wide max;
};

FieldLimits LimitsOf(FieldType type) {
  const Wide half = Wide{1} << (type.width - 1);
  if (type.is_signed) return {-half, half - 1};
  return {0, 2 * half - 1};
}

// The low bits as the type reads them.
int64_t Truncate(FieldType type, uint64_t bits) {
  const unsigned unused = 64U - type.width;
  bits <<= unused;
  return type.is_signed ? static_cast<int64_t>(bits) >> unused
                        : static_cast<int64_t>(bits >> unused);
}

std::optional<int64_t> Fit(FieldType type, Wide value, Overflow overflow) {
  const FieldLimits limits = LimitsOf(type);
  if (value >= limits.min && value <= limits.max) return static_cast<int64_t>(value);
  switch (overflow) {
    case Overflow::kWrap:
      return Truncate(type, static_cast<uint64_t>(value));
    case Overflow::kSaturate:
      return static_cast<int64_t>(value < limits.min ? limits.min : limits.max);
    case Overflow::kFail:
      break;
  }
  return std::nullopt;
}

}  // namespace

uint64_t CountBits(Bytes bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("popcnt") != 0;
  if (TERRACE_LIKELY(has_instruction)) return CountWithInstruction(bytes);
#endif
  return CountWords(bytes);
}

// All bytes the range touches, less what is before it in the first and behind it in the last.
uint64_t CountBits(Bytes bytes, BitRange range) {
  TERRACE_DCHECK(range.first <= range.last && range.last / 8 < bytes.size());
  const size_t first = range.first / 8, last = range.last / 8;
  const auto before =
      static_cast<uint8_t>(static_cast<uint8_t>(bytes[first]) & ~(0xFFU >> (range.first % 8)));
  const auto behind =
      static_cast<uint8_t>(static_cast<uint8_t>(bytes[last]) & (0x7FU >> (range.last % 8)));
  return CountBits(bytes.substr(first, last - first + 1)) -
         static_cast<uint64_t>(std::popcount(before)) -
         static_cast<uint64_t>(std::popcount(behind));
}

std::optional<uint64_t> FindBit(Bytes bytes, bool bit, BitRange range) {
  TERRACE_DCHECK(range.first <= range.last && range.last / 8 < bytes.size());
  const uint64_t flip = bit ? 0 : ~uint64_t{0};  // what is looked for is a one from here on
  const size_t end = range.last / 8 + 1;
  size_t at = range.first / 8;
  // A hit behind the range's last bit is none: nothing before it matched.
  const auto inside = [&](uint64_t position) -> std::optional<uint64_t> {
    if (position > range.last) return std::nullopt;
    return position;
  };
  const auto byte_at = [&](size_t i) {
    return static_cast<uint8_t>(static_cast<uint8_t>(bytes[i]) ^ flip);
  };
  const auto head = static_cast<uint8_t>(byte_at(at) & (0xFFU >> (range.first % 8)));
  if (head != 0) return inside(at * 8 + static_cast<unsigned>(std::countl_zero(head)));
  ++at;
  for (; end - at >= 8; at += 8) {
    const uint64_t word = LoadInBitOrder(bytes.data() + at) ^ flip;
    if (word != 0) return inside(at * 8 + static_cast<unsigned>(std::countl_zero(word)));
  }
  for (; at < end; ++at) {
    const uint8_t byte = byte_at(at);
    if (byte != 0) return inside(at * 8 + static_cast<unsigned>(std::countl_zero(byte)));
  }
  return std::nullopt;
}

bool GetBit(Bytes bytes, uint64_t position) {
  const uint64_t byte = position / 8;
  return byte < bytes.size() && (static_cast<uint8_t>(bytes[byte]) >> (7 - position % 8) & 1) != 0;
}

void CombineBits(BitOperation operation, const std::vector<Bytes>& sources, char* out,
                 size_t size) {
  // Piece by piece, so that `out` stays in the first-level cache however many sources there are.
  constexpr size_t kPieceBytes = 16 * kKiB;
  for (size_t from = 0; from < size; from += kPieceBytes) {
    const size_t piece = std::min(kPieceBytes, size - from);
    char* const target = out + from;
    CopyPadded(sources[0], from, target, piece);
    if (operation == BitOperation::kNot) ApplyTo(operation, target, target, piece);
    for (size_t i = 1; i < sources.size(); ++i) {
      const size_t have = sources[i].size() > from ? std::min(piece, sources[i].size() - from) : 0;
      if (have != 0) ApplyTo(operation, target, sources[i].data() + from, have);
      if (operation == BitOperation::kAnd) std::memset(target + have, 0, piece - have);
    }
  }
}

std::optional<FieldType> ParseFieldType(Bytes text) {
  if (text.empty() || (text[0] != 'i' && text[0] != 'u')) return std::nullopt;
  const bool is_signed = text[0] == 'i';
  const auto width = ParseInt64(text.substr(1));
  if (!width || *width < 1 || *width > (is_signed ? 64 : 63)) return std::nullopt;
  return FieldType{is_signed, static_cast<uint8_t>(*width)};
}

int64_t GetField(Bytes bytes, FieldType type, uint64_t position) {
  uint64_t bits = 0;
  // A byte at a time, of the first and last what belongs to the field: nine bytes at most.
  for (unsigned left = type.width; left > 0;) {
    const uint64_t byte = position / 8;
    const auto skipped = static_cast<unsigned>(position % 8);
    const unsigned taken = std::min(left, 8 - skipped);
    const unsigned value = byte < bytes.size() ? static_cast<uint8_t>(bytes[byte]) : 0U;
    bits = bits << taken | (value >> (8 - skipped - taken) & ((1U << taken) - 1));
    position += taken;
    left -= taken;
  }
  return Truncate(type, bits);
}

void SetField(char* bytes, FieldType type, uint64_t position, int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  for (unsigned left = type.width; left > 0;) {
    const auto skipped = static_cast<unsigned>(position % 8);
    const unsigned taken = std::min(left, 8 - skipped);
    const unsigned behind = 8 - skipped - taken;
    const unsigned mask = ((1U << taken) - 1) << behind;
    char& byte = bytes[position / 8];
    const auto part = static_cast<unsigned>(bits >> (left - taken)) << behind & mask;
    byte = static_cast<char>((static_cast<uint8_t>(byte) & ~mask) | part);
    position += taken;
    left -= taken;
  }
}

std::optional<int64_t> AddToField(FieldType type, int64_t value, int64_t delta, Overflow overflow) {
  return Fit(type, Wide{value} + delta, overflow);
}

std::optional<int64_t> FitField(FieldType type, int64_t value, Overflow overflow) {
  return Fit(type, type.is_signed ? Wide{value} : Wide{static_cast<uint64_t>(value)}, overflow);
}

}  // namespace terrace::types
