#include "rdb/ziplist.h"

namespace terrace::rdb {
namespace {

using types::Element;

constexpr uint8_t kEnd = 0xff;
constexpr uint8_t kLongPrevious = 0xfe;
constexpr size_t kHeaderBytes = 10;
constexpr uint32_t kCountUnknown = 65535;

}  // namespace

ZiplistReader::ZiplistReader(Bytes bytes) : source_(bytes), last_entry_(kHeaderBytes) {
  const auto total = source_.TakeLittle<uint32_t>();
  tail_ = source_.TakeLittle<uint32_t>();
  announced_ = source_.TakeLittle<uint16_t>();
  if (total != bytes.size()) source_.Fail();
}

bool ZiplistReader::Next(Element* element) {
  if (!source_.ok()) return false;
  const size_t start = source_.offset();
  const uint8_t first = source_.TakeByte();
  if (!source_.ok()) return false;
  if (first == kEnd) {
    Finish();
    return false;
  }
  // Short lengths were sometimes left in the long form.
  const uint32_t previous = first == kLongPrevious ? source_.TakeLittle<uint32_t>() : first;
  if (previous != last_length_) source_.Fail();
  *element = TakeElement();
  if (!source_.ok()) return false;
  last_entry_ = start;
  last_length_ = source_.offset() - start;
  ++read_;
  return true;
}

void ZiplistReader::Finish() {
  if (source_.remaining() != 0 || tail_ != last_entry_) source_.Fail();
  if (announced_ != kCountUnknown && announced_ != read_) source_.Fail();
}

Element ZiplistReader::TakeElement() {
  const uint8_t first = source_.TakeByte();
  switch (first >> 6) {
    case 0:
      return Element::OfString(source_.TakeBytes(first));
    case 1: {
      const uint64_t high = first & 0x3f;
      return Element::OfString(source_.TakeBytes(high << 8 | source_.TakeByte()));
    }
    case 2:
      if (first != 0x80) source_.Fail();
      return Element::OfString(source_.TakeBytes(source_.TakeBig<uint32_t>()));
    default:
      break;
  }
  switch (first) {
    case 0xc0:
      return Element::OfInteger(static_cast<int16_t>(source_.TakeLittle<uint16_t>()));
    case 0xd0:
      return Element::OfInteger(static_cast<int32_t>(source_.TakeLittle<uint32_t>()));
    case 0xe0:
      return Element::OfInteger(static_cast<int64_t>(source_.TakeLittle<uint64_t>()));
    case 0xf0: {
      const uint32_t low = source_.TakeLittle<uint16_t>();
      const uint32_t high = source_.TakeByte();
      return Element::OfInteger(static_cast<int32_t>((high << 16 | low) << 8) >> 8);
    }
    case 0xfe:
      return Element::OfInteger(static_cast<int8_t>(source_.TakeByte()));
    default:
      break;
  }
  if (first < 0xf1 || first > 0xfd) source_.Fail();
  return Element::OfInteger((first & 15) - 1);
}

}  // namespace terrace::rdb
