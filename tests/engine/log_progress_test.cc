#include "engine/log_progress.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "engine/write_offsets.h"

using namespace terrace::engine;

namespace {

struct Bell : LogProgress::Waiter {
  void OnLogReached() noexcept override { rings.fetch_add(1); }
  std::atomic<int> rings{0};
};

}  // namespace

TEST_SUITE("engine/log_progress") {
  TEST_CASE("without a promise everything is reached, with one what Advance says, and never less") {
    LogProgress progress;
    CHECK(progress.reached() == LogProgress::kEverything);
    progress.Promise(10);
    CHECK(progress.reached() == 10);
    progress.Advance(20);
    progress.Advance(15);
    CHECK(progress.reached() == 20);
    progress.EndPromise();
    progress.Advance(30);
    CHECK(progress.reached() == LogProgress::kEverything);
  }

  TEST_CASE("a waiter is told once, when what it needs is reached, and at once if it is already") {
    LogProgress progress;
    Bell bell;
    progress.Join(bell);
    progress.Promise(0);
    progress.WaitFor(bell, 10);
    progress.Advance(9);
    CHECK(bell.rings == 0);
    progress.Advance(10);
    CHECK(bell.rings == 1);
    progress.Advance(11);
    CHECK(bell.rings == 1);
    progress.WaitFor(bell, 5);
    CHECK(bell.rings == 2);
    progress.Leave(bell);
  }

  TEST_CASE("no wake-up is lost between one who waits and one who advances") {
    constexpr uint64_t kRounds = 500;
    LogProgress progress;
    Bell bell;
    progress.Join(bell);
    progress.Promise(0);
    std::atomic<uint64_t> wanted{0};
    std::thread writer([&] {
      for (uint64_t i = 1; i <= kRounds; ++i) {
        while (wanted.load() < i) std::this_thread::yield();
        progress.Advance(i);
      }
    });
    for (uint64_t i = 1; i <= kRounds; ++i) {
      wanted.store(i);
      progress.WaitFor(bell, i);
      while (bell.rings.load() < static_cast<int>(i)) std::this_thread::yield();
    }
    writer.join();
    CHECK(bell.rings == static_cast<int>(kRounds));
    progress.Leave(bell);
  }

  TEST_CASE(
      "a place keeps the highest offset of its keys, and an offset of all keys counts for each") {
    WriteOffsets offsets;
    offsets.Make();
    constexpr uint64_t kSamePlace = uint64_t{1} << 40;
    CHECK(offsets.Of(0x10000) == 0);
    offsets.Record(0x10000, 7);
    offsets.Record(0x10000 + kSamePlace, 5);
    CHECK(offsets.Of(0x10000) == 7);
    CHECK(offsets.Of(0x20000) == 0);
    offsets.RecordAll(6);
    CHECK(offsets.Of(0x10000) == 7);
    CHECK(offsets.Of(0x20000) == 6);
  }
}
