// LargeCapture: a large collection on its way into a checkpoint or a dump, as it was at the cut, while it goes on changing.
// It is not copied under the lock of a shard, so that no shard is locked for long however large it is; and its encoded form
// is had in pieces, so that nobody has to have room for it.
//
//                begun                       while the shard is locked        with no lock held
//   tables       in no time                  a piece of the items at a time   the head; what edits have kept
//   lists        sixteen bytes a node        -                                all of it
//   streams      a little more; the groups   -                                all of it
//                are encoded
//
// It is begun by the walk, or by the first edit since the cut; the entry carries the cut's number from then on. It goes by
// the name that the key has at the cut. Whoever deletes or replaces the key meanwhile hands the whole entry over
// (TakeOver). Whoever moves its value elsewhere (RENAME, MOVE) says so (engine/large_captures.h). Where the cut does not follow,
// the capture has to Part first, which takes as long as a copy of what the walk has not had yet.
//
// Threads: under the lock of the key's shard until it is complete, but for EncodeAhead and TakePiece, which are the walk's;
// then all of it is. Who holds one and asks it in the right order is engine/large_captures.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/memory.h"
#include "engine/entry.h"
#include "engine/removed_keys.h"
#include "rdb/value_code.h"
#include "rdb/value_encoder.h"
#include "types/capture_bytes.h"

namespace terrace::engine {

class Keyspace;

class LargeCapture {
 public:
  /// A collection beyond one of them is worth it.
  struct Limits {
    /// Of hashes, sets and sorted sets.
    size_t items = 1000;
    size_t bytes = 64 * kKiB;
    /// Of lists and streams.
    size_t nodes = 8;
  };
  /// Where the value is.
  struct Place {
    Keyspace* keyspace;
    uint64_t hash;
    std::string key;

    HashedKey name() const { return {hash, key}; }
    bool operator==(const Place&) const = default;
  };
  static bool Takes(const Entry& entry, const Limits& limits);

  /// CONTRACT: Takes(entry). `bytes` counts what edits make it keep.
  static std::unique_ptr<LargeCapture> Begin(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                                             const rdb::EncodeOptions& options,
                                             types::CaptureBytes* bytes);
  virtual ~LargeCapture();
  LargeCapture(const LargeCapture&) = delete;
  LargeCapture& operator=(const LargeCapture&) = delete;

  // --- the key as it was; its clock when the capture was begun ---
  Keyspace& keyspace() const { return *origin_.keyspace; }
  /// It lies in here.
  HashedKey name() const { return origin_.name(); }
  uint64_t deadline_ms() const { return deadline_ms_; }
  uint32_t access() const { return access_; }
  virtual rdb::ValueCode code() const = 0;

  // --- what follows the code, in this order; about `bytes_max` bytes a call ---
  /// With no lock held: what needs none. False when there is nothing more of it, and nothing was encoded.
  virtual bool EncodeAhead(size_t bytes_max) = 0;
  /// Under the lock: some more, to about one of the limits. Returns how many items were encoded.
  virtual size_t EncodeLocked(size_t items_max, size_t bytes_max) = 0;
  /// All that needs the lock was encoded, and the collection is on its own again.
  virtual bool complete() const = 0;
  /// With no lock held, once it is complete: as EncodeAhead.
  virtual bool EncodeRest(size_t bytes_max) = 0;
  /// With no lock held, after each of them: what was encoded, which may be nothing.
  virtual void TakePiece(std::string* piece);

  // --- for who edits ---
  /// Under the mutex of whoever holds the capture (engine/large_captures.h).
  const Place& place() const { return place_; }
  void set_place(Place place) { place_ = std::move(place); }
  /// The collection is on its own from now on, and all of it can still be had.
  virtual void Part() = 0;
  /// The same, but no more will be asked for.
  virtual void GiveUp() = 0;
  /// The key's entry, which nobody else can reach any more.
  void TakeOver(Entry* entry) { entry_ = entry; }
  /// Once it is complete or was given up: the entry that was taken over, if any, for the caller to free.
  [[nodiscard]] Entry* ReleaseEntry();

 protected:
  LargeCapture(Keyspace& keyspace, uint64_t hash, const Entry& entry)
      : origin_{&keyspace, hash, std::string(entry.key())},
        place_(origin_),
        deadline_ms_(entry.deadline_ms()),
        access_(entry.access()) {}

  std::string encoded_;  // and not taken yet

 private:
  const Place origin_;
  Place place_;
  const uint64_t deadline_ms_;
  const uint32_t access_;
  Entry* entry_ = nullptr;
};

}  // namespace terrace::engine
