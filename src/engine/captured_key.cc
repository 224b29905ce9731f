#include "engine/captured_key.h"

#include "engine/entry_codec.h"
#include "rdb/byte_sink.h"
#include "rdb/dump_payload.h"
#include "rdb/length_codec.h"
#include "rdb/value_code.h"

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

storage::KeyRecord CapturedKey::Record(uint32_t space, Bytes* head, Bytes* value,
                                       std::string* room) const {
  storage::KeyRecord record{.space = space, .hash = hash_};
  record.key = key_;
  record.deadline_ms = deadline_ms_;
  if (blob_ && compression_ == rdb::Compression::kNone) {
    // As PutString has a text that is no number.
    room->clear();
    rdb::ByteSink sink(room);
    rdb::PutLength(blob_->bytes().size(), sink);
    record.kind = static_cast<uint8_t>(rdb::ValueCode::kString);
    *head = *room;
    *value = blob_->bytes();
  } else {
    *head = Bytes();
    *value = Body(room);
    record.kind = static_cast<uint8_t>(value->front());
    value->remove_prefix(1);
  }
  record.size = head->size() + value->size();
  return record;
}

}  // namespace terrace::engine
