#include "engine/entry_codec.h"

#include "base/check.h"
#include "rdb/value_decoder.h"

namespace terrace::engine {

uint16_t RdbVersionFor(const Entry& entry) {
  return IsCollection(entry.encoding()) ? rdb::RdbVersionFor(entry.collection())
                                        : rdb::kRdbVersionDefault;
}

std::string EncodeValue(const Entry& entry, const rdb::EncodeOptions& options) {
  TERRACE_CHECK(!entry.is_away());
  if (IsCollection(entry.encoding())) return rdb::EncodeCollection(entry.collection(), options);
  if (entry.encoding() == Encoding::kInteger) return rdb::EncodeStringValue(entry.integer());
  IntegerText unused;
  return rdb::EncodeStringValue(entry.StringBytes(&unused), options.compression);
}

rdb::PayloadResult<Entry*> DecodeEntry(const rdb::PayloadBody& body, Bytes key,
                                       uint64_t deadline_ms, const types::EncodingLimits& limits) {
  if (body.code == rdb::ValueCode::kString) {
    const auto text = rdb::DecodeStringValue(body);
    if (!text.ok()) return Unexpected{text.error()};
    return Entry::NewString(key, StringSource::Compact(text->bytes()), deadline_ms);
  }
  const auto value = rdb::DecodeCollection(body, limits);
  if (!value.ok()) return Unexpected{value.error()};
  return Entry::NewCollection(key, *value, deadline_ms);
}

}  // namespace terrace::engine
