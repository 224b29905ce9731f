#include "commands/context.h"

#include "engine/residency.h"
#include "types/hash.h"

namespace terrace::commands {

engine::Entry* ReadContext::Shown(engine::Entry& entry) {
  if (unit.origin != engine::Origin::kClient) return &entry;
  if (entry.IsGone(unit.now_ms)) return nullptr;
  types::Hash hash(types::Copy(entry.collection()));
  hash.EraseDue(unit.now_ms, SIZE_MAX, [](Bytes) {});
  engine::Entry* copy =
      engine::Entry::NewCollection(entry.key(), hash.value(), entry.deadline_ms());
  copy->set_access(entry.access());
  if (copies_ == nullptr) copies_ = std::make_unique<Copies>();
  return copies_->emplace_back(copy).get();
}

// A handler asked with a copy of the key (or its keys repeat): compare the bytes.
engine::KeyRef& ReadContext::RefByName(Bytes key) {
  for (size_t i = 0; i < count_; ++i) {
    if (refs_[i].key == key) return refs_[i];
  }
  // The key table of the command does not name a key that its handler uses.
  TERRACE_CHECK(false && "a handler asked for a key that is not locked");
  return refs_[0];
}

engine::Entry* ReadContext::FindBeyond(Bytes key) {
  engine::KeyRef ref;
  ref.key = key;
  ref.hash = unit.databases.HashOf(key);
  ref.keyspace = &keyspace();
  ref.db = db;
  ref.shard = ref.keyspace->staircase().Guess(ref.hash);
  ref.Look();
  const engine::Expired expired = engine::ExpireDue(unit, &ref, 1, true);
  // Somebody may wait for it to go.
  if (expired.any && ref.shard->interest() != nullptr)
    unit.gone_beyond.push_back({db, std::string(key)});
  // What cannot be read is not there for a command that has begun.
  if (TERRACE_UNLIKELY(expired.away) && ref.entry() != nullptr && ref.entry()->is_away() &&
      !unit.databases.residency()->ReadIn(ref).ok())
    return nullptr;
  return Find(ref);
}

}  // namespace terrace::commands
