#include "pubsub/local_subscriptions.h"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/glob.h"
#include "base/mutex.h"
#include "base/random.h"

namespace terrace::pubsub {
namespace {

Message Published(Bytes channel, Bytes payload) { return {.channel = channel, .payload = payload}; }

// Notes what it hears as "kind:pattern:channel:payload" and then does what the test asks for.
class Listener : public Subscriber {
 public:
  void OnMessage(const Message& message) noexcept override {
    static constexpr char kLetters[] = {'c', 'p', 's'};
    std::string line(1, kLetters[static_cast<size_t>(message.kind)]);
    line.append(":")
        .append(message.pattern)
        .append(":")
        .append(message.channel)
        .append(":")
        .append(message.payload);
    heard.push_back(std::move(line));
    wire_places.push_back(message.Wire(Protocol::kResp2).data());
    wire = message.Wire(Protocol::kResp2);
    if (then) then();
  }

  std::vector<std::string> heard;
  std::vector<const char*> wire_places;
  std::string wire;
  std::function<void()> then;
};

using Lines = std::vector<std::string>;

TEST_SUITE("pubsub/local_subscriptions") {
  TEST_CASE("a message reaches the channel first and then each matching pattern") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 3);
    Listener a;
    CHECK(local.Subscribe(a, Kind::kPattern, "n*"));
    CHECK(local.Subscribe(a, Kind::kChannel, "news"));
    CHECK(local.Subscribe(a, Kind::kPattern, "x*"));
    CHECK(local.Subscribe(a, Kind::kShardChannel, "news"));
    CHECK_FALSE(local.Subscribe(a, Kind::kChannel, "news"));
    CHECK(registry.Find("news").receivers == 2);
    CHECK(registry.Find("news").workers == 0b1000);

    CHECK(local.Deliver(Published("news", "1")) == 2);
    CHECK(a.heard == Lines{"c::news:1", "p:n*:news:1"});
    CHECK(a.wire == "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\n1\r\n");
    CHECK(local.Deliver({.kind = Kind::kShardChannel, .channel = "news", .payload = "2"}) == 1);
    CHECK(a.heard.back() == "s::news:2");
    CHECK(local.Deliver(Published("other", "3")) == 0);
    local.UnsubscribeAll(a);
    CHECK(registry.empty());
  }

  TEST_CASE("counts and names of a subscriber follow its subscriptions in their order") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 0);
    Listener a;
    for (const char* name : {"z", "y", "x", "w"}) local.Subscribe(a, Kind::kChannel, name);
    local.Subscribe(a, Kind::kPattern, "p*");
    local.Subscribe(a, Kind::kShardChannel, "s");
    CHECK(local.Unsubscribe(a, Kind::kChannel, "y"));
    CHECK_FALSE(local.Unsubscribe(a, Kind::kChannel, "y"));
    CHECK_FALSE(local.Unsubscribe(a, Kind::kPattern, "z"));
    local.Subscribe(a, Kind::kChannel, "y");
    CHECK(a.subscriptions().Names(Kind::kChannel) == Lines{"z", "x", "w", "y"});
    CHECK(a.subscriptions().Names(Kind::kPattern) == Lines{"p*"});
    CHECK(a.subscriptions().ordinary_count() == 5);
    CHECK(a.subscriptions().shard_count() == 1);
    for (const std::string& name : a.subscriptions().Names(Kind::kChannel)) {
      CHECK(local.Unsubscribe(a, Kind::kChannel, name));
    }
    CHECK(a.subscriptions().count(Kind::kChannel) == 0);
    local.UnsubscribeAll(a);
    CHECK(a.subscriptions().empty());
  }

  TEST_CASE(
      "fifty subscribers append the same encoded bytes, and the next message reuses their buffer") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 0);
    std::vector<Listener> listeners(50);
    for (Listener& listener : listeners) local.Subscribe(listener, Kind::kChannel, "ch");
    CHECK(local.Deliver(Published("ch", "hello")) == 50);
    CHECK(local.Deliver(Published("ch", "world")) == 50);
    const char* place = listeners[0].wire_places[0];
    for (Listener& listener : listeners) {
      CHECK(listener.wire_places == std::vector<const char*>{place, place});
      CHECK(listener.wire == "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nworld\r\n");
      local.UnsubscribeAll(listener);
    }
  }

  TEST_CASE("a subscriber may leave while it is called, and the others still hear") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 0);
    std::vector<Listener> listeners(4);
    for (Listener& listener : listeners) {
      local.Subscribe(listener, Kind::kChannel, "ch");
      local.Subscribe(listener, Kind::kPattern, "c*");
      listener.then = [&local, &listener] { local.UnsubscribeAll(listener); };
    }
    CHECK(local.Deliver(Published("ch", "1")) == 4);
    for (Listener& listener : listeners) CHECK(listener.heard == Lines{"c::ch:1"});
    CHECK(registry.empty());
    CHECK(local.Deliver(Published("ch", "2")) == 0);
  }

  TEST_CASE("a subscriber may destroy another one that has not been called yet") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 0);
    Listener first;
    auto second = std::make_unique<Listener>();
    local.Subscribe(first, Kind::kChannel, "ch");
    local.Subscribe(*second, Kind::kChannel, "ch");
    local.Subscribe(*second, Kind::kPattern, "*");
    first.then = [&] {
      local.UnsubscribeAll(*second);
      second.reset();
    };
    CHECK(local.Deliver(Published("ch", "1")) == 1);
    local.UnsubscribeAll(first);
  }

  TEST_CASE("who leaves and comes back during a message is there for the next one") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 0);
    Listener a, late;
    local.Subscribe(a, Kind::kChannel, "ch");
    a.then = [&] {
      local.Unsubscribe(a, Kind::kChannel, "ch");
      local.Subscribe(a, Kind::kChannel, "ch");
      local.Subscribe(late, Kind::kChannel, "ch");
    };
    CHECK(local.Deliver(Published("ch", "1")) == 1);
    a.then = nullptr;
    CHECK(local.Deliver(Published("ch", "2")) == 2);
    CHECK(a.heard == Lines{"c::ch:1", "c::ch:2"});
    CHECK(late.heard == Lines{"c::ch:2"});
    local.UnsubscribeAll(a);
    local.UnsubscribeAll(late);
  }

  TEST_CASE("a message published from a message leaves the outer one's bytes alone") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 0);
    Listener outer, second, inner;
    local.Subscribe(outer, Kind::kChannel, "ch");
    local.Subscribe(second, Kind::kChannel, "ch");
    local.Subscribe(inner, Kind::kChannel, "inner");
    outer.then = [&] {
      local.Deliver(Published("inner", "deep"));
      local.UnsubscribeAll(inner);
    };
    CHECK(local.Deliver(Published("ch", "1")) == 2);
    CHECK(inner.heard == Lines{"c::inner:deep"});
    CHECK(second.wire == "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\n1\r\n");
    local.UnsubscribeAll(outer);
    local.UnsubscribeAll(second);
  }

  TEST_CASE("random subscribers hear exactly what a plain map says") {
    ChannelRegistry registry;
    LocalSubscriptions local(registry, 0);
    std::vector<Listener> listeners(8);
    std::vector<std::set<std::pair<Kind, std::string>>> model(listeners.size());
    Random random(11);
    const Lines names = {"a", "ab", "b", "a*", "*b", "?", "[ab]"};
    for (int step = 0; step < 20'000; ++step) {
      const size_t who = random.Below(listeners.size());
      const Kind kind = static_cast<Kind>(random.Below(kKinds));
      const std::string& name = names[random.Below(names.size())];
      switch (random.Below(8)) {
        case 0:
          local.UnsubscribeAll(listeners[who]);
          model[who].clear();
          break;
        case 1:
        case 2:
        case 3:
          REQUIRE(local.Subscribe(listeners[who], kind, name) ==
                  model[who].insert({kind, name}).second);
          break;
        case 4:
          REQUIRE(local.Unsubscribe(listeners[who], kind, name) ==
                  (model[who].erase({kind, name}) == 1));
          break;
        default: {
          const Kind published = random.Below(2) == 0 ? Kind::kChannel : Kind::kShardChannel;
          const uint64_t calls =
              local.Deliver({.kind = published, .channel = name, .payload = "m"});
          uint64_t expected_calls = 0;
          for (size_t i = 0; i < listeners.size(); ++i) {
            size_t expected = model[i].count({published, name});
            for (const auto& [held, pattern] : model[i]) {
              if (published == Kind::kChannel && held == Kind::kPattern)
                expected += GlobMatch(pattern, name);
            }
            REQUIRE(listeners[i].heard.size() == expected);
            listeners[i].heard.clear();
            expected_calls += expected;
          }
          REQUIRE(calls == expected_calls);
          const Targets targets =
              published == Kind::kChannel ? registry.Find(name) : registry.FindShard(name);
          REQUIRE(targets.receivers == expected_calls);
        }
      }
    }
    for (Listener& listener : listeners) local.UnsubscribeAll(listener);
    CHECK(registry.empty());
  }
}

// A worker as the server has it, reduced to a mailbox that is drained by its thread.
class Worker {
 public:
  Worker(ChannelRegistry& registry, unsigned index) : local(registry, index) {}

  void Post(SharedMessage message) {
    MutexLock lock(mutex_);
    mail_.push_back(std::move(message));
  }

  void Drain() {
    std::vector<SharedMessage> batch;
    {
      MutexLock lock(mutex_);
      batch.swap(mail_);
    }
    for (const SharedMessage& message : batch) local.Deliver(message.view());
  }

  LocalSubscriptions local;

 private:
  Mutex mutex_;
  std::vector<SharedMessage> mail_ TERRACE_GUARDED_BY(mutex_);
};

TEST_SUITE("pubsub/workers") {
  TEST_CASE(
      "workers publish to each other at once and every subscriber hears every message of its "
      "channel") {
    constexpr unsigned kWorkers = 4;
    constexpr int kMessages = 500;
    ChannelRegistry registry;
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<Listener> listeners(kWorkers);
    for (unsigned i = 0; i < kWorkers; ++i) {
      workers.push_back(std::make_unique<Worker>(registry, i));
      workers[i]->local.Subscribe(listeners[i], Kind::kChannel, "all");
      workers[i]->local.Subscribe(listeners[i], Kind::kPattern, "only-" + std::to_string(i) + "*");
    }
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kWorkers; ++i) {
      threads.emplace_back([&, i] {
        Listener churn;
        for (int n = 0; n < kMessages; ++n) {
          const std::string target = "only-" + std::to_string(n % kWorkers) + "-x";
          for (const std::string& channel : {std::string("all"), target}) {
            const SharedMessage shared =
                SharedMessage::Copy(Kind::kChannel, channel, std::to_string(n));
            const uint64_t mask = registry.Find(channel).workers;
            for (unsigned w = 0; w < kWorkers; ++w) {
              if (mask >> w & 1) workers[w]->Post(shared);
            }
          }
          if (n % 2 == 0) {
            workers[i]->local.Subscribe(churn, Kind::kPattern, "churn*");
          } else {
            workers[i]->local.UnsubscribeAll(churn);
          }
          workers[i]->Drain();
        }
        workers[i]->local.UnsubscribeAll(churn);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (unsigned i = 0; i < kWorkers; ++i) {
      workers[i]->Drain();
      // "all" from every worker, and a quarter of the messages that go to one worker only.
      CHECK(listeners[i].heard.size() == kWorkers * kMessages + kMessages);
      workers[i]->local.UnsubscribeAll(listeners[i]);
    }
    CHECK(registry.empty());
  }
}

}  // namespace
}  // namespace terrace::pubsub
