// Databases: SELECT's numbers and the keyspaces behind them. SWAPDB exchanges two keyspaces, FLUSHALL puts fresh ones in
// their places; both happen in an exclusive section, and what was replaced is freed in the background.
//
// Threads: Get by anybody who is in; Swap and Flush in an exclusive section.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/keyspace.h"
#include "engine/reaper.h"

namespace terrace::engine {

class Residency;

class Databases {
 public:
  Databases(unsigned count, HashKey hash_key, Participants& participants);
  ~Databases();
  Databases(const Databases&) = delete;
  Databases& operator=(const Databases&) = delete;

  unsigned count() const { return static_cast<unsigned>(keyspaces_.size()); }
  Keyspace& Get(unsigned db) const { return *keyspaces_[db].load(std::memory_order_acquire); }
  const HashKey& hash_key() const { return hash_key_; }
  uint64_t HashOf(Bytes key) const { return SipHash13(hash_key_, key); }

  void Swap(unsigned a, unsigned b);
  /// An empty keyspace that could take the place of any.
  std::unique_ptr<Keyspace> NewKeyspace() const {
    return std::make_unique<Keyspace>(hash_key_, participants_);
  }
  /// Puts a keyspace into the place of the one in use and returns that, to be given to Discard.
  std::unique_ptr<Keyspace> Exchange(unsigned db, std::unique_ptr<Keyspace> comes);
  /// The same with an empty one.
  std::unique_ptr<Keyspace> Flush(unsigned db) { return Exchange(db, NewKeyspace()); }
  /// Frees a replaced keyspace in the background, once nobody can hold a pointer into it. One that a cut is walking goes
  /// to the cut's observer instead.
  void Discard(std::unique_ptr<Keyspace> keyspace);

  /// Frees an entry that nobody can reach any more: at once if that is quick, else in the background.
  void Discard(Entry* entry);
  Reaper& reaper() const { return *reaper_; }

  /// Where values are that are not in memory (engine/residency.h); nullptr if all are, which is so unless somebody has set
  /// it before loading.
  Residency* residency() const { return residency_.load(std::memory_order_acquire); }
  void set_residency(Residency* residency) {
    residency_.store(residency, std::memory_order_release);
  }
  /// Entries whose values are away.
  uint64_t away() const;

  Participants& participants() { return participants_; }
  /// The next place in the line of those who wait for keys, over all databases.
  uint64_t NextInLine() { return next_in_line_.fetch_add(1, std::memory_order_relaxed); }

 private:
  const HashKey hash_key_;
  Participants& participants_;
  std::vector<std::atomic<Keyspace*>> keyspaces_;
  std::atomic<uint64_t> next_in_line_{0};
  std::atomic<Residency*> residency_{nullptr};
  std::shared_ptr<Reaper> reaper_ = std::make_shared<Reaper>();
};

}  // namespace terrace::engine
