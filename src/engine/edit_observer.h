// EditObserver: who must see entries as they were before they change. It is how a cut through a running keyspace is
// exact: a walk visits the shards in hash order, and whatever is changed ahead of the walk is shown to the observer
// first.
//
//   hash space   [ captured by the walk ][ not yet captured: an edit here first shows the old image ]
//                                        ^ the walk's position
//
// How an entry knows where it stands: its epoch. A cut gives the keyspace a new number (Keyspace::BeginCut). An entry
// with that number has been captured, or came into being after the cut, and is of no more interest to it; any other is
// as it was at the cut. The walk and the first edit stamp the number, whichever comes first, so each entry is captured
// exactly once, wherever the staircase has moved it meanwhile.
//
// Numbers go from 1 to 65535 and round again; a keyspace's entries carry 0 before its first cut. One may come again only
// after a walk that was completed in between, because a completed walk has stamped every entry.
//
// Apart from cuts every edit marks its entry as changed (Entry::changed); a walk that captures for a checkpoint clears
// the mark. If that checkpoint fails, its maker walks again and marks what it had captured (Entry::awaits_install).
//
// Threads: what concerns an entry under the lock of its shard, by whoever edits: it takes leaf locks only. TakeOver in an exclusive section.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"

namespace terrace::engine {

class Entry;
class Keyspace;

class EditObserver {
 public:
  virtual ~EditObserver() = default;

  /// `entry` is as it was at the cut, and is about to change, go, or be replaced. What is to outlive the call is copied,
  /// a blob shared. Nothing of it may be changed but the marks that checkpoints have in it.
  virtual void OldImage(const Keyspace& keyspace, uint64_t hash, Entry& entry) = 0;
  /// The entry, which the observer has seen, has left its keyspace, and nobody can reach it any more. True: what is in it is
  /// needed still (a large collection that is captured bit by bit), and the observer will give it back with
  /// Databases::Discard.
  virtual bool Keeps(const Keyspace&, uint64_t /*hash*/, Entry*) { return false; }
  /// The same, but its value goes on: `entry` has it, which is about to go into `to` under `to_hash`; `key` is the name that it
  /// had. Both shards are locked.
  virtual void Moves(const Keyspace&, uint64_t /*hash*/, Bytes /*key*/, Keyspace& /*to*/,
                     uint64_t /*to_hash*/, Entry& /*entry*/) {}
  /// The keyspace was replaced by an empty one (FLUSHALL, FLUSHDB): nobody edits it any more. The observer keeps it as
  /// long as its walk needs it, ends the cut and gives it back with Databases::Discard.
  virtual void TakeOver(std::unique_ptr<Keyspace> keyspace) = 0;
};

}  // namespace terrace::engine
