// Unit: one unit of work on the engine: a command, a whole EXEC, a script, a stretch of the leader's stream. It holds
// what has to be settled together: the locked shards, the effects to be logged as one, the events to be published, the
// clock, which stands still for the unit's length.
//
//   Unit unit(...);  unit.Begin(now)  ->  KeyLocks lock keys  ->  handlers look and Edit  ->  unit.Commit()
//   -> KeyLocks release  ->  unit.Settle()
//
// Threads: one participant's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/access_clock.h"
#include "engine/commit_log.h"
#include "engine/databases.h"
#include "engine/key_events.h"
#include "types/encoding_limits.h"

namespace terrace::engine {

/// Where a unit comes from. Only a client's (or embedder's, or script's) unit makes its own effects and expires keys;
/// a stream's received bytes are the effect, and it takes keys as the leader left them.
enum class Origin : uint8_t { kClient, kStream };

/// Settings that the engine reads on every unit; changed at run time by CONFIG SET, read relaxed.
struct EngineSettings {
  std::atomic<uint32_t> notify_flags{0};
  std::atomic<bool> lfu{false};  // the eviction policy reads the access clock as LFU
  std::atomic<bool> shares_integers{
      true};  // what OBJECT REFCOUNT pretends: no policy needs a clock for each value
  std::atomic<uint32_t> lfu_log_factor{10};
  std::atomic<uint32_t> lfu_decay_minutes{1};
  std::atomic<bool> active_expire{true};
  /// CLIENT PAUSE: nothing changes by itself. Due keys are hidden from reads and stay, nothing is evicted.
  std::atomic<bool> paused{false};
  std::atomic<bool> lazy_user_del{false};
  std::atomic<bool> lazy_expire{false};
  types::EncodingLimits encoding;
  std::atomic<uint64_t> string_bytes_max{
      512 * kMiB};  // proto-max-bulk-len: how long commands may make a string
};

/// Counters of one participant, summed up for INFO.
struct EngineCounters {
  std::atomic<uint64_t> expired{0};
  std::atomic<uint64_t> expired_actively{0};
  std::atomic<uint64_t> expired_fields{0};  // of hashes
  std::atomic<uint64_t> evicted{0};
  std::atomic<uint64_t> keyspace_hits{0};
  std::atomic<uint64_t> keyspace_misses{0};
  std::atomic<uint64_t> changes{
      0};  // "dirty" since the last save: effects of commands, not expiry and eviction

  /// Counters have one writer, so a plain add is enough.
  static void Add(std::atomic<uint64_t>& counter, uint64_t n = 1) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

/// A due key that a walk has met: it is named now and deleted when the walk holds no lock any more.
struct DueKey {
  unsigned db;
  std::string key;
};

/// One word of an effect: bytes, or a number to be printed.
class EffectWord {
 public:
  EffectWord(const char* text) : bytes_(text) {}         // NOLINT(google-explicit-constructor)
  EffectWord(Bytes bytes) : bytes_(bytes) {}             // NOLINT(google-explicit-constructor)
  EffectWord(const std::string& text) : bytes_(text) {}  // NOLINT(google-explicit-constructor)
  EffectWord(int64_t number)
      : number_(number), is_number_(true) {}  // NOLINT(google-explicit-constructor)
  EffectWord(uint64_t number)                 // NOLINT(google-explicit-constructor)
      : number_(static_cast<int64_t>(number)), is_number_(true) {}

  bool is_number() const { return is_number_; }
  int64_t number() const { return number_; }
  Bytes bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  int64_t number_ = 0;
  bool is_number_ = false;
};

class Unit {
 public:
  Unit(Databases& all_databases, CommitLog& commit_log, EngineSettings& engine_settings,
       EngineCounters& own_counters, Participant& participant, uint64_t seed)
      : databases(all_databases),
        log(commit_log),
        settings(engine_settings),
        counters(own_counters),
        self(participant),
        random(seed) {}
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  void Begin(uint64_t now, Origin unit_origin) {
    if (now != now_ms) {
      now_ms = now;
      lru_clock_ = LruClock(now);
    }
    origin = unit_origin;
    const uint32_t log_mode = log.mode();
    logging = (log_mode & CommitLog::kAppends) != 0 && unit_origin == Origin::kClient;
    gated = (log_mode & CommitLog::kPromises) != 0;
    notify_flags = settings.notify_flags.load(std::memory_order_relaxed);
    offset = 0;
  }

  /// A command changed something. What goes by itself (a due key, an evicted one) is logged but not counted.
  void CountChanges(uint64_t changes) { EngineCounters::Add(counters.changes, changes); }

  // --- effects, in the order they happened ---
  void LogWords(unsigned db, std::initializer_list<EffectWord> words);
  void LogArgs(unsigned db, const Bytes* argv, size_t argc);
  /// `raw` is one RESP command.
  void LogRaw(unsigned db, Bytes raw);
  bool has_effects() const { return commands_ != 0; }

  /// Queues a notification if its class is wanted.
  void Notify(uint32_t event_class, unsigned db, Bytes event, Bytes key) {
    if (TERRACE_UNLIKELY((notify_flags & event_class) != 0))
      QueueEvent({event_class, db, event, std::string(key)});
  }

  /// Appends the effects to the log as one unit; of a stream's unit `received`. Locks are still held.
  void Commit() {
    if (TERRACE_UNLIKELY(commands_ != 0 || origin == Origin::kStream)) CommitEffects();
  }

  /// A hit on an entry, for LRU and LFU.
  void Touch(Entry* entry) {
    if (no_touch) return;
    if (TERRACE_UNLIKELY(settings.lfu.load(std::memory_order_relaxed))) return CountHit(entry);
    if (entry->access() != lru_clock_) entry->set_access(lru_clock_);
  }
  /// The clock a new entry starts with.
  uint32_t FreshAccess() const {
    return settings.lfu.load(std::memory_order_relaxed) ? LfuPack(LfuMinutes(now_ms), kLfuInitial)
                                                        : LruClock(now_ms);
  }
  /// The clock of an entry that comes from elsewhere, with what is known of its past in the reading of the
  /// policy in force.
  uint32_t AccessFrom(std::optional<uint64_t> idle_seconds,
                      std::optional<uint8_t> frequency) const {
    if (settings.lfu.load(std::memory_order_relaxed)) {
      return frequency ? LfuPack(LfuMinutes(now_ms), *frequency) : FreshAccess();
    }
    if (!idle_seconds) return FreshAccess();
    // The clock goes round in 194 days; who was idle for longer is taken as idle for all of that.
    const auto idle = static_cast<uint32_t>(std::min<uint64_t>(*idle_seconds, kAccessClockMask));
    return (LruClock(now_ms) - idle) & kAccessClockMask;
  }
  LfuSettings lfu_settings() const {
    return {settings.lfu_log_factor.load(std::memory_order_relaxed),
            settings.lfu_decay_minutes.load(std::memory_order_relaxed)};
  }
  void NoteDeadline(uint64_t deadline_ms) {
    if (deadline_ms != 0 && deadline_ms < new_deadline_ms) new_deadline_ms = deadline_ms;
  }
  /// The keyspace of a shard that just grew or shrank past its limits; stepped once the locks are gone.
  void NoteLoad(Keyspace& keyspace, const Shard& shard) {
    if (TERRACE_UNLIKELY(keyspace.staircase().WantsStep(shard))) crowded = &keyspace;
  }

  Databases& databases;
  CommitLog& log;
  EngineSettings& settings;
  EngineCounters& counters;
  Participant& self;
  Random random;

  uint64_t now_ms = 0;
  Origin origin = Origin::kClient;
  bool logging = false;
  bool gated = false;  // replies wait until the log has got far enough
  bool no_touch = false;
  uint32_t notify_flags = 0;
  uint64_t offset = 0;  // the log's end behind this unit, 0 if it logged nothing
  Bytes received;  // of a stream's unit: its bytes as they came, to be appended by the first Commit
  std::vector<KeyEvent> events;
  std::vector<DueKey> due_met;
  std::vector<DueKey> gone_beyond;  // were due and looked at by a command that does not name them
  Keyspace* crowded = nullptr;
  uint64_t new_deadline_ms = UINT64_MAX;  // earliest deadline added since somebody last took it

 private:
  [[gnu::noinline]] void QueueEvent(KeyEvent event) { events.push_back(std::move(event)); }

  void CountHit(Entry* entry);
  void SwitchTo(unsigned db);
  void CommitEffects();
  void CommitReceived();

  uint32_t lru_clock_ = 0;  // of now_ms
  std::string effects_;
  uint32_t commands_ = 0;
  unsigned first_db_ = 0;
  unsigned last_db_ = 0;
};

}  // namespace terrace::engine
