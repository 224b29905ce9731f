// ValueKeeper: the values of a running server that are not in memory (engine/residency.h): reads in what commands wait for, and
// behind a restart brings all of them back.
//
//   made       before the tables are loaded: what is loaded, replayed and run from now on may be without its value
//   Start      when the log is replayed, before the workers run
//   all there  (but where values may leave memory) the tables are closed, and nobody asks any more
//
// Threads: made, started and stopped by whoever owns it; the rest by any.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "engine/loop_value_reader.h"
#include "engine/read_in_pool.h"
#include "engine/residency.h"
#include "engine/value_store.h"
#include "server/data_directory.h"
#include "server/parts.h"

namespace terrace::server {

class ValueKeeper {
 public:
  ValueKeeper(Parts& parts, DataDirectory& data);
  ~ValueKeeper();
  ValueKeeper(const ValueKeeper&) = delete;
  ValueKeeper& operator=(const ValueKeeper&) = delete;

  void Start();
  /// When no command runs any more.
  void Stop();

  engine::Residency& residency() { return residency_; }
  /// Reads for the calling worker's commands; nullptr: nobody will need it, or the pool has to do.
  std::unique_ptr<engine::LoopValueReader> NewLoopReader();
  /// Reads that can be under way; and whether who reads has several of them.
  unsigned readers() const;
  bool queued() const { return pool_.queued(); }
  /// How many values commands have had to wait for, or to read under a lock.
  uint64_t values_read();
  bool warming() const { return warming_.load(std::memory_order_relaxed) != 0; }
  /// How many values were away when the server began to answer.
  uint64_t left_by_loading() const { return left_by_loading_; }
  /// How long the walk has taken; 0 before its end.
  uint64_t warm_ms() const { return warm_ms_.load(std::memory_order_relaxed); }

 private:
  void Warm(unsigned part, unsigned parts, engine::Participant& self);
  void EndWarming();

  Parts& parts_;
  engine::ValueStore store_;
  engine::Residency residency_;
  engine::ReadInPool pool_;
  std::atomic<unsigned> loop_reads_{0};
  uint64_t left_by_loading_ = 0;
  uint64_t begun_ns_ = 0;
  std::atomic<unsigned> warming_{0};
  std::atomic<uint64_t> warm_ms_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> warmers_;
};

}  // namespace terrace::server
