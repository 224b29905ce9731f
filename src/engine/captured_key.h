// CapturedKey: a key as it was at a cut, copied whole (large collections are not: engine/large_capture.h), and as a checkpoint
// writes it (storage/table_format.h):
//
//   kind      the value code (rdb/value_code.h)
//   deadline  the key's own; those of a hash's fields are in its value
//   value     what follows the value code in RDB's object encoding, all its newer forms included
//
// and an RDB file takes it whole (engine/dump_cut.h). The access clock is not written to tables: reading a key would make it
// a changed one.
//
// Threads: made under the lock of the key's shard; afterwards one at a time.
#pragma once

#include <cstdint>
#include <string>

#include "base/blob.h"
#include "base/bytes.h"
#include "engine/entry.h"
#include "engine/removed_keys.h"
#include "rdb/dump_payload.h"
#include "rdb/value_encoder.h"
#include "storage/table_format.h"

namespace terrace::engine {

class CapturedKey {
 public:
  /// Copies what it needs; a large string is shared, and encoded when it is asked for.
  CapturedKey(uint64_t hash, const Entry& entry, const rdb::EncodeOptions& options);
  CapturedKey(uint64_t hash, const Entry& entry, rdb::Compression compression)
      : CapturedKey(hash, entry, {.rdb_version = rdb::kRdbVersionMax, .compression = compression}) {
  }

  uint64_t hash() const { return hash_; }
  /// The order of tables is that of names. It lies in here.
  HashedKey name() const { return {hash_, key_}; }
  /// Its memory, what it shares included.
  size_t bytes() const;

  Bytes key() const { return key_; }
  uint64_t deadline_ms() const { return deadline_ms_; }
  uint32_t access() const { return access_; }
  /// The value with its code in front, good as long as this is; it may be put into `room`.
  Bytes Body(std::string* room) const;
  /// With the value, which is good as long as this is and may be put into `room`. A large string that is not compressed comes
  /// without a copy: what stands in front of it is `head`, which is empty for other values.
  storage::KeyRecord Record(uint32_t space, Bytes* head, Bytes* value, std::string* room) const;

 private:
  uint64_t hash_;
  uint64_t deadline_ms_;
  std::string key_;
  std::string encoded_;  // with the value code in front; empty for a blob
  BlobRef blob_;
  uint32_t access_;
  rdb::Compression compression_;
};

}  // namespace terrace::engine
