#include "engine/databases.h"

#include <utility>

#include "types/table.h"

namespace terrace::engine {

Databases::Databases(unsigned count, HashKey hash_key, Participants& participants)
    : hash_key_(hash_key), participants_(participants), keyspaces_(count) {
  types::SeedTables(hash_key);
  for (auto& place : keyspaces_)
    place.store(new Keyspace(hash_key_, participants_), std::memory_order_release);
}

Databases::~Databases() {
  for (auto& place : keyspaces_) delete place.load();
}

uint64_t Databases::away() const {
  uint64_t sum = 0;
  for (unsigned db = 0; db < count(); ++db) sum += Get(db).away();
  return sum;
}

void Databases::Swap(unsigned a, unsigned b) {
  Keyspace* first = keyspaces_[a].load();
  keyspaces_[a].store(keyspaces_[b].load(), std::memory_order_release);
  keyspaces_[b].store(first, std::memory_order_release);
}

std::unique_ptr<Keyspace> Databases::Exchange(unsigned db, std::unique_ptr<Keyspace> comes) {
  return std::unique_ptr<Keyspace>(
      keyspaces_[db].exchange(comes.release(), std::memory_order_acq_rel));
}

void Databases::Discard(Entry* entry) {
  constexpr size_t kEffortMax = 64;  // some microseconds
  if (TERRACE_LIKELY(entry->FreeEffort() <= kEffortMax)) return Entry::Delete(entry);
  reaper_->Free(entry);
}

void Databases::Discard(std::unique_ptr<Keyspace> keyspace) {
  if (EditObserver* observer = keyspace->observer()) return observer->TakeOver(std::move(keyspace));
  RetireKeyspace(participants_, reaper_, std::move(keyspace));
}

}  // namespace terrace::engine
