// LoadProgress: how far bringing the data back has got at the start, for INFO and for whoever waits for its end; and whether
// it shall go on. `key-load-delay` slows it down, so that tests can look at a server that loads.
//
// Threads: what stands under "who loads" by those; the rest by any.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/mutex.h"

namespace terrace::server {

class LoadProgress {
 public:
  // --- who loads ---
  /// There is more to be read: so many bytes.
  void Expect(uint64_t bytes) { total_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  /// So many of them have been.
  void Add(uint64_t bytes) { loaded_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  /// More keys, or commands, are there. Sleeps as `key-load-delay` says; false: loading was given up. The caller is out.
  bool NoteKeys(uint64_t keys) TERRACE_EXCLUDES(mutex_);
  /// There is nothing to be read, which is known now.
  void ExpectNothing() TERRACE_EXCLUDES(mutex_);
  void End() TERRACE_EXCLUDES(mutex_);

  // --- any thread ---
  /// What is under way ends as soon as it can.
  void GiveUp() TERRACE_EXCLUDES(mutex_);
  bool given_up() const { return given_up_.load(std::memory_order_relaxed); }
  /// Until its end; but no longer than `ms` if there is something to load. True: it has ended.
  bool WaitForEnd(uint64_t ms) TERRACE_EXCLUDES(mutex_);
  void set_key_delay_us(int64_t us) TERRACE_EXCLUDES(mutex_);
  uint64_t total_bytes() const { return total_bytes_.load(std::memory_order_relaxed); }
  /// Never more than are expected.
  uint64_t loaded_bytes() const;

 private:
  std::atomic<uint64_t> total_bytes_{0};
  std::atomic<uint64_t> loaded_bytes_{0};
  std::atomic<int64_t> key_delay_us_{0};
  std::atomic<bool> given_up_{false};

  Mutex mutex_;
  CondVar changed_;
  bool nothing_ TERRACE_GUARDED_BY(mutex_) = false;
  bool ended_ TERRACE_GUARDED_BY(mutex_) = false;
};

}  // namespace terrace::server
