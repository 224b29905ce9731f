// ServerCpu: the CPU time a server process has used, all its threads, user and system.
//
// From /proc/PID/task/*/schedstat, whose first number is nanoseconds on a CPU and whose second is nanoseconds spent
// waiting for one; utime and stime in /proc/PID/stat count whole ticks. A thread that ends takes its time with it:
// measure over a span in which the server starts and ends none.
#pragma once

#include <cstdint>

namespace terrace::load {

struct CpuTimes {
  uint64_t ran_ns = 0;
  uint64_t waited_ns =
      0;  // runnable, but somebody else had the CPU: how disturbed the measurement was
};

/// Zeros if `pid` is 0.
CpuTimes ReadServerCpu(int pid);

}  // namespace terrace::load
