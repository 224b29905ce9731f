// ReadInPool: threads that read values in for clients who wait (engine/residency.h).
//
// What is asked for at once is read side by side, a key a thread. How much may be queued follows from who asks: a client waits
// for one command at a time. A key that several ask for, before it is there, is read once for all of them.
//
// Who asked puts in what is small, and makes the entry of its bytes: an allocator's blocks belong to the thread that has asked
// for them, and values that went left holes among the workers' blocks, which only workers can fill. (With entries that the pool's
// threads made a server held twice what it used, until the last of the older values had gone.) What is large is decoded here,
// so that no loop waits for that.
//
// Threads: Read by any; Start and Stop by whoever owns it. Waiters that are still queued at Stop are forgotten.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
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

  std::shared_ptr<ReadValues> Read(std::vector<AwayKey> keys,
                                   std::shared_ptr<Waiter> waiter) override
      TERRACE_EXCLUDES(mutex_);
  /// Clients that wait now.
  uint64_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  struct Order;
  struct Job {
    AwayKey key;
    std::vector<std::shared_ptr<Order>> orders;  // nobody's when it is done
    std::optional<ValueStore::Value> value;      // read, and to be put in by who comes first
    std::atomic<bool> taken{false};
  };
  // One command's keys. Orders and jobs know each other until a job is done.
  struct Order final : ReadValues {
    explicit Order(Residency& values) : residency(values) {}
    void PutIn() override;

    Residency& residency;
    std::atomic<size_t> left{0};
    std::shared_ptr<Waiter> waiter;  // nobody's when it has been told
    std::vector<std::shared_ptr<Job>> jobs;
  };

  void Run(Participant& self) TERRACE_EXCLUDES(mutex_);
  std::shared_ptr<Job> Take() TERRACE_EXCLUDES(mutex_);
  /// Nobody can join it any more.
  std::vector<std::shared_ptr<Order>> Close(Job& job) TERRACE_EXCLUDES(mutex_);
  void Do(Job& job, Participant& self);
  void PutInHere(Job& job, StatusOr<ValueStore::Value> value, Participant& self);
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
