#include "engine/shard_lock.h"

namespace terrace::engine {

void ShardLock::LockSlow() {
  constexpr int kSpins = 200;  // about a microsecond: longer than any healthy critical section
  for (int i = 0; i < kSpins; ++i) {
    uint32_t free = 0;
    if (state_.load(std::memory_order_relaxed) == 0 &&
        state_.compare_exchange_weak(free, 1, std::memory_order_acquire)) {
      return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  // From here on the lock is taken as 2: we cannot know whether we were the last sleeper.
  while (state_.exchange(2, std::memory_order_acquire) != 0)
    state_.wait(2, std::memory_order_relaxed);
}

}  // namespace terrace::engine
