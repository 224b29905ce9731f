#include "engine/read_in_pool.h"

#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "engine/value_lookup.h"
#include "env/read_queue.h"

namespace terrace::engine {
namespace {

// Bytes of a value that who waits decodes himself, in some microseconds.
constexpr size_t kSmallBytesMax = 16 * kKiB;
// Where a thread has one read under way: what an SSD needs to show something, and no burden to a slower one.
constexpr size_t kThreadsMax = 4;

void CountReadIn(Residency& residency) {
  residency.counters().read_in.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// A thread and what it has under way. It sleeps in its queue only, whether for the disk or for a job.
class ReadInPool::Thread {
 public:
  Thread(ReadInPool& pool, const Options& options, Participant* self)
      : pool_(pool), options_(options), self_(self) {}

  /// Returns when the queue is there; then depth() is known, and Call may be called.
  void Start() {
    thread_ = std::thread([this] { Run(); });
    started_.wait(false);
  }
  void Join() { thread_.join(); }
  size_t depth() const { return queue_->depth(); }
  void Call() { queue_->Wake(); }

 private:
  struct Reading {
    explicit Reading(std::shared_ptr<const ValueStore::Tables> tables, std::shared_ptr<Job> what)
        : job(std::move(what)),
          lookup(std::move(tables), job->key.space, job->key.hash, job->key.key) {}
    const std::shared_ptr<Job> job;
    ValueLookup lookup;
    std::string bytes;
    std::optional<ValueLookup::Need> need;
  };

  void Run() {
    queue_ = pool_.residency_.store().files().NewReadQueue(options_.reads_each);
    started_ = true;
    started_.notify_all();
    std::vector<ReadQueue::Done> done;
    while (TakeJobs()) {
      queue_->Wait(&done);
      for (const ReadQueue::Done& each : done) GoOn(each);
    }
    pool_.residency_.databases().participants().Leave(self_);
  }

  // False: it is over, and nothing is under way.
  bool TakeJobs() {
    while (queue_->under_way() < queue_->depth()) {
      auto job = pool_.Take(*this);
      if (job == nullptr) break;
      Begin(std::move(job));
    }
    return queue_->under_way() != 0 || !stopping_;
  }

  void Begin(std::shared_ptr<Job> job) {
    auto tables = pool_.residency_.store().TablesInForce();
    if (!tables.ok()) return pool_.End(*job, Unexpected{tables.error()}, *self_);
    Ask(std::make_unique<Reading>(*std::move(tables), std::move(job)));
  }

  // The queue's tag owns the reading meanwhile.
  void Ask(std::unique_ptr<Reading> reading) {
    reading->need = reading->lookup.Next();
    if (!reading->need)
      return pool_.End(*reading->job, std::move(reading->lookup.outcome()), *self_);
    const ValueLookup::Need& need = *reading->need;
    reading->bytes.resize(need.extent.size);
    queue_->Begin({.file = &need.file->file(),
                   .offset = need.extent.offset,
                   .out = reading->bytes.data(),
                   .size = need.extent.size,
                   .tag = reading.get(),
                   .once = need.is_value && options_.past_page_cache});
    static_cast<void>(reading.release());
  }

  void GoOn(const ReadQueue::Done& done) {
    std::unique_ptr<Reading> reading(static_cast<Reading*>(done.tag));
    Status status = done.bytes.ok()
                        ? reading->need->file->CheckRead(reading->need->extent, *done.bytes)
                        : done.bytes.error();
    status.ok() ? reading->lookup.Take(reading->bytes) : reading->lookup.Fail(status);
    Ask(std::move(reading));
  }

  friend class ReadInPool;

  ReadInPool& pool_;
  const Options options_;
  Participant* const self_;
  std::unique_ptr<ReadQueue>
      queue_;  // made by the thread, there until it has been joined: others call
  std::thread thread_;
  std::atomic<bool> started_{false};
  bool stopping_ = false;  // its own: it has seen that the pool is
};

ReadInPool::ReadInPool(Residency& residency) : residency_(residency) {}
ReadInPool::~ReadInPool() { Stop(); }

void ReadInPool::Start(const Options& options) {
  TERRACE_CHECK(threads_.empty());
  Participants& participants = residency_.databases().participants();
  size_t depth = 1;
  const size_t wanted = size_t{options.threads} * options.reads_each;
  for (size_t reads = 0; reads < wanted; reads += depth) {
    Participant* self = participants.Join();
    TERRACE_CHECK(self != nullptr);
    threads_.push_back(std::make_unique<Thread>(*this, options, self));
    threads_.back()->Start();
    depth = threads_.back()->depth();
    readers_.fetch_add(static_cast<unsigned>(depth), std::memory_order_relaxed);
    if (depth > 1) queued_ = true;
    // A thread a read is another matter than a queue's entry.
    if (depth == 1 && threads_.size() >= kThreadsMax) break;
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
    idle_.clear();
  }
  for (const auto& thread : threads_) thread->Call();
  for (const auto& thread : threads_) thread->Join();
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
    CallFor(added);
  }
  return order;
}

// Whoever is called finds the jobs, or that somebody else has taken them.
void ReadInPool::CallFor(size_t jobs) {
  for (; jobs > 0 && !idle_.empty(); --jobs) {
    idle_.back()->Call();
    idle_.pop_back();
  }
}

std::shared_ptr<ReadInPool::Job> ReadInPool::Take(Thread& thread) {
  MutexLock lock(mutex_);
  std::erase(idle_, &thread);
  if (stopping_) {
    thread.stopping_ = true;
    return nullptr;
  }
  if (jobs_.empty()) {
    idle_.push_back(&thread);
    return nullptr;
  }
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
void ReadInPool::End(Job& job, StatusOr<ValueStore::Value> value, Participant& self) {
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
