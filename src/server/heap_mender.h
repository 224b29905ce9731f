// HeapMender: in database mode, has a worker's heap mended (engine/defragmenter.h) while the process holds more memory than
// `maxmemory` and a twentieth: what is in use is below it, so the rest is holes.
//
// Threads: one for each worker, on its thread.
#pragma once

#include <cstdint>

#include "engine/defragmenter.h"
#include "net/loop.h"
#include "server/parts.h"

namespace terrace::server {

class Worker;

class HeapMender {
 public:
  HeapMender(Worker& worker, net::Loop& loop, Parts& parts);
  HeapMender(const HeapMender&) = delete;
  HeapMender& operator=(const HeapMender&) = delete;

  /// Some times a second.
  void Look();

 private:
  void OnTimer();
  bool HasHoles() const;

  Worker& worker_;
  Parts& parts_;
  engine::Defragmenter defragmenter_;
  net::Timer timer_;  // while a round is running
  uint64_t rest_until_ns_ = 0;
};

}  // namespace terrace::server
