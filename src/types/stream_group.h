// StreamGroup: a consumer group of a stream: how far it has read, and what was delivered and not acknowledged.
//
// What is pending is in the group in order of ids, each with its consumer, and once more, as a mere id, at that consumer:
// an id is pending at one consumer at a time.
//
//   G1  an id is in group.pending() if and only if it is in its consumer's
//
// Threads: like the stream it is part of.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/bytes.h"
#include "types/id_tree.h"
#include "types/stream_id.h"

namespace terrace::types {

class StreamConsumer;

/// A delivery that nobody has acknowledged.
struct PendingEntry {
  StreamConsumer* consumer;
  uint64_t delivered_ms;  // the last time
  uint64_t deliveries;
};

class StreamConsumer {
 public:
  struct Nothing {};
  using Pending = IdTree<Nothing>;

  StreamConsumer() = default;
  StreamConsumer(const StreamConsumer&) = delete;
  StreamConsumer& operator=(const StreamConsumer&) = delete;

  Bytes name() const { return name_; }
  const Pending& pending() const { return pending_; }

  static constexpr int64_t kNever = -1;
  int64_t seen_ms = 0;         // when it last asked
  int64_t active_ms = kNever;  // when it last got something

 private:
  friend class StreamGroup;
  Bytes name_;  // where its group has it
  Pending pending_;
};

class StreamGroup {
 public:
  using Consumers = std::map<std::string, StreamConsumer, std::less<>>;
  using Pending = IdTree<PendingEntry>;

  /// It is not known how many of the stream's entries were read.
  static constexpr int64_t kUnknown = -1;

  StreamGroup(StreamId last, int64_t read) : last_id(last), entries_read(read) {}
  StreamGroup(const StreamGroup&) = delete;
  StreamGroup& operator=(const StreamGroup&) = delete;

  Consumers& consumers() { return consumers_; }
  const Consumers& consumers() const { return consumers_; }
  StreamConsumer* FindConsumer(Bytes name);
  /// Finds or makes it; `made` if it was not there.
  StreamConsumer* EnsureConsumer(Bytes name, uint64_t now_ms, bool* made);
  /// With what is pending at it. Returns how many that were.
  size_t DeleteConsumer(Bytes name);

  const Pending& pending() const { return pending_; }
  PendingEntry* FindPending(StreamId id) { return pending_.Find(id); }
  /// The id is pending at `consumer` now, wherever it was before.
  PendingEntry* Assign(StreamId id, StreamConsumer* consumer);
  /// False if it was not pending.
  bool Acknowledge(StreamId id);

  /// A copy of all there is.
  void CopyTo(StreamGroup* copy) const;
  size_t MemoryBytes() const;
  size_t FreeEffort() const;
  /// Aborts unless G1 holds; for tests.
  void Check() const;

  StreamId last_id;      // the last one delivered
  int64_t entries_read;  // of all that were ever added, or kUnknown

 private:
  static StreamConsumer* AddConsumer(Consumers* consumers, Bytes name);

  Consumers consumers_;
  Pending pending_;
};

/// What a node of a std::map takes: three pointers and a colour, and what stands in it.
template <typename Map>
constexpr size_t kMapNodeBytes = AllocationSize(32 + sizeof(typename Map::value_type));
/// What a string has outside of itself.
inline size_t OutsideBytes(const std::string& text) {
  return text.capacity() <= 15 ? 0 : AllocationSize(text.capacity() + 1);
}

}  // namespace terrace::types
