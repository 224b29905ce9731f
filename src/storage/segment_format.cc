#include "storage/segment_format.h"

#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "storage/byte_fields.h"

namespace terrace::storage {
namespace {

constexpr Bytes kMagic("TRCLOG\0", 7);
constexpr uint64_t kNoPrevious = UINT64_MAX;
constexpr uint32_t kTakesOver = 1;
constexpr uint32_t kGoesOn = 1u << 31;
constexpr size_t kHeaderCrcAt = kSegmentHeaderBytes - sizeof(uint32_t);

}  // namespace

std::string SegmentHeader::Encode() const {
  TERRACE_CHECK(history.size() == kHistoryIdBytes);
  std::string out(kMagic);
  PutField(kSegmentVersion, &out);
  out += history;
  PutField(start, &out);
  PutField(previous.value_or(kNoPrevious), &out);
  PutField(salt, &out);
  PutField(takes_over ? kTakesOver : uint32_t{0}, &out);
  PutField(Crc32c(out), &out);
  TERRACE_CHECK(out.size() == kSegmentHeaderBytes);
  return out;
}

uint32_t SegmentHeader::Crc() const { return FieldAt<uint32_t>(Encode().data() + kHeaderCrcAt); }

StatusOr<SegmentHeader> SegmentHeader::Decode(Bytes bytes) {
  if (bytes.size() < kSegmentHeaderBytes)
    return Unexpected{Status::Error("the file ends within its header")};
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  const bool sound =
      FieldAt<uint32_t>(bytes.data() + kHeaderCrcAt) == Crc32c(bytes.substr(0, kHeaderCrcAt));
  if (!bytes.starts_with(kMagic)) {
    return Unexpected{Status::Error("this is no log segment: it does not begin with TRCLOG")};
  }
  FieldReader in(bytes.substr(kMagic.size()));
  const auto version = in.Take<uint8_t>();
  if (version != kSegmentVersion) {
    return Unexpected{Status::Error("the header says version " + std::to_string(version) +
                                    ", or is damaged; version " + std::to_string(kSegmentVersion) +
                                    " can be read")};
  }
  if (!sound) return Unexpected{Status::Error("the checksum of the header is wrong")};
  SegmentHeader header;
  header.history = in.TakeBytes(kHistoryIdBytes);
  header.start = in.Take<uint64_t>();
  const auto previous = in.Take<uint64_t>();
  if (previous != kNoPrevious) header.previous = previous;
  header.salt = in.Take<uint64_t>();
  const auto flags = in.Take<uint32_t>();
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
  PutField(uint32_t{0}, out);
  PutField(length | (goes_on ? kGoesOn : 0), out);
  PutField(offset, out);
  PutField(synced, out);
  out->append(body);
  const uint32_t crc = Crc32c(Bytes(*out).substr(begin + sizeof(uint32_t)), header_crc);
  std::memcpy(out->data() + begin, &crc, sizeof crc);
}

FrameHeader FrameHeader::Decode(Bytes bytes) {
  TERRACE_CHECK(bytes.size() >= kFrameHeaderBytes);
  const auto length = FieldAt<uint32_t>(bytes.data() + 4);
  return {.length = length & ~kGoesOn,
          .goes_on = (length & kGoesOn) != 0,
          .offset = FieldAt<uint64_t>(bytes.data() + 8),
          .synced = FieldAt<uint64_t>(bytes.data() + 16)};
}

bool FrameCrcMatches(uint32_t header_crc, Bytes frame) {
  TERRACE_DCHECK(frame.size() >= kFrameHeaderBytes);
  return FieldAt<uint32_t>(frame.data()) == Crc32c(frame.substr(sizeof(uint32_t)), header_crc);
}

}  // namespace terrace::storage
