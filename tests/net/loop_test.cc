#include "net/loop.h"

#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/support.h"

namespace terrace::net {
namespace {

// Writes one letter into a shared text.
struct Letter {
  std::string& text;
  char letter;
  void Write() { text.push_back(letter); }
  Callback callback() { return Bind<&Letter::Write>(this); }
};

TEST_SUITE("net/loop") {
  TEST_CASE("a turn runs timers, idle, prepare, the poll's callbacks and check, in this order") {
    Loop loop;
    std::string text;
    Letter timer_says{text, 't'}, idle_says{text, 'i'}, prepare_says{text, 'p'},
        check_says{text, 'c'};
    Letter doorbell_says{text, 'd'};
    Timer timer(loop, timer_says.callback());
    IdleHook idle(loop, idle_says.callback());
    PrepareHook prepare(loop, prepare_says.callback());
    CheckHook check(loop, check_says.callback());
    Doorbell doorbell(loop, doorbell_says.callback());
    check.Start();
    prepare.Start();
    idle.Start();
    timer.Start(0);
    doorbell.Ring();
    loop.RunNoWait();
    CHECK(text == "tipdc");
    CHECK_FALSE(timer.started());
    CHECK(idle.started());
    idle.Stop();
    prepare.Stop();
    loop.RunNoWait();
    CHECK(text == "tipdcc");
  }

  TEST_CASE("a descriptor's callback comes in the poll of every turn in which it is readable") {
    const int descriptor = ::eventfd(1, EFD_NONBLOCK);
    REQUIRE(descriptor >= 0);
    {
      Loop loop;
      std::string text;
      Letter readable_says{text, 'r'}, check_says{text, 'c'};
      CheckHook check(loop, check_says.callback());
      check.Start();
      DescriptorHook readable(loop, descriptor, readable_says.callback());
      loop.RunNoWait();
      CHECK(text == "c");
      readable.Start();
      loop.RunNoWait();
      loop.RunNoWait();
      CHECK(text == "crcrc");
      uint64_t times;
      CHECK(::read(descriptor, &times, sizeof times) == sizeof times);
      loop.RunNoWait();
      CHECK(text == "crcrcc");
    }
    ::close(descriptor);
  }

  TEST_CASE("a repeating timer goes on until it is stopped, and Stop() ends Run()") {
    Loop loop;
    struct Machine {
      explicit Machine(Loop& on) : loop(on), timer(on, Bind<&Machine::Tick>(this)) {}
      void Tick() {
        if (++ticks < 3) return;
        timer.Stop();
        loop.Stop();
      }
      Loop& loop;
      Timer timer;
      int ticks = 0;
    } machine(loop);
    Counter unused;
    Doorbell keeps_running(loop, unused.callback());
    const uint64_t start_ms = loop.now_ms();
    machine.timer.Start(1, 1);
    loop.Run();
    CHECK(machine.ticks == 3);
    CHECK(loop.now_ms() >= start_ms + 3);
  }

  TEST_CASE("hooks may be destroyed inside their own callbacks") {
    Loop loop;
    struct Machine {
      explicit Machine(Loop& loop) {
        timer.emplace(loop, Bind<&Machine::DropTimer>(this));
        check.emplace(loop, Bind<&Machine::DropCheck>(this));
        doorbell.emplace(loop, Bind<&Machine::DropDoorbell>(this));
      }
      void DropTimer() { timer.reset(); }
      void DropCheck() { check.reset(); }
      void DropDoorbell() { doorbell.reset(); }
      std::optional<Timer> timer;
      std::optional<CheckHook> check;
      std::optional<Doorbell> doorbell;
    } machine(loop);
    machine.timer->Start(0, 1);
    machine.check->Start();
    machine.doorbell->Ring();
    CHECK(RunUntil(loop, [&] { return !machine.timer && !machine.check && !machine.doorbell; }));
  }

  TEST_CASE("rings before the callback count as one, a ring after it brings another") {
    Loop loop;
    Counter rings;
    Doorbell doorbell(loop, rings.callback());
    for (int i = 0; i < 100; ++i) doorbell.Ring();
    loop.RunOnce();
    loop.RunNoWait();
    CHECK(rings.count == 1);
    doorbell.Ring();
    loop.RunOnce();
    CHECK(rings.count == 2);
  }

  TEST_CASE("a ring during the callback brings another") {
    Loop loop;
    struct Machine {
      explicit Machine(Loop& loop) : doorbell(loop, Bind<&Machine::OnRing>(this)) {}
      void OnRing() {
        if (++rings < 3) doorbell.Ring();
      }
      Doorbell doorbell;
      int rings = 0;
    } machine(loop);
    machine.doorbell.Ring();
    CHECK(RunUntil(loop, [&] { return machine.rings == 3; }));
  }

  TEST_CASE(
      "what was written before any ring is visible to the callback that follows, from several "
      "threads") {
    // Relaxed on purpose: only the doorbell orders these.
    constexpr int kThreads = 4;
    constexpr int kRings = 20'000;
    Loop loop;
    struct Machine {
      explicit Machine(Loop& loop) : doorbell(loop, Bind<&Machine::OnRing>(this)) {}
      void OnRing() {
        int sum = 0;
        for (const auto& value : written) sum += value.load(std::memory_order_relaxed);
        if (sum < seen) went_back = true;
        seen = sum;
      }
      Doorbell doorbell;
      std::atomic<int> written[kThreads]{};
      int seen = 0;
      bool went_back = false;
    } machine(loop);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&machine, t] {
        for (int i = 1; i <= kRings; ++i) {
          machine.written[t].store(i, std::memory_order_relaxed);
          machine.doorbell.Ring();
        }
      });
    }
    CHECK(RunUntil(loop, [&] { return machine.seen == kThreads * kRings; }));
    for (std::thread& thread : threads) thread.join();
    CHECK_FALSE(machine.went_back);
  }

  TEST_CASE("a signal of the process arrives on the loop while its hook is started") {
    Loop loop;
    Counter signals;
    SignalHook hook(loop, SIGUSR1, signals.callback());
    hook.Start();
    ::raise(SIGUSR1);
    CHECK(RunUntil(loop, [&] { return signals.count == 1; }));
  }
}

}  // namespace
}  // namespace terrace::net
