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
// A keyspace that is flushed meanwhile is this cut's alone, and goes when the walk is through with it. SWAPDB concerns
// nothing here: a keyspace takes its space along.
//
// Threads: Begin, GiveUp and End in an exclusive section. Next and UndoNext by the thread that walks. OldImage under shard locks,
// TakeOver in an exclusive section, by whoever edits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/captured_key.h"
#include "engine/databases.h"
#include "engine/edit_observer.h"
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
    /// How many records in older tables are dead with it.
    uint64_t overwritten = 0;
  };

  struct Options {
    /// Of strings, as the encoding of RDB has it. It is done under the lock of a shard.
    rdb::Compression compression = rdb::Compression::kNone;
    /// When so much was copied under a shard's lock it is let go, and the rest of the shard is another stretch: some
    /// twenty microseconds, as a hand-over of the staircase takes. A value that is larger is copied all the same.
    uint64_t stretch_bytes = 32 * kKiB;
  };

  CheckpointCut(Databases& databases, const Options& options)
      : databases_(databases), options_(options) {}

  /// What the databases hold now is what will be handed out. A keyspace that needs a space gets `*next_space`, which is
  /// counted up.
  void Begin(uint32_t* next_space);
  /// The spaces of the databases at the cut.
  const std::vector<storage::DatabaseSpace>& databases() const { return spaces_; }

  /// One shard, or a part of it: `stretch` is what it has to offer, and may be empty. False when there was none left. The
  /// caller is out.
  bool Next(Participant& self, Stretch* stretch);
  /// In an exclusive section: what was handed out came to nothing. From now on there are no more old images, and UndoNext
  /// marks what was captured as changed again, a shard at a time; false when there was none left.
  void GiveUp();
  bool UndoNext(Participant& self);

  /// After Next has returned false; or UndoNext, then the removed keys go back to where they came from.
  void End();

  const OldImages& images() const { return images_; }

  void OldImage(const Keyspace& keyspace, uint64_t hash, Entry& entry) override;
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

  uint64_t CaptureSome(const Part& part, Stretch* stretch);
  void AddRemoved(Part& part, uint64_t end, Stretch* stretch);
  void Advance(uint64_t position);
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
};

}  // namespace terrace::engine
