// Reaper: a thread that frees what takes long to free (a flushed keyspace, a large collection), so that no worker does. It
// starts with the first thing to free and ends with its owner, having freed everything.
//
//   given   [ collection ][ collection ][ keyspace ]      its bytes count as waiting, and still as used
//   freed   a slice ... a slice ... a slice               both go down
//
// What waits is as good as free: evicting a key or refusing a write would not bring it home sooner. So the limit of
// memory leaves it out (engine/eviction.h), and therefore it must not pile up:
//
//   R1  A slice is as large as the memory's owners can take back at once (engine/memory_owners.h), and larger while much
//       waits: at one small slice a turn a busy server would be outrun by a client that fills what another has emptied.
//   R2  When collections of more than bytes_max() wait, who gives another frees it himself: it is he who is too fast. One
//       that is larger than that is taken if none waits.
//   R3  Keyspaces are taken always. No more of them than the limit of memory itself counts as free.
//
// The bytes of a thing are an estimate made when it is given, exact but for lists, streams and keyspaces, and go down to
// nothing with its end. Up to a slice at the change from one to the next counts for the wrong one.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "engine/keyspace.h"
#include "engine/memory_owners.h"

namespace terrace::engine {

class Reaper {
 public:
  /// With a limit of memory, half of it, if that is less.
  static constexpr uint64_t kBytesMax = 256 * kMiB;
  /// What the owners may have to take back at once: some half a millisecond.
  static constexpr uint64_t kSliceBytesMax = 512 * kKiB;

  Reaper() = default;
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// A keyspace of so many entries and bytes will be given to Free as soon as nobody can see it.
  void Expect(uint64_t entries, uint64_t bytes);
  /// Any thread. Nobody may hold a pointer into the keyspace any more, and it has been expected with these bytes.
  void Free(std::unique_ptr<Keyspace> keyspace, uint64_t bytes) TERRACE_EXCLUDES(mutex_);
  /// Any thread. May free it at once (R2).
  void Free(Entry* entry) TERRACE_EXCLUDES(mutex_);
  /// Entries that wait to be freed, and have been freed here since the start or ResetFreed.
  uint64_t entries_waiting() const { return entries_waiting_.load(std::memory_order_acquire); }
  uint64_t entries_freed() const { return entries_freed_.load(std::memory_order_relaxed); }
  /// Bytes that wait, in collections and in keyspaces. Whoever reads UsedMemory() afterwards finds there no longer what is
  /// no longer here.
  uint64_t collection_bytes() const { return collection_bytes_.load(std::memory_order_acquire); }
  uint64_t keyspace_bytes() const { return keyspace_bytes_.load(std::memory_order_acquire); }

  /// `memory_max` bytes may be used in all; 0: any number.
  void LimitTo(uint64_t memory_max);
  uint64_t bytes_max() const { return bytes_max_.load(std::memory_order_relaxed); }
  /// Who waits with it for the memory to come home.
  MemoryOwners& owners() { return owners_; }
  void ResetFreed() { entries_freed_.store(0, std::memory_order_relaxed); }

 private:
  struct WaitingEntry {
    Entry* entry;
    uint64_t bytes;
  };
  struct WaitingKeyspace {
    std::unique_ptr<Keyspace> keyspace;
    uint64_t bytes;
  };

  void Run();
  void Wake() TERRACE_REQUIRES(mutex_);
  // On its own thread, around and during the freeing of one thing.
  void Begin(std::atomic<uint64_t>& waiting, uint64_t bytes);
  void OnFreed(uint64_t bytes);
  void End(uint64_t entries);
  void Pace(int64_t freed);

  MemoryOwners owners_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<WaitingKeyspace> keyspaces_ TERRACE_GUARDED_BY(mutex_);
  std::vector<WaitingEntry> entries_ TERRACE_GUARDED_BY(mutex_);
  std::atomic<uint64_t> entries_waiting_{0};
  std::atomic<uint64_t> entries_freed_{0};
  std::atomic<uint64_t> collection_bytes_{0};
  std::atomic<uint64_t> keyspace_bytes_{0};
  std::atomic<uint64_t> bytes_max_{kBytesMax};
  bool stopping_ TERRACE_GUARDED_BY(mutex_) = false;
  std::thread thread_ TERRACE_GUARDED_BY(mutex_);

  // Of its own thread: what is being freed, and what was freed since the owners last took back.
  std::atomic<uint64_t>* counted_in_ = nullptr;
  uint64_t left_bytes_ = 0;
  uint64_t slice_bytes_ = 0;
};

/// Frees `keyspace` in the background once every participant has been out.
void RetireKeyspace(Participants& participants, std::shared_ptr<Reaper> reaper,
                    std::unique_ptr<Keyspace> keyspace);

}  // namespace terrace::engine
