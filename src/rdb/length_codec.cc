#include "rdb/length_codec.h"

namespace terrace::rdb {
namespace {

constexpr uint8_t kForm14Bits = 0x40;
constexpr uint8_t kForm32Bits = 0x80;
constexpr uint8_t kForm64Bits = 0x81;

}  // namespace

void PutLength(uint64_t length, ByteSink& sink) {
  if (length < (1 << 6)) {
    sink.PutByte(static_cast<uint8_t>(length));
  } else if (length < (1 << 14)) {
    sink.PutByte(static_cast<uint8_t>(kForm14Bits | length >> 8));
    sink.PutByte(static_cast<uint8_t>(length));
  } else if (length <= UINT32_MAX) {
    sink.PutByte(kForm32Bits);
    sink.PutBig(static_cast<uint32_t>(length));
  } else {
    sink.PutByte(kForm64Bits);
    sink.PutBig(length);
  }
}

LengthOrForm TakeLengthOrForm(ByteSource& source) {
  const uint8_t first = source.TakeByte();
  const uint8_t low = first & 0x3f;
  switch (first >> 6) {
    case 0:
      return {low, false};
    case 1:
      return {uint64_t{low} << 8 | source.TakeByte(), false};
    case 3:
      return {low, true};
    default:
      break;
  }
  if (first == kForm32Bits) return {source.TakeBig<uint32_t>(), false};
  if (first == kForm64Bits) return {source.TakeBig<uint64_t>(), false};
  source.Fail();
  return {0, false};
}

uint64_t TakeLength(ByteSource& source) {
  const LengthOrForm taken = TakeLengthOrForm(source);
  if (!taken.special) return taken.value;
  source.Fail();
  return 0;
}

}  // namespace terrace::rdb
