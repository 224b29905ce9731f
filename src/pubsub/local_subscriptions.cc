#include "pubsub/local_subscriptions.h"

#include <utility>

#include "base/check.h"
#include "base/glob.h"

namespace terrace::pubsub {

LocalSubscriptions::LocalSubscriptions(ChannelRegistry& registry, unsigned worker)
    : registry_(registry), worker_(worker) {
  for (Topics& topics : topics_) topics = Topics(0, NameHash{registry.hash_key()});
}

LocalSubscriptions::~LocalSubscriptions() {
  for (const Topics& topics : topics_) TERRACE_DCHECK(topics.empty());
}

Topic* LocalSubscriptions::FindTopic(Kind kind, Bytes name) {
  auto found = topics(kind).find(name);
  return found == topics(kind).end() ? nullptr : found->second.get();
}

Topic* LocalSubscriptions::MakeTopic(Kind kind, Bytes name) {
  auto owned = std::make_unique<Topic>();
  Topic* topic = owned.get();
  topic->name = std::string(name);
  topic->kind = kind;
  if (kind == Kind::kPattern) {
    topic->pattern_index = patterns_.size();
    patterns_.push_back(topic);
  }
  topics(kind).emplace(topic->name, std::move(owned));
  return topic;
}

bool LocalSubscriptions::Subscribe(Subscriber& subscriber, Kind kind, Bytes name) {
  Topic* topic = FindTopic(kind, name);
  if (topic == nullptr) topic = MakeTopic(kind, name);
  SubscriptionSet& set = subscriber.subscriptions_;
  auto [link, added] = set.links_.try_emplace(topic);
  if (!added) return false;
  link->second = {&subscriber, topic->places.size(), set.next_sequence_++};
  topic->places.push_back(&link->second);
  ++topic->subscribers;
  ++set.counts_[static_cast<size_t>(kind)];
  set.name_bytes_ += topic->name.size();
  registry_.Add(kind, name, worker_);
  return true;
}

bool LocalSubscriptions::Unsubscribe(Subscriber& subscriber, Kind kind, Bytes name) {
  Topic* topic = FindTopic(kind, name);
  if (topic == nullptr) return false;
  SubscriptionSet& set = subscriber.subscriptions_;
  auto link = set.links_.find(topic);
  if (link == set.links_.end()) return false;
  set.name_bytes_ -= name.size();
  Leave(*topic, link->second);
  set.links_.erase(link);
  --set.counts_[static_cast<size_t>(kind)];
  return true;
}

void LocalSubscriptions::UnsubscribeAll(Subscriber& subscriber) {
  SubscriptionSet& set = subscriber.subscriptions_;
  for (auto& [topic, subscription] : set.links_) Leave(*topic, subscription);
  set.links_.clear();
  set.counts_.fill(0);
  set.name_bytes_ = 0;
}

void LocalSubscriptions::Leave(Topic& topic, Subscription& subscription) {
  registry_.Remove(topic.kind, topic.name, worker_);
  --topic.subscribers;
  if (depth_ > 0) {
    topic.places[subscription.place] = nullptr;  // P1
    if (!topic.untidy) untidy_.push_back(&topic);
    topic.untidy = true;
    return;
  }
  // The last one takes the place that became free.
  topic.places[subscription.place] = topic.places.back();
  topic.places[subscription.place]->place = subscription.place;
  topic.places.pop_back();
  if (topic.subscribers == 0) Drop(topic);
}

void LocalSubscriptions::Drop(Topic& topic) {
  if (topic.kind == Kind::kPattern) {
    Topic* last = patterns_.back();
    patterns_[topic.pattern_index] = last;
    last->pattern_index = topic.pattern_index;
    patterns_.pop_back();
  }
  Topics& all = topics(topic.kind);
  all.erase(all.find(topic.name));
}

void LocalSubscriptions::TidyTopic(Topic& topic) {
  topic.untidy = false;
  std::erase(topic.places, nullptr);
  for (size_t i = 0; i < topic.places.size(); ++i) topic.places[i]->place = i;
  if (topic.subscribers == 0) Drop(topic);
}

void LocalSubscriptions::Tidy() {
  for (Topic* topic : untidy_) TidyTopic(*topic);
  untidy_.clear();
}

uint64_t LocalSubscriptions::DeliverTo(Topic& topic, const Message& message) {
  uint64_t calls = 0;
  message.forms->Reset();
  const size_t end = topic.places.size();
  for (size_t i = 0; i < end; ++i) {
    Subscription* subscription = topic.places[i];
    if (subscription == nullptr) continue;
    subscription->subscriber->OnMessage(message);
    ++calls;
  }
  return calls;
}

uint64_t LocalSubscriptions::DeliverAll(const Message& message, WireForms& forms) {
  Message round = message;
  round.forms = &forms;
  uint64_t calls = 0;
  if (Topic* topic = FindTopic(message.kind, message.channel)) calls += DeliverTo(*topic, round);
  if (message.kind == Kind::kChannel) {
    round.kind = Kind::kPattern;
    const size_t end = patterns_.size();  // only grows during a round (P2)
    for (size_t i = 0; i < end; ++i) {
      Topic& topic = *patterns_[i];
      if (!GlobMatch(topic.name, message.channel)) continue;
      round.pattern = topic.name;
      calls += DeliverTo(topic, round);
    }
  }
  forms.Reset();
  return calls;
}

uint64_t LocalSubscriptions::Deliver(const Message& message) {
  TERRACE_DCHECK(message.kind != Kind::kPattern);
  uint64_t calls = 0;
  ++depth_;
  if (depth_ == 1) {
    calls = DeliverAll(message, forms_);
  } else {
    // A subscriber publishes from OnMessage: the outer round still needs its encoded bytes.
    WireForms forms;
    calls = DeliverAll(message, forms);
  }
  if (--depth_ == 0 && !untidy_.empty()) Tidy();
  return calls;
}

}  // namespace terrace::pubsub
