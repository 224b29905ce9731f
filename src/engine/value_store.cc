#include "engine/value_store.h"

#include <algorithm>
#include <utility>

#include "engine/value_lookup.h"

namespace terrace::engine {

// A table's stretches begin at its smallest position and end before what follows its largest.
void ValueStore::Tables::Arrange() {
  std::vector<storage::Position> begins = {storage::kFirstPosition};
  const auto behind = [](storage::Position position) {
    return position.hash != UINT64_MAX ? storage::Position{position.space, position.hash + 1}
                                       : storage::Position{position.space + 1, 0};
  };
  for (const auto& reader : readers) {
    begins.push_back(reader->facts().smallest);
    if (reader->facts().largest != storage::kLastPosition)
      begins.push_back(behind(reader->facts().largest));
  }
  std::sort(begins.begin(), begins.end());
  begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
  stretches_.clear();
  for (const storage::Position begin : begins) {
    Stretch& stretch = stretches_.emplace_back();
    stretch.first = begin;
    for (const auto& reader : readers) {
      if (reader->facts().smallest <= begin && begin <= reader->facts().largest)
        stretch.tables.push_back(reader.get());
    }
  }
}

const std::vector<const storage::TableReader*>& ValueStore::Tables::At(
    storage::Position position) const {
  const auto behind = std::upper_bound(
      stretches_.begin(), stretches_.end(), position,
      [](storage::Position wanted, const Stretch& stretch) { return wanted < stretch.first; });
  return std::prev(behind)->tables;
}

StatusOr<std::shared_ptr<const ValueStore::Tables>> ValueStore::Open(
    std::shared_ptr<const storage::ManifestState> state) const {
  auto tables = std::make_shared<Tables>();
  std::vector<storage::TableEntry> newest_first = state->tables;
  std::stable_sort(newest_first.begin(), newest_first.end(),
                   [](const auto& a, const auto& b) { return a.run > b.run; });
  for (const storage::TableEntry& table : newest_first) {
    const auto number = table.number;
    std::shared_ptr<const storage::TableReader> reader;
    if (tables_ != nullptr) {
      for (const auto& open : tables_->readers)
        if (open->facts().number == number) reader = open;
    }
    if (reader == nullptr) {
      auto opened = storage::TableReader::Open(files_, manifest_.TablePath(number), {});
      if (!opened.ok()) return Unexpected{opened.error()};
      reader = *std::move(opened);
      if (random_) reader->blocks().file().ExpectRandomReads();
    }
    tables->readers.push_back(std::move(reader));
  }
  tables->state = std::move(state);
  tables->Arrange();
  return std::shared_ptr<const Tables>(std::move(tables));
}

StatusOr<std::shared_ptr<const ValueStore::Tables>> ValueStore::TablesInForce() {
  MutexLock lock(mutex_);
  while (true) {
    auto state = manifest_.state();
    if (tables_ != nullptr && tables_->state == state) return tables_;
    auto opened = Open(state);
    if (opened.ok()) {
      tables_ = *opened;
      return tables_;
    }
    // A compaction may have been faster, and its tables are in force now.
    if (manifest_.state() == state) return opened;
  }
}

void ValueStore::ExpectRandomReads() {
  MutexLock lock(mutex_);
  random_ = true;
  if (tables_ == nullptr) return;
  for (const auto& reader : tables_->readers) reader->blocks().file().ExpectRandomReads();
}

void ValueStore::Close() {
  MutexLock lock(mutex_);
  tables_.reset();
}

StatusOr<ValueStore::Value> ValueStore::Read(uint32_t space, uint64_t hash, Bytes key) {
  auto tables = TablesInForce();
  if (!tables.ok()) return Unexpected{tables.error()};
  ValueLookup lookup(*std::move(tables), space, hash, key);
  while (const auto need = lookup.Next()) {
    const auto bytes = need->file->ReadBytes(need->extent.offset, need->extent.size);
    bytes.ok() ? lookup.Take(*bytes) : lookup.Fail(bytes.error());
  }
  return std::move(lookup.outcome());
}

}  // namespace terrace::engine
