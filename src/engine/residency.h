// Residency: values that are not in memory, and how they come back.
//
// An entry whose value is *away* has key, type, deadline and access clock like any other, and in place of the value a mark
// (engine/entry.h AwayMark). Such entries are made by a restart, which reads keys only, and where values leave memory to make
// room (EvictionSettings::values_only). The value is the newest record of the
// key in the tables in force (engine/value_store.h).
//
//   a command needs it     the executor sees it under the key's lock (ExpireDue), releases, and has its session wait while a
//                          ReadInPool reads; then the command starts anew. Who cannot wait reads under the lock
//   the walk               a ValueWarmer reads all tables through, in their order
//   it is overwritten      the entry goes as any other goes; nothing is read
//
// Invariants
//   R1  An entry whose value is away has not changed since a checkpoint that is in force wrote it: changed() is false, in_table()
//       true. So a cut has nothing to capture of it, and removing it leaves a tombstone.
//   R2  Nothing but its value is changed in it before the value is back: a command that would give it another name, database
//       or deadline needs the value like one that looks at it.
//   R3  Who has read a value puts it in only where the entry still has the mark that it had when somebody asked: then it is the
//       same entry in the same state.
//   R4  What cannot be read stays away and is marked; the commands that need it get an error that names file and offset, those
//       that do not (DEL, SET, EXPIRE ...) run.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/databases.h"
#include "engine/interest.h"
#include "engine/key_locks.h"
#include "engine/value_store.h"
#include "types/encoding_limits.h"

namespace terrace::engine {

/// A key whose value was found to be away, as it was then.
struct AwayKey {
  uint32_t space = 0;
  uint64_t hash = 0;
  uint64_t deadline_ms = 0;
  AwayMark mark;
  std::string key;

  AwayKey() = default;
  AwayKey(const Keyspace& keyspace, uint64_t key_hash, const Entry& entry)
      : space(keyspace.space()),
        hash(key_hash),
        deadline_ms(entry.deadline_ms()),
        mark(entry.away_mark()),
        key(entry.key()) {}
};

/// What was read for somebody, and is not in the keyspace yet.
class ReadValues {
 public:
  virtual ~ReadValues() = default;
  /// By whoever asked, when he starts anew: he is in, and holds no lock. Then all that he asked for is in memory or marked as
  /// unreadable.
  virtual void PutIn() = 0;
};

/// Reads values for those who can wait: a pool of threads (engine/read_in_pool.h), or somebody's loop
/// (engine/loop_value_reader.h).
class ValueReader {
 public:
  virtual ~ValueReader() = default;
  /// `waiter` starts anew when all of them are read. Keys' locks may be held. nullptr: there will be nothing to put in.
  virtual std::shared_ptr<ReadValues> Read(std::vector<AwayKey> keys,
                                           std::shared_ptr<Waiter> waiter) = 0;
  /// Whether reading ahead would gain anything: fewer reads are asked for than can be under way.
  virtual bool has_time() const { return false; }
  /// For somebody who will ask for them, as far as they are small. CONTRACT: has_time().
  virtual void ReadAhead(std::vector<AwayKey> /*keys*/) {}
};

class Residency {
 public:
  struct Counters {
    std::atomic<uint64_t> read_in{0};       // by the pool
    std::atomic<uint64_t> read_at_once{0};  // under a lock
    std::atomic<uint64_t> warmed{0};        // by the walk
    std::atomic<uint64_t> failed{0};        // reads
    std::atomic<uint64_t> waits{0};         // commands that had their sessions wait
    std::atomic<uint64_t> waiting{0};       // that wait now
    std::atomic<uint64_t> let_go{0};
  };
  /// An entry that others cannot see.
  struct DeleteEntry {
    void operator()(Entry* entry) const { Entry::Delete(entry); }
  };
  using OwnEntry = std::unique_ptr<Entry, DeleteEntry>;

  Residency(ValueStore& store, Databases& databases, const types::EncodingLimits& limits)
      : store_(store), databases_(databases), limits_(limits) {}

  /// Reads the value of a key that is locked and whose value is away, and puts it in.
  Status ReadIn(KeyRef& ref);
  /// Whether its value takes more memory than being without it, and has no deadlines that the entry must know.
  static bool IsWorthReading(const Entry& entry);
  /// Whether the tables in force have the value as it is, and it is worth it. Its shard is locked.
  static bool CanLetGo(const Keyspace& keyspace, const Entry& entry);
  /// The value leaves memory. CONTRACT: CanLetGo, and the key is locked.
  void LetGo(KeyRef& ref);

  /// What the entry would be with its value. The entry's shard is locked, or it stands still otherwise.
  StatusOr<OwnEntry> Copy(const Keyspace& keyspace, const Entry& entry);

  // --- for those who read ahead of the lock ---
  StatusOr<OwnEntry> Decode(Bytes key, uint64_t deadline_ms, uint8_t kind, Bytes value) const;
  StatusOr<OwnEntry> Read(const AwayKey& key);
  /// Puts what was read in, or marks the key as unreadable, if it is still as it was (R3). True if it was. The caller is in.
  bool Install(const AwayKey& key, StatusOr<OwnEntry> value);
  /// The same for a key whose value is away, whatever its mark: only while no value goes away, so that every one that is has
  /// been since before the tables were opened that it was read from.
  bool InstallLoaded(Keyspace& keyspace, uint64_t hash, Bytes key, StatusOr<OwnEntry> value);
  /// The keyspace that is called so in tables, nullptr if there is none any more. The caller is in.
  Keyspace* Find(uint32_t space) const;

  Counters& counters() { return counters_; }
  ValueStore& store() { return store_; }
  Databases& databases() { return databases_; }
  /// nullptr: nobody can wait.
  ValueReader* reader() const { return reader_; }
  /// Before commands run.
  void set_reader(ValueReader* reader) { reader_ = reader; }
  /// What the access clock of an entry becomes when its value was read in for somebody who waits: it must not be the next to
  /// go before he has seen it. As it is, if not set.
  void set_clock_after_reading(std::function<uint32_t(uint32_t)> clock) {
    clock_after_reading_ = std::move(clock);
  }

 private:
  static void Put(Keyspace& keyspace, Shard& shard, Slot slot, uint64_t hash, OwnEntry value);
  bool PutIf(Keyspace& keyspace, uint64_t hash, Bytes key, const AwayMark* mark,
             StatusOr<OwnEntry> value);

  ValueStore& store_;
  Databases& databases_;
  const types::EncodingLimits& limits_;
  ValueReader* reader_ = nullptr;
  std::function<uint32_t(uint32_t)> clock_after_reading_;
  std::atomic<uint32_t> next_mark_{1};
  Counters counters_;
};

/// An entry with its value, for those who walk over entries and look at values (DEBUG DIGEST, dumps): the entry itself, or a
/// copy if its value is away. The entry's shard is locked, or it stands still.
class WholeEntry {
 public:
  WholeEntry(const Databases& databases, const Keyspace& keyspace, const Entry& entry);
  /// nullptr: the value cannot be read, status() says why.
  const Entry* get() const { return entry_; }
  const Status& status() const { return status_; }

 private:
  const Entry* entry_;
  Residency::OwnEntry copy_;
  Status status_;
};

}  // namespace terrace::engine
