// The three clocks of a measurement.
#pragma once

#include <time.h>

#include <cstdint>

namespace terrace::load {

inline uint64_t ReadClockNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}
/// For intervals.
inline uint64_t NowNs() { return ReadClockNs(CLOCK_MONOTONIC); }
/// For what the server promises in wall time: deadlines. Same machine, same clock.
inline uint64_t WallNs() { return ReadClockNs(CLOCK_REALTIME); }
/// CPU time this process has used.
inline uint64_t OwnCpuNs() { return ReadClockNs(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace terrace::load
