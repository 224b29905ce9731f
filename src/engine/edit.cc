#include "engine/edit.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "types/hash.h"

namespace terrace::engine {

void Edit::Announce(bool expires) {
  if (InterestTable* interest = ref_.shard->interest()) {
    expires ? interest->KeyExpires(ref_.hash, ref_.key) : interest->KeyChanges(ref_.hash, ref_.key);
  }
  if (EditObserver* observer = ref_.keyspace->observer()) {
    Entry* old = ref_.entry();
    const uint16_t epoch = ref_.keyspace->epoch();
    if (old == nullptr || old->epoch() == epoch) return;
    observer->OldImage(*ref_.keyspace, ref_.hash, *old);
    old->set_epoch(epoch);
  }
}

void Edit::SetString(const StringSource& value, uint64_t deadline_ms) {
  unit_.NoteDeadline(deadline_ms);
  Entry* old = ref_.entry();
  if (TERRACE_LIKELY(old != nullptr)) {
    const uint64_t before = old->deadline_ms();
    if (TERRACE_LIKELY(old->type() == Type::kString && old->TryAssign(value, deadline_ms))) {
      if (TERRACE_UNLIKELY(before != deadline_ms)) {
        ref_.keyspace->DeadlineChanged(*ref_.shard, ref_.hash, before, deadline_ms);
      }
      unit_.Touch(old);
      return;
    }
    Entry* entry = Entry::NewString(ref_.key, value, deadline_ms);
    entry->set_access(old->access());
    entry->set_epoch(ref_.keyspace->epoch());
    unit_.Touch(entry);
    Discard(ref_.keyspace->Replace(*ref_.shard, ref_.slot, ref_.hash, entry));
    ref_.version = ref_.shard->version();
    return;
  }
  Put(Entry::NewString(ref_.key, value, deadline_ms));
  ref_.entry()->set_access(unit_.FreshAccess());
}

void Edit::Put(Entry* entry) {
  // It may come from another key, keyspace and time: here it is new.
  entry->set_epoch(ref_.keyspace->epoch());
  entry->MarkChanged();
  unit_.NoteDeadline(entry->due_ms());
  if (ref_.entry() != nullptr) {
    Discard(ref_.keyspace->Replace(*ref_.shard, ref_.slot, ref_.hash, entry));
  } else {
    ref_.slot = ref_.keyspace->Insert(*ref_.shard, ref_.hash, entry, unit_.self.slot());
    unit_.NoteLoad(*ref_.keyspace, *ref_.shard);
    unit_.Notify(kNotifyNew, ref_.db, "new", ref_.key);
  }
  ref_.version = ref_.shard->version();
}

char* Edit::GrowString(size_t size) {
  Entry* entry = ref_.entry();
  char* bytes = entry->TryGrowString(size);
  if (bytes != nullptr) {
    unit_.Touch(entry);
  } else {
    IntegerText text;
    const Bytes old = entry->StringBytes(&text);
    const uint64_t deadline_ms = entry->deadline_ms();
    if (size > kBlobBytesMin) {
      // A quarter to spare is what the smaller size classes have, too.
      const size_t spare = size > old.size() ? std::min<size_t>(size / 4, UINT32_MAX) : 0;
      const BlobRef grown = BlobRef::Adopt(Blob::New(size, static_cast<uint32_t>(spare)));
      std::memcpy(grown->data(), old.data(), old.size());
      SetString(StringSource::OfBlob(grown.get()), deadline_ms);
    } else {
      std::string grown(old);
      grown.resize(size);
      SetString(StringSource::Of(grown), deadline_ms);
    }
    entry = ref_.entry();
    bytes = entry->MutableStringBytes();
  }
  entry->MarkRawString();
  return bytes;
}

void Edit::SetDeadlines(uint64_t deadline_ms, uint64_t items_ms) {
  Entry* entry = ref_.entry();
  const uint64_t before = entry->due_ms();
  if (entry->TrySetDeadlines(deadline_ms, items_ms)) {
    ref_.keyspace->DeadlineChanged(*ref_.shard, ref_.hash, before, entry->due_ms());
  } else {
    // Taken out and put back: the entry is written anew, with or without room for a deadline.
    ref_.keyspace->Rewrite(*ref_.shard, ref_.slot, ref_.hash, deadline_ms);
    ref_.version = ref_.shard->version();
  }
  unit_.NoteDeadline(ref_.entry()->due_ms());
}

void Edit::PutCollection(types::Value value) {
  Entry* held = ref_.entry();
  if (held != nullptr && held->type() == value.type && IsCollection(held->encoding())) {
    held->set_collection(value);
    unit_.Touch(held);
    if (TERRACE_UNLIKELY(MayHaveTimedItems(value.encoding) || held->has_timed_items())) {
      SetDeadlines(held->deadline_ms(), types::NextDeadline(value));
    }
    return;
  }
  Put(Entry::NewCollection(ref_.key, value, 0));
  ref_.entry()->set_access(unit_.FreshAccess());
}

void Edit::ReplaceWithCollection(types::Value value) {
  Entry* entry = Entry::NewCollection(ref_.key, value, 0);
  entry->set_access(unit_.FreshAccess());
  Put(entry);
}

void Edit::Discard(Entry* entry) {
  if (EditObserver* observer = ref_.keyspace->observer())
    if (observer->Keeps(*ref_.keyspace, ref_.hash, entry)) return;
  unit_.databases.Discard(entry);
}

void Edit::MoveTo(Edit& target) {
  KeyRef& to = target.ref_;
  Entry* moved = Remove();
  if (to.key != ref_.key) {
    // Written anew, because it has its key's name in it.
    Entry* renamed = Entry::NewMoved(moved, to.key, moved->deadline_ms());
    Entry::Delete(moved);
    moved = renamed;
  }
  if (to.entry() != nullptr) target.Delete();
  if (EditObserver* observer = ref_.keyspace->observer())
    observer->Moves(*ref_.keyspace, ref_.hash, ref_.key, *to.keyspace, to.hash, *moved);
  target.Put(moved);
}

Entry* Edit::Remove() {
  Entry* entry = ref_.entry();
  Entry* taken = ref_.keyspace->Remove(*ref_.shard, ref_.slot, ref_.hash, unit_.self.slot());
  TERRACE_DCHECK(taken == entry);
  ref_.slot = nullptr;
  ref_.version = ref_.shard->version();
  unit_.NoteLoad(*ref_.keyspace, *ref_.shard);
  return entry;
}

void Edit::Delete() { Discard(Remove()); }

namespace {

// So many fields are named in one HDEL.
constexpr size_t kFieldsNamed = 1000;

void ExpireKey(Unit& unit, KeyRef& ref) {
  unit.LogWords(
      ref.db,
      {unit.settings.lazy_expire.load(std::memory_order_relaxed) ? "UNLINK" : "DEL", ref.key});
  unit.Notify(kNotifyExpired, ref.db, "expired", ref.key);
  EngineCounters::Add(unit.counters.expired);
  Edit(unit, ref, Edit::Expiry{}).Delete();
}

// Erases due fields, and logs a HDEL for every so many of them.
size_t EraseDueFields(Unit& unit, const KeyRef& ref, types::Hash& hash, size_t fields_max) {
  if (!unit.logging) return hash.EraseDue(unit.now_ms, fields_max, [](Bytes) {});
  size_t erased = 0;
  for (size_t more = 1; more != 0 && erased < fields_max; erased += more) {
    std::vector<std::string> fields;
    more = hash.EraseDue(unit.now_ms, std::min(kFieldsNamed, fields_max - erased),
                         [&](Bytes field) { fields.emplace_back(field); });
    if (more == 0) break;
    std::vector<Bytes> words = {"HDEL", ref.key};
    words.insert(words.end(), fields.begin(), fields.end());
    unit.LogArgs(ref.db, words.data(), words.size());
  }
  return erased;
}

size_t ExpireFields(Unit& unit, KeyRef& ref, size_t fields_max) {
  Edit edit(unit, ref, Edit::Expiry{});
  types::Hash hash(ref.entry()->collection());
  // Nothing would be left of a large hash: it goes as a whole, and is freed in the background.
  const bool whole = hash.Size() > kFieldsNamed && types::AllDue(hash.value(), unit.now_ms);
  if (whole) unit.LogWords(ref.db, {"DEL", ref.key});
  const size_t erased = whole ? hash.Size() : EraseDueFields(unit, ref, hash, fields_max);
  EngineCounters::Add(unit.counters.expired_fields, erased);
  unit.Notify(kNotifyHash, ref.db, "hexpired", ref.key);
  if (!whole && hash.Size() != 0) {
    edit.SetCollection(hash.value());
    return erased;
  }
  ref.entry()->set_collection(hash.value());
  edit.Delete();
  unit.Notify(kNotifyGeneric, ref.db, "del", ref.key);
  return erased;
}

}  // namespace

size_t ExpireOne(Unit& unit, KeyRef& ref, size_t fields_max) {
  const uint64_t deadline_ms = ref.entry()->deadline_ms();
  if (deadline_ms == 0 || deadline_ms >= unit.now_ms) return ExpireFields(unit, ref, fields_max);
  ExpireKey(unit, ref);
  return 0;
}

Expired ExpireAll(Unit& unit, KeyRef* refs, size_t count, bool only_reads, size_t fields_max) {
  Expired expired;
  for (size_t i = 0; i < count; ++i) {
    const Entry* entry = refs[i].entry();
    expired.away |= entry != nullptr && entry->is_away();
  }
  if (unit.origin != Origin::kClient) return expired;
  for (size_t i = 0; i < count; ++i) {
    const auto is_due = [&] {
      const Entry* entry = refs[i].entry();
      return entry != nullptr && entry->IsDue(unit.now_ms);
    };
    if (TERRACE_LIKELY(!is_due())) continue;
    if (only_reads && unit.settings.paused.load(std::memory_order_relaxed)) continue;
    if (fields_max != 0) {
      fields_max -= std::min(fields_max, ExpireOne(unit, refs[i], fields_max));
      expired.any = true;
    }
    expired.more |= is_due();
  }
  return expired;
}

}  // namespace terrace::engine
