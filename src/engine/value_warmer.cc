#include "engine/value_warmer.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "storage/merging_iterator.h"
#include "storage/value_cursor.h"

namespace terrace::engine {
namespace {

// Put in together, so that nobody who wants everybody out waits for the disk; some tens of microseconds.
constexpr size_t kKeysAtOnce = 128;
// Read before they are put in: a large value is put in alone.
constexpr size_t kBytesAtOnce = 256 * kKiB;

struct Found {
  uint64_t hash;
  std::string key;
  StatusOr<Residency::OwnEntry> value;
};

}  // namespace

class ValueWarmer::Part {
 public:
  Part(Residency& residency, const ValueStore::Tables& tables, Participant& self)
      : residency_(residency), self_(self) {
    for (const auto& reader : tables.readers) {
      tables_.push_back(reader.get());
      values_.emplace_back(*reader);
    }
  }

  Status Warm(uint32_t space, uint64_t first, uint64_t last, const std::function<bool()>& go_on) {
    storage::MergingIterator records(tables_, storage::Tombstones::kHidden,
                                     {{space, first}, {space, last}});
    bool more = true;
    while (more && records.Next()) {
      const storage::StoredRecord& record = records.record();
      // Those came with their keys.
      if (record.is_inline) continue;
      Read(record, records.source());
      if (found_.size() < kKeysAtOnce && bytes_ < kBytesAtOnce) continue;
      more = PutIn(space) && go_on();
    }
    PutIn(space);
    return records.status();
  }

 private:
  void Read(const storage::StoredRecord& record, size_t source) {
    auto value = [&]() -> StatusOr<Residency::OwnEntry> {
      const auto bytes = values_[source].Read(record.value);
      if (!bytes.ok()) return Unexpected{bytes.error()};
      return residency_.Decode(record.key, record.deadline_ms, record.kind, *bytes);
    }();
    found_.push_back({record.hash, std::string(record.key), std::move(value)});
    bytes_ += record.value.length;
  }

  // False if there is no such keyspace any more.
  bool PutIn(uint32_t space) {
    bytes_ = 0;
    if (found_.empty()) return true;
    self_.In();
    Keyspace* keyspace = residency_.Find(space);
    uint64_t warmed = 0;
    for (Found& found : found_) {
      if (keyspace == nullptr) break;
      const bool ok = found.value.ok();
      if (residency_.InstallLoaded(*keyspace, found.hash, found.key, std::move(found.value)) && ok)
        ++warmed;
    }
    self_.Out();
    residency_.counters().warmed.fetch_add(warmed, std::memory_order_relaxed);
    found_.clear();
    return keyspace != nullptr;
  }

  Residency& residency_;
  Participant& self_;
  std::vector<const storage::TableReader*> tables_;
  std::vector<storage::ValueCursor> values_;  // one for each table
  std::vector<Found> found_;
  size_t bytes_ = 0;
};

Status ValueWarmer::Warm(unsigned part, unsigned parts, Participant& self,
                         const std::function<bool()>& go_on) {
  TERRACE_CHECK(part < parts);
  const auto tables = residency_.store().TablesInForce();
  if (!tables.ok()) return tables.error();
  const uint64_t width = UINT64_MAX / parts;
  const uint64_t first = width * part;
  const uint64_t last = part + 1 == parts ? UINT64_MAX : width * (part + 1) - 1;
  Part warming(residency_, **tables, self);
  for (const storage::DatabaseSpace& space : (*tables)->state->databases) {
    const Status status = warming.Warm(space.space, first, last, go_on);
    if (!status.ok()) return status;
    if (!go_on()) break;
  }
  return Status::Ok();
}

}  // namespace terrace::engine
