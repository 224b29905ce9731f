// The subscribers of one worker, by channel, pattern and shard channel. Deliver() hands a message to those
// whom it concerns; a message from another worker arrives through the mailbox and is delivered in the same
// way.
//
// Threads: this worker's alone. The registry is told of every change, so that other workers know whom to post
// to.
//
// While a message is handed round (depth_ > 0), subscribers come and go as they like, under two rules:
//   P1  No place of a topic moves: who leaves puts a null there, who arrives is appended behind those who
//   were there
//       when the round began.
//   P2  No topic is freed. Topics with nulls wait in untidy_ and are tidied when the outermost round is over.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/siphash.h"
#include "pubsub/channel_registry.h"
#include "pubsub/message.h"
#include "pubsub/subscriber.h"

namespace terrace::pubsub {

class LocalSubscriptions {
 public:
  LocalSubscriptions(ChannelRegistry& registry, unsigned worker);
  LocalSubscriptions(const LocalSubscriptions&) = delete;
  LocalSubscriptions& operator=(const LocalSubscriptions&) = delete;
  /// CONTRACT: every subscriber has left.
  ~LocalSubscriptions();

  /// False when it was subscribed already.
  bool Subscribe(Subscriber& subscriber, Kind kind, Bytes name);
  /// False when it was not subscribed.
  bool Unsubscribe(Subscriber& subscriber, Kind kind, Bytes name);
  /// Leaves everything, as a closing session does.
  void UnsubscribeAll(Subscriber& subscriber);

  /// Hands `message` (kChannel or kShardChannel) to the channel's subscribers, then to those of each matching
  /// pattern. Returns how many times OnMessage was called. Who subscribes meanwhile may or may not see it.
  uint64_t Deliver(const Message& message);

  unsigned worker() const { return worker_; }

 private:
  struct NameHash {
    HashKey key;
    size_t operator()(Bytes name) const { return SipHash13(key, name); }
  };
  // The keys view the topics' names.
  using Topics = std::unordered_map<Bytes, std::unique_ptr<Topic>, NameHash>;

  Topics& topics(Kind kind) { return topics_[static_cast<size_t>(kind)]; }
  Topic* FindTopic(Kind kind, Bytes name);
  Topic* MakeTopic(Kind kind, Bytes name);
  void Leave(Topic& topic, Subscription& subscription);
  uint64_t DeliverTo(Topic& topic, const Message& message);
  uint64_t DeliverAll(const Message& message, WireForms& forms);
  void Tidy();
  void TidyTopic(Topic& topic);
  void Drop(Topic& topic);

  ChannelRegistry& registry_;
  const unsigned worker_;
  std::array<Topics, kKinds> topics_;
  // The topics of kind kPattern, to be walked for every message.
  std::vector<Topic*> patterns_;

  unsigned depth_ = 0;
  std::vector<Topic*> untidy_;
  WireForms forms_;
};

}  // namespace terrace::pubsub
