#include "engine/residency.h"

#include <utility>

#include "engine/entry_codec.h"

namespace terrace::engine {

StatusOr<Residency::OwnEntry> Residency::Decode(Bytes key, uint64_t deadline_ms, uint8_t kind,
                                                Bytes value) const {
  const auto decoded =
      DecodeEntry({static_cast<rdb::ValueCode>(kind), value}, key, deadline_ms, limits_);
  if (!decoded.ok()) return Unexpected{Status::Error("its bytes make no sense")};
  return OwnEntry(*decoded);
}

StatusOr<Residency::OwnEntry> Residency::Read(const AwayKey& key) {
  const auto value = store_.Read(key.space, key.hash, key.key);
  if (!value.ok()) return Unexpected{value.error()};
  return Decode(key.key, key.deadline_ms, value->kind, value->bytes);
}

// The shard is locked.
void Residency::Put(Keyspace& keyspace, Shard& shard, Slot slot, uint64_t hash, OwnEntry value) {
  Entry* away = Shard::At(slot);
  TERRACE_DCHECK(value->deadline_ms() == away->deadline_ms());  // R2
  value->set_access(away->access());
  value->set_epoch(away->epoch());
  value->EnterTable();
  if (!away->awaits_install()) value->EndAwaitingInstall();
  Entry::Delete(keyspace.Replace(shard, slot, hash, value.release()));
}

Status Residency::ReadIn(KeyRef& ref) {
  Entry* entry = ref.entry();
  counters_.read_at_once.fetch_add(1, std::memory_order_relaxed);
  auto value = Read(AwayKey(*ref.keyspace, ref.hash, *entry));
  if (value.ok()) {
    Put(*ref.keyspace, *ref.shard, ref.slot, ref.hash, *std::move(value));
    return Status::Ok();
  }
  counters_.failed.fetch_add(1, std::memory_order_relaxed);
  entry->set_away_mark(entry->away_mark().Unreadable());
  return value.error();
}

bool Residency::IsWorthReading(const Entry& entry) {
  if (entry.is_away() || entry.has_timed_items()) return false;
  switch (entry.encoding()) {
    case Encoding::kInteger:
      return false;
    case Encoding::kInline:
      return entry.StringLength() > storage::kInlineValueBytesMax;
    default:
      return true;
  }
}

// What a cut that is not done yet has captured is in no table that counts; if it fails it is changed again. And a dump, which
// captures what has not changed, too, may be in the middle of a large collection.
bool Residency::CanLetGo(const Keyspace& keyspace, const Entry& entry) {
  if (entry.changed() || !entry.in_table() || !IsWorthReading(entry)) return false;
  if (keyspace.observer() == nullptr) return true;
  if (entry.awaits_install() && entry.epoch() == keyspace.epoch()) return false;
  return !IsCollection(entry.encoding()) || !types::UnderCapture(entry.collection());
}

void Residency::LetGo(KeyRef& ref) {
  Entry* entry = ref.entry();
  TERRACE_DCHECK(CanLetGo(*ref.keyspace, *entry));
  const uint32_t number = next_mark_.fetch_add(1, std::memory_order_relaxed);
  Entry* away = Entry::NewAway(ref.key, entry->type(),
                               AwayMark::Of(entry->MemoryEstimate(), number), entry->deadline_ms());
  away->set_access(entry->access());
  away->set_epoch(entry->epoch());
  if (entry->awaits_install()) away->EnterTable();
  databases_.Discard(ref.keyspace->Replace(*ref.shard, ref.slot, ref.hash, away));
  ref.keyspace->CountAway();
  ref.version = ref.shard->version();
  counters_.let_go.fetch_add(1, std::memory_order_relaxed);
}

StatusOr<Residency::OwnEntry> Residency::Copy(const Keyspace& keyspace, const Entry& entry) {
  return Read(AwayKey(keyspace, keyspace.HashOf(entry.key()), entry));
}

Keyspace* Residency::Find(uint32_t space) const {
  for (unsigned db = 0; db < databases_.count(); ++db)
    if (Keyspace& keyspace = databases_.Get(db); keyspace.space() == space) return &keyspace;
  return nullptr;
}

bool Residency::Install(const AwayKey& key, StatusOr<OwnEntry> value) {
  Keyspace* keyspace = Find(key.space);
  return keyspace != nullptr && PutIf(*keyspace, key.hash, key.key, &key.mark, std::move(value));
}

bool Residency::InstallLoaded(Keyspace& keyspace, uint64_t hash, Bytes key,
                              StatusOr<OwnEntry> value) {
  return PutIf(keyspace, hash, key, nullptr, std::move(value));
}

bool Residency::PutIf(Keyspace& keyspace, uint64_t hash, Bytes key, const AwayMark* mark,
                      StatusOr<OwnEntry> value) TERRACE_NO_THREAD_SAFETY_ANALYSIS {
  if (!value.ok()) counters_.failed.fetch_add(1, std::memory_order_relaxed);
  Shard* shard = keyspace.staircase().Lock(hash);
  const Slot slot = shard->Lookup(hash, key);
  Entry* entry = slot == nullptr ? nullptr : Shard::At(slot);
  const bool fits =
      entry != nullptr && entry->is_away() && (mark == nullptr || entry->away_mark() == *mark);
  if (fits && value.ok()) {
    if (mark != nullptr && clock_after_reading_)
      entry->set_access(clock_after_reading_(entry->access()));
    Put(keyspace, *shard, slot, hash, *std::move(value));
  } else if (fits) {
    entry->set_away_mark(entry->away_mark().Unreadable());
  }
  shard->Unlock();
  return fits;
}

WholeEntry::WholeEntry(const Databases& databases, const Keyspace& keyspace, const Entry& entry)
    : entry_(&entry) {
  if (TERRACE_LIKELY(!entry.is_away())) return;
  auto copy = databases.residency()->Copy(keyspace, entry);
  if (copy.ok()) {
    copy_ = *std::move(copy);
  } else {
    status_ = copy.error();
  }
  entry_ = copy_.get();
}

}  // namespace terrace::engine
