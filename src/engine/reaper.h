// Reaper: a thread that frees what takes long to free (a flushed keyspace, a large collection), so that no worker does. It
// starts with the first thing to free and ends with its owner, having freed everything. It goes no faster than the memory's
// owners can take it back (engine/memory_owners.h).
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "engine/keyspace.h"
#include "engine/memory_owners.h"

namespace terrace::engine {

class Reaper {
 public:
  Reaper() = default;
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// So many entries of a keyspace will be given to Free as soon as nobody can see them.
  void Expect(uint64_t entries) { entries_waiting_.fetch_add(entries, std::memory_order_relaxed); }
  /// Any thread. Nobody may hold a pointer into the keyspace any more, and its entries have been expected.
  void Free(std::unique_ptr<Keyspace> keyspace) TERRACE_EXCLUDES(mutex_);
  void Free(Entry* entry) TERRACE_EXCLUDES(mutex_);
  /// Entries that wait to be freed, and have been freed here since the start or ResetFreed.
  uint64_t entries_waiting() const { return entries_waiting_.load(std::memory_order_relaxed); }
  uint64_t entries_freed() const { return entries_freed_.load(std::memory_order_relaxed); }
  /// Who waits with it for the memory to come home.
  MemoryOwners& owners() { return owners_; }
  void ResetFreed() { entries_freed_.store(0, std::memory_order_relaxed); }

 private:
  void Run();
  void Wake() TERRACE_REQUIRES(mutex_);
  void CountFreed(uint64_t entries) {
    entries_freed_.fetch_add(entries, std::memory_order_relaxed);
    entries_waiting_.fetch_sub(entries, std::memory_order_relaxed);
  }

  MemoryOwners owners_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<std::unique_ptr<Keyspace>> waiting_ TERRACE_GUARDED_BY(mutex_);
  std::vector<Entry*> waiting_entries_ TERRACE_GUARDED_BY(mutex_);
  std::atomic<uint64_t> entries_waiting_{0};
  std::atomic<uint64_t> entries_freed_{0};
  bool stopping_ TERRACE_GUARDED_BY(mutex_) = false;
  std::thread thread_ TERRACE_GUARDED_BY(mutex_);
};

/// Frees `keyspace` in the background once every participant has been out.
void RetireKeyspace(Participants& participants, std::shared_ptr<Reaper> reaper,
                    std::unique_ptr<Keyspace> keyspace);

}  // namespace terrace::engine
