// Real-time priority, for whoever measures waits: being woken late would count against the server.
#pragma once

#include <sched.h>

#include <cstdio>

namespace terrace::load {

/// From now on this process runs before all others on its CPU, if it may.
inline void RunBeforeOthers() {
  const sched_param priority{1};
  if (sched_setscheduler(0, SCHED_FIFO, &priority) == 0) return;
  std::fprintf(stderr, "resp_load: no real-time priority, waits include those for this CPU\n");
}

}  // namespace terrace::load
