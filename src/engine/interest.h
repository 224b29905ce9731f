// Interest: who wants to know that a key changes. WATCH is the first kind; waiting for a key to become ready (blocking
// commands) and client tracking are others. Almost every shard has nobody interested, so it holds a null pointer and an
// Edit pays one test.
//
// Threads: a table is reached through the lock of its shard. A Watch is shared between the shards that may mark it and
// the session that reads it, hence atomic and reference-counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/bytes.h"

namespace terrace::engine {

/// One session's WATCH: becomes broken when any of the keys it was put on changes.
class Watch {
 public:
  void Break() { broken_.store(true, std::memory_order_release); }
  bool broken() const { return broken_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> broken_{false};
};

class InterestTable {
 public:
  struct Item {
    uint64_t hash;
    std::string key;
    std::shared_ptr<Watch> watch;
    bool stale;  // the key was due already when it was watched: that it goes is no change
  };

  void Add(Item item) {
    const uint64_t hash = item.hash;
    items_.emplace(hash, std::move(item));
  }
  /// Breaks the watches on a key that changes.
  void KeyChanges(uint64_t hash, Bytes key);
  /// A due key is deleted: breaks the watches that saw it alive.
  void KeyExpires(uint64_t hash, Bytes key);
  /// Forgets a session's watch on a key.
  void Remove(uint64_t hash, Bytes key, const Watch* watch);
  const Item* Find(uint64_t hash, Bytes key, const Watch* watch) const;

  bool empty() const { return items_.empty(); }
  /// By hash of the key.
  std::unordered_multimap<uint64_t, Item>& items() { return items_; }

 private:
  std::unordered_multimap<uint64_t, Item> items_;  // a client may watch any number of keys
};

}  // namespace terrace::engine
