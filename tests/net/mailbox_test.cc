#include "net/mailbox.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "net/support.h"

namespace terrace::net {
namespace {

struct Letter {
  int producer;
  int number;
};

TEST_SUITE("net/mailbox") {
  TEST_CASE("the doorbell rings when the first item comes, and again after a drain") {
    Loop loop;
    Counter rings;
    Doorbell doorbell(loop, rings.callback());
    Mailbox<int> mailbox(doorbell, 10);
    CHECK(mailbox.TryPost(1));
    loop.RunOnce();
    CHECK(rings.count == 1);
    CHECK(mailbox.TryPost(2));  // not drained yet: somebody has been told already
    loop.RunNoWait();
    CHECK(rings.count == 1);
    std::vector<int> got;
    CHECK(mailbox.DrainInto(got));
    CHECK(got == std::vector{1, 2});
    CHECK_FALSE(mailbox.DrainInto(got));
    CHECK(got.empty());
    CHECK(mailbox.TryPost(3));
    loop.RunOnce();
    CHECK(rings.count == 2);
  }

  TEST_CASE("a full mailbox refuses and leaves the item alone") {
    Loop loop;
    Counter rings;
    Doorbell doorbell(loop, rings.callback());
    Mailbox<std::unique_ptr<int>> mailbox(doorbell, 1);
    CHECK(mailbox.TryPost(std::make_unique<int>(1)));
    auto item = std::make_unique<int>(2);
    CHECK_FALSE(mailbox.TryPost(std::move(item)));
    REQUIRE(item != nullptr);
    CHECK(*item == 2);
  }

  TEST_CASE(
      "a letter to oneself rings nothing, is never refused, and keeps its place among the others") {
    Loop loop;
    Counter rings;
    Doorbell doorbell(loop, rings.callback());
    Mailbox<int> mailbox(doorbell, 2);
    mailbox.PostToSelf(1);
    CHECK(mailbox.TryPost(2));
    mailbox.PostToSelf(3);
    CHECK_FALSE(mailbox.TryPost(4));
    loop.RunNoWait();
    CHECK(rings.count == 0);
    std::vector<int> got;
    CHECK(mailbox.DrainInto(got));
    CHECK(got == std::vector{1, 2, 3});
  }

  TEST_CASE("an outbox spills in order, says so, and is rung when there is room") {
    Loop loop;
    Counter consumer_rings, producer_rings;
    Doorbell consumer(loop, consumer_rings.callback());
    Doorbell producer(loop, producer_rings.callback());
    Mailbox<int> mailbox(consumer, 2);
    Outbox<int> outbox(mailbox, producer, 3);
    for (int i = 1; i <= 5; ++i) CHECK(outbox.Post(int{i}));
    CHECK_FALSE(outbox.Post(6));
    CHECK(outbox.backlogged());
    CHECK(outbox.backlog_items() == 3);
    CHECK_FALSE(outbox.Flush());

    std::vector<int> got;
    CHECK(mailbox.DrainInto(got));
    CHECK(got == std::vector{1, 2});
    CHECK(outbox.Post(6));  // behind the backlog, although the mailbox has room
    CHECK(RunUntil(loop, [&] { return producer_rings.count == 1; }));
    CHECK_FALSE(outbox.Flush());
    CHECK(mailbox.DrainInto(got));
    CHECK(got == std::vector{3, 4});
    CHECK(outbox.Flush());
    CHECK_FALSE(outbox.backlogged());
    CHECK(mailbox.DrainInto(got));
    CHECK(got == std::vector{5, 6});
    CHECK(RunUntil(loop, [&] { return producer_rings.count == 2; }));
  }

  TEST_CASE(
      "several producers through a small mailbox: nothing is lost and each one's order is kept") {
    constexpr int kProducers = 4;
    constexpr int kItems = 5'000;

    // A consumer on this thread.
    struct Consumer {
      explicit Consumer(Loop& loop)
          : doorbell(loop, Bind<&Consumer::OnRing>(this)), mailbox(doorbell, 64) {}
      void OnRing() {
        mailbox.DrainInto(batch);
        for (const Letter& letter : batch) {
          in_order = in_order && letter.number == next[letter.producer];
          ++next[letter.producer];
          ++received;
        }
      }
      Doorbell doorbell;
      Mailbox<Letter> mailbox;
      std::vector<Letter> batch;
      int next[kProducers] = {};
      int received = 0;
      bool in_order = true;
    };

    // A producer with a loop of its own, which posts only while it has no backlog and otherwise waits to be
    // rung.
    struct Producer {
      Producer(Mailbox<Letter>& mailbox, int id)
          : doorbell(loop, Bind<&Producer::Work>(this)), outbox(mailbox, doorbell, 16), my_id(id) {}
      void Work() {
        outbox.Flush();
        while (!outbox.backlogged() && posted < kItems) {
          // A batch, as one turn's work would post it: it may outgrow the mailbox, never the spill queue.
          for (int i = 0; i < 10 && posted < kItems; ++i) {
            if (!outbox.Post(Letter{my_id, posted})) refused = true;
            ++posted;
          }
        }
        if (posted == kItems && !outbox.backlogged()) loop.Stop();
      }
      void Run() {
        doorbell.Ring();
        loop.Run();
      }
      Loop loop;
      Doorbell doorbell;
      Outbox<Letter> outbox;
      int my_id;
      int posted = 0;
      bool refused = false;
    };

    Loop loop;
    Consumer consumer(loop);
    std::vector<std::unique_ptr<Producer>> producers;
    for (int i = 0; i < kProducers; ++i) {
      producers.push_back(std::make_unique<Producer>(consumer.mailbox, i));
    }
    std::vector<std::thread> threads;
    for (auto& producer : producers) threads.emplace_back([&producer] { producer->Run(); });
    CHECK(RunUntil(loop, [&] { return consumer.received == kProducers * kItems; }));
    for (std::thread& thread : threads) thread.join();
    CHECK(consumer.in_order);
    for (const auto& producer : producers) CHECK_FALSE(producer->refused);
  }
}

}  // namespace
}  // namespace terrace::net
