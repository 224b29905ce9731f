// LargeCapture: a large collection on its way into a checkpoint, as it was at the cut, while it goes on changing. It is not
// copied under the lock of a shard, so that no shard is locked for long however large it is.
//
//                begun                       while the shard is locked        with no lock held
//   tables       in no time                  a piece of the items at a time   what edits have kept
//   lists        sixteen bytes a node        -                                all of it
//   streams      a little more; the groups   -                                all of it
//                are encoded
//
// It is begun by the walk, or by the first edit since the cut; the entry carries the cut's number from then on. It goes by
// the name that the key has at the cut. Whoever deletes or replaces the key meanwhile hands the whole entry over
// (TakeOver). Whoever moves its value elsewhere (RENAME, MOVE) lets it Part first, which takes as long as a copy of what the
// walk has not had yet.
//
// Threads: under the lock of the key's shard until it is complete, but for Prepare; then its walk's alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/captured_key.h"
#include "engine/entry.h"
#include "engine/removed_keys.h"
#include "rdb/string_codec.h"
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
  static bool Takes(const Entry& entry, const Limits& limits);

  /// CONTRACT: Takes(entry). `bytes` counts what edits make it keep.
  static std::unique_ptr<LargeCapture> Begin(Keyspace& keyspace, uint64_t hash, const Entry& entry,
                                             rdb::Compression compression,
                                             types::CaptureBytes* bytes);
  virtual ~LargeCapture();
  LargeCapture(const LargeCapture&) = delete;
  LargeCapture& operator=(const LargeCapture&) = delete;

  /// It lies in here.
  HashedKey name() const { return {hash_, key_}; }
  Keyspace& keyspace() const { return keyspace_; }

  /// By the walk before Next, with no lock held: what needs none.
  virtual void Prepare() = 0;
  /// Some more, to about one of the limits. Returns how many items were encoded.
  virtual size_t Next(size_t items_max, size_t bytes_max) = 0;
  /// The walk has had all of it that needs the lock, and the collection is on its own again.
  virtual bool complete() const = 0;
  /// The collection is on its own from now on, and all of it can still be had.
  virtual void Part() = 0;
  /// The same, but no more will be asked for.
  virtual void GiveUp() = 0;
  /// The key's entry, which nobody else can reach any more.
  void TakeOver(Entry* entry) { entry_ = entry; }

  /// Once it is complete: the key as it was.
  CapturedKey Finish() { return CapturedKey(hash_, key_, deadline_ms_, TakeEncoded()); }
  /// Then, or when it was given up: the entry that was taken over, if any, for the caller to free.
  [[nodiscard]] Entry* ReleaseEntry();

 protected:
  LargeCapture(Keyspace& keyspace, uint64_t hash, const Entry& entry)
      : keyspace_(keyspace), hash_(hash), key_(entry.key()), deadline_ms_(entry.deadline_ms()) {}
  /// The value, with its code in front.
  virtual std::string TakeEncoded() = 0;

 private:
  Keyspace& keyspace_;
  const uint64_t hash_;
  const std::string key_;
  const uint64_t deadline_ms_;
  Entry* entry_ = nullptr;
};

}  // namespace terrace::engine
