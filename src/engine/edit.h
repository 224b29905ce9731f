// Edit: the one door to change a value. Everything that must happen when a key changes hangs on it, so no handler can
// forget any of it:
//
//   - watches on the key break (and whoever else registered an interest is told)
//   - the entry as it was is shown to the observer of a cut that has not captured it yet, and is marked as changed since
//     the last checkpoint (engine/edit_observer.h)
//   - the keyspace's counts, the expiry index and the staircase's load follow
//
// Memory is counted by the allocator itself. Constructing an Edit announces the change; every method then performs one.
//
// Threads: the key's shard is locked.
#pragma once

#include "engine/key_locks.h"
#include "engine/unit.h"

namespace terrace::engine {

class Edit {
 public:
  Edit(Unit& unit, KeyRef& ref) : unit_(unit), ref_(ref) {
    if (TERRACE_UNLIKELY(SomebodyCares())) Announce(false);
  }
  /// The change is that the key is due and goes.
  struct Expiry {};
  Edit(Unit& unit, KeyRef& ref, Expiry) : unit_(unit), ref_(ref) {
    if (TERRACE_UNLIKELY(SomebodyCares())) Announce(true);
  }
  Edit(const Edit&) = delete;
  Edit& operator=(const Edit&) = delete;

  Entry* entry() { return ref_.entry(); }

  /// The key holds this string now, whatever it held before; deadline 0 means none.
  void SetString(const StringSource& value, uint64_t deadline_ms);
  /// The integer of an entry that holds one.
  void SetInteger(int64_t value) {
    Entry* held = entry();
    held->set_integer(value);
    unit_.Touch(held);
  }
  /// The bytes of a string that exists, to be changed in place without changing their number. A shared blob and an
  /// integer are copied first.
  char* MutableString() { return GrowString(entry()->StringLength()); }
  /// The same after making the string `size` bytes long, at least what it is. Every new byte must be written. Growing a
  /// string bit by bit copies each of its bytes a few times, however long it gets.
  char* GrowString(size_t size);
  /// The key's collection, after it was changed: what the entry holds of this type is this now. A key that does not exist
  /// comes into being. The collection must not be empty: an empty one is deleted.
  void SetCollection(types::Value value) {
    Entry* held = ref_.entry();
    if (TERRACE_LIKELY(held != nullptr && held->Holds(value) &&
                       !MayHaveTimedItems(value.encoding))) {
      return MarkCollection(held);
    }
    PutCollection(value);
  }
  /// The same for a key whose entry holds the collection already, in this encoding, and that has no items with deadlines.
  void MarkCollection(Entry* held) {
    held->MarkChanged();
    unit_.Touch(held);
  }
  /// The key holds this collection now, whatever it held before, without a deadline.
  void ReplaceWithCollection(types::Value value);
  /// Changes, adds or (0) removes the deadline of a key that exists.
  void SetDeadline(uint64_t deadline_ms) {
    SetDeadlines(deadline_ms,
                 entry()->has_timed_items() ? types::NextDeadline(entry()->collection()) : 0);
  }
  /// The key goes. What takes long to free is freed in the background.
  void Delete();
  /// The key goes, and what it had is `target`'s from now on: value, deadline and access clock (RENAME, MOVE). What `target`
  /// held before is gone.
  void MoveTo(Edit& target);
  /// Puts an entry whose key is this one in place of what there is.
  void Put(Entry* entry);

 private:
  void PutCollection(types::Value value);
  /// The key's entry leaves the keyspace.
  Entry* Remove();
  /// Frees an entry that has left it, unless a cut needs it still.
  void Discard(Entry* entry);
  // One test for all who may be interested.
  bool SomebodyCares() const {
    return (reinterpret_cast<uintptr_t>(ref_.shard->interest()) |
            reinterpret_cast<uintptr_t>(ref_.keyspace->observer())) != 0;
  }
  void Announce(bool expires);
  /// The key's deadline and the first of its items'.
  void SetDeadlines(uint64_t deadline_ms, uint64_t items_ms);

  Unit& unit_;
  KeyRef& ref_;
};

struct Expired {
  bool any = false;   // something went
  bool more = false;  // `fields_max` fields went, and others are due
  bool away = false;  // and of what is left some values are away
};

/// Deletes what is due among `refs`, keys and items of keys, as ExpireOne does; only for units that may expire. While the
/// server is paused, a unit that only reads leaves them: they are hidden.
Expired ExpireAll(Unit& unit, KeyRef* refs, size_t count, bool only_reads, size_t fields_max);
inline Expired ExpireDue(Unit& unit, KeyRef* refs, size_t count, bool only_reads = false,
                         size_t fields_max = SIZE_MAX) {
  const uint64_t now_ms = unit.now_ms;
  for (size_t i = 0; i < count; ++i) {
    // One that others have moved since it was looked up is looked at again there.
    const KeyRef& ref = refs[i];
    const bool moved = ref.version != ref.shard->version();
    if (TERRACE_UNLIKELY(moved || (ref.slot != nullptr && Shard::At(ref.slot)->NeedsCare(now_ms))))
      return ExpireAll(unit, refs, count, only_reads, fields_max);
  }
  return {};  // the usual case, for which nothing is called
}
/// A key of which something is due: the key, which goes with a DEL in the log and the event `expired`; or else some fields
/// of a hash, up to `fields_max` of which go with a HDEL and the event `hexpired`, and the hash with the last one. Returns
/// how many fields went, 0 if it was the key.
size_t ExpireOne(Unit& unit, KeyRef& ref, size_t fields_max);

}  // namespace terrace::engine
