// Who listens to what, over all workers: for every channel, pattern and shard channel, how many subscribers
// each worker has. A publisher asks it how many clients will receive a message and which workers to post it
// to; the subscribers themselves are known to their worker alone (local_subscriptions.h).
//
// Threads: any. Channels lie in stripes by hash, each under its own lock. Patterns have one lock; a publisher
// holds it only to take a reference to an immutable snapshot and matches outside of it. A change drops the
// snapshot and the next publisher makes a new one: that costs about what matching the patterns costs anyway,
// while a client that subscribes to thousands of patterns in a row pays for none.
//
// No lock here is held while another is taken.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/siphash.h"
#include "pubsub/message.h"
#include "pubsub/worker_counts.h"

namespace terrace::pubsub {

/// Whom a message reaches.
struct Targets {
  /// A client counts once for its channel and once for each of its patterns that match, as PUBLISH replies.
  uint64_t receivers = 0;
  /// Bit w: worker w has at least one of them.
  uint64_t workers = 0;
};

/// Distinct names, as INFO shows them.
struct RegistryTotals {
  size_t channels = 0;
  size_t patterns = 0;
  size_t shard_channels = 0;
};

class ChannelRegistry {
 public:
  /// Names come from clients: `key` is secret so that nobody can choose names that collide.
  explicit ChannelRegistry(HashKey key = {});
  ChannelRegistry(const ChannelRegistry&) = delete;
  ChannelRegistry& operator=(const ChannelRegistry&) = delete;

  /// One more, one less subscriber of `name` on `worker` (0..63). Remove answers an earlier Add.
  void Add(Kind kind, Bytes name, unsigned worker);
  void Remove(Kind kind, Bytes name, unsigned worker);

  /// True while nobody listens to any channel or pattern (shard channels apart): one relaxed load. A client
  /// that has seen the reply to its SUBSCRIBE is counted, since the count rises before the reply is written.
  bool empty() const { return ordinary_names_.load(std::memory_order_relaxed) == 0; }

  /// Whom PUBLISH to `channel` reaches: its subscribers and those of every pattern that matches.
  Targets Find(Bytes channel) const;
  /// Whom SPUBLISH to `channel` reaches.
  Targets FindShard(Bytes channel) const;

  /// Names with a subscriber, all or those that match `pattern`, in no particular order.
  std::vector<std::string> Channels(Kind kind, std::optional<Bytes> pattern = std::nullopt) const;
  /// Subscribers of exactly this name.
  uint64_t Count(Kind kind, Bytes name) const;
  /// Distinct patterns (PUBSUB NUMPAT).
  size_t PatternCount() const { return Distinct(Kind::kPattern); }
  RegistryTotals totals() const;

  const HashKey& hash_key() const { return key_; }

 private:
  struct NameHash {
    using is_transparent = void;
    HashKey key;
    size_t operator()(Bytes name) const { return SipHash13(key, name); }
  };
  using Names = std::unordered_map<std::string, WorkerCounts, NameHash, std::equal_to<>>;

  // All patterns at one instant, in two allocations.
  struct PatternSnapshot {
    struct Item {
      size_t offset, bytes;
      uint64_t workers;
      uint32_t receivers;
    };
    std::string text;
    std::vector<Item> items;
  };

  // A lock on its own cache line and the names it guards.
  struct alignas(64) Stripe {
    mutable Mutex lock;
    Names names TERRACE_GUARDED_BY(lock);
    // Only the patterns have one; null after a change.
    mutable std::shared_ptr<const PatternSnapshot> snapshot TERRACE_GUARDED_BY(lock);
  };
  static constexpr size_t kStripes = 64;  // as many as there can be workers
  using Stripes = std::array<Stripe, kStripes>;

  Stripe& StripeOf(Kind kind, Bytes name);
  const Stripe& StripeOf(Kind kind, Bytes name) const;
  size_t Distinct(Kind kind) const {
    return distinct_[static_cast<size_t>(kind)].load(std::memory_order_relaxed);
  }
  void CountNames(Kind kind, int64_t change);
  Targets FindExact(Kind kind, Bytes name) const;
  void AddMatchingPatterns(Bytes channel, Targets* targets) const;
  std::shared_ptr<const PatternSnapshot> Patterns() const;

  const HashKey key_;
  // Distinct channels and patterns together; by itself on a cache line, because every write of a key may read
  // it.
  alignas(64) std::atomic<uint64_t> ordinary_names_{0};
  alignas(64) std::array<std::atomic<size_t>, kKinds> distinct_{};

  Stripes channels_;
  Stripes shard_channels_;
  Stripe patterns_;
};

}  // namespace terrace::pubsub
