#include "engine/captured_key.h"

#include "engine/entry_codec.h"
#include "rdb/dump_payload.h"

namespace terrace::engine {

CapturedKey::CapturedKey(uint64_t hash, const Entry& entry, rdb::Compression compression)
    : hash_(hash), deadline_ms_(entry.deadline_ms()), key_(entry.key()), compression_(compression) {
  if (entry.encoding() == Encoding::kBlob) {
    blob_ = BlobRef::Share(entry.blob());
  } else {
    encoded_ = EncodeValue(entry, {.rdb_version = rdb::kRdbVersionMax, .compression = compression});
  }
}

size_t CapturedKey::bytes() const {
  return sizeof *this + key_.capacity() + encoded_.capacity() +
         (blob_ ? blob_->allocated_bytes() : 0);
}

storage::KeyRecord CapturedKey::Record(uint32_t space, Bytes* value, std::string* room) const {
  if (blob_) *room = rdb::EncodeStringValue(blob_->bytes(), compression_);
  *value = blob_ ? Bytes(*room) : Bytes(encoded_);
  storage::KeyRecord record{.space = space, .hash = hash_};
  record.kind = static_cast<uint8_t>(value->front());
  value->remove_prefix(1);
  record.key = key_;
  record.deadline_ms = deadline_ms_;
  record.size = value->size();
  return record;
}

}  // namespace terrace::engine
