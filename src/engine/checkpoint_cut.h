// CheckpointCut: one cut through all databases and the walk over what they held, shard by shard in the order of tables.
// It hands out what has changed since the last checkpoint; what has not is in the tables already.
//
//   spaces     [ walked ][ space 4 ............................. ][ space 7 ......... ]
//   space 4    [ handed out and stamped ][ as at the cut, or its old image in images_ ]
//                                        ^ position
//
// A stretch is a range of hash space, at most one shard's, and three sources make it up, each key from one of them:
//   - entries of the shard that carry the mark of a change and not yet the cut's number
//   - old images: entries that were like that, until an edit came before the walk
//   - keys that were removed before the cut and that a table has; unless the key came back, then it is among the others
//
// A large collection is not copied but captured a piece at a time (engine/large_captures.h): begun by the walk or by an edit.
// Its value is handed out in pieces, too, when its turn comes: what the walk has of a shard is cut into stretches there.
//
// A keyspace that is flushed meanwhile is this cut's alone, and goes when the walk is through with it. SWAPDB concerns
// nothing here: a keyspace takes its space along.
//
// Threads: Begin, GiveUp and End in an exclusive section. Next, NextPiece and UndoNext by the thread that walks. What concerns an entry
// under its shard's lock, TakeOver in an exclusive section, by whoever edits. The figures by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/captured_key.h"
#include "engine/databases.h"
#include "engine/edit_observer.h"
#include "engine/image_budget.h"
#include "engine/large_captures.h"
#include "engine/old_images.h"
#include "engine/removed_keys.h"
#include "storage/manifest_format.h"

namespace terrace::engine {

/// The number of a keyspace's next cut. 0 is what entries carry that have seen none.
constexpr uint16_t NextEpoch(uint16_t epoch) { return epoch == UINT16_MAX ? 1 : epoch + 1; }

class CheckpointCut final : public EditObserver {
 public:
  /// What is to be written of a range of hash space, in the order of tables; the two lists have no key in common.
  struct Stretch {
    uint32_t space = 0;
    std::vector<CapturedKey> keys;
    std::vector<HashedKey> removed;
    /// A key behind all of those, whose value comes from NextPiece; nullptr: there is none.
    const LargeCapture* large = nullptr;
    /// How many records in older tables are dead with it.
    uint64_t overwritten = 0;
  };

  struct Options {
    /// Of strings, as the encoding of RDB has it. It is done under the lock of a shard.
    rdb::Compression compression = rdb::Compression::kNone;
    /// When so much was copied under a shard's lock it is let go, and the rest of the shard is another stretch: some
    /// twenty microseconds, as a hand-over of the staircase takes. A value that is larger is copied all the same.
    uint64_t stretch_bytes = 32 * kKiB;
    LargeCaptures::Options large;
    ImageBudget* budget = nullptr;  ///< nullptr: as much as there is
  };

  CheckpointCut(Databases& databases, const Options& options)
      : databases_(databases), options_(options), large_(databases, options.large) {}

  /// What the databases hold now is what will be handed out. A keyspace that needs a space gets `*next_space`, which is
  /// counted up.
  void Begin(uint32_t* next_space);
  /// The spaces of the databases at the cut.
  const std::vector<storage::DatabaseSpace>& databases() const { return spaces_; }

  /// One shard, or a part of it: `stretch` is what it has to offer, and may be empty. False when there was none left. The
  /// caller is out, and is through with the large key of the stretch before.
  bool Next(Participant& self, Stretch* stretch);
  /// As LargeCaptures has it: the value of the stretch's large key, until false.
  bool NextPiece(Participant& self, std::string* piece) { return large_.NextPiece(self, piece); }
  /// In an exclusive section: what was handed out came to nothing. From now on there are no more old images, and UndoNext
  /// marks what was captured as changed again, a shard at a time; false when there was none left.
  void GiveUp();
  bool UndoNext(Participant& self);

  /// After Next has returned false; or UndoNext, then the removed keys go back to where they came from.
  void End();

  /// What edits have made it keep and the walk has not handed out yet.
  uint64_t image_bytes() const { return images_.bytes() + large_.bytes(); }
  /// The most it was, or a little more; since Begin.
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
  struct Part {
    uint32_t space;
    Keyspace* keyspace;                    // nullptr: flushed, and nobody needs it any more
    std::unique_ptr<Keyspace> taken_over;  // if it was flushed
    RemovedKeys removed;
    // The same in order, when the walk has come to this part, and how many were handed out.
    std::vector<HashedKey> sorted;
    size_t removed_done = 0;
  };

  /// What the walk has captured of a shard, and how far it has handed it out. Without initializers, which clang 14 minds in
  /// an optional: made by emplace(), all zero.
  struct Captured {
    std::vector<CapturedKey> keys;  // in the order of tables
    size_t keys_done;
    uint64_t end;  // the position behind it
    uint64_t overwritten;
  };

  rdb::EncodeOptions encode_options() const {
    return {.rdb_version = rdb::kRdbVersionMax, .compression = options_.compression};
  }
  void Capture(Participant& self, const Part& part);
  void HandOut(Part& part, Stretch* stretch);
  void AddRemoved(Part& part, Stretch* stretch);
  void Advance(uint64_t position);
  void DropKept(Participant& self);
  void Drop(std::unique_ptr<Keyspace> keyspace);

  Databases& databases_;
  const Options options_;
  OldImages images_;
  std::vector<storage::DatabaseSpace> spaces_;
  std::vector<Part> parts_;  // by space
  // Where the walk, or its undoing, is; read in exclusive sections, so written by the walk while it is in.
  size_t part_ = 0;
  uint64_t position_ = 0;
  std::atomic<bool> given_up_{false};

  LargeCaptures large_;
  std::atomic<uint64_t> large_by_edits_{0};
  std::optional<Captured> captured_;  // the walk's
};

}  // namespace terrace::engine
