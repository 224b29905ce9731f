// Clock: the one door to time. Tests hand out time by themselves.
#pragma once

#include <atomic>
#include <cstdint>

namespace terrace {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Milliseconds since the epoch; may jump when the administrator sets the clock.
  virtual uint64_t WallMs() = 0;
  /// Microseconds since the epoch.
  virtual uint64_t WallUs() = 0;
  /// Nanoseconds that only go forward, for measuring. Cheap: read twice a command.
  virtual uint64_t MonotonicNs() = 0;
};

/// The machine's clocks. Thread safe.
Clock& SystemClock();

/// A clock that stands until it is moved.
class ManualClock : public Clock {
 public:
  explicit ManualClock(uint64_t start_ms = 1'700'000'000'000) : now_us_(start_ms * 1000) {}
  uint64_t WallMs() override { return now_us_ / 1000; }
  uint64_t WallUs() override { return now_us_; }
  uint64_t MonotonicNs() override { return now_us_ * 1000; }
  void AdvanceMs(uint64_t ms) { now_us_ += ms * 1000; }

 private:
  std::atomic<uint64_t> now_us_;
};

}  // namespace terrace
