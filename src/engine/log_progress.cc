#include "engine/log_progress.h"

#include <algorithm>

namespace terrace::engine {

void LogProgress::Join(Waiter& waiter) {
  MutexLock lock(mutex_);
  waiters_.push_back(&waiter);
}

void LogProgress::Leave(Waiter& waiter) {
  MutexLock lock(mutex_);
  waiters_.erase(std::remove(waiters_.begin(), waiters_.end(), &waiter), waiters_.end());
}

void LogProgress::WaitFor(Waiter& waiter, uint64_t offset) {
  waiter.needs_.store(offset, std::memory_order_seq_cst);  // P2
  TellIfReached(waiter);
}

void LogProgress::Reach(uint64_t offset) {
  MutexLock lock(mutex_);
  if (offset < reached_.load(std::memory_order_relaxed)) return;  // P1: somebody else was faster
  reached_.store(offset, std::memory_order_seq_cst);              // P2
  for (Waiter* waiter : waiters_) TellIfReached(*waiter);
}

void LogProgress::TellIfReached(Waiter& waiter) {
  uint64_t needs = waiter.needs_.load(std::memory_order_seq_cst);
  if (needs == kEverything || needs > reached_.load(std::memory_order_seq_cst)) return;
  // Told once, by whoever takes the wait away.
  if (waiter.needs_.compare_exchange_strong(needs, kEverything)) waiter.OnLogReached();
}

}  // namespace terrace::engine
