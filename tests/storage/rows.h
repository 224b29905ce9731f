// Records with bytes of their own, random ones, and the ways to and from a table, for the tests of tables.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "env/file_system.h"
#include "storage/key_iterator.h"
#include "storage/printed_seed.h"
#include "storage/table_format.h"
#include "storage/table_reader.h"
#include "storage/table_writer.h"

namespace terrace::storage {

struct RowKey {
  uint32_t space = 0;
  uint64_t hash = 0;
  std::string key;
  uint64_t sub = 0;
  auto operator<=>(const RowKey&) const = default;
};

struct Row {
  RowKey key;
  uint8_t kind = 0;
  uint8_t flags = 0;
  uint64_t deadline_ms = 0;
  uint64_t size = 0;
  std::string value;
  bool operator==(const Row&) const = default;

  KeyRecord record() const {
    KeyRecord record{.space = key.space, .hash = key.hash, .sub = key.sub};
    record.key = key.key;
    record.kind = kind;
    record.flags = flags;
    record.deadline_ms = deadline_ms;
    record.size = size;
    return record;
  }
};
using Rows = std::vector<Row>;

inline Row MakeRow(RowKey key, std::string value) {
  Row row{.key = std::move(key)};
  row.size = value.size();
  row.value = std::move(value);
  return row;
}
inline Row MakeTombstone(RowKey key) { return Row{.key = std::move(key), .kind = kTombstone}; }

inline Row FromRecord(const StoredRecord& record) {
  return {{record.space, record.hash, std::string(record.key), record.sub},
          record.kind,
          record.flags,
          record.deadline_ms,
          record.size,
          ""};
}

inline std::string RandomBytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  return bytes;
}

/// One of everything: hashes that meet, long keys, empty and large values, subs, tombstones.
inline Row RandomRow(Random& random) {
  Row row;
  row.key.space = static_cast<uint32_t>(random.Below(3));
  // Few hashes of a kind now and then, so that key and sub have to tell records apart.
  row.key.hash = random.Below(4) == 0 ? random.Below(8) << 61 : random.Next();
  row.key.key = RandomBytes(random, random.Below(50) == 0 ? random.Below(9000) : random.Below(24));
  if (random.Below(8) == 0) row.key.sub = random.Below(3) == 0 ? random.Next() : random.Below(300);
  if (random.Below(4) == 0) row.flags = static_cast<uint8_t>(random.Next());
  if (random.Below(6) == 0) {
    row.kind = kTombstone;
    return row;
  }
  row.kind = static_cast<uint8_t>(random.Below(kTombstone));
  if (random.Below(3) == 0) row.deadline_ms = random.Next() >> random.Below(60);
  const uint64_t bytes_max[] = {1, 17, 40, 200, 3000, 5000};
  row.value = RandomBytes(random, random.Below(bytes_max[random.Below(6)]));
  row.size = random.Below(3) == 0 ? random.Next() : row.value.size();
  return row;
}

template <typename T>
T Must(StatusOr<T> result) {
  REQUIRE_MESSAGE(result.ok(), result.error().message());
  return *std::move(result);
}
inline void Must(const Status& status) { REQUIRE_MESSAGE(status.ok(), status.message()); }

template <typename Range>
StatusOr<TableFacts> WriteTable(FileSystem& files, const std::string& path, const Range& rows,
                                const TableWriter::Options& options = {}) {
  auto writer = TableWriter::Create(files, path, options);
  if (!writer.ok()) return Unexpected{writer.error()};
  for (const Row& row : rows) {
    if (Status status = (*writer)->Add(row.record(), row.value); !status.ok())
      return Unexpected{status};
  }
  return (*writer)->Finish();
}

inline std::unique_ptr<TableReader> MustOpen(FileSystem& files, const std::string& path,
                                             const TableReader::Options& options = {}) {
  return Must(TableReader::Open(files, path, options));
}

/// The record's value, and a check that an inline one is the same by its handle.
inline StatusOr<std::string> ValueOf(const TableReader& table, const StoredRecord& record) {
  if (record.is_tombstone()) return std::string();
  auto value = table.ReadValue(record.value);
  if (value.ok() && record.is_inline) CHECK(*value == record.inline_value);
  return value;
}

/// Appends to `out` what there is up to the first error, which comes back.
inline Status ReadRows(const TableReader& table, PositionRange range, Rows* out) {
  KeyIterator records(table, range);
  while (records.Next()) {
    auto value = ValueOf(table, records.record());
    if (!value.ok()) return value.error();
    out->push_back(FromRecord(records.record()));
    out->back().value = *std::move(value);
  }
  return records.status();
}

inline Rows MustReadRows(const TableReader& table, PositionRange range = {}) {
  Rows rows;
  Must(ReadRows(table, range, &rows));
  return rows;
}

}  // namespace terrace::storage
