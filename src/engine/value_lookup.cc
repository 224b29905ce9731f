#include "engine/value_lookup.h"

#include <utility>

namespace terrace::engine {

std::optional<ValueLookup::Need> ValueLookup::Next() {
  if (outcome_) return std::nullopt;
  if (record_) return Checked(table().ValueExtent(record_->value, 2 * value_bytes_), true);
  for (; table_ < candidates_.size(); ++table_) {
    if (!search_) search_.emplace(table(), space_, hash_, key_);
    if (const auto extent = search_->NextBlock()) return Checked(*extent, false);
    search_.reset();
  }
  Fail(Status::Error("no table in force has it"));
  return std::nullopt;
}

std::optional<ValueLookup::Need> ValueLookup::Checked(storage::FileExtent extent, bool is_value) {
  if (const Status status = table().blocks().CheckExtent(extent); !status.ok()) {
    Fail(status);
    return std::nullopt;
  }
  return Need{&table().blocks(), extent, is_value};
}

void ValueLookup::Take(Bytes bytes) {
  if (!record_) return TakeKeys(bytes);
  auto value = table().ValueFrom(record_->value, bytes);
  if (!value.ok()) return Fail(value.error());
  value_bytes_ = bytes.size();
  if (*value) outcome_ = ValueStore::Value{record_->kind, **std::move(value)};
}

void ValueLookup::TakeKeys(Bytes bytes) {
  auto found = search_->Look(bytes);
  if (!found.ok()) return Fail(found.error());
  if (!*found) return;
  record_ = **std::move(found);
  if (record_->is_tombstone()) return Fail(Status::Error("no table in force has it"));
  if (record_->inline_value)
    outcome_ = ValueStore::Value{record_->kind, *std::move(record_->inline_value)};
}

}  // namespace terrace::engine
