// DumpCut: one cut through all databases and the walk over what they held, all of it: what an RDB file is made of. Its
// sister for tables, which hands out what has changed, is CheckpointCut (engine/checkpoint_cut.h); both stamp entries with
// the cut's number, so only one of them can be under way. This one leaves the marks that checkpoints have in entries alone.
//
//   parts      [ walked ][ database 3 ............................ ][ database 7 ......... ]
//   database 3 [ handed out and stamped ][ as at the cut, or its old image in images_ ]
//                                        ^ position
//
// A database is what it was at the cut: a keyspace that is exchanged for another (SWAPDB) goes on under the number it had,
// and one that is flushed meanwhile is this cut's alone, until the walk is through with it.
//
// A large collection is captured and handed out a piece at a time, as there; one whose value is away (engine/residency.h) is
// read and copied whole.
//
// The walk always goes to the end, so that every entry carries the number (engine/edit_observer.h); given up, it copies
// nothing any more.
//
// Threads: Begin, GiveUp and End in an exclusive section. Next and NextPiece by the thread that walks. What concerns an entry
// under its shard's lock, TakeOver in an exclusive section, by whoever edits. The figures by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "engine/captured_key.h"
#include "engine/databases.h"
#include "engine/edit_observer.h"
#include "engine/image_budget.h"
#include "engine/large_captures.h"
#include "engine/old_images.h"

namespace terrace::engine {

class DumpCut final : public EditObserver {
 public:
  /// Keys of one database, in the order of their hashes' ranges.
  struct Stretch {
    unsigned db = 0;
    uint64_t db_keys = 0;       // all of the database, at the cut
    uint64_t db_deadlines = 0;  // when the walk came to it
    std::vector<CapturedKey> keys;
    /// One more, whose value comes from NextPiece; nullptr: there is none.
    const LargeCapture* large = nullptr;
  };

  /// Without a budget there is no end of old images.
  DumpCut(Databases& databases, const LargeCaptures::Options& large, ImageBudget* budget)
      : databases_(databases), budget_(budget), large_(databases, large) {}

  /// What the databases hold now is what will be handed out, in the layouts of `rdb_version`; large collections as
  /// `compression` says, the others uncompressed.
  void Begin(uint16_t rdb_version, rdb::Compression compression);
  /// What one shard, or a part of it, has to offer; it may be nothing. Databases come one after another. False when there
  /// was none left. The caller is out, and is through with the large key of the stretch before.
  bool Next(Participant& self, Stretch* stretch);
  /// As LargeCaptures has it: the value of the stretch's large key, until false.
  bool NextPiece(Participant& self, std::string* piece) { return large_.NextPiece(self, piece); }
  /// What was and will be handed out is not wanted any more; the walk goes on.
  void GiveUp();
  /// After Next has returned false.
  void End();

  /// Some key is one that readers of the version do not know.
  bool version_too_low() const { return version_too_low_.load(std::memory_order_relaxed); }
  /// Why a value could not be read that was not in memory (engine/residency.h); Ok if all could.
  Status unreadable() const TERRACE_EXCLUDES(mutex_);

  /// What edits have made it keep and the walk has not handed out yet; the most it was, or a little more.
  uint64_t image_bytes() const { return images_.bytes() + large_.bytes(); }
  uint64_t image_bytes_peak() const { return images_.bytes_peak() + large_.bytes_peak(); }
  /// Entries that an edit met before the walk did.
  uint64_t old_images() const {
    return images_.taken() + large_by_edits_.load(std::memory_order_relaxed);
  }
  /// The most items that were encoded under a shard's lock at once.
  size_t piece_items_peak() const { return large_.piece_items_peak(); }

  void OldImage(const Keyspace& keyspace, uint64_t hash, Entry& entry) override;
  bool Keeps(const Keyspace& keyspace, uint64_t hash, Entry* entry) override {
    return large_.Keeps(keyspace, hash, entry);
  }
  void Moves(const Keyspace& keyspace, uint64_t hash, Bytes key, Keyspace& to, uint64_t to_hash,
             Entry& entry) override {
    large_.Moves(keyspace, hash, key, to, to_hash, entry);
  }
  void TakeOver(std::unique_ptr<Keyspace> keyspace) override;

 private:
  // So much is copied under a shard's lock, then that is let go, and the rest of the shard is another stretch. A string that
  // is larger is copied all the same.
  static constexpr uint64_t kStretchBytes = 32 * kKiB;

  struct Part {
    unsigned db;
    uint64_t keys;
    uint64_t deadlines;
    Keyspace* keyspace;                    // nullptr: flushed, and nobody needs it any more
    std::unique_ptr<Keyspace> taken_over;  // if it was flushed
  };

  uint64_t CaptureSome(Part& part, Stretch* stretch);
  std::optional<CapturedKey> Capture(const Keyspace& keyspace, uint64_t hash, const Entry& entry)
      TERRACE_EXCLUDES(mutex_);
  bool BeginsLarge(const Keyspace& keyspace, uint64_t hash, const Entry& entry);
  void LookAtVersion(const Entry& entry);
  void Advance(uint64_t position);
  void DropKept(Participant& self);
  void Drop(std::unique_ptr<Keyspace> keyspace);
  bool given_up() const { return given_up_.load(std::memory_order_relaxed); }

  Databases& databases_;
  ImageBudget* const budget_;
  uint16_t rdb_version_ = rdb::kRdbVersionDefault;
  rdb::Compression compression_ = rdb::Compression::kNone;
  OldImages images_;  // by the index of their part
  std::vector<Part> parts_;
  std::unordered_map<const Keyspace*, uint32_t> part_of_;  // as at the cut
  // Where the walk is; read in exclusive sections, so written while it is in.
  size_t part_ = 0;
  uint64_t position_ = 0;
  // The walk's: where it goes on when it is through with the large collections before.
  std::optional<uint64_t> captured_to_;
  std::atomic<bool> given_up_{false};
  LargeCaptures large_;
  std::atomic<uint64_t> large_by_edits_{0};
  std::atomic<bool> version_too_low_{false};
  mutable Mutex mutex_;  // a leaf
  Status unreadable_ TERRACE_GUARDED_BY(mutex_);
};

}  // namespace terrace::engine
