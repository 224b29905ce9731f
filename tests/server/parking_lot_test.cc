#include "server/parking_lot.h"

#include <doctest/doctest.h>

#include <memory>
#include <thread>

#include "exec/session.h"

using namespace terrace;
using exec::Wait;
using server::ParkingLot;

namespace {

constexpr uint64_t kNsPerMs = 1'000'000;

struct Fixture : exec::Waker {
  void Wake(std::shared_ptr<Wait> wait) noexcept override { lot.Post(std::move(wait)); }
  std::shared_ptr<Wait> Waiting(uint64_t deadline_ns) {
    return std::make_shared<Wait>(next_++, deadline_ns, exec::OwnedRequest(), session, Type::kList);
  }

  ParkingLot lot;
  exec::Session session{1, this};

 private:
  uint64_t next_ = 1;
};

}  // namespace

TEST_SUITE("server/parking_lot") {
  TEST_CASE("waits time out in the order of their deadlines, and not before") {
    Fixture parked;
    const auto late = parked.Waiting(30 * kNsPerMs);
    const auto soon = parked.Waiting(20 * kNsPerMs);
    const auto tie = parked.Waiting(20 * kNsPerMs);
    const auto never = parked.Waiting(0);
    CHECK(parked.lot.Add(late));
    CHECK(parked.lot.Add(soon));
    CHECK_FALSE(parked.lot.Add(tie));
    CHECK_FALSE(parked.lot.Add(never));
    CHECK(parked.lot.timeouts() == 3);
    CHECK(parked.lot.NextMs(10 * kNsPerMs) == 10);
    CHECK(parked.lot.NextMs(10 * kNsPerMs + 1) == 10);  // rounded up: a timer never comes too early
    CHECK(parked.lot.NextMs(25 * kNsPerMs) == 1);
    CHECK(parked.lot.TakeTimedOut(20 * kNsPerMs - 1) == nullptr);
    CHECK(parked.lot.TakeTimedOut(20 * kNsPerMs) == soon);
    CHECK(parked.lot.TakeTimedOut(20 * kNsPerMs) == tie);
    CHECK(parked.lot.TakeTimedOut(20 * kNsPerMs) == nullptr);
    CHECK(soon->state() == Wait::State::kTimedOut);
    CHECK(late->state() == Wait::State::kWaiting);
    CHECK(parked.lot.NextMs(20 * kNsPerMs) == 10);
    parked.lot.Remove(*late);
    CHECK(parked.lot.NextMs(0) == 0);
  }

  TEST_CASE("a wait that is for time alone starts anew when it is over") {
    Fixture parked;
    const auto wait = parked.Waiting(20 * kNsPerMs);
    wait->anew_in_time = true;
    CHECK(parked.lot.Add(wait));
    CHECK(parked.lot.TakeTimedOut(20 * kNsPerMs) == wait);
    CHECK(wait->state() == Wait::State::kRestarted);
  }

  TEST_CASE("a wait that has ended otherwise does not time out, too") {
    Fixture parked;
    const auto restarted = parked.Waiting(kNsPerMs);
    const auto next = parked.Waiting(kNsPerMs);
    parked.lot.Add(restarted);
    parked.lot.Add(next);
    std::thread([&] { restarted->Restart(); }).join();
    CHECK(parked.lot.has_posted());
    CHECK(parked.lot.TakeTimedOut(kNsPerMs) == next);
    CHECK(parked.lot.TakeTimedOut(kNsPerMs) == nullptr);
    CHECK(parked.lot.TakePosted() == std::vector{restarted});
    CHECK_FALSE(parked.lot.has_posted());
    CHECK(parked.lot.timeouts() == 0);
  }

  TEST_CASE(
      "one that somebody is about to serve when its time is over is looked at again a little "
      "later") {
    Fixture parked;
    const auto wait = parked.Waiting(kNsPerMs);
    parked.lot.Add(wait);
    REQUIRE(wait->TryEnd(Wait::State::kClaimed));
    CHECK(parked.lot.TakeTimedOut(kNsPerMs) == nullptr);
    CHECK(parked.lot.timeouts() == 1);
    wait->Settle(Wait::State::kWaiting);  // there was nothing for it
    const uint64_t again_ns = kNsPerMs + parked.lot.NextMs(kNsPerMs) * kNsPerMs;
    CHECK(again_ns <= 3 * kNsPerMs);
    CHECK(parked.lot.TakeTimedOut(again_ns) == wait);
    CHECK(wait->state() == Wait::State::kTimedOut);
  }
}
