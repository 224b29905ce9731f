// Interest: who wants to know that a key changes. WATCH is the first kind; others, client tracking for one, are told in
// the same way. Almost every shard has nobody interested, so it holds a null pointer and an Edit pays one test.
//
// Threads: a table is reached through the lock of its shard. An Interest is shared between the shards that may tell it
// and the session it belongs to, hence reference-counted; a Watch is read by its session, hence atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/bytes.h"

namespace terrace::engine {

class Interest {
 public:
  virtual ~Interest() = default;
  /// The key is about to change or go. Under the lock of its shard: nothing may be waited for but leaf locks. False: it
  /// wants to hear of this key no more.
  virtual bool KeyChanges(uint64_t hash, Bytes key) = 0;
};

/// One session's WATCH: becomes broken when any of the keys it was put on changes.
class Watch final : public Interest {
 public:
  bool KeyChanges(uint64_t, Bytes) override {
    Break();
    return true;
  }
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
    std::shared_ptr<Interest> who;
    bool stale;  // the key was due already when it was watched: that it goes is no change
  };

  void Add(Item item) {
    const uint64_t hash = item.hash;
    items_.emplace(hash, std::move(item));
  }
  /// Tells whoever is interested in a key that changes.
  void KeyChanges(uint64_t hash, Bytes key);
  /// A due key is deleted: tells those that saw it alive.
  void KeyExpires(uint64_t hash, Bytes key);
  /// Forgets somebody's interest in a key.
  void Remove(uint64_t hash, Bytes key, const Interest* who);
  const Item* Find(uint64_t hash, Bytes key, const Interest* who) const;

  bool empty() const { return items_.empty(); }
  /// By hash of the key.
  std::unordered_multimap<uint64_t, Item>& items() { return items_; }

 private:
  std::unordered_multimap<uint64_t, Item> items_;  // a client may watch any number of keys
};

}  // namespace terrace::engine
