#include "engine/checkpoint_loader.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "engine/entry_codec.h"
#include "storage/merging_iterator.h"
#include "storage/value_cursor.h"

namespace terrace::engine {
namespace {

// So many keys are loaded between two looks at who wants us out, and at how large the keyspace will be.
constexpr uint64_t kKeysAtATime = 256;
// Of so many keys one is hashed again. A checksum has told already that they are what was written; this tells whether it was
// written under our secret, and then every key would be wrong.
constexpr uint64_t kKeysAProof = 64;

// What an error of the disk itself asks for is another matter.
Status Refusal(const Status& of_table) {
  if (of_table.error_number() != 0) return of_table;
  return Status::Error(
      of_table.message() +
      ". `terrace-inspect table FILE` shows what is left; what helps is a backup of "
      "the data directory, or an empty one");
}

bool HasTimedFields(rdb::ValueCode code) {
  return code == rdb::ValueCode::kHashMetadata || code == rdb::ValueCode::kHashListpackEx ||
         code == rdb::ValueCode::kHashMetadataPreRelease ||
         code == rdb::ValueCode::kHashListpackExPreRelease;
}

}  // namespace

StatusOr<std::unique_ptr<CheckpointLoader>> CheckpointLoader::Open(
    FileSystem& files, const storage::Manifest& manifest, Databases& databases,
    const types::EncodingLimits& limits, LoadValues values) {
  const auto state = manifest.state();
  std::unique_ptr<CheckpointLoader> loader(new CheckpointLoader(databases, limits, values));
  for (const storage::DatabaseSpace& space : state->databases) {
    if (space.database >= databases.count()) {
      return Unexpected{Status::Error("the manifest has keys of database " +
                                      std::to_string(space.database) + ", and there are " +
                                      std::to_string(databases.count()) +
                                      " databases (setting `databases`)")};
    }
    databases.Get(space.database).set_space(space.space);
  }
  loader->log_offset_ = state->checkpoint.log_offset;
  loader->spaces_ = state->databases;
  std::vector<storage::TableEntry> tables = state->tables;
  std::stable_sort(tables.begin(), tables.end(),
                   [](const auto& a, const auto& b) { return a.run > b.run; });
  for (const storage::TableEntry& table : tables) {
    auto reader =
        storage::TableReader::Open(files, manifest.TablePath(table.number), {.filter = false});
    if (!reader.ok()) return Unexpected{Refusal(reader.error())};
    loader->readers_.push_back(*std::move(reader));
    loader->tables_.push_back(loader->readers_.back().get());
  }
  return loader;
}

// One range of hash space, database after database.
class CheckpointLoader::Part {
 public:
  Part(CheckpointLoader& loader, unsigned part, unsigned parts, Participant& self)
      : loader_(loader), self_(self) {
    const uint64_t width = UINT64_MAX / parts;
    first_ = width * part;
    last_ = part + 1 == parts ? UINT64_MAX : width * (part + 1) - 1;
    for (const storage::TableReader* table : loader.tables_) values_.emplace_back(*table);
  }

  Status Load(const storage::DatabaseSpace& space) {
    Keyspace& keyspace = loader_.databases_.Get(space.database);
    storage::MergingIterator records(loader_.tables_, storage::Tombstones::kHidden,
                                     {{space.space, first_}, {space.space, last_}});
    uint64_t loaded = 0;
    Status status;
    self_.In();
    while (status.ok() && records.Next()) {
      if (loaded % kKeysAProof == 0)
        status = CheckHash(keyspace, records.record(), records.source());
      if (status.ok()) status = LoadOne(keyspace, records.record(), records.source());
      if (++loaded % kKeysAtATime != 0) continue;
      LetGoOfShard();
      Grow(keyspace, loaded, records.record().hash);
      self_.Out();
      if (status.ok() && !GoOn(kKeysAtATime)) status = Status::Error("loading was given up");
      self_.In();
    }
    LetGoOfShard();
    keyspace.CountAway(std::exchange(away_, 0));
    self_.Out();
    if (status.ok() && !GoOn(loaded % kKeysAtATime)) status = Status::Error("loading was given up");
    loader_.databases_.participants().Reclaim();
    return status.ok() && !records.status().ok() ? Refusal(records.status()) : status;
  }

  uint64_t keys() const { return keys_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t next_due_ms() const { return next_due_ms_; }

 private:
  bool GoOn(uint64_t keys) const { return loader_.go_on_ == nullptr || loader_.go_on_(keys); }

  Status CheckHash(const Keyspace& keyspace, const storage::StoredRecord& record,
                   size_t source) const {
    if (keyspace.HashOf(record.key) == record.hash) return Status::Ok();
    return Refusal(Damage(record, source, "does not belong here: the hash of its key is another"));
  }

  Status LoadOne(Keyspace& keyspace, const storage::StoredRecord& record, size_t source) {
    const auto entry = MakeEntry(record, source);
    if (!entry.ok()) return entry.error();
    (*entry)->set_epoch(keyspace.epoch());
    const uint64_t due_ms = (*entry)->due_ms();
    if (due_ms != 0) next_due_ms_ = std::min(next_due_ms_, due_ms);
    if ((*entry)->is_away()) ++away_;
    keyspace.Insert(ShardOf(keyspace.staircase(), record.hash), record.hash, *entry, self_.slot());
    ++keys_;
    bytes_ += record.key.size();
    return Status::Ok();
  }

  // Locked until LetGoOfShard, or the first key of another shard: neighbours in a table are neighbours here.
  Shard& ShardOf(Staircase& staircase, uint64_t hash) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    // While it is locked it stays what it is, so that a right guess needs no second look.
    if (shard_ != nullptr && staircase.Guess(hash) == shard_) return *shard_;
    LetGoOfShard();
    shard_ = staircase.Lock(hash);
    return *shard_;
  }

  void LetGoOfShard() TERRACE_NO_THREAD_SAFETY_ANALYSIS {
    if (shard_ != nullptr) std::exchange(shard_, nullptr)->Unlock();
  }

  StatusOr<Entry*> MakeEntry(const storage::StoredRecord& record, size_t source) {
    const auto code = static_cast<rdb::ValueCode>(record.kind);
    if (loader_.load_values_ == LoadValues::kNone && !record.is_inline && !HasTimedFields(code)) {
      const auto type = rdb::TypeOf(code);
      if (!type) return Unexpected{Damage(record, source, "is of no known type")};
      return Entry::NewAway(record.key, *type, AwayMark::Of(record.size, 0), record.deadline_ms);
    }
    const auto value = record.is_inline ? StatusOr<Bytes>(record.inline_value)
                                        : values_[source].Read(record.value);
    if (!value.ok()) return Unexpected{value.error()};
    const auto entry = DecodeEntry({code, *value}, record.key, record.deadline_ms, loader_.limits_);
    if (!entry.ok()) return Unexpected{Damage(record, source, "makes no sense")};
    (*entry)->EnterTable();
    (*entry)->EndAwaitingInstall();
    bytes_ += value->size();
    return *entry;
  }

  Status Damage(const storage::StoredRecord& record, size_t source, const char* what) const {
    return Status::Error(loader_.tables_[source]->name() + ": offset " +
                         std::to_string(record.value.block) + ": the value of key '" +
                         std::string(record.key) + "' " + what);
  }

  // Keys come in the order of their hashes, which are spread evenly: from what has come, and where it ends, follows how
  // many there will be. So the staircase is as high as it must be before the shards fill, and nothing moves twice. Whoever finds
  // somebody else at it waits: to go on would be to fill a shard that is about to be divided, and to hold its lock.
  void Grow(Keyspace& keyspace, uint64_t loaded, uint64_t hash) {
    if (hash == first_) return;
    const double done = static_cast<double>(hash - first_) * 0x1.0p-64;
    const auto expected = static_cast<uint64_t>(static_cast<double>(loaded) / done);
    Staircase& staircase = keyspace.staircase();
    bool grew = false;
    while (staircase.shards() * kShardEntriesTarget < expected &&
           staircase.NeedsStep(expected, 1)) {
      if (staircase.Step(expected, 1, []() -> uint64_t { return 0; })) {
        grew = true;
      } else {
        self_.Out();
        std::this_thread::yield();
        self_.In();
      }
    }
    if (grew) loader_.databases_.participants().Reclaim();
  }

  CheckpointLoader& loader_;
  Participant& self_;
  uint64_t first_;
  uint64_t last_;
  std::vector<storage::ValueCursor> values_;  // one for each table
  Shard* shard_ = nullptr;                    // the one that is locked
  // Counted here and told at the end: a line that several threads write costs more than all else that is done for a key.
  uint64_t away_ = 0;
  uint64_t keys_ = 0;
  uint64_t bytes_ = 0;
  uint64_t next_due_ms_ = UINT64_MAX;
};

Status CheckpointLoader::LoadPart(unsigned part, unsigned parts, Participant& self) {
  TERRACE_CHECK(part < parts);
  Part loading(*this, part, parts, self);
  Status status;
  for (size_t i = 0; i < spaces_.size() && status.ok(); ++i) status = loading.Load(spaces_[i]);
  keys_.fetch_add(loading.keys(), std::memory_order_relaxed);
  bytes_.fetch_add(loading.bytes(), std::memory_order_relaxed);
  uint64_t seen = next_due_ms_.load(std::memory_order_relaxed);
  while (
      loading.next_due_ms() < seen &&
      !next_due_ms_.compare_exchange_weak(seen, loading.next_due_ms(), std::memory_order_relaxed)) {
  }
  return status;
}

}  // namespace terrace::engine
