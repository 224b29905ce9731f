#include "server/load_progress.h"

#include <algorithm>
#include <chrono>

namespace terrace::server {

uint64_t LoadProgress::loaded_bytes() const {
  return std::min(loaded_bytes_.load(std::memory_order_relaxed), total_bytes());
}

// Below zero: a microsecond for so many keys.
bool LoadProgress::NoteKeys(uint64_t keys) {
  const int64_t delay_us = key_delay_us_.load(std::memory_order_relaxed);
  if (delay_us == 0) return !given_up();
  const uint64_t us = delay_us > 0 ? keys * static_cast<uint64_t>(delay_us)
                                   : keys / static_cast<uint64_t>(-delay_us);
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(us);
  MutexLock lock(mutex_);
  while (!given_up() && key_delay_us_.load(std::memory_order_relaxed) == delay_us &&
         changed_.WaitUntil(mutex_, end)) {
  }
  return !given_up();
}

void LoadProgress::set_key_delay_us(int64_t us) {
  MutexLock lock(mutex_);
  key_delay_us_.store(us, std::memory_order_relaxed);
  changed_.NotifyAll();
}

void LoadProgress::GiveUp() {
  MutexLock lock(mutex_);
  given_up_.store(true, std::memory_order_relaxed);
  changed_.NotifyAll();
}

void LoadProgress::ExpectNothing() {
  MutexLock lock(mutex_);
  nothing_ = true;
}

void LoadProgress::End() {
  MutexLock lock(mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

bool LoadProgress::WaitForEnd(uint64_t ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  MutexLock lock(mutex_);
  bool late = false;
  while (!ended_ && !(late && !nothing_)) {
    if (late) {
      changed_.Wait(mutex_);
    } else {
      late = !changed_.WaitUntil(mutex_, end);
    }
  }
  return ended_;
}

}  // namespace terrace::server
