#include "engine/read_in_pool.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace terrace::engine {
namespace {

// Bytes of a value that who waits decodes himself, in some microseconds.
constexpr size_t kSmallBytesMax = 16 * kKiB;

void CountReadIn(Residency& residency) {
  residency.counters().read_in.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

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
    for (const std::shared_ptr<Job>& job : jobs_) {
      for (const std::shared_ptr<Order>& order : job->orders) order->waiter.reset();
      job->orders.clear();
    }
    jobs_.clear();
    open_.clear();
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// A job that was begun may have read already, but has not put in what it has: the mark is the one it looks for (R3).
bool ReadInPool::Join(const AwayKey& key, const std::shared_ptr<Order>& order) {
  const auto found = open_.find(key.hash);
  if (found == open_.end()) return false;
  Job& job = *found->second;
  if (job.key.space != key.space || !(job.key.mark == key.mark) || job.key.key != key.key)
    return false;
  job.orders.push_back(order);
  order->jobs.push_back(found->second);
  return true;
}

std::shared_ptr<ReadValues> ReadInPool::Read(std::vector<AwayKey> keys,
                                             std::shared_ptr<Waiter> waiter) {
  TERRACE_CHECK(!keys.empty());
  waiting_.fetch_add(1, std::memory_order_relaxed);
  residency_.counters().waits.fetch_add(1, std::memory_order_relaxed);
  auto order = std::make_shared<Order>(residency_);
  order->left = keys.size();
  order->waiter = std::move(waiter);
  size_t added = 0;
  {
    MutexLock lock(mutex_);
    for (AwayKey& key : keys) {
      if (Join(key, order)) continue;
      auto job = std::make_shared<Job>();
      job->key = std::move(key);
      job->orders.push_back(order);
      order->jobs.push_back(job);
      open_.emplace(job->key.hash, job);
      jobs_.push_back(std::move(job));
      ++added;
    }
  }
  if (added == 1) wake_.NotifyOne();
  if (added > 1) wake_.NotifyAll();
  return order;
}

std::shared_ptr<ReadInPool::Job> ReadInPool::Take() {
  MutexLock lock(mutex_);
  while (jobs_.empty() && !stopping_) wake_.Wait(mutex_);
  if (stopping_) return nullptr;
  std::shared_ptr<Job> job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

std::vector<std::shared_ptr<ReadInPool::Order>> ReadInPool::Close(Job& job) {
  MutexLock lock(mutex_);
  const auto found = open_.find(job.key.hash);
  if (found != open_.end() && found->second.get() == &job) open_.erase(found);
  return std::move(job.orders);
}

void ReadInPool::Run(Participant& self) {
  while (const std::shared_ptr<Job> job = Take()) Do(*job, self);
}

void ReadInPool::PutInHere(Job& job, StatusOr<ValueStore::Value> value, Participant& self) {
  StatusOr<Residency::OwnEntry> entry =
      value.ok() ? residency_.Decode(job.key.key, job.key.deadline_ms, value->kind, value->bytes)
                 : StatusOr<Residency::OwnEntry>(Unexpected{value.error()});
  const bool ok = entry.ok();
  self.In();
  const bool installed = residency_.Install(job.key, std::move(entry));
  self.Out();
  if (installed && ok) CountReadIn(residency_);
}

// What it writes to the job is seen by whoever starts anew: telling him comes after it.
void ReadInPool::Do(Job& job, Participant& self) {
  auto value = residency_.store().Read(job.key.space, job.key.hash, job.key.key);
  if (value.ok() && value->bytes.size() <= kSmallBytesMax) {
    job.value = *std::move(value);
  } else {
    PutInHere(job, std::move(value), self);
  }
  for (const std::shared_ptr<Order>& order : Close(job)) {
    if (order->left.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    std::exchange(order->waiter, nullptr)->Restart();
  }
}

void ReadInPool::Order::PutIn() {
  for (const std::shared_ptr<Job>& job : std::exchange(jobs, {})) {
    if (!job->value || job->taken.exchange(true)) continue;
    auto entry =
        residency.Decode(job->key.key, job->key.deadline_ms, job->value->kind, job->value->bytes);
    const bool ok = entry.ok();
    if (residency.Install(job->key, std::move(entry)) && ok) CountReadIn(residency);
  }
}

}  // namespace terrace::engine
