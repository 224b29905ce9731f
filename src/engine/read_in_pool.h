// ReadInPool: threads that read values in for clients who wait (engine/residency.h).
//
// What is asked for at once is read side by side, a key a thread. How much may be queued follows from who asks: a client waits
// for one command at a time. A key that several ask for, before it is there, is read once for all of them.
//
// Threads: Read by any; Start and Stop by whoever owns it. Waiters that are still queued at Stop are forgotten.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "engine/participants.h"
#include "engine/residency.h"

namespace terrace::engine {

class ReadInPool final : public ValueReader {
 public:
  explicit ReadInPool(Residency& residency) : residency_(residency) {}
  ~ReadInPool() override { Stop(); }
  ReadInPool(const ReadInPool&) = delete;
  ReadInPool& operator=(const ReadInPool&) = delete;

  void Start(unsigned threads);
  void Stop();

  void Read(std::vector<AwayKey> keys, std::shared_ptr<Waiter> waiter) override
      TERRACE_EXCLUDES(mutex_);
  /// Clients that wait now.
  uint64_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  // One command's keys.
  struct Order {
    std::atomic<size_t> left;
    std::shared_ptr<Waiter> waiter;
  };
  struct Job {
    AwayKey key;
    std::vector<std::shared_ptr<Order>> orders;
  };

  void Run(Participant& self) TERRACE_EXCLUDES(mutex_);
  std::shared_ptr<Job> Take() TERRACE_EXCLUDES(mutex_);
  /// Nobody can join it any more.
  std::vector<std::shared_ptr<Order>> Close(Job& job) TERRACE_EXCLUDES(mutex_);
  void Do(Job& job, Participant& self);
  bool Join(const AwayKey& key, const std::shared_ptr<Order>& order) TERRACE_REQUIRES(mutex_);

  Residency& residency_;
  std::atomic<uint64_t> waiting_{0};
  std::vector<std::thread> threads_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::shared_ptr<Job>> jobs_ TERRACE_GUARDED_BY(mutex_);
  // By hash, those that others may join: queued, or being read. Of two keys with one hash the first.
  std::unordered_map<uint64_t, std::shared_ptr<Job>> open_ TERRACE_GUARDED_BY(mutex_);
  bool stopping_ TERRACE_GUARDED_BY(mutex_) = false;
};

}  // namespace terrace::engine
