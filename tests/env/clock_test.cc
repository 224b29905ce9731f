#include "env/clock.h"

#include <doctest/doctest.h>
#include <time.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace terrace {
namespace {

uint64_t KernelNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

TEST_SUITE("env/clock") {
  TEST_CASE("the monotonic clock never goes back, on any thread") {
    std::vector<std::thread> threads;
    std::array<std::atomic<bool>, 2> backwards{};
    for (size_t t = 0; t < backwards.size(); ++t) {
      threads.emplace_back([&backwards, t] {
        bool back = false;
        uint64_t before = SystemClock().MonotonicNs();
        for (int i = 0; i < 200'000; ++i) {
          const uint64_t now = SystemClock().MonotonicNs();
          back |= now < before;
          before = now;
        }
        if (back) backwards[t] = true;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(!backwards[0]);
    CHECK(!backwards[1]);
  }

  // Whatever it counts by, it is the kernel's time: a reading between two of the kernel's lies between them, give or take
  // what its rate may be wrong by.
  TEST_CASE("the monotonic clock agrees with the kernel's") {
    SystemClock().MonotonicNs();
    constexpr uint64_t kToleranceNs = 1'000'000;
    for (int i = 0; i < 1000; ++i) {
      const uint64_t before = KernelNs();
      const uint64_t between = SystemClock().MonotonicNs();
      const uint64_t after = KernelNs();
      REQUIRE(between + kToleranceNs >= before);
      REQUIRE(between <= after + kToleranceNs);
    }
  }

  TEST_CASE("a manual clock stands until it is moved") {
    ManualClock clock(1000);
    CHECK(clock.WallMs() == 1000);
    CHECK(clock.WallMs() == 1000);
    clock.AdvanceMs(5);
    CHECK(clock.WallMs() == 1005);
    CHECK(clock.WallUs() == 1'005'000);
    CHECK(clock.MonotonicNs() == 1'005'000'000);
  }
}

}  // namespace
}  // namespace terrace
