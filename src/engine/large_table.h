// LargeTable: a hash, set or sorted set in a large capture (engine/large_capture.h, types/table_capture.h).
#pragma once

#include <optional>
#include <string>

#include "engine/large_capture.h"
#include "rdb/items_encoder.h"
#include "types/table_capture.h"

namespace terrace::engine {

class LargeTable final : public LargeCapture {
 public:
  LargeTable(Keyspace& keyspace, uint64_t hash, const Entry& entry, rdb::Compression compression,
             types::CaptureBytes* bytes)
      : LargeCapture(keyspace, hash, entry),
        compression_(compression),
        table_(entry.collection(), bytes) {}

  void Prepare() override {}
  size_t Next(size_t items_max, size_t bytes_max) override;
  bool complete() const override { return table_.detached(); }
  void Part() override { Next(SIZE_MAX, SIZE_MAX); }
  void GiveUp() override { table_.Detach(); }

 private:
  std::string TakeEncoded() override;
  void BeginEncoding();
  void Put(const types::TableCapture::Item& item);

  const rdb::Compression compression_;
  types::TableCapture table_;
  std::string encoded_;
  std::optional<rdb::ItemsEncoder> encoder_;  // from the first piece on
  size_t items_put_ = 0;
};

}  // namespace terrace::engine
