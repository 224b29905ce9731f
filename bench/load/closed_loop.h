// ClosedLoop: connections that each send a batch of requests, wait for all its replies and send the next.
//
// One thread and epoll. Every operation is counted: at the end the loop stops sending and waits for what is under way,
// so that operations and server CPU belong to each other.
#pragma once

#include <cstdint>
#include <string>

#include "load/link.h"

namespace terrace::load {

struct LoopOptions {
  Target target;
  std::string line;  // what to send, see RequestTemplate
  size_t value_bytes = 64;
  uint64_t keys = 1'000'000;  // {r} is below
  uint64_t first = 0;         // {s} starts here
  unsigned connections = 50;
  unsigned pipeline = 1;
  double seconds = 0;  // one of the two ends it
  uint64_t requests = 0;
  uint64_t seed = 1;
  int server_pid = 0;
};

/// Runs and prints the report: latency is per batch, from its first byte sent to its last reply.
void RunClosedLoop(const LoopOptions& options);

}  // namespace terrace::load
