#include "pubsub/channel_registry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/glob.h"
#include "base/random.h"

namespace terrace::pubsub {
namespace {

std::vector<std::string> Sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

// The same promise, kept the slow way: (kind, name) -> subscribers per worker.
class Model {
 public:
  void Add(Kind kind, const std::string& name, unsigned worker) { ++names_[{kind, name}][worker]; }

  bool Has(Kind kind, const std::string& name, unsigned worker) const {
    auto found = names_.find({kind, name});
    return found != names_.end() && found->second.count(worker) != 0;
  }

  void Remove(Kind kind, const std::string& name, unsigned worker) {
    auto found = names_.find({kind, name});
    if (--found->second[worker] == 0) found->second.erase(worker);
    if (found->second.empty()) names_.erase(found);
  }

  Targets Find(bool sharded, const std::string& channel) const {
    Targets targets;
    for (const auto& [key, workers] : names_) {
      const auto& [kind, name] = key;
      const bool exact =
          kind == (sharded ? Kind::kShardChannel : Kind::kChannel) && name == channel;
      const bool matches = !sharded && kind == Kind::kPattern && GlobMatch(name, channel);
      if (!exact && !matches) continue;
      for (const auto& [worker, count] : workers) {
        targets.receivers += count;
        targets.workers |= uint64_t{1} << worker;
      }
    }
    return targets;
  }

  std::vector<std::string> Names(Kind kind) const {
    std::vector<std::string> names;
    for (const auto& [key, workers] : names_) {
      if (key.first == kind) names.push_back(key.second);
    }
    return Sorted(std::move(names));
  }

 private:
  std::map<std::pair<Kind, std::string>, std::map<unsigned, unsigned>> names_;
};

TEST_SUITE("pubsub/channel_registry") {
  TEST_CASE(
      "a publisher finds receivers and workers of the channel and of every matching pattern") {
    ChannelRegistry registry;
    CHECK(registry.empty());
    registry.Add(Kind::kChannel, "news", 0);
    registry.Add(Kind::kChannel, "news", 63);
    registry.Add(Kind::kChannel, "news", 63);
    registry.Add(Kind::kPattern, "n*", 2);
    registry.Add(Kind::kPattern, "ne?s", 2);
    registry.Add(Kind::kPattern, "x*", 5);
    CHECK_FALSE(registry.empty());

    const Targets targets = registry.Find("news");
    CHECK(targets.receivers == 5);
    CHECK(targets.workers == ((uint64_t{1} << 63) | 0b101));
    CHECK(registry.Find("other").receivers == 0);
    CHECK(registry.Find("other").workers == 0);
    CHECK(registry.Count(Kind::kChannel, "news") == 3);
    CHECK(registry.PatternCount() == 3);
  }

  TEST_CASE("shard channels are apart: no pattern matches them and they leave empty() alone") {
    ChannelRegistry registry;
    registry.Add(Kind::kShardChannel, "news", 1);
    CHECK(registry.empty());
    CHECK(registry.Find("news").receivers == 0);
    CHECK(registry.FindShard("news").receivers == 1);
    CHECK(registry.FindShard("news").workers == 0b10);
    registry.Add(Kind::kPattern, "*", 0);
    CHECK(registry.FindShard("news").receivers == 1);
    CHECK(registry.totals().shard_channels == 1);
    CHECK(registry.totals().channels == 0);
    CHECK(registry.totals().patterns == 1);
  }

  TEST_CASE("a name is gone when its last subscriber is") {
    ChannelRegistry registry;
    registry.Add(Kind::kPattern, "a*", 0);
    registry.Add(Kind::kPattern, "a*", 1);
    CHECK(registry.Find("ab").workers == 0b11);
    registry.Remove(Kind::kPattern, "a*", 0);
    CHECK(registry.Find("ab").workers == 0b10);
    registry.Remove(Kind::kPattern, "a*", 1);
    CHECK(registry.Find("ab").receivers == 0);
    CHECK(registry.PatternCount() == 0);
    CHECK(registry.empty());
  }

  TEST_CASE("names are listed by kind and by pattern") {
    ChannelRegistry registry;
    registry.Add(Kind::kChannel, "a1", 0);
    registry.Add(Kind::kChannel, "a2", 1);
    registry.Add(Kind::kChannel, "b1", 0);
    registry.Add(Kind::kShardChannel, "a3", 0);
    registry.Add(Kind::kPattern, "a*", 0);
    CHECK(Sorted(registry.Channels(Kind::kChannel)) == std::vector<std::string>{"a1", "a2", "b1"});
    CHECK(Sorted(registry.Channels(Kind::kChannel, "a*")) == std::vector<std::string>{"a1", "a2"});
    CHECK(registry.Channels(Kind::kShardChannel) == std::vector<std::string>{"a3"});
    CHECK(registry.Channels(Kind::kPattern) == std::vector<std::string>{"a*"});
  }

  TEST_CASE("random changes keep the registry equal to a plain map") {
    ChannelRegistry registry({1, 2});
    Model model;
    Random random(7);
    const std::vector<std::string> names = {"a", "ab",    "abc", "a*", "?b",
                                            "*", "[ab]*", "",    "b",  "b\\*"};
    for (int step = 0; step < 20'000; ++step) {
      const Kind kind = static_cast<Kind>(random.Below(kKinds));
      const std::string& name = names[random.Below(names.size())];
      const unsigned worker = static_cast<unsigned>(random.Below(5) * 15);
      // Tides: mostly arrivals, then mostly departures, so that names vanish now and then.
      const bool arrive = random.Below(10) < (step / 500 % 2 == 0 ? 7u : 2u);
      if (arrive) {
        registry.Add(kind, name, worker);
        model.Add(kind, name, worker);
      } else if (model.Has(kind, name, worker)) {
        registry.Remove(kind, name, worker);
        model.Remove(kind, name, worker);
      }
      const Targets found = registry.Find(name), expected = model.Find(false, name);
      REQUIRE(found.receivers == expected.receivers);
      REQUIRE(found.workers == expected.workers);
      const Targets shard = registry.FindShard(name), shard_expected = model.Find(true, name);
      REQUIRE(shard.receivers == shard_expected.receivers);
      REQUIRE(shard.workers == shard_expected.workers);
      REQUIRE(Sorted(registry.Channels(kind)) == model.Names(kind));
      REQUIRE(registry.PatternCount() == model.Names(Kind::kPattern).size());
      REQUIRE(registry.empty() ==
              (model.Names(Kind::kChannel).empty() && model.Names(Kind::kPattern).empty()));
    }
  }

  TEST_CASE("several workers change and ask at once, and nothing is left when all have left") {
    ChannelRegistry registry;
    std::vector<std::thread> workers;
    for (unsigned worker = 0; worker < 4; ++worker) {
      workers.emplace_back([&registry, worker] {
        Random random(worker);
        std::vector<std::pair<Kind, std::string>> mine;
        for (int step = 0; step < 5'000; ++step) {
          const Kind kind = static_cast<Kind>(random.Below(kKinds));
          std::string name =
              "n" + std::to_string(random.Below(6)) + (kind == Kind::kPattern ? "*" : "");
          if (random.Below(2) == 0) {
            registry.Add(kind, name, worker);
            mine.emplace_back(kind, std::move(name));
          } else if (!mine.empty()) {
            std::swap(mine[random.Below(mine.size())], mine.back());
            registry.Remove(mine.back().first, mine.back().second, worker);
            mine.pop_back();
          }
          if (step % 64 == 0) (void)registry.Channels(kind, "n*");
          // What this worker itself holds must always be visible to it.
          if (mine.empty()) continue;
          const auto& [held, held_name] = mine.back();
          const Targets targets = held == Kind::kShardChannel ? registry.FindShard(held_name)
                                                              : registry.Find(held_name);
          if ((targets.workers >> worker & 1) == 0) std::abort();
        }
        for (const auto& [kind, name] : mine) registry.Remove(kind, name, worker);
      });
    }
    for (std::thread& worker : workers) worker.join();
    CHECK(registry.empty());
    CHECK(registry.totals().shard_channels == 0);
    CHECK(registry.Channels(Kind::kChannel).empty());
    CHECK(registry.Find("n1").receivers == 0);
  }
}

}  // namespace
}  // namespace terrace::pubsub
