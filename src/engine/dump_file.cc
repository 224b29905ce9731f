#include "engine/dump_file.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/access_clock.h"
#include "engine/edit.h"
#include "engine/entry_codec.h"
#include "engine/key_locks.h"
#include "engine/residency.h"

namespace terrace::engine {
rdb::KeyFacts FactsOf(uint64_t deadline_ms, uint32_t access, KeptAccess kept, uint64_t now_ms,
                      const LfuSettings& lfu) {
  rdb::KeyFacts facts;
  facts.deadline_ms = deadline_ms;
  if (kept == KeptAccess::kIdle) facts.idle_seconds = LruIdleSeconds(access, now_ms);
  if (kept == KeptAccess::kFrequency) facts.frequency = LfuCounter(access, now_ms, lfu);
  return facts;
}

uint16_t RdbVersionFor(const Databases& databases) {
  uint16_t version = rdb::kRdbVersionDefault;
  for (unsigned db = 0; db < databases.count(); ++db) {
    databases.Get(db).staircase().ForEachShard(0, [&](Shard& shard, uint64_t, uint64_t) {
      if (shard.with_timed_items() != 0) version = rdb::kRdbVersionTimedFields;
      return true;
    });
  }
  return version;
}

Status WriteDump(const Unit& unit, KeptAccess kept, rdb::FileWriter& writer) {
  const Databases& databases = unit.databases;
  Status status;
  for (unsigned db = 0; db < databases.count() && writer.ok() && status.ok(); ++db) {
    Keyspace& keyspace = databases.Get(db);
    if (keyspace.size() == 0) continue;
    writer.SelectDatabase(db, keyspace.size(), keyspace.deadlines());
    keyspace.ForEach([&](const Entry& entry) {
      const WholeEntry whole(databases, keyspace, entry);
      if (whole.get() == nullptr) {
        status = Status(whole.status()).WithContext("key '" + std::string(entry.key()) + "'");
        return;
      }
      writer.Key(
          entry.key(),
          FactsOf(entry.deadline_ms(), entry.access(), kept, unit.now_ms, unit.lfu_settings()),
          EncodeValue(*whole.get()));
    });
  }
  return status;
}

DumpLoader::DumpLoader(Unit& unit, DueKeys due)
    : unit_(unit), due_(due), databases_(unit.databases), loaded_(unit.databases.count()) {}

Keyspace& DumpLoader::Loading(unsigned db) {
  if (loaded_[db] == nullptr) loaded_[db] = databases_.NewKeyspace();
  return *loaded_[db];
}

Status DumpLoader::TakeDatabase(uint64_t db) {
  if (db >= databases_.count()) {
    return Status::Error("keys of database " + std::to_string(db) + ", and there are " +
                         std::to_string(databases_.count()) + " databases (setting `databases`)");
  }
  db_ = static_cast<unsigned>(db);
  expected_ = 0;
  return Status::Ok();
}

Status DumpLoader::TakeFunctions(Bytes) {
  return Status::Error(
      "a library of functions, which cannot be run here (FUNCTION FLUSH where the file came from "
      "makes one without)");
}

Status DumpLoader::TakeModuleData(Bytes module) {
  if (std::find(modules_.begin(), modules_.end(), module) == modules_.end())
    modules_.emplace_back(module);
  return Status::Ok();
}

// The staircase is raised ahead of the keys, so that few of them are moved later; not too far, whatever the file says.
void DumpLoader::Grow(Keyspace& keyspace) {
  constexpr uint64_t kAhead = 16;
  const uint64_t keys = keyspace.size() + 1;
  const uint64_t expected = std::max(keys, std::min(expected_, kAhead * keys));
  Staircase& staircase = keyspace.staircase();
  while (staircase.NeedsStep(expected, 1) &&
         staircase.Step(expected, 1, []() -> uint64_t { return 0; })) {
  }
}

Status DumpLoader::TakeKey(Bytes key, const rdb::KeyFacts& facts, const rdb::PayloadBody& body) {
  if (due_ == DueKeys::kLeaveOut && facts.deadline_ms != 0 && facts.deadline_ms < unit_.now_ms) {
    ++keys_due_;
    return Status::Ok();
  }
  const auto decoded = DecodeEntry(body, key, facts.deadline_ms, unit_.settings.encoding);
  if (!decoded.ok()) return Status::Error("the value of key '" + std::string(key) + "' is damaged");
  Entry* entry = *decoded;
  entry->set_access(unit_.AccessFrom(facts.idle_seconds, facts.frequency));
  const uint64_t due_ms = entry->due_ms();
  Keyspace& keyspace = Loading(db_);
  const uint64_t hash = databases_.HashOf(key);
  Shard* shard = keyspace.staircase().Lock(hash);
  const bool twice = shard->Lookup(hash, key) != nullptr;
  if (!twice) keyspace.Insert(*shard, hash, entry, unit_.self.slot());
  shard->Unlock();
  if (twice) {
    Entry::Delete(entry);
    return Status::Error("key '" + std::string(key) + "' is there twice");
  }
  unit_.NoteDeadline(due_ms);
  // Looking is dearer than a key or two too many.
  constexpr uint64_t kKeysBetweenLooks = 64;
  if (keys_++ % kKeysBetweenLooks == 0) Grow(keyspace);
  return Status::Ok();
}

std::unique_ptr<Keyspace> DumpLoader::Take(unsigned db) {
  Loading(db);
  return std::move(loaded_[db]);
}

Status DumpLoader::AddTo(bool replace) {
  for (unsigned db = 0; db < databases_.count() && !replace; ++db) {
    if (loaded_[db] == nullptr) continue;
    Keyspace& used = databases_.Get(db);
    std::string taken;
    loaded_[db]->ForEach([&](const Entry& entry) {
      const uint64_t hash = databases_.HashOf(entry.key());
      if (taken.empty() && used.staircase().Guess(hash)->Lookup(hash, entry.key()) != nullptr)
        taken = entry.key();
    });
    if (!taken.empty())
      return Status::Error("key '" + taken + "' of database " + std::to_string(db) +
                           " exists already");
  }
  for (unsigned db = 0; db < databases_.count(); ++db) {
    if (loaded_[db] == nullptr) continue;
    Keyspace& used = databases_.Get(db);
    loaded_[db]->staircase().ForEachShard(0, [&](Shard& shard, uint64_t, uint64_t) {
      std::vector<Entry*> entries;
      for (unsigned i = 0; i < kShardBuckets; ++i)
        shard.ForEachInBucket(i, [&](Entry* entry) { entries.push_back(entry); });
      for (Entry* entry : entries) {
        const uint64_t hash = databases_.HashOf(entry->key());
        loaded_[db]->Remove(shard, shard.Lookup(hash, entry->key()), hash, unit_.self.slot());
        KeyRef ref;
        ref.key = entry->key();
        ref.hash = hash;
        ref.keyspace = &used;
        ref.db = db;
        KeyLocks locks;
        locks.Acquire(&ref, 1);
        Edit(unit_, ref).Put(entry);
        locks.Release();
        while (used.NeedsStep() && used.Step([]() -> uint64_t { return 0; })) {
        }
      }
      return true;
    });
  }
  return Status::Ok();
}

}  // namespace terrace::engine
