// Interest: who wants to know that a key changes. WATCH is the first kind; others, client tracking for one, are told in
// the same way. Almost every shard has nobody interested, so it holds a null pointer and an Edit pays one test.
//
// Waiters are the other kind of interest: they want a key to hold something. Nobody calls them; a unit of work that had a
// key with waiters locked looks, when it is done, whether there is something for them (exec/waiters.cc).
//
// Threads: a table is reached through the lock of its shard. An Interest is shared between the shards that may tell it
// and the session it belongs to, hence reference-counted; a Watch is read by its session, hence atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

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

/// Somebody who waits, for a key to hold something or for something outside. What it waits for is known to whoever put it
/// there.
class Waiter {
 public:
  explicit Waiter(uint64_t place_in_line) : number(place_in_line) {}
  virtual ~Waiter() = default;

  /// From any thread, with locks held or not: what it waits for has come, so it starts anew.
  virtual void Restart() = 0;

  /// Who has waited longer has the lower one.
  const uint64_t number;
  // Set before it is put into a table.
  bool needs_others = false;    // serving it may change other keys than the one that became ready
  bool also_when_gone = false;  // it wants to know, too, when a key goes or gets another type
};

class InterestTable {
 public:
  struct Wait {
    std::string key;
    std::shared_ptr<Waiter> who;
  };
  /// By hash of the key, then in the order of waiting.
  using Waits = std::multimap<std::pair<uint64_t, uint64_t>, Wait>;

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

  void AddWait(uint64_t hash, Wait wait) {
    Count(*wait.who, 1);
    const uint64_t number = wait.who->number;
    waits_.emplace(std::pair(hash, number), std::move(wait));
  }
  Waits::iterator EraseWait(Waits::iterator it) {
    Count(*it->second.who, -1);
    return waits_.erase(it);
  }
  void RemoveWait(uint64_t hash, Bytes key, const Waiter& who) {
    const auto [first, last] = waits_.equal_range({hash, who.number});
    for (auto it = first; it != last; ++it) {
      if (it->second.key != key) continue;
      EraseWait(it);
      return;
    }
  }
  Waits& waits() { return waits_; }
  bool has_waits() const { return !waits_.empty(); }
  /// Whether somebody here needs others, or wants to know when a key has gone.
  bool some_need_others() const { return needing_others_ != 0; }
  bool some_want_gone() const { return wanting_gone_ != 0; }

  /// Everybody moves to the table that `table_of(hash)` names.
  template <typename TableOf>
  void MoveTo(TableOf table_of) {
    for (auto& [hash, item] : items_) table_of(hash).Add(std::move(item));
    items_.clear();
    while (!waits_.empty()) {
      auto node = waits_.extract(waits_.begin());
      InterestTable& table = table_of(node.key().first);
      Count(*node.mapped().who, -1);
      table.Count(*node.mapped().who, 1);
      table.waits_.insert(std::move(node));
    }
  }

  bool empty() const { return items_.empty() && waits_.empty(); }
  /// By hash of the key.
  std::unordered_multimap<uint64_t, Item>& items() { return items_; }

 private:
  void Count(const Waiter& who, int change) {
    needing_others_ += who.needs_others ? change : 0;
    wanting_gone_ += who.also_when_gone ? change : 0;
  }

  std::unordered_multimap<uint64_t, Item> items_;  // a client may watch any number of keys
  Waits waits_;
  int64_t needing_others_ = 0;
  int64_t wanting_gone_ = 0;
};

}  // namespace terrace::engine
