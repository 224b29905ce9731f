// HeapMender: in database mode, holds the process to about `maxmemory`. What is in use is not more, so what is beyond it are holes in
// the heap, and the program. Two things are done against that (docs/residency.md):
//
//   room     what may be used is lowered by up to a quarter (EvictionSettings::holes): values go instead
//            (server/room_for_holes.h)
//   mending  a worker's heap is mended (engine/defragmenter.h), so that pages become empty, and the room comes back
//
// Threads: one for each worker, on its thread.
#pragma once

#include <cstdint>

#include "engine/defragmenter.h"
#include "net/loop.h"
#include "server/parts.h"
#include "server/room_for_holes.h"

namespace terrace::server {

class Worker;

class HeapMender {
 public:
  HeapMender(Worker& worker, net::Loop& loop, Parts& parts);
  HeapMender(const HeapMender&) = delete;
  HeapMender& operator=(const HeapMender&) = delete;

  /// Some times a second.
  void Look();
  /// Before the thread ends.
  void End();

 private:
  void OnTimer();
  void RestInVain(uint64_t now_ns);

  Worker& worker_;
  Parts& parts_;
  engine::Defragmenter defragmenter_;
  net::Timer timer_;  // while a round is running
  uint64_t rest_until_ns_ = 0;
  RoomForHoles room_;  // the first worker's
  bool urgent_ = false;
};

}  // namespace terrace::server
