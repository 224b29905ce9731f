// Keyspace: the memory side of one database: a staircase of shards, and how many keys there are.
//
// Threads: everything that names a hash works on the shard of that hash, which the caller has locked (engine/key_locks.h)
// or holds in an exclusive section; Scan, Sample and the counters lock for themselves and want no lock held.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "engine/edit_observer.h"
#include "engine/entry.h"
#include "engine/participants.h"
#include "engine/removed_keys.h"
#include "engine/staircase.h"

namespace terrace::engine {

class Keyspace {
 public:
  Keyspace(HashKey hash_key, Participants& participants);

  uint64_t HashOf(Bytes key) const { return staircase_.HashOf(key); }
  Staircase& staircase() { return staircase_; }
  const Staircase& staircase() const { return staircase_; }

  // --- with the shard locked ---
  Slot Insert(Shard& shard, uint64_t hash, Entry* entry, unsigned participant);
  /// The slot's entry becomes `entry`; the caller owns the old one.
  [[nodiscard]] Entry* Replace(Shard& shard, Slot slot, uint64_t hash, Entry* entry);
  /// The slot's entry gets, changes or loses (0) its deadline; likewise its first item's, which is what its collection says.
  void Rewrite(Shard& shard, Slot slot, uint64_t hash, uint64_t deadline_ms);
  /// The entry leaves the keyspace; the caller owns it. If a table has the key, it is remembered as removed.
  Entry* Remove(Shard& shard, Slot slot, uint64_t hash, unsigned participant);
  /// The slot's entry's due_ms() went from `before` to `after` (0: none) in place.
  void DeadlineChanged(Shard& shard, uint64_t hash, uint64_t before, uint64_t after);

  // --- cuts (engine/edit_observer.h) ---
  /// In an exclusive section: what the keyspace holds now is what the walk and `observer` will see.
  void BeginCut(EditObserver* observer, uint16_t epoch) {
    epoch_.store(epoch, std::memory_order_relaxed);
    observer_.store(observer, std::memory_order_release);
  }
  /// In an exclusive section; after it the observer hears no more.
  void EndCut() { observer_.store(nullptr, std::memory_order_release); }
  EditObserver* observer() const { return observer_.load(std::memory_order_acquire); }
  uint16_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
  /// One step of the walk: capture(entry) for the entries of the shard at position `from` (a hash >> 16) that the cut has not
  /// captured yet, bucket by bucket, the shard locked. When it returns false the bucket is finished and the lock is let
  /// go. Returns the position to go on from: all before it is captured; Staircase::kEnd when that is everything. No lock is
  /// held by the caller, who is in.
  uint64_t CaptureShard(uint64_t from, const std::function<bool(Entry& entry)>& capture);
  /// The same for entries that were captured, too: visit(entry), the whole shard. They have the cut's number then.
  uint64_t VisitShard(uint64_t from, const std::function<void(Entry& entry)>& visit);

  // --- tables: what checkpoints know of it (engine/checkpointer.h) ---
  static constexpr uint32_t kNoSpace = UINT32_MAX;
  /// What this keyspace is called in tables, whichever database it is. Set in an exclusive section, or before anybody
  /// else sees it.
  uint32_t space() const { return space_; }
  void set_space(uint32_t space) { space_ = space; }
  /// In an exclusive section: the keys that tables have and that were removed since the last call; and back with them.
  RemovedKeys TakeRemovedKeys();
  void ReturnRemovedKeys(RemovedKeys removed);
  /// How many there are; a key that came and went with every checkpoint may count more than once.
  uint64_t removed_keys() const;

  /// A loaded entry was put in, or one was put in place of another, whose value is away. That one comes back, or goes, is
  /// noticed.
  void CountAway(uint64_t entries = 1) { away_.fetch_add(entries, std::memory_order_relaxed); }

  // --- without any lock ---
  uint64_t size() const;
  /// Entries whose values are away (engine/residency.h).
  uint64_t away() const { return away_.load(std::memory_order_relaxed); }
  /// About what its entries take, from some hundred of them; the shards that hold them are left out.
  size_t MemoryEstimate();
  /// Keys with a deadline; walks the shards.
  uint64_t deadlines();

  /// Visits the entries of whole buckets from `cursor` on, in hash order, until at least `count` entries were visited
  /// or ten times as many buckets; returns the cursor to go on with, 0 at the end. Cursors are hash positions below
  /// 2^48: they stay good whatever the keyspace does meanwhile, and a key that stays is never missed.
  uint64_t Scan(uint64_t cursor, uint64_t count, const std::function<void(const Entry&)>& visit);
  /// Visits every entry.
  void ForEach(const std::function<void(const Entry&)>& visit) {
    uint64_t cursor = 0;
    do {
      cursor = Scan(cursor, 4096, visit);
    } while (cursor != 0);
  }
  /// Visits the entries of one random non-empty bucket, its shard locked; false if there is none.
  bool Sample(Random& random, const std::function<void(Shard&, const Entry&)>& visit);

  /// Does one step of the staircase if the load asks for it.
  bool Step(uint64_t (*now_ns)()) {
    return staircase_.Step(size(), shards_min_.load(std::memory_order_relaxed), now_ns);
  }
  bool NeedsStep() const {
    return staircase_.NeedsStep(size(), shards_min_.load(std::memory_order_relaxed));
  }
  /// Looks at the lock counters since the last call and, while more than one acquisition in a thousand had to wait,
  /// asks for twice the shards, up to `shards_max`. One caller, about once a second.
  void WatchContention(uint64_t shards_max);
  uint64_t shards_min() const { return shards_min_.load(std::memory_order_relaxed); }

 private:
  // One participant's, who alone writes it, but for exclusive sections.
  struct alignas(64) Share {
    std::atomic<int64_t> entries{0};
    std::atomic<uint64_t> removed_count{0};
    std::unique_ptr<RemovedKeys> removed;  // nullptr: none
  };
  void RememberRemoved(uint64_t hash, const Entry& entry, Share& share);
  void CountGone(const Entry& entry) {
    if (entry.is_away()) away_.fetch_sub(1, std::memory_order_relaxed);
  }

  Participants& participants_;
  std::atomic<EditObserver*> observer_{nullptr};
  std::atomic<uint16_t> epoch_{0};
  Staircase staircase_;
  std::atomic<uint64_t> shards_min_{1};
  uint64_t acquisitions_seen_ = 0;  // WatchContention's own
  uint64_t contended_seen_ = 0;
  uint32_t space_ = kNoSpace;
  std::atomic<uint64_t> away_{0};
  Share shares_[Participants::kParticipantsMax];
};

}  // namespace terrace::engine
