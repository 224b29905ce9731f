// LargeTable: a hash, set or sorted set in a large capture (engine/large_capture.h, types/table_capture.h).
#pragma once

#include <string>

#include "engine/large_capture.h"
#include "rdb/items_encoder.h"
#include "types/table_capture.h"

namespace terrace::engine {

class LargeTable final : public LargeCapture {
 public:
  LargeTable(Keyspace& keyspace, uint64_t hash, const Entry& entry,
             const rdb::EncodeOptions& options, types::CaptureBytes* bytes);
  ~LargeTable() override;

  rdb::ValueCode code() const override { return head_.code(); }
  bool EncodeAhead(size_t bytes_max) override;
  size_t EncodeLocked(size_t items_max, size_t bytes_max) override;
  bool complete() const override { return table_.detached(); }
  bool EncodeRest(size_t bytes_max) override;
  void TakePiece(std::string* piece) override;
  void Part() override;
  void GiveUp() override { table_.Detach(); }

 private:
  size_t Encode(size_t items_max, size_t bytes_max, std::string* out);
  void Put(rdb::ItemsEncoder& encoder, const types::TableCapture::Item& item);
  void CountParted(uint64_t bytes);

  const rdb::Compression compression_;
  types::CaptureBytes* const bytes_;
  types::TableCapture table_;
  const rdb::ItemsEncoder::Head head_;
  bool head_put_ = false;
  bool in_a_hurry_ = false;  // encoded_ is of items, and was not compressed because of the lock
  bool old_done_ = false;
  size_t items_put_ = 0;
  // By Part: the items that the walk had not had, not compressed; and how much of it was handed out since.
  std::string parted_;
  size_t parted_done_ = 0;
  uint64_t parted_counted_ = 0;
};

}  // namespace terrace::engine
