#include "engine/entry_codec.h"

namespace terrace::engine {

std::string EncodeValue(const Entry& entry, const rdb::EncodeOptions& options) {
  if (IsCollection(entry.encoding())) return rdb::EncodeCollection(entry.collection(), options);
  if (entry.encoding() == Encoding::kInteger) return rdb::EncodeStringValue(entry.integer());
  IntegerText unused;
  return rdb::EncodeStringValue(entry.StringBytes(&unused), options.compression);
}

rdb::PayloadResult<Entry*> DecodeEntry(const rdb::PayloadBody& body, Bytes key, uint64_t deadline_ms) {
  const auto text = rdb::DecodeStringValue(body);
  if (!text.ok()) return Unexpected{text.error()};
  return Entry::NewString(key, StringSource::Compact(text->bytes()), deadline_ms);
}

}  // namespace terrace::engine
