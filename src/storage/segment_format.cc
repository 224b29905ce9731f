#include "storage/segment_format.h"

#include <bit>
#include <cstdio>
#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "base/crc32c.h"

namespace terrace::storage {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are stored as they lie in memory");

constexpr Bytes kMagic("TRCLOG\0", 7);
constexpr uint64_t kNoPrevious = UINT64_MAX;
constexpr uint32_t kTakesOver = 1;
constexpr uint32_t kGoesOn = 1u << 31;
constexpr size_t kHeaderCrcAt = kSegmentHeaderBytes - sizeof(uint32_t);

constexpr size_t kNameDigits = 20;
constexpr Bytes kNameSuffix = ".log";

template <typename Number>
void Put(Number number, std::string* out) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out->append(bytes, sizeof number);
}

template <typename Number>
Number Get(Bytes bytes, size_t at) {
  Number number;
  TERRACE_DCHECK(at + sizeof number <= bytes.size());
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

}  // namespace

std::string SegmentHeader::Encode() const {
  TERRACE_CHECK(history.size() == kHistoryIdBytes);
  std::string out(kMagic);
  Put(kSegmentVersion, &out);
  out += history;
  Put(start, &out);
  Put(previous.value_or(kNoPrevious), &out);
  Put(salt, &out);
  Put(takes_over ? kTakesOver : uint32_t{0}, &out);
  Put(Crc32c(out), &out);
  TERRACE_CHECK(out.size() == kSegmentHeaderBytes);
  return out;
}

uint32_t SegmentHeader::Crc() const { return Get<uint32_t>(Encode(), kHeaderCrcAt); }

StatusOr<SegmentHeader> SegmentHeader::Decode(Bytes bytes) {
  if (bytes.size() < kSegmentHeaderBytes)
    return Unexpected{Status::Error("the file ends within its header")};
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  const bool sound = Get<uint32_t>(bytes, kHeaderCrcAt) == Crc32c(bytes.substr(0, kHeaderCrcAt));
  if (!bytes.starts_with(kMagic)) {
    return Unexpected{Status::Error("this is no log segment: it does not begin with TRCLOG")};
  }
  const auto version = Get<uint8_t>(bytes, kMagic.size());
  if (version != kSegmentVersion) {
    return Unexpected{Status::Error("the header says version " + std::to_string(version) +
                                    ", or is damaged; version " + std::to_string(kSegmentVersion) +
                                    " can be read")};
  }
  if (!sound) return Unexpected{Status::Error("the checksum of the header is wrong")};
  SegmentHeader header;
  header.history = bytes.substr(8, kHistoryIdBytes);
  header.start = Get<uint64_t>(bytes, 48);
  const auto previous = Get<uint64_t>(bytes, 56);
  if (previous != kNoPrevious) header.previous = previous;
  header.salt = Get<uint64_t>(bytes, 64);
  const auto flags = Get<uint32_t>(bytes, 72);
  if ((flags & ~kTakesOver) != 0) {
    return Unexpected{
        Status::Error("the header has flags that are not known here: " + std::to_string(flags))};
  }
  header.takes_over = (flags & kTakesOver) != 0;
  return header;
}

void FrameHeader::Encode(uint32_t header_crc, Bytes body, std::string* out) const {
  TERRACE_CHECK(body.size() == length && length <= kFrameBodyBytesMax);
  const size_t begin = out->size();
  Put(uint32_t{0}, out);
  Put(length | (goes_on ? kGoesOn : 0), out);
  Put(offset, out);
  Put(synced, out);
  out->append(body);
  const uint32_t crc = Crc32c(Bytes(*out).substr(begin + sizeof(uint32_t)), header_crc);
  std::memcpy(out->data() + begin, &crc, sizeof crc);
}

FrameHeader FrameHeader::Decode(Bytes bytes) {
  TERRACE_CHECK(bytes.size() >= kFrameHeaderBytes);
  const auto length = Get<uint32_t>(bytes, 4);
  return {.length = length & ~kGoesOn,
          .goes_on = (length & kGoesOn) != 0,
          .offset = Get<uint64_t>(bytes, 8),
          .synced = Get<uint64_t>(bytes, 16)};
}

bool FrameCrcMatches(uint32_t header_crc, Bytes frame) {
  return Get<uint32_t>(frame, 0) == Crc32c(frame.substr(sizeof(uint32_t)), header_crc);
}

std::string SegmentName(uint64_t start) {
  char name[kNameDigits + 1];
  std::snprintf(name, sizeof name, "%020llu", static_cast<unsigned long long>(start));
  return std::string(name) + std::string(kNameSuffix);
}

std::optional<uint64_t> ParseSegmentName(Bytes name) {
  if (name.size() != kNameDigits + kNameSuffix.size() || !name.ends_with(kNameSuffix))
    return std::nullopt;
  uint64_t start = 0;
  for (const char digit : name.substr(0, kNameDigits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    const auto value = static_cast<uint64_t>(digit - '0');
    if (start > (UINT64_MAX - value) / 10) return std::nullopt;
    start = start * 10 + value;
  }
  return start;
}

}  // namespace terrace::storage
