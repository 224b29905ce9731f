// ValueLookup: finds one value in the tables in force, a read at a time, for those who do the reading themselves, many of them side
// by side:
//
//   while (need = lookup.Next())
//     read it;  lookup.Take(bytes) or lookup.Fail(why)
//   lookup.outcome()
//
// The newest table that has the key counts; filters spare most of the others. If they spare all but one block of keys, that has the
// key, and the place of its value is known without reading it (storage/value_places.h): one read. Otherwise it takes the block of
// keys, which the page cache mostly has, and the value's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/value_store.h"
#include "storage/block_file.h"
#include "storage/record_search.h"

namespace terrace::engine {

class ValueLookup {
 public:
  struct Need {
    const storage::BlockFile* file;
    storage::FileExtent extent;  // inside of it
    bool is_value;               // or one of keys, which have neighbours that others want
  };

  /// CONTRACT: `key` outlives it. `hash` is the key's. The newest record of the key in these tables has a value, or nobody will
  /// believe the outcome.
  ValueLookup(std::shared_ptr<const ValueStore::Tables> tables, uint32_t space, uint64_t hash,
              Bytes key)
      : tables_(std::move(tables)),
        space_(space),
        hash_(hash),
        key_(key),
        candidates_(tables_->At({space, hash})) {}

  /// What has to be read now; nullopt: nothing any more.
  std::optional<Need> Next();
  /// What Next has named, all of it.
  void Take(Bytes bytes);
  void Fail(const Status& why) { outcome_ = Unexpected{why}; }

  /// When Next has said that it is over. An error names file and offset. A key that no table has, or that is said to be
  /// removed, is one, too.
  StatusOr<ValueStore::Value>& outcome() { return *outcome_; }

 private:
  void LookForPlace();
  void TakePlaced(Bytes bytes);
  void TakeKeys(Bytes bytes);
  std::optional<Need> Checked(storage::FileExtent extent, bool is_value);
  const storage::TableReader& table() const { return *candidates_[table_]; }

  const std::shared_ptr<const ValueStore::Tables> tables_;
  const uint32_t space_;
  const uint64_t hash_;
  const Bytes key_;
  const std::vector<const storage::TableReader*>& candidates_;
  size_t table_ = 0;
  bool looked_for_place_ = false;
  std::optional<storage::FileExtent> place_;     // in that table
  std::optional<storage::RecordSearch> search_;  // in that table
  std::optional<storage::FoundRecord> record_;   // found there
  size_t value_bytes_ = 0;                       // that were not enough
  std::optional<StatusOr<ValueStore::Value>> outcome_;
};

}  // namespace terrace::engine
