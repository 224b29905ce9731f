#include "storage/manifest_format.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "storage/byte_fields.h"

namespace terrace::storage {
namespace {

constexpr size_t kSizeAt = 16;
constexpr size_t kDatabaseBytes = 8;
constexpr size_t kDroppedBytes = 4;

void PutTable(const TableEntry& table, std::string* out) {
  for (const uint64_t number :
       {table.number, table.file_bytes, table.run, table.records, table.tombstones})
    PutField(number, out);
  PutPosition(table.smallest, out);
  PutPosition(table.largest, out);
  PutField(table.log_offset, out);
  PutField(table.dead_bytes, out);
}

TableEntry TakeTable(FieldReader& in) {
  TableEntry table;
  for (uint64_t* number :
       {&table.number, &table.file_bytes, &table.run, &table.records, &table.tombstones})
    *number = in.Take<uint64_t>();
  table.smallest = TakePosition(in);
  table.largest = TakePosition(in);
  table.log_offset = in.Take<uint64_t>();
  table.dead_bytes = in.Take<uint64_t>();
  return table;
}

Status CheckTables(const ManifestState& state) {
  uint64_t next = 0;
  for (const TableEntry& table : state.tables) {
    const std::string name = "table " + std::to_string(table.number);
    if (table.number < next || table.number >= state.next_file_number)
      return Status::Error(name + " has a number out of order");  // M1
    if (table.largest < table.smallest || table.tombstones > table.records)
      return Status::Error(name + " has facts that cannot be");
    next = table.number + 1;
  }
  std::vector<const TableEntry*> by_run;
  for (const TableEntry& table : state.tables)
    if (table.records > 0) by_run.push_back(&table);
  std::sort(by_run.begin(), by_run.end(), [](const TableEntry* a, const TableEntry* b) {
    return std::pair(a->run, a->smallest) < std::pair(b->run, b->smallest);
  });
  for (size_t i = 1; i < by_run.size(); ++i) {
    if (by_run[i - 1]->run == by_run[i]->run && by_run[i]->smallest <= by_run[i - 1]->largest) {
      return Status::Error("tables " + std::to_string(by_run[i - 1]->number) + " and " +
                           std::to_string(by_run[i]->number) + " of run " +
                           std::to_string(by_run[i]->run) + " meet");  // M2
    }
  }
  return Status::Ok();
}

Status CheckSpaces(const ManifestState& state) {
  std::set<uint32_t> seen;
  const auto is_new = [&](uint32_t space) {
    return space < state.next_space && seen.insert(space).second;
  };
  for (size_t i = 0; i < state.databases.size(); ++i) {
    if (i > 0 && state.databases[i].database <= state.databases[i - 1].database)
      return Status::Error("databases are out of order");
    if (!is_new(state.databases[i].space)) {
      return Status::Error("database " + std::to_string(state.databases[i].database) +
                           " has a space that is not its own");  // M3
    }
  }
  for (size_t i = 0; i < state.dropped_spaces.size(); ++i) {
    if (i > 0 && state.dropped_spaces[i] <= state.dropped_spaces[i - 1])
      return Status::Error("dropped spaces are out of order");
    if (!is_new(state.dropped_spaces[i])) {
      return Status::Error("space " + std::to_string(state.dropped_spaces[i]) +
                           " is dropped and is not");  // M3
    }
  }
  return Status::Ok();
}

size_t EncodedBytes(uint64_t tables, uint64_t databases, uint64_t dropped) {
  return kManifestHeadBytes + tables * kManifestTableBytes + databases * kDatabaseBytes +
         dropped * kDroppedBytes;
}

Unexpected<Status> At(size_t offset, const std::string& what) {
  return Unexpected{Status::Error("offset " + std::to_string(offset) + ": " + what)};
}

// What can be known before the checksum is believed.
Status CheckHead(Bytes file) {
  const auto at = [](size_t offset, const std::string& what) { return At(offset, what).error; };
  if (file.size() < kManifestHeadBytes)
    return at(file.size(), "the file ends too early for a manifest");
  if (!file.starts_with(kManifestMagic))
    return at(0, "this is no manifest: it does not begin as every manifest does");
  const auto version = FieldAt<uint32_t>(file.data() + kManifestMagic.size());
  if (version != kManifestVersion) {
    return at(kManifestMagic.size(), "a manifest of version " + std::to_string(version) +
                                         "; version " + std::to_string(kManifestVersion) +
                                         " can be read");
  }
  const auto size = FieldAt<uint64_t>(file.data() + kSizeAt);
  if (size != file.size()) {
    return at(kSizeAt, "the manifest should have " + std::to_string(size) + " bytes, and has " +
                           std::to_string(file.size()));
  }
  if (FieldAt<uint32_t>(file.data() + kManifestCrcAt) != ManifestCrc(file))
    return at(kManifestCrcAt, "the checksum is wrong: the file is damaged");
  return Status::Ok();
}

}  // namespace

TableEntry TableEntry::Of(const TableFacts& facts, uint64_t run) {
  TableEntry entry;
  entry.number = facts.number;
  entry.file_bytes = facts.file_bytes;
  entry.run = run;
  entry.records = facts.records;
  entry.tombstones = facts.tombstones;
  entry.smallest = facts.smallest;
  entry.largest = facts.largest;
  entry.log_offset = facts.log_offset;
  return entry;
}

bool operator==(const ManifestState& a, const ManifestState& b) {
  return EncodeManifest(a) == EncodeManifest(b);
}

uint32_t ManifestCrc(Bytes file) {
  return Crc32c(file.substr(kManifestCrcAt + sizeof(uint32_t)),
                Crc32c(file.substr(0, kManifestCrcAt)));
}

Status CheckManifest(const ManifestState& state) {
  if (state.tables.size() > kManifestTablesMax) {
    return Status::Error("there are " + std::to_string(state.tables.size()) +
                         " tables; a manifest takes up to " + std::to_string(kManifestTablesMax));
  }
  if (EncodedBytes(state.tables.size(), state.databases.size(), state.dropped_spaces.size()) >
      kManifestBytesMax)
    return Status::Error("there are more databases and dropped spaces than a manifest takes");
  if (!IsHistoryId(state.checkpoint.history) || !IsHistoryId(state.checkpoint.second_history))
    return Status::Error("a history id is not 40 hexadecimal digits");
  if (Status status = CheckTables(state); !status.ok()) return status;
  return CheckSpaces(state);
}

std::string EncodeManifest(const ManifestState& state) {
  std::string out(kManifestMagic);
  const CheckpointMark& mark = state.checkpoint;
  PutField(kManifestVersion, &out);
  PutField(uint32_t{0}, &out);
  PutField(uint64_t{EncodedBytes(state.tables.size(), state.databases.size(),
                                 state.dropped_spaces.size())},
           &out);
  PutField(state.generation, &out);
  for (const uint8_t byte : state.directory_id) out.push_back(static_cast<char>(byte));
  PutField(state.hash_key.k0, &out);
  PutField(state.hash_key.k1, &out);
  PutField(state.next_file_number, &out);
  PutField(state.next_space, &out);
  PutField(mark.selected_db, &out);
  PutField(mark.log_offset, &out);
  out.append(mark.history);
  out.append(mark.second_history);
  PutField(mark.second_history_end, &out);
  PutField(static_cast<uint32_t>(state.tables.size()), &out);
  PutField(static_cast<uint32_t>(state.databases.size()), &out);
  PutField(static_cast<uint32_t>(state.dropped_spaces.size()), &out);
  PutField(uint32_t{0}, &out);
  TERRACE_CHECK(out.size() == kManifestHeadBytes);
  for (const TableEntry& table : state.tables) PutTable(table, &out);
  for (const DatabaseSpace& each : state.databases) {
    PutField(each.database, &out);
    PutField(each.space, &out);
  }
  for (const uint32_t space : state.dropped_spaces) PutField(space, &out);
  const uint32_t crc = ManifestCrc(out);
  std::memcpy(out.data() + kManifestCrcAt, &crc, sizeof crc);
  return out;
}

StatusOr<ManifestState> DecodeManifest(Bytes file) {
  if (Status status = CheckHead(file); !status.ok()) return Unexpected{std::move(status)};
  FieldReader in(file);
  in.TakeBytes(kSizeAt + sizeof(uint64_t));
  ManifestState state;
  CheckpointMark& mark = state.checkpoint;
  state.generation = in.Take<uint64_t>();
  for (uint8_t& byte : state.directory_id) byte = in.Take<uint8_t>();
  state.hash_key.k0 = in.Take<uint64_t>();
  state.hash_key.k1 = in.Take<uint64_t>();
  state.next_file_number = in.Take<uint64_t>();
  state.next_space = in.Take<uint32_t>();
  mark.selected_db = in.Take<uint32_t>();
  mark.log_offset = in.Take<uint64_t>();
  mark.history = in.TakeBytes(kHistoryIdBytes);
  mark.second_history = in.TakeBytes(kHistoryIdBytes);
  mark.second_history_end = in.Take<uint64_t>();
  const size_t counts_at = in.offset();
  const auto tables = in.Take<uint32_t>();
  const auto databases = in.Take<uint32_t>();
  const auto dropped = in.Take<uint32_t>();
  in.Take<uint32_t>();
  // So the loops are bounded by bytes that are there.
  if (EncodedBytes(tables, databases, dropped) != file.size())
    return At(counts_at, "what the manifest says it holds does not fit its size");
  for (uint32_t i = 0; i < tables; ++i) state.tables.push_back(TakeTable(in));
  for (uint32_t i = 0; i < databases; ++i) {
    const auto database = in.Take<uint32_t>();
    const auto space = in.Take<uint32_t>();
    state.databases.push_back({database, space});
  }
  for (uint32_t i = 0; i < dropped; ++i) state.dropped_spaces.push_back(in.Take<uint32_t>());
  TERRACE_CHECK(in.finished());
  if (Status status = CheckManifest(state); !status.ok())
    return At(kManifestHeadBytes, status.message());
  return state;
}

}  // namespace terrace::storage
