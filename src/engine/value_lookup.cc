#include "engine/value_lookup.h"

#include <utility>

namespace terrace::engine {

std::optional<ValueLookup::Need> ValueLookup::Next() {
  if (outcome_) return std::nullopt;
  if (!looked_for_place_) LookForPlace();
  if (place_) return Checked(*place_, true);
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

// Filters let everything through that is there. So if one block of keys is all that they let the key through to, the key is there.
void ValueLookup::LookForPlace() {
  looked_for_place_ = true;
  const storage::Position position{space_, hash_};
  std::optional<size_t> only;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const storage::TableReader& table = *candidates_[i];
    auto block = table.BlockFor(position, table.BlockAt(position));
    for (; block; block = table.BlockFor(position, *block + 1)) {
      if (only) return place_.reset();
      only = i;
      place_ = table.PlaceOf(*block, hash_);
    }
  }
  if (place_) table_ = *only;
}

void ValueLookup::TakePlaced(Bytes bytes) {
  const auto found = table().PlacedIn(*place_, bytes, hash_);
  if (!found.ok()) return Fail(found.error());
  place_.reset();
  table_ = 0;
  if (*found) outcome_ = ValueStore::Value{(*found)->kind, std::string((*found)->bytes)};
}

void ValueLookup::Take(Bytes bytes) {
  if (place_) return TakePlaced(bytes);
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
