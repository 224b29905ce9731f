#include "rdb/zipmap.h"

namespace terrace::rdb {
namespace {

constexpr uint8_t kEnd = 0xff;
constexpr uint8_t kLong = 0xfe;
constexpr uint8_t kCountUnknown = 254;

}  // namespace

bool ZipmapReader::Next(Bytes* field, Bytes* value) {
  const uint8_t first = source_.TakeByte();
  if (!source_.ok()) return false;
  if (first == kEnd) {
    if (source_.remaining() != 0 || (announced_ < kCountUnknown && announced_ != read_))
      source_.Fail();
    return false;
  }
  *field = source_.TakeBytes(TakeLength(first));
  const uint64_t value_bytes = TakeLength(source_.TakeByte());
  const uint8_t unused = source_.TakeByte();
  *value = source_.TakeBytes(value_bytes);
  source_.TakeBytes(unused);
  ++read_;
  return source_.ok();
}

uint64_t ZipmapReader::TakeLength(uint8_t first) {
  if (first == kEnd) source_.Fail();
  return first == kLong ? source_.TakeLittle<uint32_t>() : first;
}

}  // namespace terrace::rdb
