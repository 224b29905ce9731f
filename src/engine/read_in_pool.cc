#include "engine/read_in_pool.h"

#include <utility>

#include "base/check.h"

namespace terrace::engine {

void ReadInPool::Start(unsigned threads) {
  TERRACE_CHECK(threads_.empty());
  Participants& participants = residency_.databases().participants();
  for (unsigned i = 0; i < threads; ++i) {
    Participant* self = participants.Join();
    TERRACE_CHECK(self != nullptr);
    threads_.emplace_back([this, self, &participants] {
      Run(*self);
      participants.Leave(self);
    });
  }
}

void ReadInPool::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ReadInPool::Read(std::vector<AwayKey> keys, std::shared_ptr<Waiter> waiter) {
  TERRACE_CHECK(!keys.empty());
  waiting_.fetch_add(1, std::memory_order_relaxed);
  residency_.counters().waits.fetch_add(1, std::memory_order_relaxed);
  auto order = std::make_shared<Order>();
  order->left = keys.size();
  order->waiter = std::move(waiter);
  {
    MutexLock lock(mutex_);
    for (AwayKey& key : keys) jobs_.push_back({std::move(key), order});
  }
  keys.size() == 1 ? wake_.NotifyOne() : wake_.NotifyAll();
}

bool ReadInPool::Take(Job* job) {
  MutexLock lock(mutex_);
  while (jobs_.empty() && !stopping_) wake_.Wait(mutex_);
  if (stopping_) return false;
  *job = std::move(jobs_.front());
  jobs_.pop_front();
  return true;
}

void ReadInPool::Run(Participant& self) {
  Job job;
  while (Take(&job)) {
    Do(job, self);
    job = Job();
  }
}

void ReadInPool::Do(const Job& job, Participant& self) {
  auto value = residency_.Read(job.key);
  const bool ok = value.ok();
  self.In();
  const bool installed = residency_.Install(job.key, std::move(value));
  self.Out();
  if (installed && ok) residency_.counters().read_in.fetch_add(1, std::memory_order_relaxed);
  if (job.order->left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  job.order->waiter->Restart();
}

}  // namespace terrace::engine
