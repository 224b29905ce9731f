// A subscriber and what it listens to. A session is one; so is anything else that wants messages on its
// worker.
//
//   Topic "news"  (kChannel)                        Subscriber A
//     places  [ A's ][ B's ][ - ][ C's ] ------->     SubscriptionSet  { "news" -> Subscription, "n*" -> ...
//     }
//
// A Subscription is the link between the two: it lives in the subscriber's set, and the topic's places point
// to it. It knows its place, so leaving a channel of a hundred thousand takes constant time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "pubsub/message.h"

namespace terrace::pubsub {

class Subscriber;
class LocalSubscriptions;

struct Subscription {
  Subscriber* subscriber;
  /// Index in the topic's places.
  size_t place;
  /// Counts up with every subscription of this subscriber: the order in which it asked.
  uint64_t sequence;
};

/// One name with its subscribers on this worker.
struct Topic {
  std::string name;
  Kind kind;
  /// Not null but during a round (see local_subscriptions.h, P1).
  std::vector<Subscription*> places;
  size_t subscribers = 0;
  /// For patterns: index in LocalSubscriptions::patterns_.
  size_t pattern_index = 0;
  bool untidy = false;
};

/// What one subscriber listens to. Changed by LocalSubscriptions only.
class SubscriptionSet {
 public:
  size_t count(Kind kind) const { return counts_[static_cast<size_t>(kind)]; }
  /// Channels and patterns together, the number in the replies to (P)SUBSCRIBE and (P)UNSUBSCRIBE; a session
  /// with none of them and no shard channel leaves subscriber mode.
  size_t ordinary_count() const { return count(Kind::kChannel) + count(Kind::kPattern); }
  size_t shard_count() const { return count(Kind::kShardChannel); }
  bool empty() const { return links_.empty(); }
  /// Roughly what the links take, with their topics' names as if nobody else listened to them.
  size_t memory_bytes() const { return links_.size() * kLinkBytes + name_bytes_; }
  /// The names of one kind in the order they were subscribed to, copied: unsubscribing while walking is fine.
  std::vector<std::string> Names(Kind kind) const;

 private:
  friend class LocalSubscriptions;

  static constexpr size_t kLinkBytes =
      160;  // a link, a place, a node of a table, and a topic shared with others

  std::unordered_map<Topic*, Subscription> links_;
  size_t name_bytes_ = 0;
  std::array<uint32_t, kKinds> counts_{};
  uint64_t next_sequence_ = 0;
};

class Subscriber {
 public:
  Subscriber() = default;
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  /// CONTRACT: LocalSubscriptions::UnsubscribeAll was called before.
  virtual ~Subscriber() { TERRACE_CHECK(subscriptions_.empty()); }

  /// May subscribe and unsubscribe this and other subscribers, destroy them (itself too), and deliver again.
  virtual void OnMessage(const Message& message) noexcept = 0;

  const SubscriptionSet& subscriptions() const { return subscriptions_; }

 private:
  friend class LocalSubscriptions;
  SubscriptionSet subscriptions_;
};

}  // namespace terrace::pubsub
