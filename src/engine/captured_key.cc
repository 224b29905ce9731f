#include "engine/captured_key.h"

#include "engine/entry_codec.h"
#include "rdb/dump_payload.h"

namespace terrace::engine {

CapturedKey::CapturedKey(uint64_t hash, const Entry& entry, const rdb::EncodeOptions& options)
    : hash_(hash),
      deadline_ms_(entry.deadline_ms()),
      key_(entry.key()),
      access_(entry.access()),
      compression_(options.compression) {
  if (entry.encoding() == Encoding::kBlob) {
    blob_ = BlobRef::Share(entry.blob());
  } else {
    encoded_ = EncodeValue(entry, options);
  }
}

size_t CapturedKey::bytes() const {
  return sizeof *this + key_.capacity() + encoded_.capacity() +
         (blob_ ? blob_->allocated_bytes() : 0);
}

Bytes CapturedKey::Body(std::string* room) const {
  if (!blob_) return encoded_;
  *room = rdb::EncodeStringValue(blob_->bytes(), compression_);
  return *room;
}

storage::KeyRecord CapturedKey::Record(uint32_t space, Bytes* value, std::string* room) const {
  *value = Body(room);
  storage::KeyRecord record{.space = space, .hash = hash_};
  record.kind = static_cast<uint8_t>(value->front());
  value->remove_prefix(1);
  record.key = key_;
  record.deadline_ms = deadline_ms_;
  record.size = value->size();
  return record;
}

}  // namespace terrace::engine
