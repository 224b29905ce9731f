// How fast writers may go, over a world of a checkpoint that drains and writers who fill.
#include "engine/write_brake.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace terrace::engine {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMs = 1'000'000;

TEST_SUITE("engine/write_brake") {
  TEST_CASE("writers go as they like while little is held, and slower the more is") {
    WriteBrake brake;
    CHECK(brake.Rate(0) == 0);  // there is no limit
    CHECK(brake.Claim(1 << 30, 0, 5) == 5);
    const auto held = [&](uint64_t percent) {
      brake.SetLevel(
          {.held_bytes = percent, .room_bytes = 100, .log_offset = 70, .drain_per_s = 6400});
    };
    held(20);
    CHECK(brake.Rate(70) == 0);
    CHECK(brake.WantsCheckpoint(70));
    uint64_t last = UINT64_MAX;
    for (uint64_t percent = 21; percent < 80; ++percent) {
      held(percent);
      CHECK(brake.Rate(70) < last);
      last = brake.Rate(70);
    }
    held(50);
    CHECK(brake.Rate(70) == 6400);  // as fast as the disk
    CHECK(brake.Backlog(70) == doctest::Approx(0.5));
    held(80);
    CHECK(brake.Rate(70) == 100);  // but not nothing
    held(1000);
    CHECK(brake.Rate(70) == 100);
    // What has been logged since somebody looked is held, too.
    held(10);
    CHECK(!brake.WantsCheckpoint(79));
    CHECK(brake.WantsCheckpoint(80));
    CHECK(brake.Rate(110) == 6400);
    CHECK(brake.Held(110) == 50);
    // Runs that wait to be merged count like values that are held.
    held(0);
    brake.SetRuns(8);
    CHECK(brake.Rate(70) == 0);
    brake.SetRuns(20);
    CHECK(brake.Rate(70) == 6400);
    CHECK(!brake.WantsCheckpoint(70));
    brake.SetRuns(100);
    CHECK(brake.Rate(70) == 100);
  }

  TEST_CASE("each writer has a place of his own in time, and nobody waits for long") {
    WriteBrake brake;
    brake.SetLevel(
        {.held_bytes = 50, .room_bytes = 100, .log_offset = 0, .drain_per_s = 1'000'000});
    const uint64_t now = 10 * kSecond;
    // A kilobyte takes a millisecond: the first begins at once, and each other behind the one before.
    CHECK(brake.Claim(1000, 0, now) == now);
    CHECK(brake.Claim(1000, 0, now) == now + kMs);
    CHECK(brake.Claim(500, 0, now) == now + 2 * kMs);
    CHECK(brake.Claim(1000, 0, now) == now + 5 * kMs / 2);
    // Who comes less than a millisecond early need not wait, and has his place all the same.
    CHECK(brake.Claim(1000, 0, now + 3 * kMs) == now + 3 * kMs);
    CHECK(brake.Claim(1000, 0, now + 3 * kMs) == now + 9 * kMs / 2);
    // The time that nobody uses is not saved up.
    CHECK(brake.Claim(1000, 0, now + kSecond) == now + kSecond);
    CHECK(brake.Claim(1000, 0, now + kSecond) == now + kSecond + kMs);
    // However much others write, it is a second at the most.
    for (int i = 0; i < 10; ++i)
      CHECK(brake.Claim(1 << 30, 0, now + 2 * kSecond) <=
            now + 2 * kSecond + WriteBrake::kWaitNsMax);
  }

  // Writers as fast as they may be over checkpoints of what they have changed, as a server makes them.
  TEST_CASE("the rate finds that of the disk, and the room never fills up") {
    constexpr double kDrain = 100e6, kRoom = 100e6, kStep = 0.001;
    for (const double wish : {30e6, 90e6, 300e6, 5000e6}) {
      CAPTURE(wish);
      WriteBrake brake;
      double changed = 0, captured = 0, left_s = 0, written = 0, most = 0, least_rate = 1e12;
      constexpr int kSteps = 60'000;
      for (int i = 0; i < kSteps; ++i) {
        brake.SetLevel({.held_bytes = static_cast<uint64_t>(changed + captured),
                        .room_bytes = static_cast<uint64_t>(kRoom),
                        .log_offset = 0,
                        .drain_per_s = static_cast<uint64_t>(kDrain)});
        const uint64_t rate = brake.Rate(0);
        const double goes = rate == 0 ? wish : std::min(wish, static_cast<double>(rate));
        least_rate = std::min(least_rate, goes);
        changed += goes * kStep;
        if (i >= kSteps / 2) written += goes * kStep;
        most = std::max(most, changed + captured);
        if (left_s > 0 && (left_s -= kStep) <= 0) captured = 0;
        if (left_s <= 0 && brake.WantsCheckpoint(0)) {
          captured = changed;
          changed = 0;
          left_s = captured / kDrain + 0.02;
        }
      }
      const double mean = written / (kSteps / 2 * kStep);
      CHECK(mean > 0.8 * std::min(wish, kDrain));
      CHECK(most < 0.75 * kRoom);
      CHECK(least_rate > 0.1 * kDrain);
    }
  }

  TEST_CASE("delays are counted") {
    WriteBrake brake;
    brake.CountDelay(5 * kMs);
    brake.CountDelay(2 * kMs);
    CHECK(brake.counters().delayed == 2);
    CHECK(brake.counters().delay_us == 7000);
    CHECK(brake.counters().delay_us_max == 5000);
  }
}

}  // namespace
}  // namespace terrace::engine
