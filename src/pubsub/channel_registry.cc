#include "pubsub/channel_registry.h"

#include "base/check.h"
#include "base/glob.h"

namespace terrace::pubsub {

ChannelRegistry::ChannelRegistry(HashKey key) : key_(key) {
  auto prepare = [this](Stripe& stripe) {
    MutexLock lock(stripe.lock);
    stripe.names = Names(0, NameHash{key_});
  };
  for (Stripe& stripe : channels_) prepare(stripe);
  for (Stripe& stripe : shard_channels_) prepare(stripe);
  prepare(patterns_);
}

const ChannelRegistry::Stripe& ChannelRegistry::StripeOf(Kind kind, Bytes name) const {
  if (kind == Kind::kPattern) return patterns_;
  // The map inside uses the low bits, the stripe the high ones.
  const size_t index = SipHash13(key_, name) >> 58;
  static_assert(kStripes == 64);
  return kind == Kind::kChannel ? channels_[index] : shard_channels_[index];
}

ChannelRegistry::Stripe& ChannelRegistry::StripeOf(Kind kind, Bytes name) {
  return const_cast<Stripe&>(static_cast<const ChannelRegistry*>(this)->StripeOf(kind, name));
}

void ChannelRegistry::CountNames(Kind kind, int64_t change) {
  distinct_[static_cast<size_t>(kind)].fetch_add(static_cast<size_t>(change),
                                                 std::memory_order_relaxed);
  if (kind == Kind::kShardChannel) return;
  ordinary_names_.fetch_add(static_cast<uint64_t>(change), std::memory_order_relaxed);
}

// Names are counted under the stripe's lock: a name that comes and goes is never seen as minus one.
void ChannelRegistry::Add(Kind kind, Bytes name, unsigned worker) {
  Stripe& stripe = StripeOf(kind, name);
  MutexLock lock(stripe.lock);
  auto found = stripe.names.find(name);
  if (found == stripe.names.end()) {
    found = stripe.names.emplace(std::string(name), WorkerCounts()).first;
    CountNames(kind, 1);
  }
  found->second.Add(worker);
  stripe.snapshot.reset();
}

void ChannelRegistry::Remove(Kind kind, Bytes name, unsigned worker) {
  Stripe& stripe = StripeOf(kind, name);
  MutexLock lock(stripe.lock);
  auto found = stripe.names.find(name);
  TERRACE_CHECK(found != stripe.names.end());
  found->second.Remove(worker);
  if (found->second.total() == 0) {
    stripe.names.erase(found);
    CountNames(kind, -1);
  }
  stripe.snapshot.reset();
}

Targets ChannelRegistry::FindExact(Kind kind, Bytes name) const {
  if (Distinct(kind) == 0) return {};
  const Stripe& stripe = StripeOf(kind, name);
  MutexLock lock(stripe.lock);
  auto found = stripe.names.find(name);
  if (found == stripe.names.end()) return {};
  return {.receivers = found->second.total(), .workers = found->second.mask()};
}

std::shared_ptr<const ChannelRegistry::PatternSnapshot> ChannelRegistry::Patterns() const {
  MutexLock lock(patterns_.lock);
  if (patterns_.snapshot != nullptr) return patterns_.snapshot;
  auto snapshot = std::make_shared<PatternSnapshot>();
  snapshot->items.reserve(patterns_.names.size());
  for (const auto& [pattern, counts] : patterns_.names) {
    snapshot->items.push_back(
        {snapshot->text.size(), pattern.size(), counts.mask(), counts.total()});
    snapshot->text += pattern;
  }
  patterns_.snapshot = snapshot;
  return snapshot;
}

void ChannelRegistry::AddMatchingPatterns(Bytes channel, Targets* targets) const {
  if (Distinct(Kind::kPattern) == 0) return;
  const std::shared_ptr<const PatternSnapshot> patterns = Patterns();
  for (const PatternSnapshot::Item& item : patterns->items) {
    if (!GlobMatch(Bytes(patterns->text).substr(item.offset, item.bytes), channel)) continue;
    targets->receivers += item.receivers;
    targets->workers |= item.workers;
  }
}

Targets ChannelRegistry::Find(Bytes channel) const {
  if (empty()) return {};
  Targets targets = FindExact(Kind::kChannel, channel);
  AddMatchingPatterns(channel, &targets);
  return targets;
}

Targets ChannelRegistry::FindShard(Bytes channel) const {
  return FindExact(Kind::kShardChannel, channel);
}

std::vector<std::string> ChannelRegistry::Channels(Kind kind, std::optional<Bytes> pattern) const {
  std::vector<std::string> names;
  auto collect = [&](const Stripe& stripe) {
    MutexLock lock(stripe.lock);
    for (const auto& [name, counts] : stripe.names) {
      if (!pattern.has_value() || GlobMatch(*pattern, name)) names.push_back(name);
    }
  };
  if (kind == Kind::kPattern) {
    collect(patterns_);
  } else {
    for (const Stripe& stripe : kind == Kind::kChannel ? channels_ : shard_channels_)
      collect(stripe);
  }
  return names;
}

uint64_t ChannelRegistry::Count(Kind kind, Bytes name) const {
  return FindExact(kind, name).receivers;
}

RegistryTotals ChannelRegistry::totals() const {
  return {.channels = Distinct(Kind::kChannel),
          .patterns = Distinct(Kind::kPattern),
          .shard_channels = Distinct(Kind::kShardChannel)};
}

}  // namespace terrace::pubsub
