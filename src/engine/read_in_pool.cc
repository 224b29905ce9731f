#include "engine/read_in_pool.h"

#include <thread>
#include <utility>

#include "base/check.h"
#include "engine/lookup_queue.h"

namespace terrace::engine {
namespace {

// Where a thread has one read under way: what an SSD needs to show something, and no burden to a slower one.
constexpr size_t kThreadsMax = 4;

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
  void Run() {
    queue_ = std::make_unique<LookupQueue>(
        pool_.residency_.store(),
        LookupQueue::Options{.depth = options_.reads_each,
                             .past_page_cache = options_.past_page_cache});
    started_ = true;
    started_.notify_all();
    std::vector<LookupQueue::Ended> ended;
    while (TakeJobs()) {
      queue_->Wait(&ended);
      for (LookupQueue::Ended& each : ended) pool_.End(*each.job, *std::move(each.value), *self_);
    }
    pool_.residency_.databases().participants().Leave(self_);
  }

  // False: it is over, and nothing is under way.
  bool TakeJobs() {
    while (!queue_->full()) {
      auto job = pool_.Take(*this);
      if (job == nullptr) break;
      queue_->Begin(std::move(job));
    }
    return queue_->under_way() != 0 || !stopping_;
  }

  friend class ReadInPool;

  ReadInPool& pool_;
  const Options options_;
  Participant* const self_;
  std::unique_ptr<LookupQueue>
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
    for (const std::shared_ptr<ReadInJob>& job : jobs_) {
      for (const std::shared_ptr<ReadInOrder>& order : job->orders) order->waiter.reset();
      job->orders.clear();
    }
    jobs_.clear();
    open_.Clear();
    idle_.clear();
  }
  for (const auto& thread : threads_) thread->Call();
  for (const auto& thread : threads_) thread->Join();
  threads_.clear();
}

std::shared_ptr<ReadValues> ReadInPool::Read(std::vector<AwayKey> keys,
                                             std::shared_ptr<Waiter> waiter) {
  TERRACE_CHECK(!keys.empty());
  auto order = std::make_shared<ReadInOrder>(residency_, keys.size(), std::move(waiter));
  size_t added = 0;
  {
    MutexLock lock(mutex_);
    for (AwayKey& key : keys) {
      auto job = open_.Add(std::move(key), order);
      if (job == nullptr) continue;
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

std::shared_ptr<ReadInJob> ReadInPool::Take(Thread& thread) {
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
  std::shared_ptr<ReadInJob> job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

void ReadInPool::PutInHere(ReadInJob& job, StatusOr<ValueStore::Value> value, Participant& self) {
  StatusOr<Residency::OwnEntry> entry =
      value.ok() ? residency_.Decode(job.key.key, job.key.deadline_ms, value->kind, value->bytes)
                 : StatusOr<Residency::OwnEntry>(Unexpected{value.error()});
  const bool ok = entry.ok();
  self.In();
  const bool installed = residency_.Install(job.key, std::move(entry));
  self.Out();
  if (installed && ok) CountReadIn(residency_);
}

void ReadInPool::End(ReadInJob& job, StatusOr<ValueStore::Value> value, Participant& self) {
  if (value.ok() && value->bytes.size() <= kSmallValueBytesMax) {
    job.value = *std::move(value);
  } else {
    PutInHere(job, std::move(value), self);
  }
  std::vector<std::shared_ptr<ReadInOrder>> orders;
  {
    MutexLock lock(mutex_);
    orders = open_.Close(job);
  }
  for (const std::shared_ptr<ReadInOrder>& order : orders) {
    if (order->EndOne()) std::exchange(order->waiter, nullptr)->Restart();
  }
}

}  // namespace terrace::engine
