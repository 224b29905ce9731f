#include "storage/compaction.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "storage/merging_iterator.h"
#include "storage/run_writer.h"
#include "storage/table_reader.h"
#include "storage/value_cursor.h"

namespace terrace::storage {
namespace {

// Between two questions whether to go on: some tens of microseconds of work, or a megabyte of a long value.
constexpr uint64_t kRecordsAtATime = 256;
constexpr uint64_t kPiecesAtATime = 32;

class Compactor {
 public:
  Compactor(FileSystem& files, Manifest& manifest, const TableGroup& group,
            const CompactionOptions& options)
      : files_(files),
        manifest_(manifest),
        options_(options),
        before_(manifest.state()),
        merged_(group.tables),
        tombstones_(group.has_oldest ? Tombstones::kHidden : Tombstones::kShown),
        run_(files, manifest,
             {.log_offset = before_->checkpoint.log_offset,
              .table_bytes_max = options.table_bytes_max,
              .partition_bits = options.partition_bits}) {}

  StatusOr<CompactionStats> Compact() {
    if (Status status = OpenTables(); !status.ok()) return Unexpected{std::move(status)};
    std::vector<uint32_t> spaces;
    for (const DatabaseSpace& database : before_->databases) spaces.push_back(database.space);
    std::sort(spaces.begin(), spaces.end());
    for (const uint32_t space : spaces)
      if (Status status = CopySpace(space); !status.ok()) return Unexpected{std::move(status)};
    if (Status status = run_.Finish(); !status.ok()) return Unexpected{std::move(status)};
    while (true) {
      const auto more = run_.VerifyNext();
      if (!more.ok()) return Unexpected{more.error()};
      if (!*more) break;
    }
    stats_.bytes = run_.bytes();
    stats_.tables = run_.tables().size();
    if (Status status = Install(); !status.ok()) return Unexpected{std::move(status)};
    return stats_;
  }

 private:
  Status OpenTables() {
    std::stable_sort(merged_.begin(), merged_.end(),
                     [](const TableEntry& a, const TableEntry& b) { return a.run > b.run; });
    for (const TableEntry& table : merged_) {
      auto reader = TableReader::Open(files_, manifest_.TablePath(table.number), {.filter = false});
      if (!reader.ok()) return reader.error();
      readers_.push_back(*std::move(reader));
      tables_.push_back(readers_.back().get());
      values_.emplace_back(*tables_.back());
      stats_.bytes_before += table.file_bytes;
    }
    stats_.tables_before = merged_.size();
    return Status::Ok();
  }

  Status CopySpace(uint32_t space) {
    MergingIterator records(tables_, tombstones_, {{space, 0}, {space, UINT64_MAX}});
    while (records.Next()) {
      if (++stats_.records % kRecordsAtATime == 0) {
        if (Status status = GoOn(); !status.ok()) return status;
        for (size_t i = 0; i < values_.size(); ++i)
          if (records.is_over(i)) values_[i].Release();
      }
      const StoredRecord& record = records.record();
      const bool apart = !record.is_inline && !record.is_tombstone();
      Status status = apart ? CopyValue(record, values_[records.source()])
                            : run_.Add(record, record.inline_value);
      if (!status.ok()) return status;
    }
    return records.status();
  }

  Status CopyValue(const StoredRecord& record, ValueCursor& values) {
    if (!record.value.is_long()) {
      const auto value = values.Read(record.value);
      return value.ok() ? run_.Add(record, *value) : value.error();
    }
    if (Status status = run_.BeginValue(record); !status.ok()) return status;
    uint64_t pieces = 0;
    Status status = values.ReadPieces(record.value, [&](Bytes piece) {
      if (Status appended = run_.AppendValue(piece); !appended.ok()) return appended;
      return ++pieces % kPiecesAtATime == 0 ? GoOn() : Status::Ok();
    });
    return status.ok() ? run_.EndValue(record.size) : status;
  }

  Status GoOn() const {
    if (!options_.go_on || options_.go_on(run_.bytes())) return Status::Ok();
    return Status::Error("the compaction was cancelled");
  }

  // The run is the newest of those that were merged: elsewhere tables of that run stay as they are. A checkpoint may have been
  // installed meanwhile. Its tables are of a higher run and hold nothing of a space that was dropped before we began.
  Status Install() {
    std::set<uint64_t> merged;
    uint64_t run = 0;
    for (const TableEntry& table : merged_) {
      merged.insert(table.number);
      run = std::max(run, table.run);
    }
    const bool all = merged_.size() == before_->tables.size();
    const Status status = manifest_.Install([&](ManifestState& state) {
      std::erase_if(state.tables,
                    [&](const TableEntry& table) { return merged.contains(table.number); });
      for (const TableFacts& facts : run_.tables())
        state.tables.push_back(TableEntry::Of(facts, run));
      std::erase_if(state.dropped_spaces, [&](uint32_t space) {
        return all && std::binary_search(before_->dropped_spaces.begin(),
                                         before_->dropped_spaces.end(), space);
      });
      ForgetDeadSpaces(&state);
    });
    if (status.ok()) run_.Installed();
    return status;
  }

  FileSystem& files_;
  Manifest& manifest_;
  const CompactionOptions& options_;
  const std::shared_ptr<const ManifestState> before_;
  std::vector<TableEntry> merged_;  // newest first, once they are open
  const Tombstones tombstones_;
  RunWriter run_;
  std::vector<std::unique_ptr<TableReader>> readers_;
  std::vector<const TableReader*> tables_;  // newest first
  std::vector<ValueCursor> values_;         // one for each
  CompactionStats stats_;
};

}  // namespace

size_t CountRuns(const ManifestState& state) {
  std::set<uint64_t> runs;
  for (const TableEntry& table : state.tables) runs.insert(table.run);
  return runs.size();
}

std::vector<TableGroup> GroupsOf(const ManifestState& state) {
  std::vector<TableEntry> tables = state.tables;
  std::sort(tables.begin(), tables.end(),
            [](const TableEntry& a, const TableEntry& b) { return a.smallest < b.smallest; });
  std::vector<TableGroup> groups;
  std::set<uint64_t> runs;
  Position end;
  for (const TableEntry& table : tables) {
    if (groups.empty() || table.smallest > end) {
      groups.emplace_back();
      runs.clear();
      end = table.largest;
    }
    end = std::max(end, table.largest);
    runs.insert(table.run);
    TableGroup& group = groups.back();
    group.tables.push_back(table);
    group.runs = runs.size();
    group.bytes += table.file_bytes;
    group.dead_bytes += table.dead_bytes;
  }
  return groups;
}

size_t MostRuns(const ManifestState& state) {
  size_t most = 0;
  for (const TableGroup& group : GroupsOf(state)) most = std::max(most, group.runs);
  return most;
}

TableGroup NewestRuns(const TableGroup& group, size_t runs_min) {
  std::map<uint64_t, uint64_t, std::greater<>> bytes_of;  // newest first
  for (const TableEntry& table : group.tables) bytes_of[table.run] += table.file_bytes;
  TableGroup newest;
  uint64_t oldest = 0;
  for (const auto& [run, bytes] : bytes_of) {
    if (newest.runs >= runs_min && bytes > newest.bytes) break;
    oldest = run;
    ++newest.runs;
    newest.bytes += bytes;
  }
  for (const TableEntry& table : group.tables) {
    if (table.run < oldest) continue;
    newest.tables.push_back(table);
    newest.dead_bytes += table.dead_bytes;
  }
  newest.has_oldest = group.has_oldest && newest.runs == bytes_of.size();
  return newest;
}

unsigned PartitionBitsFor(uint64_t table_bytes) {
  unsigned bits = 0;
  while (bits < 8 && table_bytes >> bits > 256 * kMiB) ++bits;
  return bits;
}

StatusOr<CompactionStats> CompactGroup(FileSystem& files, Manifest& manifest,
                                       const TableGroup& group, const CompactionOptions& options) {
  return Compactor(files, manifest, group, options).Compact();
}

StatusOr<CompactionStats> CompactAll(FileSystem& files, Manifest& manifest,
                                     const CompactionOptions& options) {
  TableGroup all;
  all.tables = manifest.state()->tables;
  return CompactGroup(files, manifest, all, options);
}

void ForgetDeadSpaces(ManifestState* state) {
  std::erase_if(state->tables, [state](const TableEntry& table) {
    return std::none_of(
        state->databases.begin(), state->databases.end(), [&table](const DatabaseSpace& database) {
          return table.smallest.space <= database.space && database.space <= table.largest.space;
        });
  });
  std::erase_if(state->dropped_spaces, [state](uint32_t space) {
    return std::none_of(state->tables.begin(), state->tables.end(),
                        [space](const TableEntry& table) {
                          return table.smallest.space <= space && space <= table.largest.space;
                        });
  });
}

}  // namespace terrace::storage
