// ExpiryLateness: how long after a key's deadline its `expired` notification arrives.
//
// Keys are SET with PXAT deadlines spread evenly over a span that begins after the last of them is stored; the deadline
// can be told from the key's number, so a notification needs no table to be judged:
//
//   deadline_ms(i) = base_ms + shuffle(i) % span_ms
//
// Lateness is our wall clock when the notification was read, minus the deadline; server and client share the machine.
#pragma once

#include "load/link.h"

namespace terrace::load {

struct ExpiryOptions {
  Target target;
  uint64_t keys = 1'000'000;
  double span_seconds = 60;
  size_t value_bytes = 64;
  int server_pid = 0;
  bool realtime = false;  // listen before everything else on this CPU
};

void RunExpiryLateness(const ExpiryOptions& options);

}  // namespace terrace::load
