// CompactionKeeper: the thread that merges runs of tables (storage/compaction.h) of a running server, beside checkpoints: those
// go on while it works, so that neither waits for the other.
//
// Which runs: where more than kFreeRuns overlap, the newest that are about of a size (NewestRuns), so that what is large is
// seldom written again; all of them where half of it is dead. It rests as long as it works, and the less the more runs wait.
//
// Threads: Start and Stop by whoever owns it; the rest by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/mutex.h"
#include "server/data_directory.h"
#include "server/parts.h"
#include "storage/compaction.h"

namespace terrace::server {

class CompactionKeeper {
 public:
  CompactionKeeper(Parts& parts, DataDirectory& data) : parts_(parts), data_(data) {}
  ~CompactionKeeper() { Stop(); }
  CompactionKeeper(const CompactionKeeper&) = delete;
  CompactionKeeper& operator=(const CompactionKeeper&) = delete;

  void Start();
  /// What is under way is given up.
  void Stop() TERRACE_EXCLUDES(mutex_);
  /// There are new tables.
  void Look() TERRACE_EXCLUDES(mutex_);
  uint64_t compactions() const { return compactions_.load(std::memory_order_relaxed); }

 private:
  void Run() TERRACE_EXCLUDES(mutex_);
  bool WaitForWork() TERRACE_EXCLUDES(mutex_);
  void CompactIfMany();
  bool Compact(const storage::TableGroup& group);

  Parts& parts_;
  DataDirectory& data_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> compactions_{0};
  std::thread thread_;
  Mutex mutex_;
  CondVar wake_;
  bool look_ TERRACE_GUARDED_BY(mutex_) = false;
};

}  // namespace terrace::server
