// Probe: what one light client feels while something else loads the server.
//
// A GET is due every millisecond. Only one is under way, so a stall holds the next ones back; they count with the wait
// they would have had:
//
//   due at      0   1   2   3   4   5   6            the reply to the GET of 1 comes at 4.5: waits 3.5 (sent),
//   sent        |   |                   |            2.5, 1.5 and 0.5 (held back); the next is sent at 5
//
// Without them one stall of 100 ms would be one sample among thousands, and no percentile would show it.
#pragma once

#include "load/link.h"

namespace terrace::load {

struct ProbeOptions {
  Target target;
  uint64_t keys = 1'000'000;
  double seconds = 0;  // 0: until SIGTERM or SIGINT
  bool realtime =
      false;  // run before everything else on this CPU, so that the waits are the server's
};

void RunProbe(const ProbeOptions& options);

}  // namespace terrace::load
