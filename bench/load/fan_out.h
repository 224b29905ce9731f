// FanOut: one publisher, many subscribers of one channel; what a delivery costs.
//
// The publisher keeps a few batches of PUBLISH under way: the next is sent when the deliveries of the oldest have
// arrived, so that no subscriber falls behind and the server never waits for us.
#pragma once

#include "load/link.h"

namespace terrace::load {

struct FanOutOptions {
  Target target;
  unsigned subscribers = 50;
  unsigned pipeline = 16;
  unsigned batches = 4;  // under way at once
  size_t value_bytes = 64;
  double seconds = 3;
  int server_pid = 0;
};

/// Operations are deliveries; latency is from sending a batch to the last of its deliveries.
void RunFanOut(const FanOutOptions& options);

}  // namespace terrace::load
