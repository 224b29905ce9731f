// LargeCaptures: the large collections that a cut has begun to capture, and the walk through each of them, a piece at a time.
// Checkpoints and dumps have one each (engine/checkpoint_cut.h, engine/dump_cut.h).
//
//   the walk of the cut, or an edit   Takes? Begin
//   edits                             Keeps, Moves: what becomes of the key meanwhile
//   the walk, behind a stretch        Open, NextPiece ... NextPiece, and the same again until Open has no more
//   whoever gives the cut up          GiveUp, and FreeGivenUp later
//
// Between two pieces nothing is locked, and the walk is out. None can be begun in a range of hash space that the cut's walk
// has stamped, so there Open comes to an end.
//
// A value that is moved to another key of the cut's keyspaces is followed: whoever wants to lock its shard asks where it is,
// locks that, and asks again. The capture keeps the name that the key had at the cut.
//
// Threads: Begin and Keeps under the lock of the key's shard, Moves of both keys' shards, by any; a leaf lock is taken. Reset, HasAnyIn and
// GiveUp in an exclusive section, HasAnyIn also by the walk. The rest by the walk, the figures by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/databases.h"
#include "engine/large_capture.h"

namespace terrace::engine {

class LargeCaptures {
 public:
  struct Options {
    /// From where on a collection is captured in pieces.
    LargeCapture::Limits limits;
    /// What is encoded under a shard's lock at once, to one of the two: some twenty to forty microseconds, most of which the
    /// items take to come from memory. An item that is larger is encoded all the same.
    size_t piece_items = 128;
    size_t piece_bytes = 32 * kKiB;
    /// Between two pieces. The lock goes to whoever asks first, which without a pause would mostly be the walk again: who
    /// waits for the shard would sleep through hundreds of pieces. And a thread that works for some microseconds only is
    /// seldom interrupted in them, while it holds the lock.
    uint64_t piece_pause_us = 50;
  };

  LargeCaptures(Databases& databases, const Options& options)
      : databases_(databases), options_(options) {}
  /// CONTRACT: all were walked through, or given up and freed.
  ~LargeCaptures();

  /// Another cut begins.
  void Reset() TERRACE_EXCLUDES(mutex_);

  bool Takes(const Entry& entry) const { return LargeCapture::Takes(entry, options_.limits); }
  /// CONTRACT: Takes(entry).
  void Begin(const Keyspace& keyspace, uint64_t hash, const Entry& entry,
             const rdb::EncodeOptions& options) TERRACE_EXCLUDES(mutex_);
  /// For an EditObserver's functions of these names.
  bool Keeps(const Keyspace& keyspace, uint64_t hash, Entry* entry) TERRACE_EXCLUDES(mutex_);
  void Moves(const Keyspace& keyspace, uint64_t hash, Bytes key, Keyspace& to, uint64_t to_hash,
             Entry& entry) TERRACE_EXCLUDES(mutex_);

  /// The first in the order of names with a hash below `end` (in units of 2^16, as the staircase counts); its pieces come
  /// next. nullptr: there is none. Good until NextPiece says that it was the last.
  const LargeCapture* Open(const Keyspace& keyspace, uint64_t end) TERRACE_EXCLUDES(mutex_);
  /// Some more of the value that is open, behind its code; it may be nothing. False when there was none left, and then none
  /// is open. The caller is out.
  bool NextPiece(Participant& self, std::string* piece) TERRACE_EXCLUDES(mutex_);

  /// Whether a value lies there of which not all is had: the keyspace is needed still, whatever became of it.
  bool HasAnyIn(const Keyspace& keyspace) const TERRACE_EXCLUDES(mutex_);

  /// All collections are on their own again, at once. What was kept for them is freed by FreeGivenUp, with nothing locked.
  void GiveUp() TERRACE_EXCLUDES(mutex_);
  void FreeGivenUp();

  /// What edits make them keep, now, and the most it was since Reset, or a little more.
  uint64_t bytes() const { return bytes_.now(); }
  uint64_t bytes_peak() const { return bytes_.peak(); }
  /// How many there were since Reset.
  uint64_t begun() const { return begun_.load(std::memory_order_relaxed); }
  /// The most items that were encoded under a shard's lock at once.
  size_t piece_items_peak() const { return piece_items_peak_; }

 private:
  using Name = std::pair<const Keyspace*, HashedKey>;  // the key lies in the capture

  static bool IsCaptured(const Entry& entry);
  LargeCapture& FindLocked(const Keyspace& keyspace, HashedKey name) const TERRACE_REQUIRES(mutex_);
  LargeCapture& Find(const Keyspace& keyspace, HashedKey name) const TERRACE_EXCLUDES(mutex_);
  void ForgetPlace(const LargeCapture& capture) TERRACE_REQUIRES(mutex_);
  LargeCapture::Place PlaceOfOpen() const TERRACE_EXCLUDES(mutex_);
  std::unique_ptr<LargeCapture> Remove(const LargeCapture& capture) TERRACE_EXCLUDES(mutex_);
  void EncodeLocked(Participant& self);
  void Free(std::unique_ptr<LargeCapture> capture);

  Databases& databases_;
  const Options options_;
  types::CaptureBytes bytes_;
  std::atomic<uint64_t> begun_{0};

  mutable Mutex mutex_;
  std::map<Name, std::unique_ptr<LargeCapture>> captures_ TERRACE_GUARDED_BY(mutex_);
  // Those whose value is elsewhere, by where that is: the name lies in the capture.
  std::map<Name, LargeCapture*> moved_ TERRACE_GUARDED_BY(mutex_);

  // The walk's.
  LargeCapture* open_ = nullptr;
  std::unique_ptr<LargeCapture> complete_;  // open_ when nobody else can find it any more
  size_t piece_items_peak_ = 0;
  std::vector<std::unique_ptr<LargeCapture>> given_up_;
};

}  // namespace terrace::engine
