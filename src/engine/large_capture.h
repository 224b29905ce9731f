// LargeCapture: a large collection on its way into a checkpoint, as it was at the cut. It is encoded a piece at a time
// while it goes on changing (types/table_capture.h), so that no shard is locked for longer than a piece takes.
//
//   begun     by the walk, or by the first edit since the cut; the entry carries the cut's number from then on
//   pieces    by the walk, when it has come to the key's place
//   complete  the collection is on its own again, and the rest is done with no lock held
//
// It goes by the name the key has at the cut. Whoever deletes or replaces the key meanwhile hands the whole entry over
// (TakeOver). Whoever moves its value elsewhere (RENAME, MOVE) completes it first, in one piece.
//
// Threads: everything under the lock of the key's shard until it is complete; then its walk's alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/captured_key.h"
#include "engine/entry.h"
#include "engine/removed_keys.h"
#include "rdb/items_encoder.h"
#include "rdb/string_codec.h"
#include "types/capture_bytes.h"
#include "types/table_capture.h"

namespace terrace::engine {

class Keyspace;

class LargeCapture {
 public:
  /// A collection beyond one of them is worth it.
  struct Limits {
    size_t items = 1000;
    size_t bytes = 64 * kKiB;
  };
  static bool Takes(const Entry& entry, const Limits& limits);

  /// Begins. CONTRACT: Takes(entry). `bytes` counts what edits make it keep.
  LargeCapture(Keyspace& keyspace, uint64_t hash, const Entry& entry, rdb::Compression compression,
               types::CaptureBytes* bytes);
  ~LargeCapture();
  LargeCapture(const LargeCapture&) = delete;
  LargeCapture& operator=(const LargeCapture&) = delete;

  /// It lies in here.
  HashedKey name() const { return {hash_, key_}; }
  Keyspace& keyspace() const { return keyspace_; }

  /// Some more, to about one of the limits. Returns how many items were encoded.
  size_t Next(size_t items_max, size_t bytes_max);
  bool complete() const { return table_.detached(); }
  /// The key's entry, which nobody else can reach any more.
  void TakeOver(Entry* entry) { entry_ = entry; }
  /// Lets go of the collection; no more will come.
  void GiveUp() { table_.Detach(); }

  /// Once it is complete: the key as it was.
  CapturedKey Finish();
  /// Then, or when it was given up: the entry that was taken over, if any, for the caller to free.
  [[nodiscard]] Entry* ReleaseEntry();

 private:
  Keyspace& keyspace_;
  const uint64_t hash_;
  const std::string key_;
  const uint64_t deadline_ms_;
  const rdb::Compression compression_;
  Entry* entry_ = nullptr;

  void BeginEncoding();
  void Put(const types::TableCapture::Item& item);

  types::TableCapture table_;
  std::string encoded_;
  std::optional<rdb::ItemsEncoder> encoder_;  // from the first piece on
  size_t items_put_ = 0;
};

}  // namespace terrace::engine
