#include "pubsub/subscriber.h"

#include <algorithm>
#include <utility>

namespace terrace::pubsub {

std::vector<std::string> SubscriptionSet::Names(Kind kind) const {
  std::vector<std::pair<uint64_t, const Topic*>> ordered;
  ordered.reserve(count(kind));
  for (const auto& [topic, subscription] : links_) {
    if (topic->kind == kind) ordered.emplace_back(subscription.sequence, topic);
  }
  std::sort(ordered.begin(), ordered.end());
  std::vector<std::string> names;
  names.reserve(ordered.size());
  for (const auto& [sequence, topic] : ordered) names.push_back(topic->name);
  return names;
}

}  // namespace terrace::pubsub
